"""Fragmented MP4s built box by box, so that a test says what is in them."""

from __future__ import annotations

import struct
from collections.abc import Sequence

AVCC = bytes.fromhex("0164001effe1000067")
AAC_LC_STEREO = bytes.fromhex("1190")


def box(kind: str, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I4s", 8 + len(body), kind.encode()) + body


def full(kind: str, *content: bytes, version: int = 0, flags: int = 0) -> bytes:
    return box(kind, struct.pack(">I", version << 24 | flags), *content)


def video_entry(
    kind: str = "avc1", config: bytes = AVCC, *, size: tuple[int, int] = (640, 360), extra: bytes = b""
) -> bytes:
    name = {"avc1": "avcC", "hvc1": "hvcC", "hev1": "hvcC", "av01": "av1C"}.get(kind, "xxxx")
    return box(kind, bytes(24), struct.pack(">HH", *size), bytes(50), box(name, config), extra)


def audio_entry(kind: str = "mp4a", *, channels: int = 2, rate: int = 48000, extra: bytes = b"") -> bytes:
    return box(kind, bytes(16), struct.pack(">HHI", channels, 16, 0), struct.pack(">I", rate << 16), extra)


def esds(specific: bytes, *, object_type: int = 0x40) -> bytes:
    def descriptor(tag: int, content: bytes) -> bytes:
        return bytes([tag, 0x80, 0x80, 0x80, len(content)]) + content

    decoder = descriptor(4, bytes([object_type]) + bytes(12) + (descriptor(5, specific) if specific else b""))
    return full("esds", descriptor(3, bytes(3) + decoder + descriptor(6, b"\x02")))


def edits(*entries: tuple[int, int], version: int = 0) -> bytes:
    form = ">QqI" if version else ">IiI"
    listed = b"".join(struct.pack(form, duration, start, 1 << 16) for duration, start in entries)
    return box("edts", full("elst", struct.pack(">I", len(entries)), listed, version=version))


def head(
    entry: bytes | None = None,
    *,
    timescale: int = 90000,
    edit_list: bytes = b"",
    tracks: int = 1,
    defaults: tuple[int, int, int] = (0, 0, 0),
) -> bytes:
    """Return ftyp and moov."""
    stbl = box("stbl", full("stsd", struct.pack(">I", 1), entry or video_entry()))
    mdhd = full("mdhd", bytes(8), struct.pack(">II", timescale, 0), bytes(4))
    track = box("trak", edit_list, box("mdia", mdhd, box("minf", stbl)))
    mvhd = full("mvhd", bytes(8), struct.pack(">I", 1000), bytes(84))
    trex = full("trex", struct.pack(">5I", 1, 1, *defaults))
    return box("ftyp", b"iso6", bytes(4)) + box("moov", mvhd, track * tracks, box("mvex", trex))


def fragment(
    decode: int,
    *,
    durations: Sequence[int] = (3000, 3000),
    compositions: Sequence[int] | None = None,
    sizes: Sequence[int] | None = None,
    sync: bool = True,
    prefix: bytes = b"",
) -> bytes:
    """Return a moof, with every sample's duration, size and flags, and its mdat."""
    sizes = sizes or [10] * len(durations)
    compositions = compositions or [0] * len(durations)
    flags = [0x02000000 if sync else 0x01010000] + [0x01010000] * (len(durations) - 1)

    def moof(data_offset: int) -> bytes:
        rows = zip(durations, sizes, flags, compositions, strict=True)
        samples = b"".join(struct.pack(">IIIi", *row) for row in rows)
        trun = full("trun", struct.pack(">Ii", len(durations), data_offset), samples, version=1, flags=0xF01)
        tfhd = full("tfhd", struct.pack(">I", 1), flags=0x20000)
        tfdt = full("tfdt", struct.pack(">Q", decode), version=1)
        return box("moof", full("mfhd", bytes(4)), box("traf", tfhd, tfdt, trun))

    return prefix + moof(len(moof(0)) + 8) + box("mdat", bytes(sum(sizes)))
