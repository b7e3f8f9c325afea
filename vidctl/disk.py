"""How much disk an attempt takes (P): the model by which the reconciler picks a size and the worker checks its own.

On the disk lie together the source, every track that is made of it, and the one file, which is a rendition and a sound
track once more. Nothing is removed before the end. The two sides know different things: the worker its recipe, with the
most bits a second of each rendition; the reconciler a picture's size and rate. Both go by bits for a pixel, too, and by
the source: no codec that is read here needs an eighth of what is written, so outputs hardly grow beyond eight times.
What is checked thus is an estimate; a disk that fills nevertheless ends the attempt with the same code.
"""

from __future__ import annotations

PIXEL_BITS = 0.14
"""Bits that a rendition takes for each of its pixels at most: four times what is usual."""

LADDER_BITS = 0.4
"""The same of all renditions and the one file together, for a pixel of the largest: they have 2.8 times its pixels."""

MOST_BITS = 40_000_000
"""Bits a second of all that is written of a picture, however large: more than any profile of ours allows."""

SOUND_BITS = 400_000
"""Bits a second of a sound track, and of what it is copied into: three times the usual."""

MOST_GROWTH = 8
"""Outputs are at most so many times as large as the source, which may be in a codec that is twice as good."""

SPARE_BYTES = 64 * 1024**2
"""Stills, sheets, texts, and the beginnings of files."""


def needed_bytes(*, source_bytes: int, seconds: float, bits_a_second: float) -> int:
    """Return the bytes of source and outputs, of which ``bits_a_second`` is the sum of all that is written."""
    outputs = min(max(seconds, 0.0) * bits_a_second / 8, source_bytes * MOST_GROWTH)
    return source_bytes + int(outputs) + SPARE_BYTES
