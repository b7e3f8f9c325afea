"""ECS's request quotas: token buckets per group of operations."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from vidctl.ports import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Calls a second in the long run, and at once."""

    per_second: float
    burst: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """The quotas of one account in one region (AWS: ECS, "Request throttling"; Fargate, "Throttling quotas")."""

    launches: Rate = Rate(per_second=20, burst=100)
    changes: Rate = Rate(per_second=40, burst=100)
    reads: Rate = Rate(per_second=20, burst=100)


class Throttle:
    """Counts calls against the quotas; RunTask counts as a launch and as a change."""

    def __init__(self, quotas: Quotas, *, clock: Clock) -> None:
        self._clock = clock
        launches, changes, reads = (_Bucket(rate, clock()) for rate in (quotas.launches, quotas.changes, quotas.reads))
        self._buckets = {
            "RunTask": (launches, changes),
            "StopTask": (changes,),
            "ListTasks": (reads,),
            "DescribeTasks": (reads,),
        }

    def admits(self, operation: str) -> bool:
        """Count one call; whether it is within every quota. A refused call uses up nothing."""
        buckets, now = self._buckets[operation], self._clock()
        if not all(bucket.filled(now) >= 1 for bucket in buckets):
            return False
        for bucket in buckets:
            bucket.tokens -= 1
        return True


class _Bucket:
    def __init__(self, rate: Rate, now: datetime) -> None:
        self._rate = rate
        self._at = now
        self.tokens = rate.burst

    def filled(self, now: datetime) -> float:
        gained = (now - self._at).total_seconds() * self._rate.per_second
        self.tokens, self._at = min(self._rate.burst, self.tokens + gained), now
        return self.tokens
