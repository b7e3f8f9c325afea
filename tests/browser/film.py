"""A film whose every frame tells its own number, in a strip that survives scaling and compression.

The strip is the lowest eighth of the picture, in twelve cells: a white one, ten bits of the number, the highest first,
and a black one. So a picture that is all black or all white has no number.
"""

from __future__ import annotations

import asyncio
import subprocess
from fractions import Fraction
from pathlib import Path

from tests.media import program

RATE = 25
SECONDS = 16
FRAMES = RATE * SECONDS
BITS = 10
CELLS = BITS + 2
SIZE = (640, 360)

LANGUAGES = ("eng", "deu")
"""Of the two sound tracks: a low tone and a high one."""

CUES = (("00:00:01,000", "00:00:03,500", "Good morning."), ("00:00:09,000", "00:00:11,000", "Good night."))


def middle_of(frame: int) -> Fraction:
    """Return the second at which a frame is half over: there no rounding makes it its neighbour."""
    return Fraction(2 * frame + 1, 2 * RATE)


async def film(directory: Path) -> Path:
    """Make the film, with both sound tracks and English subtitles."""
    subtitles, target = directory / "film.srt", directory / "film.mp4"
    subtitles.write_text("\n".join(f"{n}\n{start} --> {end}\n{text}\n" for n, (start, end, text) in enumerate(CUES, 1)))
    picture = f"testsrc2=s={SIZE[0]}x{SIZE[1]}:r={RATE}:d={SECONDS},{_strip()}"
    command = [
        *(program("ffmpeg"), "-nostdin", "-loglevel", "error", "-y"),
        *("-f", "lavfi", "-i", picture),
        *("-f", "lavfi", "-i", f"sine=f=220:d={SECONDS}", "-f", "lavfi", "-i", f"sine=f=880:d={SECONDS}"),
        *("-i", str(subtitles), "-map", "0", "-map", "1", "-map", "2", "-map", "3"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-crf", "20", "-pix_fmt", "yuv420p", "-g", "250"),
        *("-c:a", "aac", "-ar", "48000", "-ac", "2", "-c:s", "mov_text"),
        *("-metadata:s:a:0", f"language={LANGUAGES[0]}", "-metadata:s:a:1", f"language={LANGUAGES[1]}"),
        *("-metadata:s:s:0", "language=eng", str(target)),
    ]
    await asyncio.to_thread(subprocess.run, command, check=True)
    return target


def _strip() -> str:
    """Return the filters that draw a frame's number."""
    return ",".join(
        (
            _box("0", "iw", "black"),
            _box("0", f"iw/{CELLS}", "white"),
            *(
                _box(f"iw*{cell}/{CELLS}", f"iw/{CELLS}", rf"white:enable=bitand(n\,{1 << (BITS - cell)})")
                for cell in range(1, BITS + 1)
            ),
        )
    )


def _box(left: str, width: str, colour: str) -> str:
    return f"drawbox=x={left}:y=ih*7/8:w={width}:h=ih/8:t=fill:color={colour}"
