"""Makes the tracks of a source with ffmpeg, and says whose fault it is if that fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from vidctl.worker import progress, verify
from vidctl.worker.failure import DISK_FULL, Failed, failed, refused
from vidctl.worker.ffmpeg import command
from vidctl.worker.ffmpeg.command import Command
from vidctl.worker.ffmpeg.confinement import Confinement
from vidctl.worker.ffmpeg.program import Ended, ignore, killed, run_program
from vidctl.worker.probe import Probe
from vidctl.worker.progress import Advance
from vidctl.worker.recipes import loudness
from vidctl.worker.recipes.loudness import Loudness
from vidctl.worker.recipes.recipe import Recipe

# As ffmpeg 8, ffmpeg 5 and a decoder that needs a graphics card say it.
_NO_DECODER = ("no decoder found for", "not found for input stream", "doesn't support hardware accelerated")


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoder:
    """ffmpeg, working in ``directory``."""

    ffmpeg: str
    probe: Probe
    confinement: Confinement
    deadline: timedelta
    stall: timedelta
    stop_grace: timedelta
    directory: Path

    async def encode(self, source: Path, recipe: Recipe, *, on_advance: Callable[[Advance], None]) -> None:
        """Make every track in one run, so that the source is decoded once.

        Raises:
            Failed: ``corrupt`` if the source is at fault, ``stalled`` if ffmpeg hangs, else as ``blame``.

        """
        argv = command.encode(self.ffmpeg, str(source), recipe, directory=str(self.directory))
        ended = await self._followed(argv, on_advance)
        if ended.exit_code == 0:
            return
        error = blame(ended)
        if error.failure.code == "ffmpeg_failed":
            found, _ = await self.probe.decode(source)
            if found is None or verify.ends_early(found):
                raise refused("corrupt", "the video cannot be decoded", stderr_tail=ended.stderr_tail) from error
        raise error

    async def make(self, argv: Command) -> Ended:
        """Run a command that tells no progress and is a matter of seconds.

        Raises:
            Failed: as ``blame``, but never for good: what it works on was made here.

        """
        ended = await self._run(argv, deadline=min(self.deadline, self.stall))
        if ended.exit_code == 0:
            return ended
        error = blame(ended)
        if error.failure.code in ("unsupported_codec", "corrupt"):
            raise failed("ffmpeg_failed", error.failure.detail, stderr_tail=ended.stderr_tail)
        raise error

    async def fingerprint(self, path: Path, stream_index: int) -> str:
        """Return what tells a track and its copy from all others.

        Raises:
            Failed: ``ffmpeg_failed``.

        """
        lines: list[str] = []
        argv = command.fingerprint(self.ffmpeg, str(path), stream_index)
        ended = await self._run(argv, deadline=self.deadline, on_line=lines.append)
        if ended.exit_code != 0 or not lines:
            raise failed("ffmpeg_failed", "the packets cannot be read", stderr_tail=ended.stderr_tail)
        return lines[0].rpartition("=")[2]

    async def loudness(self, source: Path, stream_index: int, channels: int) -> Loudness | None:
        """Measure how loud a sound track is; None for silence, and for what cannot be decoded, which encoding tells."""
        argv = loudness.measure(self.ffmpeg, command.UNTRUSTED, str(source), stream_index, channels=channels)
        ended = await self._followed(argv, _unheard)
        if ended.exit_code != 0 or not loudness.is_measured(ended.stderr_tail):
            return None
        return loudness.parse(ended.stderr_tail)

    async def sound_end(self, source: Path, stream_index: int) -> float:
        """Decode a sound track; return the seconds from the beginning of the file to the end of what is heard.

        Raises:
            Failed: ``stalled`` if ffmpeg hangs, else as ``blame``.

        """
        reached = Advance()

        def note(advance: Advance) -> None:
            nonlocal reached
            reached = advance

        ended = await self._followed(command.listen(self.ffmpeg, str(source), stream_index), note)
        if ended.exit_code != 0:
            raise blame(ended)
        return reached.seconds

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
            done = f"{advance.seconds:.1f} s and {advance.frames} frames"
            raise failed("stalled", f"ffmpeg wrote {done}, and came no further for {self.stall}") from error

    async def _run(self, argv: Command, *, deadline: timedelta, on_line: Callable[[str], None] = ignore) -> Ended:
        return await run_program(
            argv, confinement=self.confinement, deadline=deadline, stop_grace=self.stop_grace, on_line=on_line
        )


def _unheard(_: Advance) -> None:
    """Tell nobody: measuring is no stage of its own."""


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
