"""An event loop whose time is virtual: when nobody can run, time jumps to the next timer. Two hours take milliseconds.

There is no I/O in it. What waits for something that no timer will bring is a deadlock, and is reported as one.
"""

from __future__ import annotations

import asyncio
import heapq
from asyncio import events as asyncio_events
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import count
from typing import Any, TypeVar

T = TypeVar("T")

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
TICK = 1e-6
"""Seconds by which a timer may be early."""
STEP = 1e-8
"""Seconds that a turn of the loop takes at least, so that whoever waits for less than a float can tell is not stuck."""


class Deadlock(Exception):
    """Everybody waits and no timer is set."""


class _Selector:
    """Stands where a loop waits for I/O, and lets the time pass instead."""

    def __init__(self, each_time: Callable[[], None]) -> None:
        self.now = 0.0
        self._each_time = each_time

    def select(self, timeout: float | None) -> list[Any]:
        self._each_time()
        if timeout is None:
            raise Deadlock("everybody waits and no timer is set")
        self.now += max(timeout, STEP)
        return []

    def close(self) -> None:
        """Nothing is open."""


class VirtualLoop(asyncio.BaseEventLoop):
    """A loop with virtual time and no I/O."""

    def __init__(self) -> None:
        super().__init__()
        self._selector = _Selector(self._due)
        self._clock_resolution = TICK
        self.steps = 0
        self._order = count()
        self._after: list[tuple[int, int, Callable[[], None]]] = []

    def time(self) -> float:
        return self._selector.now

    def after(self, steps: int, callback: Callable[[], None]) -> None:
        """Call back when the loop has gone round so many times: between any two awaits of whoever runs."""
        heapq.heappush(self._after, (self.steps + steps, next(self._order), callback))

    def _due(self) -> None:
        self.steps += 1
        while self._after and self._after[0][0] <= self.steps:
            heapq.heappop(self._after)[2]()

    def _process_events(self, event_list: list[Any]) -> None:
        """No I/O brings any."""

    def _write_to_self(self) -> None:
        """Nobody calls from another thread."""


@lru_cache(maxsize=8)
def _at(seconds: float) -> datetime:
    return EPOCH + timedelta(seconds=seconds)


def clock() -> datetime:
    """Tell the virtual time."""
    return _at(asyncio_events.get_event_loop().time())


def simulate(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run ``main`` on virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main())
