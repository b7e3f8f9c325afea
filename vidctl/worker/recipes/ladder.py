"""Which renditions a source is turned into (P)."""

from __future__ import annotations

from dataclasses import dataclass

from vidctl.worker.recipes.profile import Rung, VideoCodec, VideoProfile
from vidctl.worker.source.media import Media

LONGEST_SIDE: dict[VideoCodec, int] = {"h264": 4096, "hevc": 8192, "av1": 8192}
"""Where the hardware decoders of phones and browsers end."""

NEARLY = 0.85
"""A rung whose short side is more than this share of the one above looks like it, and is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendition:
    """One picture to make: its name, its size in square pixels as it is watched, and its most bits a second."""

    name: str
    width: int
    height: int
    max_bitrate: int

    @property
    def short_side(self) -> int:
        """Pixels of the shorter side."""
        return min(self.width, self.height)


def ladder(media: Media, profile: VideoProfile) -> tuple[Rendition, ...]:
    """Return the renditions of a source, the best first: the rungs of the profile that do not enlarge it.

    The size is the one at which the source is watched (rotated, its pixels made square), made smaller where a side is
    too long, and even, since 4:2:0 halves both sides. A source between two rungs gets one of its own size at the top.
    """
    width, height = display_size(media)
    longest = LONGEST_SIDE[profile.codec]
    top = min(float(min(width, height)), longest * min(width, height) / max(width, height))
    rungs = [rung for rung in profile.ladder if rung.short_side <= top]
    best = _above(profile.ladder, top)
    if best is not None and not (rungs and rungs[0].short_side == top):
        rungs = [rung for rung in rungs if rung.short_side <= NEARLY * top]
        return (_rendition(width, height, top, best.max_bitrate), *(_scaled(width, height, rung) for rung in rungs))
    return tuple(_scaled(width, height, rung) for rung in rungs)


def display_size(media: Media) -> tuple[int, int]:
    """Return width and height of the source as a player shows it."""
    video = media.video
    width, height = max(1, round(video.width * video.sample_aspect)), video.height
    # ffmpeg turns quarter turns only; any other angle it draws within the coded size.
    return (height, width) if video.rotation_degrees % 180 == 90 else (width, height)  # noqa: PLR2004 - a quarter turn


def _above(ladder: tuple[Rung, ...], short_side: float) -> Rung | None:
    """Return the lowest rung that is at least this high; None for a source above the whole ladder."""
    return next((rung for rung in reversed(ladder) if rung.short_side >= short_side), None)


def _scaled(width: int, height: int, rung: Rung) -> Rendition:
    return _rendition(width, height, rung.short_side, rung.max_bitrate)


def _rendition(width: int, height: int, short_side: float, max_bitrate: int) -> Rendition:
    factor = min(1.0, short_side / min(width, height))
    size = _even(width * factor), _even(height * factor)
    return Rendition(name=f"v{min(size)}", width=size[0], height=size[1], max_bitrate=max_bitrate)


def _even(pixels: float) -> int:
    return max(2, int(pixels + 1e-6) // 2 * 2)
