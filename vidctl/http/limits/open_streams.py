"""How many streams of events one user may have open: each holds a connection, and most of them a look at a video."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from vidctl.http.limits.allowance import LimitReached

LATER = timedelta(seconds=15)
"""When to ask again: a stream ends when its reader goes."""


class OpenStreams:
    """Counts in the memory of one replica; ``most`` 0: as many as anybody likes."""

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._open: Counter[str] = Counter()

    @contextmanager
    def one_more(self, user_id: str) -> Iterator[None]:
        """Count a stream of this user for the block.

        Raises:
            LimitReached: he has as many as he may.

        """
        if self._most and self._open[user_id] >= self._most:
            raise LimitReached("streams", self._most, LATER)
        self._open[user_id] += 1
        try:
            yield
        finally:
            self._open[user_id] -= 1
            if not self._open[user_id]:
                del self._open[user_id]
