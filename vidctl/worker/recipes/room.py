"""How much disk a recipe takes, before anything of it is made (P); ``vidctl.disk`` has the model."""

from __future__ import annotations

from vidctl import disk
from vidctl.worker.recipes.ladder import Rendition
from vidctl.worker.recipes.recipe import Recipe, progressive
from vidctl.worker.source.media import Media


def needed_bytes(recipe: Recipe, media: Media, *, source_bytes: int) -> int:
    """Return the bytes that source and outputs of an attempt take together at most."""
    return disk.needed_bytes(
        source_bytes=source_bytes,
        seconds=media.duration_seconds,
        bits_a_second=_pictures(recipe, source_bits=_source_bits(media, source_bytes)) + _sounds(recipe),
    )


def _pictures(recipe: Recipe, *, source_bits: float) -> float:
    bits = {rendition: _picture(recipe, rendition) for rendition in recipe.renditions}
    if recipe.copied:
        bits[recipe.renditions[0]] = source_bits
    wanted = recipe.profile.progressive
    # The one file has the same picture once more.
    again = bits[progressive(recipe.renditions, wanted.max_short_side)] if wanted is not None else 0.0
    return sum(bits.values()) + again


def _picture(recipe: Recipe, rendition: Rendition) -> float:
    limit = recipe.profile.video.max_frame_rate
    rate = min(recipe.thinned_to or recipe.video.frames_per_second or limit, limit)
    return min(rendition.max_bitrate, rendition.width * rendition.height * rate * disk.PIXEL_BITS)


def _sounds(recipe: Recipe) -> float:
    profile, tracks = recipe.profile, recipe.sounds
    again = (profile.progressive is not None) + profile.audio_only if tracks else 0
    most = max((track.stream.bit_rate for track in tracks if track.copied), default=0)
    return max(profile.audio.bitrate, most) * (len(tracks) + again)


def _source_bits(media: Media, source_bytes: int) -> float:
    # Of a copy the source has no more than it has altogether.
    return source_bytes * 8 / media.duration_seconds if media.duration_seconds > 0 else 0.0
