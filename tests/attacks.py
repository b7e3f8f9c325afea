"""Files that strangers might upload to make a worker read, send or eat up what is not theirs.

Each is small, and made with the standard library and the real ffmpeg. ``box`` and the tables are of ISO/IEC 14496-12;
the alias record is QuickTime's.
"""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

from tests.media import program

IDENTITY = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
FTYP = struct.pack(">I4s4sI4s", 20, b"ftyp", b"isom", 0x200, b"isom")


def box(kind: bytes, *parts: bytes) -> bytes:
    """Return a box of an MP4: its size, its kind, its content."""
    content = b"".join(parts)
    return struct.pack(">I4s", 8 + len(content), kind) + content


def full_box(kind: bytes, *parts: bytes) -> bytes:
    """Return a box of version 0 without flags."""
    return box(kind, bytes(4), *parts)


def playlist(url: str) -> bytes:
    """Return an HLS playlist with one segment, which is whatever lies behind ``url``."""
    lines = ("#EXTM3U", "#EXT-X-TARGETDURATION:1", "#EXTINF:1,", url, "#EXT-X-ENDLIST", "")
    return "\n".join(lines).encode()


def script(path: Path) -> bytes:
    """Return a script for ffmpeg's concat demuxer, with one file."""
    return f"ffconcat version 1.0\nfile '{path}'\n".encode()


def external(video: bytes, path: Path) -> bytes:
    """Return the MP4 ``video`` without its media, for which it refers to the file ``path``."""
    media_at = video.index(b"mdat") - 4
    index = bytearray(video[:media_at] + video[media_at + int.from_bytes(video[media_at : media_at + 4], "big") :])
    at = index.index(b"dref") - 4
    old = int.from_bytes(index[at : at + 4], "big")
    new = full_box(b"dref", struct.pack(">I", 1), box(b"alis", bytes(4), _alias(str(path))))
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"dinf"):
        start = index.index(kind) - 4
        size = int.from_bytes(index[start : start + 4], "big") + len(new) - old
        index[start : start + 4] = size.to_bytes(4, "big")
    index[at : at + old] = new
    return bytes(index)


def _alias(path: str) -> bytes:
    volume, name = b"".ljust(27, b"\0"), path.rpartition("/")[2].encode()[:63].ljust(63, b"\0")
    head = bytes(10) + b"\x00" + volume + bytes(12) + bytes([len(name.rstrip(b"\0"))]) + name + bytes(16)
    levels = bytes(20)  # relative to this file, which is nowhere in particular
    whole = path.encode() + b"\0" * (len(path) % 2)
    return head + levels + struct.pack(">hH", 2, len(path)) + whole + struct.pack(">hH", -1, 0)


def jpeg(directory: Path, width: int, height: int) -> bytes:
    """Return a picture that says to be larger than it is: its few bytes are those of 64 by 64 pixels."""
    small = directory / "small.jpg"
    ffmpeg("-f", "lavfi", "-i", "color=s=64x64", "-frames:v", "1", "-update", "1", str(small))
    body = bytearray(small.read_bytes())
    frame = body.index(b"\xff\xc0")
    body[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    return bytes(body)


def motion_picture(codec: bytes, picture: bytes, *, width: int, height: int, pictures: int = 2) -> bytes:
    """Return an MP4 of some equal pictures, which says that they are ``width`` by ``height`` pixels."""
    sizes = struct.pack(">II", 0, pictures) + struct.pack(">I", len(picture)) * pictures
    return video(codec, sizes, samples=pictures, width=width, height=height, media=picture * pictures)


def crowded(picture: bytes, samples: int, *, rate: int = 1) -> bytes:
    """Return an MP4 of 2 kB that claims so many pictures, so many a second, and holds one."""
    sizes = struct.pack(">II", len(picture), samples)
    return video(b"jpeg", sizes, samples=samples, width=64, height=64, media=picture, rate=rate)


def video(codec: bytes, sizes: bytes, *, samples: int, width: int, height: int, media: bytes, rate: int = 1) -> bytes:
    """Return an MP4 with one track, in one chunk, with so many samples a second."""
    start = len(FTYP) + 8
    entry = box(
        codec, bytes(6), b"\0\1", bytes(16), struct.pack(">HHIIIH", width, height, 0x480000, 0x480000, 0, 1),
        bytes(32), struct.pack(">Hh", 24, -1),
    )  # fmt: skip
    table = box(
        b"stbl",
        full_box(b"stsd", struct.pack(">I", 1), entry),
        full_box(b"stts", struct.pack(">III", 1, samples, 1)),
        full_box(b"stsc", struct.pack(">IIII", 1, 1, samples, 1)),
        full_box(b"stsz", sizes),
        full_box(b"stco", struct.pack(">II", 1, start)),
    )
    movie = box(b"moov", _movie_header(samples, rate), _track(table, samples, rate, width, height))
    return FTYP + box(b"mdat", media) + movie


def _movie_header(duration: int, rate: int) -> bytes:
    times = struct.pack(">IIIII", 0, 0, rate, duration, 0x10000)
    return full_box(b"mvhd", times, struct.pack(">HHII", 0x100, 0, 0, 0), IDENTITY, bytes(24), struct.pack(">I", 2))


def _track(table: bytes, duration: int, rate: int, width: int, height: int) -> bytes:
    size = struct.pack(">II", width << 16 & 0xFFFFFFFF, height << 16 & 0xFFFFFFFF)
    header = full_box(b"tkhd", struct.pack(">IIIII", 0, 0, 1, 0, duration), bytes(16), IDENTITY, size)
    self_contained = full_box(b"dref", struct.pack(">I", 1), box(b"url ", b"\0\0\0\1"))
    media = box(
        b"mdia",
        full_box(b"mdhd", struct.pack(">IIIIHH", 0, 0, rate, duration, 0x55C4, 0)),
        full_box(b"hdlr", bytes(4), b"vide", bytes(13)),
        box(b"minf", full_box(b"vmhd", bytes(8)), box(b"dinf", self_contained), table),
    )
    return box(b"trak", header, media)


def nested(depth: int) -> bytes:
    """Return an MP4 whose boxes are in each other like the dolls of a set."""
    inner = b""
    for _ in range(depth):
        inner = box(b"udta", inner)
    return FTYP + box(b"moov", _movie_header(1, 1), inner)


def talkative(size_bytes: int) -> bytes:
    """Return an MP4 whose index is one long remark."""
    remark = box(b"\xa9cmt", struct.pack(">HH", size_bytes & 0xFFFF, 0), bytes(size_bytes))
    return FTYP + box(b"moov", _movie_header(1, 1), box(b"udta", remark * 4))


def ffmpeg(*arguments: str) -> None:
    """Run the real ffmpeg, unconfined."""
    subprocess.run([program("ffmpeg"), "-nostdin", "-loglevel", "error", "-y", *arguments], check=True)


def many_streams(source: Path, target: Path, streams: int) -> bytes:
    """Return the picture of an MP4 as so many streams."""
    ffmpeg("-i", str(source), *("-map", "0:v") * streams, "-c", "copy", str(target))
    return target.read_bytes()


def stretched(source: Path, target: Path, *, seconds: float) -> bytes:
    """Return an MP4 with the pictures of another, one every so many seconds."""
    times = f"setts=pts=N*{seconds}/TB:dts=N*{seconds}/TB:duration={seconds}/TB"
    copy = ("-map", "0:v", "-c", "copy", "-bsf:v", times, "-video_track_timescale", "90000")
    ffmpeg("-i", str(source), *copy, str(target))
    return target.read_bytes()
