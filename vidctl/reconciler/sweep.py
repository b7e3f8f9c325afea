"""The sweeps that find what no event told of. Every replica sweeps; doubles are harmless."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

from vidctl import layout, logs
from vidctl.errors import Malformed
from vidctl.metrics import Metrics
from vidctl.model import VideoKey
from vidctl.ports import World
from vidctl.reconciler.tasks import BATCH, TaskView

log = logs.get(__name__)

PATIENCE = 60
"""Seconds that a sweep waits for room; then it goes on from there in its next round."""


class Sweep:
    """The sweeps of one replica.

    ``known`` tells the videos that it works on already; ``has_room`` whether it can take another: a backlog belongs in
    the queue, where it is seen, and not in memory.
    """

    def __init__(
        self,
        world: World,
        *,
        view: TaskView,
        known: Callable[[VideoKey], bool],
        has_room: Callable[[], bool],
        add: Callable[[VideoKey], None],
        grace: timedelta,
        metrics: Metrics,
    ) -> None:
        self._world = world
        self._view = view
        self._known = known
        self._has_room = has_room
        self._add = add
        self._grace = grace
        self._metrics = metrics
        self._swept_to = ""
        self._stopped: frozenset[str] = frozenset()

    async def raw(self) -> None:
        """Put the videos of raw objects that this replica does not work on onto the workqueue."""
        before = self._world.clock() - self._grace
        async for stat in self._world.raw.list(layout.RAW_PREFIX):
            if stat.last_modified > before or stat.key <= self._swept_to:
                continue
            try:
                key = layout.parse_raw_key(stat.key)
            except Malformed:
                self._metrics.alarms.labels("foreign_raw_object").inc()
                log.warning("foreign_raw_object", key=stat.key)
                continue
            if self._known(key):
                continue
            if not await self._room():
                return
            self._add(key)
            self._swept_to = stat.key
        self._swept_to = ""
        self._succeeded("raw")

    async def tasks(self) -> None:
        """Learn of the worker family's tasks, and put the videos of those not seen before onto the workqueue.

        A task that stopped while nobody looked is found here, for the hour that ECS remembers it.
        """
        stopped = frozenset(await self._view.family(stopped=True))
        live = await self._view.family(stopped=False)
        self._stopped &= stopped
        unknown = [arn for arn in (*live, *sorted(stopped - self._stopped)) if self._unseen(arn, stopped)]
        for start in range(0, len(unknown), BATCH):
            # A batch is remembered at once: what is left of a round that ran into the rate is the next one's.
            batch = tuple(unknown[start : start + BATCH])
            await self._view.describe(batch)
            self._stopped |= stopped.intersection(batch)
            for task in map(self._view.knows, batch):
                if task is not None and task.spec is not None:
                    self._add(task.spec.key)
        self._succeeded("tasks")

    async def _room(self) -> bool:
        for _ in range(PATIENCE):
            if self._has_room():
                return True
            await asyncio.sleep(1)
        return False

    def _unseen(self, arn: str, stopped: frozenset[str]) -> bool:
        known = self._view.knows(arn)
        return known is None or (arn in stopped and known.alive)

    def _succeeded(self, sweep: str) -> None:
        self._metrics.sweep_success.labels(sweep).set(self._world.clock().timestamp())
