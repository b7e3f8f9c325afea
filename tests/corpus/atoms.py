"""Changes an MP4 box by box (ISO/IEC 14496-12), to write what ffmpeg does not.

Where the length of a box in ``moov`` changes, ``moov`` must be the last of the file: the offsets of the media in it are
left as they are.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

_HEADER = 8
_VIDEO = "moov/trak/mdia/minf/stbl/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """Where a box is: from ``start`` to ``end``, its header included."""

    start: int
    end: int

    @property
    def content(self) -> slice:
        """What is in it."""
        return slice(self.start + _HEADER, self.end)


def find(body: bytes, path: str) -> Box:
    """Return the box of that path, in which ``trak`` is the first and ``trak:1`` the second of its name.

    Raises:
        KeyError: there is no such box.

    """
    return _trail(body, path)[-1]


def replaced(body: bytes, path: str, change: Callable[[bytes], bytes]) -> bytes:
    """Change the content of a box, and the lengths of it and of those around it."""
    trail = _trail(body, path)
    content = body[trail[-1].content]
    new = change(content)
    made = bytearray(body[: trail[-1].start + _HEADER] + new + body[trail[-1].end :])
    for box in trail:
        made[box.start : box.start + 4] = struct.pack(">I", box.end - box.start + len(new) - len(content))
    return bytes(made)


def renamed(body: bytes, path: str, kind: bytes) -> bytes:
    """Give a box another type, so that nobody knows it."""
    start = find(body, path).start + 4
    return body[:start] + kind + body[start + 4 :]


def atom(kind: bytes, content: bytes) -> bytes:
    """Return a box."""
    return struct.pack(">I4s", _HEADER + len(content), kind) + content


def number(body: bytes, path: str, offset: int, value: int) -> bytes:
    """Overwrite the 32-bit number at an offset into the content of a box."""
    at = find(body, path).start + _HEADER + offset
    return body[:at] + struct.pack(">I", value) + body[at + 4 :]


def numbers(body: bytes, path: str, offset: int, change: Callable[[int], int]) -> bytes:
    """Change the 32-bit number at an offset into the content of a box."""
    at = find(body, path).start + _HEADER + offset
    return number(body, path, offset, change(*struct.unpack_from(">I", body, at)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One line of an edit list: show so long what begins there; ``start`` None: nothing; ``rate`` 0: stand still."""

    seconds: float
    start: float | None = 0.0
    rate: int = 1


def edited(*edits: Edit) -> Callable[[bytes], bytes]:
    """Return a change that gives the first track, of video, this edit list in place of its own."""

    def change(body: bytes) -> bytes:
        movie = _timescale(body, "moov/mvhd")
        media = _timescale(body, "moov/trak/mdia/mdhd")
        lines = b"".join(
            struct.pack(
                ">Iihh",
                round(edit.seconds * movie),
                -1 if edit.start is None else round(edit.start * media),
                edit.rate,
                0,
            )
            for edit in edits
        )
        table = struct.pack(">II", 0, len(edits)) + lines
        return replaced(body, "moov/trak/edts/elst", lambda _: table)

    return change


def timed(*runs: tuple[int, int]) -> Callable[[bytes], bytes]:
    """Return a change of the durations of the first track's samples: how many samples, and how long each."""
    table = struct.pack(">II", 0, len(runs)) + b"".join(struct.pack(">II", *run) for run in runs)
    return lambda body: replaced(body, _VIDEO + "stts", lambda _: table)


def lasting_sound(body: bytes) -> bytes:
    """Let the last frame of the second track, of sound at 44,100 Hz, last for half a second more."""
    table = "moov/trak:1/mdia/minf/stbl/stts"
    content = body[find(body, table).content]
    body = numbers(body, table, len(content) - 4, lambda lasts: lasts + 22050)
    return numbers(body, "moov/trak:1/mdia/mdhd", 16, lambda lasts: lasts + 22050)


def more_samples(body: bytes) -> bytes:
    """Let the first track claim as many samples again as it has, of which nothing else is said."""

    def change(content: bytes) -> bytes:
        flags, size, count = struct.unpack_from(">III", content)
        return struct.pack(">III", flags, size, 2 * count) + content[12:] + content[12:]

    return replaced(body, _VIDEO + "stsz", change)


def wide_offsets(body: bytes) -> bytes:
    """Write where the media is in 64 bits (``co64``), as of files beyond 4 GiB."""
    for track in ("trak", "trak:1"):
        path = f"moov/{track}/mdia/minf/stbl/stco"

        def change(content: bytes) -> bytes:
            _, count = struct.unpack_from(">II", content)
            return content[:8] + struct.pack(f">{count}Q", *struct.unpack_from(f">{count}I", content, 8))

        body = renamed(replaced(body, path, change), path, b"co64")
    return body


def wide_media(body: bytes) -> bytes:
    """Write the length of ``mdat`` in 64 bits, in the room that ffmpeg leaves before it for that."""
    room, media = find(body, "free"), find(body, "mdat")
    length = media.end - room.start
    assert media.start - room.start == _HEADER
    return body[: room.start] + struct.pack(">I4sQ", 1, b"mdat", length) + body[media.start + _HEADER :]


def endless_media(body: bytes) -> bytes:
    """Say that ``mdat``, the last box, goes to the end, wherever that is."""
    start = find(body, "mdat").start
    return body[:start] + bytes(4) + body[start + 4 :]


def entry_named(body: bytes, track: str, kind: bytes, name: bytes) -> bytes:
    """Give the sample entry of this kind, of a track, another name: that of another codec."""
    table = find(body, f"moov/{track}/mdia/minf/stbl/stsd").content
    assert kind in body[table]
    return body[: table.start] + body[table].replace(kind, name, 1) + body[table.stop :]


def unknown_sound(track: str) -> Callable[[bytes], bytes]:
    """Return a change that lets nobody know the codec of an AAC track: neither by its name nor by what it says."""
    return lambda body: entry_named(entry_named(body, track, b"mp4a", b"zzzz"), track, b"esds", b"zzzz")


def media_elsewhere(body: bytes) -> bytes:
    """Say that the first track's media is in another file of this machine."""
    reference = atom(b"url ", bytes(4) + b"file:///etc/passwd\0")
    return replaced(body, "moov/trak/mdia/minf/dinf/dref", lambda _: struct.pack(">II", 0, 1) + reference)


def _timescale(body: bytes, path: str) -> int:
    # Version 0, as ffmpeg writes it: flags, two times, timescale, duration.
    (scale,) = struct.unpack_from(">I", body, find(body, path).start + _HEADER + 12)
    return int(scale)


def _trail(body: bytes, path: str) -> list[Box]:
    trail = [Box(start=-_HEADER, end=len(body))]
    for step in path.split("/"):
        kind, _, place = step.partition(":")
        trail.append(_boxes(body, trail[-1], kind.encode())[int(place or 0)])
    return trail[1:]


def _boxes(body: bytes, around: Box, kind: bytes) -> list[Box]:
    found, at = [], around.start + _HEADER
    while at + _HEADER <= around.end:
        length, name = struct.unpack_from(">I4s", body, at)
        if name == kind:
            found.append(Box(start=at, end=at + length))
        at += max(length, _HEADER)
    if not found:
        raise KeyError(kind)
    return found
