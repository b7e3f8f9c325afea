"""How the files of the corpus are made: by ffmpeg, from other files of the corpus, or byte by byte.

All of it is deterministic: ffmpeg's sources have no chance in them, and the corpus has seeds.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

SECONDS = 1.0
"""Length of every input that is not about its length."""


class Workshop(Protocol):
    """Where inputs are made; each at most once."""

    def ffmpeg(self, *arguments: str, target: Path) -> None:
        """Run ffmpeg, whose last argument is the target."""

    def get(self, name: str) -> Path:
        """Return another input."""

    def read(self, name: str) -> bytes:
        """Return the bytes of another input."""


Recipe = Callable[[Workshop, Path], None]
"""Makes the file at a path, whose suffix is ``.mp4`` whatever becomes of it."""


def film(*arguments: str) -> Recipe:
    """Let ffmpeg make a file from nothing."""
    return lambda workshop, target: workshop.ffmpeg(*arguments, target=target)


def copied(name: str, *arguments: str, before: tuple[str, ...] = ()) -> Recipe:
    """Let ffmpeg write another input anew, without coding it anew; ``before`` are options of the reading."""

    def make(workshop: Workshop, target: Path) -> None:
        workshop.ffmpeg(*before, "-i", str(workshop.get(name)), "-c", "copy", *arguments, target=target)

    return make


def joined(names: tuple[str, ...], *arguments: str) -> Recipe:
    """Let ffmpeg read several inputs at once."""

    def make(workshop: Workshop, target: Path) -> None:
        sources = [word for name in names for word in ("-i", str(workshop.get(name)))]
        workshop.ffmpeg(*sources, *arguments, target=target)

    return make


def chained(names: tuple[str, ...], kind: str, *arguments: str) -> Recipe:
    """Put elementary streams of a ``kind`` that ffmpeg reads one behind the other, bytes by bytes, into one file."""

    def make(workshop: Workshop, target: Path) -> None:
        row = target.with_suffix(".row")
        row.write_bytes(b"".join(workshop.read(name) for name in names))
        workshop.ffmpeg("-f", kind, "-i", str(row), "-c", "copy", *arguments, target=target)
        row.unlink()

    return make


def altered(name: str, change: Callable[[bytes], bytes]) -> Recipe:
    """Change the bytes of another input."""
    return lambda workshop, target: _write(target, change(workshop.read(name)))


def written(body: bytes) -> Recipe:
    """Write these bytes."""
    return lambda _, target: _write(target, body)


def pointing(text: str, name: str) -> Recipe:
    """Write a text in which ``{}`` is the path of another input."""
    return lambda workshop, target: _write(target, text.format(workshop.get(name)).encode())


def subtitled(texts: dict[str, str], *arguments: str) -> Recipe:
    """Give the input ``good`` text tracks, in SubRip by language."""

    def make(workshop: Workshop, target: Path) -> None:
        sources, maps, files = ["-i", str(workshop.get("good"))], ["-map", "0"], []
        for number, (language, text) in enumerate(texts.items(), start=1):
            file = target.with_suffix(f".{language}.srt")
            file.write_text(text)
            files.append(file)
            sources += ["-f", "srt", "-i", str(file)]
            maps += ["-map", str(number), f"-metadata:s:s:{number - 1}", f"language={language}"]
        workshop.ffmpeg(*sources, *maps, "-c", "copy", "-c:s", "mov_text", *arguments, target=target)
        for file in files:
            file.unlink()

    return make


def lavfi(*sources: str) -> tuple[str, ...]:
    """Return ffmpeg's arguments for sources that it makes up."""
    return tuple(word for source in sources for word in ("-f", "lavfi", "-i", source))


def picture(size: str = "160x90", rate: str = "30", seconds: float = SECONDS) -> str:
    """Return a source of moving pictures."""
    return f"testsrc2=s={size}:r={rate}:d={seconds}"


def tone(seconds: float = SECONDS, rate: int = 44100) -> str:
    """Return a source of sound in one channel."""
    return f"sine=d={seconds}:r={rate}"


CARD_LOOK = ("e02020", "20b020", "2020e0", "e0e0e0")
_QUARTERS = ";".join(
    f"color=c=0x{colour}:s=80x45:r=30:d=1,format=gbrp[{name}]" for name, colour in zip("abcd", CARD_LOOK, strict=True)
)
CARD = f"{_QUARTERS};[a][b]hstack[e];[c][d]hstack[f];[e][f]vstack,format=gbrp"
"""A still picture of four quarters, by which its colours, and which side of it is up, can be told."""

X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "15")
AAC = ("-c:a", "aac", "-b:a", "64k")
PICTURE = lavfi(picture())
BOTH = lavfi(picture(), tone())


def png(side: int) -> bytes:
    """Return a black square as PNG, of one bit a pixel."""
    rows = zlib.compress(bytes((side // 8 + 1) * side), 9)
    parts = ((b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)), (b"IDAT", rows), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in parts
    )


def _write(target: Path, body: bytes) -> None:
    target.write_bytes(body)
