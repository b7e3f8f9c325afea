"""Files as ISO/IEC 14496-12 has them, from nothing but their boxes: what no camera makes in the time of a test."""

from __future__ import annotations

SOUND = ("soun", "mp4a")
TIMESCALE = 1000
UNITY = b"".join(value.to_bytes(4, "big") for value in (1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30))


def box(kind: str, *content: bytes, long: bool = False) -> bytes:
    """Return a box, with its length in the ``long`` field of eight bytes if it is asked for."""
    body = b"".join(content)
    if long:
        return b"\0\0\0\1" + kind.encode() + (len(body) + 16).to_bytes(8, "big") + body
    return (len(body) + 8).to_bytes(4, "big") + kind.encode() + body


def number(value: int, length: int = 4) -> bytes:
    return value.to_bytes(length, "big")


FTYP = box("ftyp", b"isom", number(0x200), b"isom")


def video(
    seconds: float = 60.0,
    width: int = 1920,
    height: int = 1080,
    *,
    fps: float = 30.0,
    codec: str = "avc1",
    shown: tuple[int, int] | None = None,
    runs: int = 1,
) -> bytes:
    """Return a picture's track."""
    entry = box(codec, bytes(24), number(width, 2), number(height, 2), bytes(50))
    return track("vide", entry, seconds, round(seconds * fps), shown=shown or (width, height), runs=runs)


def other(seconds: float = 60.0, kind: tuple[str, str] = SOUND) -> bytes:
    """Return a track without a picture: its handler and its sample entry."""
    handler, codec = kind
    return track(handler, box(codec, bytes(28)), seconds, round(seconds * 50))


def track(
    handler: str, entry: bytes, seconds: float, samples: int, *, shown: tuple[int, int] = (0, 0), runs: int = 1
) -> bytes:
    units = round(seconds * TIMESCALE)
    each = units // samples if samples else 0
    head = box("tkhd", bytes(76), *(number(side << 16) for side in shown))
    table = box(
        "stbl",
        box("stsd", bytes(4), number(1), entry),
        box("stts", bytes(4), number(runs), (number(samples // runs) + number(each)) * runs),
        box("stsz", bytes(4), number(0), number(samples), bytes(4 * min(samples, 10))),
    )
    clock = box("mdhd", bytes(12), number(TIMESCALE), number(units), bytes(4))
    return box("trak", head, box("mdia", clock, box("hdlr", bytes(8), handler.encode(), bytes(12)), box("minf", table)))


def moov(seconds: float = 60.0, *tracks: bytes, extends: bytes = b"") -> bytes:
    """Return an index."""
    header = box("mvhd", bytes(12), number(TIMESCALE), number(round(seconds * TIMESCALE)), bytes(16), UNITY, bytes(28))
    return box("moov", header, *tracks, extends)


def mp4(content: bytes = b"a video", *, index: bytes = b"") -> bytes:
    """Return a file with this content; without an ``index`` nobody can tell what it is."""
    return FTYP + box("mdat", content) + index


def content_of(file: bytes) -> bytes:
    """Return the content of such a file, whatever its index says."""
    start = len(FTYP) + 8
    return file[start : len(FTYP) + int.from_bytes(file[len(FTYP) : len(FTYP) + 4], "big")]
