"""Makes the sample clip: a test picture with a tone."""

from __future__ import annotations

import shutil
from asyncio.subprocess import DEVNULL, PIPE, create_subprocess_exec
from pathlib import Path

from vidctl.local.process import ProgramFailed, search_path

SECONDS = 12
SIZE = "1280x720"


async def make(target: Path) -> None:
    """Write twelve seconds of H.264 and AAC to ``target``.

    Raises:
        ProgramFailed: ffmpeg is missing, or failed.

    """
    program = shutil.which("ffmpeg", path=search_path())
    if program is None:
        raise ProgramFailed("ffmpeg: not found beside this Python nor on PATH")
    sources = (f"testsrc2=size={SIZE}:rate=30:duration={SECONDS}", f"sine=frequency=440:duration={SECONDS}")
    ffmpeg = await create_subprocess_exec(
        program,
        *("-v", "error", "-nostdin", "-y"),
        *(word for source in sources for word in ("-f", "lavfi", "-i", source)),
        *("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", "-f", "mp4", str(target)),
        stdin=DEVNULL,
        stdout=DEVNULL,
        stderr=PIPE,
    )
    _, errors = await ffmpeg.communicate()
    if ffmpeg.returncode != 0:
        raise ProgramFailed(f"ffmpeg: {errors.decode(errors='replace').strip()}")
