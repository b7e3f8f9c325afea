"""How many requests somebody may make, and how many he has left (P).

A quota of *n* requests in a window is a bucket of *n* tokens that fills in one window: all at once, or evenly. It is
kept as one number for each somebody, the time at which his bucket would be full again (the generic cell rate
algorithm), so that nothing has to fill it and whoever is full again can be forgotten.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """So many requests in a window; ``name`` stands in headers and problems."""

    name: str
    requests: int
    window: timedelta = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a request was told: ``remaining`` more at once; ``full_in`` seconds all of them; ``wait``: 0, or refused."""

    quota: Quota
    remaining: int
    full_in: float
    wait: float = 0.0


class Meter:
    """Counts requests by quota and by who made them, for at most ``capacity`` of them at a time.

    Beyond it the one who was silent for longest is forgotten, and so has his whole quota again: memory is bounded, and
    what a crowd of strangers can do is to give quotas back to one another.
    """

    def __init__(self, *, capacity: int = 50_000) -> None:
        self._capacity = capacity
        self._full_at: OrderedDict[tuple[str, str], float] = OrderedDict()

    def __len__(self) -> int:
        """Return how many are remembered."""
        return len(self._full_at)

    def take(self, quota: Quota, who: str, *, now: float) -> Standing:
        """Count a request at ``now`` (seconds of any clock), unless the quota is spent: a refused one costs nothing."""
        key, window = (quota.name, who), quota.window.total_seconds()
        missing = max(self._full_at.get(key, now) - now, 0.0)
        each = window / quota.requests
        over = missing + each - window
        # A millionth of a second is no reason to refuse: sums of fractions are not exact.
        if over > 1e-6:  # noqa: PLR2004 - as the line above says
            self._full_at.move_to_end(key)
            return Standing(quota=quota, remaining=0, full_in=missing, wait=over)
        self._full_at[key] = now + missing + each
        self._full_at.move_to_end(key)
        self._forget(now)
        return Standing(quota=quota, remaining=math.floor((-over + 1e-6) / each), full_in=missing + each)

    def _forget(self, now: float) -> None:
        """Drop from the longest silent on whoever is full again, and more than that only for want of room."""
        while self._full_at:
            key = next(iter(self._full_at))
            if self._full_at[key] > now and len(self._full_at) <= self._capacity:
                return
            del self._full_at[key]
