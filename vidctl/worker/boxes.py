"""The outermost structure of an MP4 (ISO/IEC 14496-12): a row of boxes, each with its length and type.

It tells what ffprobe does not. To ffprobe an empty file is an MP4 by its name, a playlist is what it points to, and
a file of fragments that is cut off is a shorter file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

_FIRST = frozenset({b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"free", b"skip", b"wide", b"pnot", b"uuid", b"sidx"})
_MEDIA = frozenset({b"moov", b"moof", b"mdat"})
_MOST = 1_000_000
"""Boxes that are looked at: twelve hours of fragments of a second have 90,000."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """The file ends at ``at_byte``, within a box that goes to ``end_byte``."""

    at_byte: int
    end_byte: int

    def __str__(self) -> str:
        """Read as a sentence for a person."""
        return f"the file ends after {self.at_byte} bytes, within a part that goes to byte {self.end_byte}"


def is_mp4(head: bytes) -> bool:
    """Whether a file that begins with these bytes (at least 8) is of the MP4 and QuickTime family."""
    return head[4:8] in _FIRST


def find_cut(file: BinaryIO, size_bytes: int) -> Cut | None:
    """Return where a file ends too early; None if every box that holds media or its index is whole."""
    start = 0
    for _ in range(_MOST):
        file.seek(start)
        header = file.read(16)
        if len(header) < 8:  # noqa: PLR2004 - length and type
            break
        end = start + _length(header, size_bytes - start)
        if end > size_bytes:
            return Cut(at_byte=size_bytes, end_byte=end) if header[4:8] in _MEDIA else None
        if end <= start:
            break
        start = end
    return None


def _length(header: bytes, rest: int) -> int:
    length = int.from_bytes(header[:4], "big")
    if length == 0:
        return rest
    # 1: the length is too large for its field and stands behind the type.
    return int.from_bytes(header[8:16], "big") if length == 1 else length
