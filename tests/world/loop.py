"""An event loop whose time is virtual: when nobody can run, time jumps to the next timer. Two hours take milliseconds.

There is no I/O in it. What waits for something that no timer will bring is a deadlock, and is reported as one.
"""

from __future__ import annotations

import asyncio
from asyncio import events as asyncio_events
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
TICK = 1e-6
"""Seconds that pass at least when the loop sleeps, so that rounding cannot stop time."""


class Deadlock(Exception):
    """Everybody waits and no timer is set."""


class _Selector:
    """Stands where a loop waits for I/O, and lets the time pass instead."""

    def __init__(self) -> None:
        self.now = 0.0

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise Deadlock("everybody waits and no timer is set")
        if timeout > 0:
            self.now += max(timeout, TICK)
        return []

    def close(self) -> None:
        """Nothing is open."""


class VirtualLoop(asyncio.BaseEventLoop):
    """A loop with virtual time and no I/O."""

    def __init__(self) -> None:
        super().__init__()
        self._selector = _Selector()
        self._clock_resolution = TICK

    def time(self) -> float:
        return self._selector.now

    def _process_events(self, event_list: list[Any]) -> None:
        """No I/O brings any."""

    def _write_to_self(self) -> None:
        """Nobody calls from another thread."""


def clock() -> datetime:
    """Tell the virtual time."""
    return EPOCH + timedelta(seconds=asyncio_events.get_event_loop().time())


def simulate(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run ``main`` on virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main())
