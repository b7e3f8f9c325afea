"""What a running attempt tells of itself while it works."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from vidctl.model import AttemptNumber

STAGES = {
    "download": (0.0, 0.08),
    "probe": (0.08, 0.1),
    "encode": (0.1, 0.82),
    "verify": (0.82, 0.94),
    "finish": (0.94, 1.0),
}
"""Which part of an attempt each of the worker's stages is, by the time that a video of some minutes takes: decoding all
that was made takes about a sixth of making it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a running attempt is: ``ratio`` from 0 to 1 of the stage's work.

    ``remaining_seconds`` are those to the worker's Result, as reckoned at ``at``; None while nobody can say.
    """

    number: AttemptNumber
    at: datetime
    stage: str
    ratio: float
    speed: float | None = None
    remaining_seconds: float | None = None

    @property
    def share(self) -> float:
        """The share of the whole attempt that is done, from 0 to 1."""
        begin, end = STAGES.get(self.stage, (0.0, 1.0))
        return begin + (end - begin) * min(max(self.ratio, 0.0), 1.0)
