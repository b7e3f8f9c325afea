"""Runs one program of ffmpeg's as a process group of its own, which ends with its caller whatever happens to either.

A deadline, a cancellation and an error end the group with SIGTERM, then SIGKILL. If the worker itself is killed the
kernel kills the program, too: without a reader an ffmpeg would go on for hours. What the program may do is for
``confinement`` to say.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterable, AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta

from vidctl.groups import TaskGroup
from vidctl.worker.failure import Failed, failed, misconfigured, refused
from vidctl.worker.ffmpeg.command import Command
from vidctl.worker.ffmpeg.confinement import Confinement

TAIL_BYTES = 4096
"""What is kept of the standard error: its end, however much a broken input makes ffmpeg complain."""

NOT_STARTED = (126, 127)
"""Exit codes of the launcher and the dynamic linker for a program that never ran; ffmpeg and ffprobe have no such."""

_NO_MEMORY = ("Cannot allocate memory", "Out of memory", "malloc of size", "std::bad_alloc")
"""How ffmpeg (ENOMEM, as glibc and musl put it), x264 and the encoders in C++ say that they were refused memory."""

_CHUNK = 64 * 1024
_LONGEST_LINE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How the program ended by itself; a negative exit code is a signal's number."""

    exit_code: int
    stderr_tail: str


def ignore(_line: str) -> None:
    """Take a line of output and do nothing with it."""


async def run_program(
    command: Command,
    *,
    confinement: Confinement,
    deadline: timedelta,
    stop_grace: timedelta,
    on_line: Callable[[str], None] = ignore,
    feed: AsyncIterable[bytes] | None = None,
) -> Ended:
    """Run a confined program to its end, handing each line of its output to ``on_line`` as it comes.

    ``feed`` is its standard input, of which it may leave some unread.

    Raises:
        Failed: ``ffmpeg_missing`` if there is no such program, ``ffmpeg_broken`` if it cannot be confined and started,
            ``deadline`` if it took too long.

    """
    prefix = confinement.prefix(deadline=deadline)
    async with _started(command, prefix, stop_grace, stdin=DEVNULL if feed is None else PIPE) as process:
        try:
            async with asyncio.timeout(deadline.total_seconds()), TaskGroup() as group:
                tail = group.create_task(_tail(_pipe(process.stderr)))
                group.create_task(_each_line(_pipe(process.stdout), on_line))
                if feed is not None:
                    group.create_task(_feed(process, feed))
                group.create_task(process.wait())
        except TimeoutError as error:
            raise failed("deadline", f"{command[0]} did not end within {deadline}") from error
        if process.returncode in NOT_STARTED:
            raise misconfigured("ffmpeg_broken", f"{command[0]} cannot be started: {tail.result().strip()}")
        return Ended(exit_code=await process.wait(), stderr_tail=tail.result())


def starved(ended: Ended) -> bool:
    """Whether a program failed for the memory that it was refused."""
    return ended.exit_code != 0 and any(words in ended.stderr_tail for words in _NO_MEMORY)


def killed(program: str, ended: Ended) -> Failed | None:
    """Return what the limit or the signal that ended a program says of the attempt; None if it ended by itself."""
    tail = ended.stderr_tail
    if starved(ended):
        return failed("out_of_memory", f"{program} was refused the memory it asked for", stderr_tail=tail)
    if ended.exit_code >= 0:
        return None
    match -ended.exit_code:
        case signal.SIGKILL:
            detail = f"{program} was killed by signal 9, as the kernel does when memory runs out"
            return failed("out_of_memory", detail, stderr_tail=tail)
        case signal.SIGXFSZ:
            return refused("over_limits", f"a file that {program} wrote grew larger than is allowed", stderr_tail=tail)
        case signal.SIGXCPU:
            return failed("deadline", f"{program} used up the processor time it was given", stderr_tail=tail)
        case number:
            return failed(f"{program}_crashed", f"{program} ended by signal {number}", stderr_tail=tail)


@asynccontextmanager
async def _started(command: Command, prefix: Command, stop_grace: timedelta, *, stdin: int) -> AsyncIterator[Process]:
    program = shutil.which(command[0])
    if program is None:
        detail = (
            f"there is no program {command[0]!r}: install it, or set VIDCTL_WORKER_FFMPEG and VIDCTL_WORKER_FFPROBE"
        )
        raise misconfigured("ffmpeg_missing", detail)
    process = await asyncio.create_subprocess_exec(
        *(*prefix, program, *command[1:]),
        stdin=stdin,
        stdout=PIPE,
        stderr=PIPE,
        # It reads files from strangers: it gets no credentials. Without a locale its messages are in English.
        env={},
        start_new_session=True,
    )
    try:
        yield process
    finally:
        await _end(process, stop_grace)


async def _end(process: Process, grace: timedelta) -> None:
    """End what still runs of the group; a second cancellation only makes it end at once."""
    if process.returncode is not None:
        return
    _signal(process, signal.SIGTERM)
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(grace.total_seconds()):
                await process.wait()
    finally:
        if process.returncode is None:
            _signal(process, signal.SIGKILL)
            await process.wait()


def _signal(process: Process, number: signal.Signals) -> None:
    # The group has the number of its first process, which stays taken until that was waited for.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


async def _feed(process: Process, feed: AsyncIterable[bytes]) -> None:
    if process.stdin is None:
        raise TypeError("the program was started without a standard input")
    # Its exit code says why it read no further.
    with suppress(BrokenPipeError, ConnectionResetError):
        async for chunk in feed:
            process.stdin.write(chunk)
            await process.stdin.drain()
        process.stdin.close()


async def _tail(stream: asyncio.StreamReader) -> str:
    tail = b""
    while chunk := await stream.read(_CHUNK):
        tail = (tail + chunk)[-TAIL_BYTES:]
    text = tail.decode(errors="replace")
    # The first line has most likely lost its beginning.
    return text if len(tail) < TAIL_BYTES else text.partition("\n")[2]


async def _each_line(stream: asyncio.StreamReader, on_line: Callable[[str], None]) -> None:
    pending = b""
    while chunk := await stream.read(_CHUNK):
        *lines, pending = (pending + chunk).split(b"\n")
        for line in lines:
            on_line(line.decode(errors="replace"))
        pending = pending[-_LONGEST_LINE:]
    if pending:
        on_line(pending.decode(errors="replace"))


def _pipe(stream: asyncio.StreamReader | None) -> asyncio.StreamReader:
    if stream is None:
        raise TypeError("the program was started without pipes")
    return stream
