"""Measures how deep the queues are."""

from __future__ import annotations

from vidctl.metrics import Metrics
from vidctl.ports import World


async def measure(world: World, metrics: Metrics) -> None:
    """Ask each queue, and set its gauges."""
    queues = {"raw": world.raw_queue, "dead_letter": world.dead_letter_queue, "task": world.task_queue}
    for name, queue in queues.items():
        depth = await queue.depth()
        metrics.queue_depth.labels(name).set(depth.visible + depth.delayed)
        metrics.queue_in_flight.labels(name).set(depth.in_flight)
