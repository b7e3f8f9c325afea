"""AWS's request quotas: a bucket of calls that refills steadily, and a refusal when it is empty."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from vidctl.errors import Throttled
from vidctl.ports import Clock


@dataclass(slots=True)
class Quota:
    """At most ``burst`` calls at once and ``per_second`` in the long run, for a whole account and region."""

    per_second: float
    burst: float
    clock: Clock
    _left: float = field(init=False)
    _filled_at: datetime = field(init=False)

    def __post_init__(self) -> None:
        self._left, self._filled_at = self.burst, self.clock()

    def take(self, operation: str) -> None:
        """Take one call; raises ``Throttled`` when there is none."""
        now = self.clock()
        gained = (now - self._filled_at).total_seconds() * self.per_second
        self._left, self._filled_at = min(self._left + gained, self.burst), now
        if self._left < 1:
            raise Throttled(f"{operation}: Rate exceeded")
        self._left -= 1
