"""The structure of an MP4 (ISO/IEC 14496-12): boxes in boxes, each with its length and type (P).

It tells what ffprobe does not. To ffprobe an empty file is an MP4 by its name, a playlist is what it points to, and
a file of fragments that is cut off is a shorter file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from vidctl.worker.failure import Failed, failed

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """One box: where it starts, where its header ends and what it holds begins, and where it ends."""

    kind: bytes
    start: int
    body: int
    end: int


class Fields:
    """The numbers of a box one after the other, from ``at`` to ``end``; big-endian, as all of an MP4.

    Reading past the end raises ``bad_fragments``.
    """

    def __init__(self, data: bytes, at: int, end: int) -> None:
        self._data, self.at, self._end = data, at, min(end, len(data))

    @property
    def left(self) -> int:
        """How many bytes are left."""
        return self._end - self.at

    def unsigned(self, size: int) -> int:
        """Read a number of ``size`` bytes."""
        return int.from_bytes(self.take(size), "big")

    def signed(self, size: int) -> int:
        """Read a number of ``size`` bytes in two's complement."""
        return int.from_bytes(self.take(size), "big", signed=True)

    def take(self, size: int) -> bytes:
        """Read ``size`` bytes as they are."""
        if size > self.left:
            raise unreadable(f"a box ends at byte {self._end}, and {size} bytes are asked for at byte {self.at}")
        self.at += size
        return self._data[self.at - size : self.at]


def unreadable(detail: str) -> Failed:
    """Return the error for a track file that is not what ffmpeg was asked to write."""
    return failed("bad_fragments", f"a fragmented MP4 cannot be read: {detail}")


def children(data: bytes, start: int, end: int) -> Iterator[Box]:
    """Yield the boxes that fill ``data`` from ``start`` to ``end``.

    Raises:
        Failed: ``bad_fragments`` where a box does not fit into what holds it.

    """
    while start < end:
        header = data[start : min(start + 16, end)]
        if (box := parse_header(header, start)) is None or box.end > end:
            raise unreadable(f"a box at byte {start} does not end by byte {end}")
        yield box
        start = box.end


def find(data: bytes, box: Box, *path: bytes) -> Box | None:
    """Return the first box at the end of a path of kinds below ``box``; None if there is none."""
    for kind in path:
        found = next((child for child in children(data, box.body, box.end) if child.kind == kind), None)
        if found is None:
            return None
        box = found
    return box


def parse_header(header: bytes, start: int) -> Box | None:
    """Read a box's header from its first 16 bytes, fewer at the end of a file; None if they do not suffice.

    Raises:
        Failed: ``bad_fragments`` for a length that is smaller than the header, or 0: to the end of the file.

    """
    large = header[:4] == b"\x00\x00\x00\x01"
    size = 16 if large else 8
    if len(header) < size:
        return None
    length = _length(header, 0)
    if length < size:
        raise unreadable(f"a box at byte {start} claims a length of {length}")
    return Box(kind=header[4:8], start=start, body=start + size, end=start + length)


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
