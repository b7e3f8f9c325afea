"""The workqueue: keys that want a pass.

The contract is that of Kubernetes' client-go: one pass per key at a time, additions folded, the smallest delay wins, a
key added during its pass gets another one after it. ``retry`` backs off (for errors); ``add_after`` waits (and
forgets the backoff). Time is the event loop's, so that tests can fake it.
"""

from __future__ import annotations

import asyncio
import heapq
import random
from collections.abc import Hashable
from datetime import timedelta
from itertools import count
from typing import Any, Generic, TypeVar

from vidctl.metrics import Metrics

K = TypeVar("K", bound=Hashable)

FIRST_BACKOFF = 0.2
"""Seconds before the first retry: at once for a person, and a pause for a loop that lost a race."""
LONGEST_BACKOFF = 120.0


class Closed(Exception):
    """The queue was closed."""


class WorkQueue(Generic[K]):
    """Keys with the time at which each is due. ``name`` is the label of its metrics; queues may share one."""

    def __init__(self, metrics: Metrics, *, randomness: random.Random, name: str = "videos") -> None:
        self._adds = metrics.workqueue_adds.labels(name)
        self._retries = metrics.workqueue_retries.labels(name)
        self._work_seconds = metrics.workqueue_work_seconds.labels(name)
        self._queue_seconds = metrics.workqueue_queue_seconds.labels(name)
        self._random = randomness
        self._due: dict[K, float] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._order = count()
        self._running: dict[K, float] = {}
        self._failures: dict[K, int] = {}
        self._changed = asyncio.Event()
        self._closed = False

    def __contains__(self, key: K) -> bool:
        """Whether the key waits or is in its pass."""
        return key in self._due or key in self._running

    def __len__(self) -> int:
        """Count the keys that wait or are in their pass."""
        return len(self._due.keys() | self._running.keys())

    def waiting(self) -> tuple[K, ...]:
        """Return the keys that a pass is asked for, now or later."""
        return tuple(self._due)

    def ready(self) -> int:
        """Count the keys that are due and not in their pass."""
        now = asyncio.get_running_loop().time()
        return sum(due <= now for key, due in self._due.items() if key not in self._running)

    def longest_running(self) -> float:
        """Return the age of the oldest pass, in seconds."""
        now = asyncio.get_running_loop().time()
        return max((now - began for began in self._running.values()), default=0.0)

    def add(self, key: K) -> None:
        """Ask for a pass now."""
        self._schedule(key, 0.0)

    def add_after(self, key: K, delay: timedelta) -> None:
        """Ask for a pass after ``delay``, unless one is due sooner; forget the backoff."""
        self._failures.pop(key, None)
        self._schedule(key, max(0.0, delay.total_seconds()))

    def retry(self, key: K) -> None:
        """Ask for a pass after an error: doubled each time, at most two minutes, half of it jitter."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        self._retries.inc()
        whole = min(FIRST_BACKOFF * 2 ** min(failures, 20), LONGEST_BACKOFF)
        self._schedule(key, whole * (0.5 + self._random.random() / 2))

    def forget(self, key: K) -> None:
        """Forget the backoff of a key that is settled."""
        self._failures.pop(key, None)

    async def get(self) -> K:
        """Return the next due key and begin its pass; ``done`` ends it.

        Raises:
            Closed: nothing is handed out any more.

        """
        while True:
            if self._closed:
                raise Closed
            self._changed.clear()
            key, wait = self._next()
            if key is not None:
                return key
            try:
                async with asyncio.timeout(wait):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def done(self, key: K) -> None:
        """End the pass of a key; if it was added meanwhile, it is due as asked."""
        began = self._running.pop(key)
        self._work_seconds.observe(asyncio.get_running_loop().time() - began)
        if key in self._due:
            self._push(key)

    def close(self) -> None:
        """Hand nothing out any more."""
        self._closed = True
        self._changed.set()

    def _schedule(self, key: K, delay: float) -> None:
        due = asyncio.get_running_loop().time() + delay
        if key in self._due and self._due[key] <= due:
            return
        self._adds.inc()
        self._due[key] = due
        if key not in self._running:
            self._push(key)

    def _push(self, key: K) -> None:
        heapq.heappush(self._heap, (self._due[key], next(self._order), key))
        self._changed.set()

    def _next(self) -> tuple[K | None, float | None]:
        """Return the due key, or how long to wait for one."""
        now = asyncio.get_running_loop().time()
        while self._heap:
            due, _, key = self._heap[0]
            if key in self._running or self._due.get(key) != due:
                heapq.heappop(self._heap)  # overtaken by a sooner time, or pushed again by done()
                continue
            if due > now:
                return None, due - now
            heapq.heappop(self._heap)
            del self._due[key]
            self._running[key] = now
            self._queue_seconds.observe(now - due)
            return key, None
        return None, None


def watch(metrics: Metrics, name: str, *queues: WorkQueue[Any]) -> None:
    """Let the gauges called ``name`` show what waits in these queues, and the oldest pass."""
    metrics.watch(metrics.workqueue_depth.labels(name), lambda: sum(queue.ready() for queue in queues))
    metrics.watch(
        metrics.workqueue_longest_seconds.labels(name),
        lambda: max((queue.longest_running() for queue in queues), default=0.0),
    )
