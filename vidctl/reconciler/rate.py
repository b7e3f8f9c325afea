"""A token bucket whose rate halves when AWS throttles and creeps back when it does not (AIMD)."""

from __future__ import annotations

from datetime import datetime

from vidctl.ports import Clock

SLOWEST = 0.05
"""Calls a second below which the rate never falls: one in twenty seconds still finds out that AWS has recovered."""
STEP = 0.05
"""Share of the full rate that each success gives back."""


class Rate:
    """At most ``per_second`` calls a second, in bursts of up to ``burst``."""

    def __init__(self, *, per_second: float, burst: float, clock: Clock) -> None:
        self._full = per_second
        self._burst = max(burst, 1.0)
        self._clock = clock
        self._rate = per_second
        self._tokens = self._burst
        self._filled_at: datetime = clock()

    def ready(self) -> bool:
        """Whether a token is there."""
        self._fill()
        return self._tokens >= 1

    def take(self) -> bool:
        """Take a token; False if there is none."""
        if not self.ready():
            return False
        self._tokens -= 1
        return True

    def charge(self, calls: int) -> None:
        """Take what was spent without asking: pages of a listing that turned out to be long."""
        self._fill()
        self._tokens -= calls

    def slow_down(self) -> None:
        """Halve the rate and empty the bucket: AWS asked for fewer calls."""
        self._fill()
        self._rate = max(self._rate / 2, min(SLOWEST, self._full))
        self._tokens = 0.0

    def speed_up(self) -> None:
        """Give a step of the rate back."""
        self._fill()
        self._rate = min(self._rate + self._full * STEP, self._full)

    def _fill(self) -> None:
        now = self._clock()
        elapsed = max(0.0, (now - self._filled_at).total_seconds())
        self._tokens = min(self._tokens + elapsed * self._rate, self._burst)
        self._filled_at = now
