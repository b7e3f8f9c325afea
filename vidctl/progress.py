"""What a running attempt tells of itself while it works."""

from __future__ import annotations

import math
from collections.abc import Iterable
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


NOT_YET = 0.99
"""The most that is told before the publication: an attempt that seems complete may yet be found wanting."""


def overall(shares: Iterable[float]) -> float:
    """Return how far a video is, from the shares of the attempts at it: never less than before, nor standing still.

    An attempt goes on with what those before it left to be done, as far as its owner is told: after one that ended at
    60 %, half of the next is 80 %. So the number falls neither when an attempt fails nor when the next begins, though
    nobody keeps it, and it moves for as long as any attempt does.
    """
    left = math.prod(1.0 - min(max(share, 0.0), 1.0) for share in shares)
    return min(round(1.0 - left, 4), NOT_YET)
