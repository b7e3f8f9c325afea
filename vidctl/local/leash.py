"""The first process of a container, and of every other program that the local world starts. Linux only.

Run as ``python -m vidctl.local.leash PARENT PROGRAM …``. What a container's runtime promises holds without one:

- SIGTERM goes to the program, and to nobody else;
- when the program ends, however it ends, every process that it left behind is killed, and the exit status is the
  program's, or 128 and the number of the signal that ended it;
- when the starting process (``PARENT``) dies, even by SIGKILL, or sends SIGUSR1, all of them are killed at once.

The module imports little, since it stands before the start of every task.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

KILL = signal.SIGUSR1
"""Ends the program and all that it started, at once."""

NOT_STARTED = 127
"""Exit status when there is no such program, as a shell's."""

_SET_DEATH_SIGNAL = 1
_SET_CHILD_SUBREAPER = 36
"""Options of prctl, as its manual page numbers them."""


def main(parent: int, program: list[str]) -> int:
    """Run ``program`` until it ends, or until the process ``parent`` does; return its exit status."""
    signals = {signal.SIGTERM, signal.SIGCHLD, KILL}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    # Grandchildren whose parent died become ours instead of init's, so that none escapes.
    _prctl(_SET_CHILD_SUBREAPER, 1)
    _prctl(_SET_DEATH_SIGNAL, KILL)
    if os.getppid() != parent:  # it died before the line above
        return 128 + KILL
    child = os.fork()
    if child == 0:
        _become(program, signals)
    status = None
    while status is None:
        match signal.sigwait(signals):
            case signal.SIGTERM:
                os.kill(child, signal.SIGTERM)
            case signal.SIGCHLD:
                status = _reap(child)
            case _:
                os.kill(child, signal.SIGKILL)
    _kill_children()
    return status


def children(of: int) -> list[int]:
    """Return the processes whose parent is ``of``."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # Linux: proc(5). The name, in parentheses, may hold anything; the state and the parent follow it.
            parent = stat.read_text().rpartition(")")[2].split()[1]
        except (OSError, IndexError):  # it ended while we looked
            continue
        if int(parent) == of:
            found.append(int(stat.parent.name))
    return found


def _become(program: list[str], blocked: set[signal.Signals]) -> NoReturn:
    # The leash itself can be killed: then the program must not outlive it.
    _prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, blocked)
    try:
        os.execvp(program[0], program)  # noqa: S606 - the caller names the program
    except OSError as error:
        sys.stderr.write(f"{program[0]}: {error.strerror}\n")
        sys.stderr.flush()
        os._exit(NOT_STARTED)


def _reap(child: int) -> int | None:
    """Bury every child that ended; return the exit status of ``child`` if it was among them."""
    status = None
    while True:
        try:
            pid, wait_status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return status
        if pid == 0:
            return status
        if pid == child:
            code = os.waitstatus_to_exitcode(wait_status)
            status = code if code >= 0 else 128 - code


def _kill_children() -> None:
    while True:
        for pid in children(os.getpid()):
            os.kill(pid, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _prctl(option: int, value: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option})")


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
