"""How far ffmpeg is, from the lines that ``-progress`` writes (P)."""

from __future__ import annotations

from dataclasses import dataclass, replace


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
