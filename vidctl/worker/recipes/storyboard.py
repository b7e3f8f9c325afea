"""The small pictures of the seek bar: which moments are shown, and where each picture stands (P)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from vidctl.worker.recipes.profile import Storyboard

FOLDER = "storyboard"
TEXT = "storyboard.vtt"
SHEET = "%05d.jpg"


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """Every ``every``-th keyframe, each ``size`` pixels, on sheets of ``tiles``. ``moments`` are theirs, in seconds."""

    every: int
    size: tuple[int, int]
    tiles: tuple[int, int]
    moments: tuple[Fraction, ...]
    end: Fraction

    @property
    def sheets(self) -> int:
        """How many sheets there are."""
        return math.ceil(len(self.moments) / (self.tiles[0] * self.tiles[1]))


def layout(profile: Storyboard, *, keyframes: Sequence[Fraction], end: Fraction, size: tuple[int, int]) -> Board:
    """Lay out a storyboard of a video whose keyframes are at these seconds.

    A video too short to fill a sheet shows every keyframe, a longer one as many as fill it, and from then on one at
    every ``profile.seconds``.
    """
    fitting = end / (profile.columns * profile.rows)
    apart = min(fitting, Fraction(profile.seconds).limit_denominator(1000))
    between = end / len(keyframes)
    every = max(1, math.ceil(apart / between)) if between else 1
    factor = Fraction(profile.width, max(size))
    return Board(
        every=every,
        size=(_even(size[0] * factor), _even(size[1] * factor)),
        tiles=(profile.columns, profile.rows),
        moments=tuple(keyframes[::every]),
        end=end,
    )


def text(board: Board) -> str:
    """Return the WebVTT file: each cue is a picture's place on its sheet, as W3C's Media Fragments name it."""
    lines = ["WEBVTT", ""]
    columns, rows = board.tiles
    width, height = board.size
    for number, begin in enumerate(board.moments):
        until = board.moments[number + 1] if number + 1 < len(board.moments) else board.end
        sheet, place = divmod(number, columns * rows)
        left, top = place % columns * width, place // columns * height
        # The first shows from the start, whenever its keyframe is.
        lines.append(f"{_clock(begin if number else Fraction(0))} --> {_clock(max(until, begin))}")
        lines += [f"{FOLDER}/{SHEET % (sheet + 1)}#xywh={left},{top},{width},{height}", ""]
    return "\n".join(lines)


def _even(pixels: Fraction) -> int:
    return max(2, round(pixels / 2) * 2)


def _clock(seconds: Fraction) -> str:
    millis = round(seconds * 1000)
    minutes, rest = divmod(millis, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}.{rest % 1000:03d}"
