"""Closed captions within the picture (CEA-608 by ATSC A/53), written into an H.264 stream byte by byte."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from tests.corpus.recipe import Recipe, Workshop

_NAL = re.compile(rb"(?<!\x00)(?=\x00{2,3}\x01)")
_SLICES = frozenset({1, 5})
_FIELD_1 = 0xFC

_RESUME, _BOTTOM_ROW, _END, _ERASE = (0x14, 0x20), (0x14, 0x70), (0x14, 0x2F), (0x14, 0x2C)
_NOTHING = (0, 0)


def message(*triplets: tuple[int, int, int]) -> bytes:
    """Return the payload of ITU-T T.35 that holds these triplets: marker, and two bytes."""
    content = b"".join(bytes(triplet) for triplet in triplets)
    return b"\xb5\x00\x31GA94\x03" + bytes([0xC0 | len(triplets), 0xFF]) + content + b"\xff"


def spoken(text: str) -> list[tuple[int, int]]:
    """Return what shows a text and takes it away again, a pair for a frame; commands are sent twice."""
    letters = text.encode("ascii").ljust(len(text) + len(text) % 2)
    pairs = list(zip(letters[::2], letters[1::2], strict=True))
    pause = [_NOTHING] * 4
    return [*[_RESUME] * 2, *[_BOTTOM_ROW] * 2, *pairs, *[_END] * 2, *pause, *[_ERASE] * 2]


def captioned(name: str, pairs: Sequence[tuple[int, int]]) -> Recipe:
    """Put a pair of bytes before each picture of an elementary stream, and the sound of ``good`` beside it."""

    def make(workshop: Workshop, target: Path) -> None:
        stream = target.with_suffix(".h264")
        stream.write_bytes(_captioned(workshop.read(name), pairs))
        sources = ("-r", "30", "-f", "h264", "-i", str(stream), "-i", str(workshop.get("good")))
        workshop.ffmpeg(*sources, "-map", "0:v", "-map", "1:a", "-c", "copy", target=target)
        stream.unlink()

    return make


def _captioned(stream: bytes, pairs: Sequence[tuple[int, int]]) -> bytes:
    left = iter(pairs)
    return b"".join(
        _sei(next(left, _NOTHING)) + unit if unit.lstrip(b"\0")[1] & 0x1F in _SLICES else unit
        for unit in _NAL.split(stream)
        if unit
    )


def _sei(pair: tuple[int, int]) -> bytes:
    """Return a unit of supplemental information, of registered user data (ITU-T H.264, D.1.6)."""
    payload = message((_FIELD_1, _odd(pair[0]), _odd(pair[1])))
    return b"\0\0\0\1\x06\x04" + bytes([len(payload)]) + payload + b"\x80"


def _odd(byte: int) -> int:
    return byte if byte.bit_count() % 2 else byte | 0x80
