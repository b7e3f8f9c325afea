"""The structure of an MP4 (ISO/IEC 14496-12), read from the part of the file that is at hand.

A file is a row of boxes, each with its length and type; ``moov`` is the index, and stands before the media or after it.
What the index says first (durations, sizes, codecs) is read even where its tables, which come later, are not at hand.
Nothing of a file is believed: every box must lie within its parent, and only so many are looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from vidctl.errors import Malformed

_STILL = frozenset({b"heic", b"heix", b"heim", b"heis", b"mif1", b"avif"})
"""Brands of pictures that stand still (ISO/IEC 23008-12, AVIF); their moving kin have others."""
_FIRST = frozenset({b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"free", b"skip", b"wide", b"pnot", b"uuid", b"sidx"})
_SHORTEST = 8
"""Bytes of a box without content: length and type."""
_MOST_IN_CHAIN = 1_000
"""Boxes before an index: usually two or three."""
_MOST_BOXES = 50_000
"""Boxes that are looked at in one index: a thousand tracks have 20,000, and the reading takes 50 ms."""
_UNKNOWN = (2**32 - 1, 2**64 - 1)
_MOST_RUNS = 1_000
"""Runs of sample durations that are looked at: one run is a steady frame rate, and a thousand are some seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """Where ``moov`` stands in the file: its content, without its header."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Further:
    """The chain of boxes goes on at ``start``, which is not at hand."""

    start: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One track as its headers claim it; None where they make no claim, or none that is at hand.

    ``handler`` and ``codec`` are four characters: the kind of its media (``vide``, ``soun``) and of its first sample
    entry (``avc1``, ``mp4a``; empty if there is none). ``coded`` is the picture of that entry, ``shown`` the one of
    the track's header, both width and height in pixels and (0, 0) for sound.
    """

    handler: str
    codec: str
    coded: tuple[int, int]
    shown: tuple[int, int]
    duration_seconds: float | None
    frames_per_second: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Movie:
    """What an index says. ``whole``: all of it was at hand; else there may be more tracks than these."""

    duration_seconds: float | None
    fragmented: bool
    tracks: tuple[Track, ...]
    whole: bool


def is_mp4(head: bytes) -> bool:
    """Whether a file that begins with these bytes (at least 8) is of the MP4 and QuickTime family."""
    return head[4:8] in _FIRST


def is_photograph(head: bytes) -> bool:
    """Whether a file that begins with these bytes (at least 12) is a HEIF or AVIF, which has the boxes of an MP4."""
    return head[4:8] == b"ftyp" and head[8:12] in _STILL


def find_index(part: bytes, *, at: int, size_bytes: int) -> Index | Further:
    """Follow the chain of boxes from byte ``at`` of the file, with which ``part`` begins, to its index.

    Raises:
        Malformed: the chain breaks, ends without an index, or is too long.

    """
    first = at
    for _ in range(_MOST_IN_CHAIN):
        header, rest = part[at - first : at - first + 16], size_bytes - at
        if rest < _SHORTEST:
            raise Malformed("the file ends without an index")
        if len(header) < min(_header_length(header), rest):
            return Further(start=at)
        kind, length = header[4:8], _length(header, rest)
        if not _header_length(header) <= length <= rest:
            raise Malformed(f"a box at byte {at} does not fit into the file")
        if kind == b"moof":
            raise Malformed("fragments come before the index")
        if kind == b"moov":
            return Index(start=at + _header_length(header), end=at + length)
        at += length
    raise Malformed("there are too many boxes before the index")


def read_index(content: bytes, *, size_bytes: int) -> Movie:
    """Read an index of ``size_bytes``, of which ``content`` is the beginning, or all.

    Raises:
        Malformed: a box goes beyond its parent, or one that every index has is missing.

    """
    index, whole = _Boxes(content), len(content) >= size_bytes
    moov = _Box(kind=b"moov", start=0, end=size_bytes)
    header, extends = index.child(moov, b"mvhd"), index.child(moov, b"mvex")
    found = [_track(index, box) for box in index.children(moov) if box.kind == b"trak"]
    tracks = tuple(track for track in found if track is not None)
    if whole and (header is None or len(tracks) < len(found)):
        raise Malformed("the index, or a track in it, has no header")
    timescale, duration = _clock(index, header)
    return Movie(
        duration_seconds=duration or _of_all_fragments(index, extends, timescale),
        fragmented=extends is not None,
        tracks=tracks,
        whole=whole,
    )


# --- boxes ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Box:
    """A box; ``start`` and ``end`` of its content, which may not be at hand."""

    kind: bytes
    start: int
    end: int


