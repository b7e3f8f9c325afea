"""What ffmpeg's words for ratios, pixel formats and colours mean (P)."""

from __future__ import annotations

import re
from fractions import Fraction

_UNSAID = frozenset({"unknown", "unspecified", "reserved"})
_RGB = ("gbr", "rgb", "bgr", "argb", "abgr", "0rgb", "0bgr", "pal8")
_DEPTH = re.compile(r"(\d\d)(?:le|be)$")
_DEEPEST = 16


def said(word: str) -> str:
    """Return a word for a colour's transfer, primaries or matrix; nothing if it only says that nobody knows."""
    return "" if word in _UNSAID else word


def ratio(text: str) -> Fraction:
    """Read ``30000/1001`` or ``4:3``; 0 for what is no ratio, such as ``N/A`` and ``0/0``."""
    over, _, under = text.replace(":", "/").partition("/")
    if not (over.isdecimal() and under.isdecimal() and int(under)):
        return Fraction(0)
    return Fraction(int(over), int(under))


def is_rgb(pixel_format: str) -> bool:
    """Whether a picture is coded as red, green and blue."""
    return pixel_format.startswith(_RGB)


def bit_depth(pixel_format: str) -> int:
    """Return the bits of a sample: 8 of ``yuv420p``, 10 of ``yuv420p10le`` and of ``p210le``."""
    found = _DEPTH.search(pixel_format)
    # Packed RGB names the bits of a whole pixel (rgb48le), and no colour has more than 16 of them.
    return min(int(found[1]), _DEEPEST) if found else 8
