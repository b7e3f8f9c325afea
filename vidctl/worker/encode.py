"""Makes the renditions and the poster of a source, and holds them against it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import assert_never

from vidctl.model import FailureClass
from vidctl.worker import command, progress, verify
from vidctl.worker.command import Command, Encoding
from vidctl.worker.confinement import Confinement
from vidctl.worker.failure import DISK_FULL, Failed, failed, refused
from vidctl.worker.ffmpeg import Ended, ignore, killed, run_program
from vidctl.worker.ladder import Rendition
from vidctl.worker.media import Media
from vidctl.worker.probe import Probe
from vidctl.worker.progress import Advance
from vidctl.worker.verify import Verdict

POSTER = "poster.jpg"

# As ffmpeg 8, ffmpeg 5 and a decoder that needs a graphics card say it.
_NO_DECODER = ("no decoder found for", "not found for input stream", "doesn't support hardware accelerated")


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoder:
    """ffmpeg, working on ``source`` and in ``directory``."""

    ffmpeg: str
    probe: Probe
    confinement: Confinement
    encoding: Encoding
    deadline: timedelta
    stall: timedelta
    stop_grace: timedelta
    source: Path
    media: Media
    directory: Path

    async def encode(self, renditions: tuple[Rendition, ...], *, on_advance: Callable[[Advance], None]) -> None:
        """Make every rendition in one run, so that the source is decoded once.

        Raises:
            Failed: ``corrupt`` if the source is at fault, ``stalled`` if ffmpeg hangs, else as ``blame``.

        """
        argv = command.transcode(
            self.ffmpeg, str(self.source), self.media, renditions, self.encoding, directory=str(self.directory)
        )
        ended = await self._followed(argv, on_advance)
        if ended.exit_code == 0:
            return
        error = blame(ended)
        if error.failure.code == "ffmpeg_failed":
            source, _ = await self.probe.decode(self.source)
            if source is None or verify.ends_early(source):
                raise refused("corrupt", "the video cannot be decoded", stderr_tail=ended.stderr_tail) from error
        raise error

    async def _followed(self, argv: Command, on_advance: Callable[[Advance], None]) -> Ended:
        """Run ffmpeg for as long as it comes further: one that hangs may go on to write the same progress."""
        loop, advance = asyncio.get_running_loop(), Advance()

        def follow(line: str) -> None:
            nonlocal advance
            before, advance = advance, progress.read(advance, line)
            if advance.beyond(before) and not patience.expired():
                patience.reschedule(loop.time() + self.stall.total_seconds())
            on_advance(advance)

        try:
            async with asyncio.timeout(self.stall.total_seconds()) as patience:
                return await self._run(argv, deadline=self.deadline, on_line=follow)
        except TimeoutError as error:
            done = f"{advance.seconds:.1f} of {self.media.duration_seconds:.1f} s and {advance.frames} frames"
            raise failed("stalled", f"ffmpeg wrote {done}, and came no further for {self.stall}") from error

    async def poster(self, rendition: Rendition) -> Path:
        """Take the poster from a rendition that was verified.

        Raises:
            Failed: ``poster_failed``, or as ``blame``, but never for good.

        """
        target = self.directory / POSTER
        # The file's duration may be that of its sound.
        seconds = self.media.video.duration_seconds or self.media.duration_seconds
        video = str(self.directory / rendition.name)
        argv = command.poster(self.ffmpeg, video, duration_seconds=seconds, target=str(target))
        # It tells no progress, and is a matter of seconds.
        ended = await self._run(argv, deadline=min(self.deadline, self.stall))
        if ended.exit_code != 0 and (error := blame(ended)).failure.failure is not FailureClass.PERMANENT:
            raise error
        if ended.exit_code != 0 or not target.is_file():
            # The rendition was verified, so whatever this is, it is not the input's fault.
            raise failed("poster_failed", "ffmpeg found no frame for the poster", stderr_tail=ended.stderr_tail)
        return target

    async def verify(self, rendition: Rendition) -> None:
        """Decode a rendition whole and compare it with what the source claims.

        Raises:
            Failed: ``verify_failed``; or ``corrupt``, if it is short because the source ends early.

        """
        output, complaints = await self.probe.decode(self.directory / rendition.name)
        if output is None or complaints:
            detail = f"{rendition.name} cannot be decoded without errors"
            raise failed("verify_failed", detail, stderr_tail=complaints)
        await self._complete(rendition, output)
        fault = verify.fault(output, rendition)
        if fault is not None:
            raise failed("verify_failed", f"{rendition.name}: {fault}")

    async def _complete(self, rendition: Rendition, output: Media) -> None:
        """Raise if an output lacks anything that its source really holds, or if the source lacks what it claims."""
        lack = verify.lack(self.media, output)
        if lack is None:
            return
        source, complaints = await self.probe.decode(self.source)
        match verify.judge(source, output, complaints=bool(complaints)):
            case Verdict.COMPLETE:
                return
            case Verdict.DAMAGED:
                raise refused("corrupt", f"the file is cut off or damaged: {lack}", stderr_tail=complaints)
            case Verdict.LOST:
                raise failed("verify_failed", f"{rendition.name}: {lack}")
            case verdict:
                assert_never(verdict)

    async def _run(self, argv: Command, *, deadline: timedelta, on_line: Callable[[str], None] = ignore) -> Ended:
        return await run_program(
            argv, confinement=self.confinement, deadline=deadline, stop_grace=self.stop_grace, on_line=on_line
        )


def blame(ended: Ended) -> Failed:
    """Return what an ffmpeg that did not end well says of the attempt."""
    if (by_signal := killed("ffmpeg", ended)) is not None:
        return by_signal
    if "No space left on device" in ended.stderr_tail:
        return failed(DISK_FULL, "the disk is full", stderr_tail=ended.stderr_tail)
    if any(words in ended.stderr_tail for words in _NO_DECODER):
        detail = "ffmpeg here has no decoder for a codec of the file"
        return refused("unsupported_codec", detail, stderr_tail=ended.stderr_tail)
    if ended.exit_code == command.TOO_MANY_ERRORS:
        detail = "the file is damaged: more than a tenth of a track cannot be decoded"
        return refused("corrupt", detail, stderr_tail=ended.stderr_tail)
    return failed("ffmpeg_failed", f"ffmpeg ended with exit code {ended.exit_code}", stderr_tail=ended.stderr_tail)
