"""Programs that cannot outlive the process that started them."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, Process, create_subprocess_exec
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from signal import SIGKILL, SIGTERM
from typing import NoReturn

from vidctl.errors import VidctlError
from vidctl.local import leash


class ProgramFailed(VidctlError):
    """A program that the local world needs did not start, or ended; the message has the end of its log."""

    code = "program_failed"


class LeashedProgram:
    """A running program on a leash (see ``leash``), in a session of its own, its output in a file."""

    def __init__(self, process: Process, *, name: str, log: Path, log_start: int) -> None:
        self.name = name
        self.log = log
        self._process = process
        self._log_start = log_start

    @property
    def pid(self) -> int | None:
        """The program's own process id; None before it started and after it ended."""
        # An orphan that the leash adopted is younger than the program.
        return min(leash.children(self._process.pid), default=None) if self.running else None

    @property
    def running(self) -> bool:
        """Whether the program, or something that it left behind, still runs."""
        return self._process.returncode is None

    async def wait(self) -> int:
        """Wait for the end; return the exit status, with 128 added to the number of a signal."""
        code = await self._process.wait()
        if code == -leash.KILL:  # killed before the leash listened
            return 128 + SIGKILL
        return code if code >= 0 else 128 - code

    async def must_run(self) -> NoReturn:
        """Wait for an end that nobody wants.

        Raises:
            ProgramFailed: it came.

        """
        code = await self.wait()
        raise ProgramFailed(f"{self.name} ended with status {code}; the end of its log:\n{self.tail()}")

    def terminate(self) -> None:
        """Send SIGTERM to the program."""
        self._signal(SIGTERM)

    def kill(self) -> None:
        """Kill the program and all that it started."""
        self._signal(leash.KILL)

    async def stop(self, grace: timedelta) -> int:
        """Send SIGTERM, and SIGKILL after ``grace``; return the exit status."""
        self.terminate()
        try:
            async with asyncio.timeout(grace.total_seconds()):
                return await self.wait()
        except TimeoutError:
            return await self.end()

    async def end(self) -> int:
        """Kill the program and all that it started; return the exit status."""
        self.kill()
        return await self.wait()

    def tail(self, lines: int = 20) -> str:
        """Return the end of what it wrote."""
        written = self.log.read_bytes()[self._log_start :].decode(errors="replace")
        return "\n".join(written.splitlines()[-lines:])

    def _signal(self, number: int) -> None:
        if self.running:
            self._process.send_signal(number)


async def start(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    log: Path,
    name: str | None = None,
    directory: Path | None = None,
) -> LeashedProgram:
    """Start a program with exactly this environment, in ``directory``; its output is added to the file ``log``.

    It dies with this process: call it from the main thread, whose end the kernel takes for that of the process.
    """
    with log.open("ab") as output:
        log_start = output.tell()
        process = await create_subprocess_exec(
            sys.executable,
            *("-P", "-m", "vidctl.local.leash", str(os.getpid())),
            *command,
            stdin=DEVNULL,
            stdout=output,
            stderr=output,
            env=dict(environment),
            cwd=directory,
            start_new_session=True,
        )
    return LeashedProgram(process, name=name or Path(command[0]).name, log=log, log_start=log_start)


def search_path() -> str:
    """Return where programs are looked for: first beside the running Python, where ffmpeg is, too."""
    return os.pathsep.join([str(Path(sys.executable).parent), *os.get_exec_path()])
