"""Becomes a program that is confined: between fork and exec, on its own.

Run as ``python -I -S launcher.py PARENT [NAME=VALUE ...] -- PROGRAM ARGUMENT ...``: NAME is ``filter`` (a seccomp
filter in base64) or a limit of setrlimit(2), such as ``RLIMIT_DATA``. What it asks of the kernel holds for the program:

- it is killed when its caller, the process PARENT, ends;
- it gains no rights by executing anything, and has none of root's but the user's number;
- it leaves no core file, which would hold what others uploaded;
- it keeps to the limits, and to the filter.

A script by itself because subprocess's ``preexec_fn`` is not safe beside threads, and with nothing but the standard
library, without site-packages, because it stands before every start of ffmpeg.
"""

from __future__ import annotations

import binascii
import ctypes
import os
import resource
import signal
import sys

NOT_STARTED = 126
"""Exit code for a program that cannot be started as asked, with the reason on the standard error."""

EXEC_FD = 256
"""Where the program's file is when it is executed, as ``seccomp.EXEC_FD``: past the last that RLIMIT_NOFILE allows."""

# As prctl(2), seccomp(2) and capset(2) number them.
_SET_PDEATHSIG = 1
_SET_NO_NEW_PRIVS = 38
_SET_SECCOMP, _MODE_FILTER = 22, 2
_CAPABILITY_VERSION_3 = 0x2008_0522


class _Program(ctypes.Structure):
    """``struct sock_fprog``."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def main(words: list[str]) -> None:
    """Confine this process, and become the program that the words name."""
    end = words.index("--")
    parent, *settings = words[:end]
    argv = words[end + 1 :]
    limits = dict(setting.split("=", 1) for setting in settings)
    instructions = binascii.a2b_base64(limits.pop("filter", ""))
    try:
        _bind(int(parent))
        # Before the limits, of which one forbids so high a number; closed by exec.
        file = os.dup2(os.open(argv[0], os.O_RDONLY), EXEC_FD, inheritable=False) if instructions else argv[0]
        for name, value in limits.items():
            _limit(getattr(resource, name), int(value))
        # A program keeps what is ignored: by Python, as SIGPIPE, or by whoever started the worker, as nohup does.
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_DFL)
        if instructions:
            _filter(instructions)
        os.execve(file, argv, {})  # noqa: S606 - what the caller names
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{argv[0]} cannot be confined and started: {error}\n")
        sys.stderr.flush()
        os._exit(NOT_STARTED)


def _bind(parent: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform != "linux":
        return
    _prctl(_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the line above
        os._exit(NOT_STARTED)
    _prctl(_SET_NO_NEW_PRIVS, 1)
    renounce()


def renounce() -> None:
    """Give up every capability. Since no new ones are granted, root's are not given back by exec."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    none = (ctypes.c_uint32 * 6)()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.capset(header, none) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def _limit(which: int, value: int) -> None:
    _, most = resource.getrlimit(which)
    within = value if most == resource.RLIM_INFINITY else min(value, most)
    # SIGXCPU ends the program; the kernel's last word, SIGKILL, would look like a lack of memory.
    beyond = within + 10 if which == resource.RLIMIT_CPU and most == resource.RLIM_INFINITY else within
    resource.setrlimit(which, (within, beyond))


def _filter(instructions: bytes) -> None:
    program = _Program(len(instructions) // 8, instructions)
    _prctl(_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program))


def _prctl(option: int, *values: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    given = [ctypes.c_ulong(value) if isinstance(value, int) else value for value in values]
    if libc.prctl(option, *given, *[ctypes.c_ulong(0)] * (4 - len(given))) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option})")


if __name__ == "__main__":
    main(sys.argv[1:])
