"""Tries a call to the store again: hours of encoding must not be lost to a minute without it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from vidctl.errors import Throttled, Unavailable, WriteConflict

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often a call is tried, and how long the waits between are: doubled each time, with full jitter."""

    tries: int = 10
    pause: timedelta = timedelta(seconds=1)
    longest_pause: timedelta = timedelta(seconds=30)

    async def __call__(self, call: Callable[[], Awaitable[T]]) -> T:
        """Make a call until it answers; raise its last error. Only what may pass by itself is tried again."""
        for tried in range(self.tries - 1):
            try:
                return await call()
            except (Throttled, Unavailable, WriteConflict):
                pause = min(self.pause * 2**tried, self.longest_pause)
                await asyncio.sleep(random.uniform(0, pause.total_seconds()))  # noqa: S311 - jitter is no secret
        return await call()
