"""The program under the worker: its output, its end, and the end of its caller."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.processes import alive, gone
from vidctl.groups import TaskGroup
from vidctl.worker.failure import Failed
from vidctl.worker.ffmpeg.command import Command
from vidctl.worker.ffmpeg.confinement import Confinement
from vidctl.worker.ffmpeg.program import Ended, ignore
from vidctl.worker.ffmpeg.program import run_program as run_confined

MINUTE = timedelta(minutes=1)
SOON = timedelta(seconds=0.5)

CALLER = """
import asyncio, sys
from datetime import timedelta
from vidctl.worker.ffmpeg.confinement import Confinement
from vidctl.worker.ffmpeg.program import run_program
confinement = Confinement(mode=sys.argv[1], memory_bytes=None, file_bytes=1024)
minute = timedelta(minutes=1)
loop = "import os, time; print(os.getpid(), flush=True); time.sleep(100)"
command = (sys.executable, "-I", "-S", "-c", loop)
on_line = lambda line: print(line, flush=True)
asyncio.run(run_program(command, confinement=confinement, deadline=minute, stop_grace=minute, on_line=on_line))
"""

# A shell starts programs, as nothing may that is confined.
FREE = Confinement(mode="off", memory_bytes=None, file_bytes=1024)


async def run_program(
    command: Command, *, deadline: timedelta, stop_grace: timedelta, on_line: Callable[[str], None] = ignore
) -> Ended:
    return await run_confined(command, confinement=FREE, deadline=deadline, stop_grace=stop_grace, on_line=on_line)


def shell(text: str) -> tuple[str, ...]:
    return ("sh", "-c", text)


async def test_lines_come_while_the_program_runs() -> None:
    first = asyncio.Event()
    lines: list[str] = []

    def on_line(line: str) -> None:
        lines.append(line)
        first.set()

    async with TaskGroup() as group:
        running = group.create_task(
            run_program(
                shell("echo one; read nothing; sleep 0.2; printf two"),
                deadline=MINUTE,
                stop_grace=SOON,
                on_line=on_line,
            )
        )
        await first.wait()
        assert not running.done()
    assert lines == ["one", "two"]
    assert running.result().exit_code == 0


async def test_a_program_that_complains_without_end_costs_no_memory_and_does_not_hang() -> None:
    text = "i=0; while [ $i -lt 30000 ]; do echo line $i >&2; i=$((i+1)); done; echo done"
    lines: list[str] = []

    ended = await run_program(shell(text), deadline=MINUTE, stop_grace=SOON, on_line=lines.append)

    assert lines == ["done"]
    assert len(ended.stderr_tail) <= 4096
    assert ended.stderr_tail.startswith("line 29")
    assert ended.stderr_tail.endswith("line 29999\n")


@pytest.mark.parametrize(("text", "exit_code"), [("exit 3", 3), ("kill -TERM $$", -15)])
async def test_the_exit_code_and_the_signal_are_told(text: str, exit_code: int) -> None:
    assert (await run_program(shell(text), deadline=MINUTE, stop_grace=SOON)).exit_code == exit_code


async def test_past_its_deadline_a_program_ends_with_all_that_it_started() -> None:
    pids: list[str] = []
    text = "trap '' TERM; sleep 100 & echo $$; echo $!; wait; wait"

    with pytest.raises(Failed) as raised:
        await run_program(shell(text), deadline=SOON, stop_grace=timedelta(seconds=0.2), on_line=pids.append)

    assert raised.value.failure.code == "deadline"
    assert len(pids) == 2
    await gone(*map(int, pids))


async def test_a_cancelled_caller_takes_the_program_along() -> None:
    started: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def on_line(line: str) -> None:
        started.set_result(int(line))

    running = asyncio.ensure_future(
        run_program(shell("echo $$; exec sleep 100"), deadline=MINUTE, stop_grace=SOON, on_line=on_line)
    )
    pid = await started
    assert alive(pid)
    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running

    assert not alive(pid)


@pytest.mark.parametrize("mode", ["required", "off"])
async def test_a_killed_caller_takes_the_program_along(mode: str) -> None:
    caller = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CALLER, mode, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert caller.stdout is not None
    pid = int(await caller.stdout.readline())
    assert alive(pid)

    os.kill(caller.pid, signal.SIGKILL)
    await caller.wait()

    await gone(pid)


async def test_an_error_in_reading_a_line_ends_the_program() -> None:
    pids: list[str] = []

    def on_line(line: str) -> None:
        pids.append(line)
        raise ZeroDivisionError

    with pytest.raises(ExceptionGroup):
        await run_program(shell("echo $$; exec sleep 100"), deadline=MINUTE, stop_grace=SOON, on_line=on_line)

    assert not alive(int(pids[0]))
