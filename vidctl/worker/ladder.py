"""Which renditions a source is turned into (P)."""

from __future__ import annotations

from dataclasses import dataclass

from vidctl.worker.media import Media

MAX_LONG_SIDE = 4096
"""Where the hardware decoders of phones and browsers end for H.264."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendition:
    """One MP4 to make: its file name, and its size in square pixels as it is watched."""

    name: str
    width: int
    height: int


def ladder(media: Media, *, max_short_side: int) -> tuple[Rendition, ...]:
    """Return the renditions of a source, the best first.

    The size is the one at which the source is watched (rotated, its pixels made square), made smaller where a side is
    too long and never larger, and even, since 4:2:0 halves both sides.
    """
    width, height = display_size(media)
    factor = min(1.0, max_short_side / min(width, height), MAX_LONG_SIDE / max(width, height))
    return (Rendition(name="video.mp4", width=_even(width * factor), height=_even(height * factor)),)


def display_size(media: Media) -> tuple[int, int]:
    """Return width and height of the source as a player shows it."""
    video = media.video
    width, height = max(1, round(video.width * video.sample_aspect)), video.height
    # ffmpeg turns quarter turns only; any other angle it draws within the coded size.
    return (height, width) if video.rotation_degrees % 180 == 90 else (width, height)  # noqa: PLR2004 - a quarter turn


def _even(pixels: float) -> int:
    return max(2, int(pixels + 1e-6) // 2 * 2)
