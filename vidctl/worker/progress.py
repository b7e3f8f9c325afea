"""How far ffmpeg is, from the lines that ``-progress`` writes, and how long an attempt will take yet (P)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from vidctl.progress import STAGES

HALF_LIFE_SECONDS = 60.0
"""In so much time what was measured before loses half its weight: long beside a scene that is hard to encode, short
beside the time for which a neighbour takes the processor."""

KNOWN_AFTER_SECONDS = 3.0
"""Time at work before an estimate is worth telling: ffmpeg's first pictures come late, as encoders look ahead."""

_MEASURED_FROM, _ = STAGES["encode"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """What ffmpeg has written so far: seconds and frames of output, and the speed as a multiple of real time.

    Neither falls, though ffmpeg's own may (ffmpeg says ``N/A`` before the first packet, and negative times).
    """

    seconds: float = 0.0
    frames: int = 0
    speed: float | None = None

    def ratio(self, duration_seconds: float) -> float:
        """Return how much of ``duration_seconds`` is done, from 0 to 1; 0 for an unknown duration."""
        return min(1.0, self.seconds / duration_seconds) if duration_seconds > 0 else 0.0

    def beyond(self, earlier: Advance) -> bool:
        """Whether ffmpeg came further since. Frames count too: after a jump of the timestamps the seconds stand."""
        return self.seconds > earlier.seconds or self.frames > earlier.frames


def read(advance: Advance, line: str) -> Advance:
    """Return where ffmpeg is after one more line, ``key=value``; what is not understood changes nothing."""
    name, _, value = line.strip().partition("=")
    match name:
        case "out_time_us":
            # Of the three that ffmpeg writes the only one whose name tells its unit.
            return replace(advance, seconds=max(advance.seconds, (_number(value) or 0.0) / 1_000_000))
        case "frame":
            return replace(advance, frames=max(advance.frames, int(_number(value) or 0)))
        case "speed":
            return replace(advance, speed=_number(value.removesuffix("x")))
        case _:
            return advance


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if abs(number) < float("inf") else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast an attempt comes further: what was done, and the seconds that it took, both fading with time.

    Only from where encoding begins: how long the download took says nothing of it. ``share`` never falls.
    """

    at: datetime
    share: float = 0.0
    done: float = 0.0
    seconds: float = 0.0

    def on(self, share: float, at: datetime) -> Pace:
        """Return the pace once ``share`` of the attempt is done, at ``at``."""
        share, passed = max(share, self.share), max(0.0, (at - self.at).total_seconds())
        if self.share < _MEASURED_FROM:
            return Pace(at=at, share=share)
        fading = 0.5 ** (passed / HALF_LIFE_SECONDS)
        done, seconds = self.done * fading + share - self.share, self.seconds * fading + passed
        return Pace(at=max(at, self.at), share=share, done=done, seconds=seconds)

    @property
    def remaining_seconds(self) -> float | None:
        """The time that the rest takes at this pace; None while it cannot be known."""
        if self.done <= 0 or self.seconds < KNOWN_AFTER_SECONDS:
            return None
        return (1.0 - self.share) * self.seconds / self.done
