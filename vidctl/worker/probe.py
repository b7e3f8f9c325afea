"""Asks ffprobe what is in a file."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from vidctl import mp4
from vidctl.errors import Malformed
from vidctl.worker.cmaf import boxes
from vidctl.worker.cmaf.boxes import Cut
from vidctl.worker.failure import Failed, refused
from vidctl.worker.ffmpeg import command, program
from vidctl.worker.ffmpeg.command import Command
from vidctl.worker.ffmpeg.confinement import Confinement
from vidctl.worker.ffmpeg.program import Ended
from vidctl.worker.source import ffprobe, side_data
from vidctl.worker.source.ffprobe import Decoded, Packets
from vidctl.worker.source.media import Media

INSPECT_DEADLINE = timedelta(minutes=5)
"""Reading the headers of a good file takes a tenth of a second."""

INSPECT_MEMORY = 2 * 1024**3
"""Bytes. The index of 12 hours at 60 frames a second takes 100 MB, the first pictures of 8K video 1 GB; some hundred
bytes can claim an index that takes 3 GB."""

# As libavutil says it of what is beyond -max_pixels, or beyond anything.
_ENCRYPTED = frozenset({"encv", "enca"})
_STEPS = 8
"""Jumps over boxes before the index of an ordinary file: one or two."""
_INDEX_BYTES = 4 * 1024**2

_TOO_LARGE = re.compile(r"Picture size (\d+x\d+) (?:exceeds|is invalid)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """ffprobe, with the time that decoding a whole file may take."""

    ffprobe: str
    confinement: Confinement
    deadline: timedelta
    stop_grace: timedelta

    async def inspect(self, path: Path) -> Media:
        """Return what a file from outside says of itself.

        Raises:
            Failed: ``empty``, ``not_a_video``, ``over_limits``, or as ``ffprobe.parse``.

        """
        kind, cut = await asyncio.to_thread(_outline, path)
        if not kind:
            raise refused("empty", "the file has no bytes: upload it again")
        if not mp4.is_mp4(kind):
            raise refused("not_a_video", "the file is not an MP4: its first bytes are those of another kind of file")
        if mp4.is_photograph(kind):
            raise refused("not_a_video", "the file is a photograph, not a video")
        if await asyncio.to_thread(_is_encrypted, path):
            raise refused("encrypted", "the video is encrypted: upload it without copy protection")
        modest = self.confinement.within(INSPECT_MEMORY)
        ended, text = await self._run(command.inspect(self.ffprobe, str(path)), INSPECT_DEADLINE, modest)
        if program.starved(ended):
            detail = "the file claims to be so large that its index alone takes more than 2 GiB of memory"
            raise refused("over_limits", detail, stderr_tail=ended.stderr_tail)
        _raise_killed(ended)
        if ended.exit_code > 0:
            # Where the file lies here is nothing to its uploader.
            said = _last_line(ended.stderr_tail).removeprefix(f"{path}: ")
            detail = f"the file is cut off or damaged: {cut or said}"
            raise refused("corrupt", detail, stderr_tail=ended.stderr_tail)
        return _found(text, cut, stderr_tail=ended.stderr_tail)

    async def decode(self, path: Path) -> tuple[Media | None, str]:
        """Decode a file whole; return what is in it, None if it cannot even be read, and ffprobe's complaints."""
        ended, text = await self._run(command.decode(self.ffprobe, str(path)), self.deadline, self.confinement)
        _raise_killed(ended)
        try:
            return (ffprobe.parse(text) if ended.exit_code == 0 else None), ended.stderr_tail
        except Failed as error:
            return None, ended.stderr_tail or str(error)

    async def decode_track(self, content: AsyncIterable[bytes]) -> tuple[Decoded | None, str]:
        """Decode a file of one track as it comes; return what it is, None if it is no such file, and the complaints."""
        argv = command.decode_track(self.ffprobe)
        ended, text = await self._run(argv, self.deadline, self.confinement, feed=content)
        _raise_killed(ended)
        return (ffprobe.parse_track(text) if ended.exit_code == 0 else None), ended.stderr_tail

    async def packets(self, path: Path, stream_index: int) -> Packets | None:
        """Return what a picture is coded of; None if that cannot be read."""
        argv = command.packets(self.ffprobe, str(path), stream_index)
        ended, text = await self._run(argv, self.deadline, self.confinement)
        _raise_killed(ended)
        return ffprobe.parse_packets(text.splitlines()) if ended.exit_code == 0 and not ended.stderr_tail else None

    async def peak_nits(self, path: Path, stream_index: int) -> float | None:
        """Return the light of the brightest pixel that the first frame tells of; None if it does not."""
        argv = side_data.first_frame(self.ffprobe, command.UNTRUSTED, str(path), stream_index)
        ended, text = await self._run(argv, INSPECT_DEADLINE, self.confinement)
        _raise_killed(ended)
        return side_data.frame_peak_nits(text)

    async def _run(
        self, argv: Command, deadline: timedelta, confinement: Confinement, *, feed: AsyncIterable[bytes] | None = None
    ) -> tuple[Ended, str]:
        lines: list[str] = []
        ended = await program.run_program(
            argv,
            confinement=confinement,
            deadline=deadline,
            stop_grace=self.stop_grace,
            on_line=lines.append,
            feed=feed,
        )
        return ended, "\n".join(lines)


def _raise_killed(ended: Ended) -> None:
    if (error := program.killed("ffprobe", ended)) is not None:
        raise error


def _outline(path: Path) -> tuple[bytes, Cut | None]:
    with path.open("rb") as file:
        return file.read(12), boxes.find_cut(file, path.stat().st_size)


def _is_encrypted(path: Path) -> bool:
    """Whether a track is encrypted (ISO/IEC 23001-7), of which ffprobe says nothing."""
    size_bytes = path.stat().st_size
    start, part = 0, b""
    with path.open("rb") as file:
        for _ in range(_STEPS):
            file.seek(start)
            part = file.read(_INDEX_BYTES)
            try:
                found = mp4.find_index(part, at=start, size_bytes=size_bytes)
                if isinstance(found, mp4.Index):
                    index = part[found.start - start : found.end - start]
                    movie = mp4.read_index(index, size_bytes=found.end - found.start)
                    return any(track.codec in _ENCRYPTED for track in movie.tracks)
            except Malformed:
                return False
            start = found.start
    return False


def _found(text: str, cut: Cut | None, *, stderr_tail: str) -> Media:
    """Return what ffprobe found in a file that it could read; raises as ``Probe.inspect``."""
    try:
        found = ffprobe.parse(text)
    except Failed as error:
        if cut is None:
            raise
        # Of an index that ends early ffprobe tells what it has read: perhaps a track without its codec.
        raise refused("corrupt", f"the file is cut off: {cut}", stderr_tail=stderr_tail) from error
    if not found.video.width and (size := _TOO_LARGE.search(stderr_tail)):
        detail = f"the file has a picture of {size[1]} pixels, which no decoder accepts"
        raise refused("over_limits", detail, stderr_tail=stderr_tail)
    if cut is not None and found.video.frames is None:
        # Fragments do not say how many there should be, so no claim would be missed later.
        raise refused("corrupt", f"the file is cut off: {cut}", stderr_tail=stderr_tail)
    return found


def _last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2]