class _Boxes:
    """The boxes of the bytes at hand; counts those that were looked at."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._left = _MOST_BOXES

    def children(self, parent: _Box) -> Iterator[_Box]:
        """Yield the boxes in a box whose headers are at hand; raises ``Malformed``."""
        at = parent.start
        while at + _SHORTEST <= parent.end:
            header = self._content[at : at + 16]
            if len(header) < min(_header_length(header), parent.end - at):
                return  # not at hand
            self._left -= 1
            end = at + _length(header, parent.end - at)
            if not at + _header_length(header) <= end <= parent.end or self._left < 0:
                raise Malformed(f"a box in the index goes beyond {parent.kind!r}, or there are too many")
            yield _Box(kind=header[4:8], start=at + _header_length(header), end=end)
            at = end

    def child(self, parent: _Box | None, *path: bytes) -> _Box | None:
        """Return the first box of these kinds, one in the other; None if it is not there, or not at hand."""
        for kind in path:
            if parent is None:
                return None
            parent = next((box for box in self.children(parent) if box.kind == kind), None)
        return parent

    def number(self, box: _Box, offset: int, length: int = 4) -> int | None:
        """Return the unsigned number at an offset of a box's content; None if it is not there, or not at hand."""
        field = self._content[box.start + offset : min(box.start + offset + length, box.end)]
        return int.from_bytes(field, "big") if len(field) == length else None

    def word(self, box: _Box, offset: int) -> str:
        """Return the four characters at an offset; empty if they are not there."""
        word = self._content[box.start + offset : min(box.start + offset + 4, box.end)]
        return word.decode("latin-1") if len(word) == 4 else ""  # noqa: PLR2004 - a code has four characters


def _length(header: bytes, rest: int) -> int:
    length = int.from_bytes(header[:4], "big")
    if length == 0:
        return rest
    # 1: the length is too large for its field and stands behind the type.
    return int.from_bytes(header[8:16], "big") if length == 1 else length


def _header_length(header: bytes) -> int:
    return 16 if header[:4] == b"\0\0\0\1" else _SHORTEST


# --- what the boxes say ---------------------------------------------------------------------------------------------


def _clock(index: _Boxes, header: _Box | None) -> tuple[int, float | None]:
    """Return units a second and duration in seconds, as ``mvhd`` and ``mdhd`` begin; 0 and all ones are no duration."""
    if header is None:
        return 0, None
    long = index.number(header, 0, 1) == 1
    timescale = index.number(header, 20 if long else 12) or 0
    units = index.number(header, 24, 8) if long else index.number(header, 16)
    return timescale, units / timescale if timescale and units and units not in _UNKNOWN else None


def _of_all_fragments(index: _Boxes, extends: _Box | None, timescale: int) -> float | None:
    header = index.child(extends, b"mehd")
    if header is None or not timescale:
        return None
    units = index.number(header, 4, 8 if index.number(header, 0, 1) == 1 else 4)
    return units / timescale if units else None


def _track(index: _Boxes, trak: _Box) -> Track | None:
    """Read a track; None if it lacks a header, or one is not at hand."""
    header, media = index.child(trak, b"tkhd"), index.child(trak, b"mdia")
    clock, handler = index.child(media, b"mdhd"), index.child(media, b"hdlr")
    samples = index.child(media, b"minf", b"stbl")
    entries = index.child(samples, b"stsd")
    if header is None or clock is None or handler is None or samples is None or entries is None:
        return None
    timescale, duration = _clock(index, clock)
    # Version and flags, and the number of entries, stand before the first one.
    entry = next(index.children(_Box(kind=b"stsd", start=entries.start + 8, end=entries.end)), None)
    if entry is None and index.number(entries, 4) != 0:
        return None
    return Track(
        handler=index.word(handler, 8),
        codec="" if entry is None else entry.kind.decode("latin-1"),
        coded=(0, 0) if entry is None else (index.number(entry, 24, 2) or 0, index.number(entry, 26, 2) or 0),
        shown=_shown(index, header),
        duration_seconds=duration,
        frames_per_second=_rate(index, samples, timescale, duration),
    )


def _shown(index: _Boxes, header: _Box) -> tuple[int, int]:
    at = 88 if index.number(header, 0, 1) == 1 else 76
    # Fixed point, 16 bits before and 16 behind it.
    return (index.number(header, at) or 0) >> 16, (index.number(header, at + 4) or 0) >> 16


def _rate(index: _Boxes, samples: _Box, timescale: int, duration: float | None) -> float | None:
    """Return the samples a second: of all where their number is at hand, else of the first runs."""
    sizes = index.child(samples, b"stsz") or index.child(samples, b"stz2")
    count = None if sizes is None else index.number(sizes, 8)
    if count and duration:
        return count / duration
    runs = index.child(samples, b"stts")
    if runs is None or not timescale:
        return None
    total = units = 0
    for n in range(min(index.number(runs, 4) or 0, _MOST_RUNS)):
        number, each = index.number(runs, 8 + 8 * n), index.number(runs, 12 + 8 * n)
        if number is None or each is None:
            break
        total, units = total + number, units + number * each
    return total * timescale / units if units else None
