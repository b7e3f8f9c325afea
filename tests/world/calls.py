"""Counts what is asked of a store in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Calls:
    """To be given to ``MemoryObjects`` as its ``around``; ``made`` is by operation."""

    def __init__(self) -> None:
        self.made: Counter[str] = Counter()

    @asynccontextmanager
    async def around(self, operation: str) -> AsyncIterator[None]:
        self.made[operation] += 1
        yield
