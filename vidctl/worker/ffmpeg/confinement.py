"""How ffmpeg is confined, here and now: the words that start ``launcher``, and whether the platform can do it.

Nothing here needs a right that a container without capabilities lacks (Fargate: Linux 5.10, no namespaces of one's
own, no Landlock). What it keeps off, and what it does not, is in ``docs/decisions/010-containment.md``.
"""

from __future__ import annotations

import base64
import ctypes
import errno
import os
import platform
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Literal

from vidctl import logs
from vidctl.worker.failure import misconfigured
from vidctl.worker.ffmpeg import launcher, seccomp

log = logs.get(__name__)

Mode = Literal["required", "preferred", "off"]

# As prctl(2) numbers its options.
_SET_DUMPABLE = 4
_SET_SECCOMP, _MODE_FILTER = 22, 2

_MEMORY_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""Where a container reads its limit, with cgroups of version 2 and 1: a number of bytes, or ``max``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confinement:
    """What a program may have. ``memory_bytes`` None: what the machine has, but for an eighth, the worker's."""

    mode: Mode
    memory_bytes: int | None
    file_bytes: int

    def check(self, lack: str | None) -> None:
        """Say in the log, once, why ffmpeg will run without a filter; ``lack`` is what ``unavailable`` says.

        Raises:
            Failed: ``unconfined`` if it must not.

        """
        reason = "VIDCTL_WORKER_CONFINE is off" if self.mode == "off" else lack
        if reason is None:
            return
        if self.mode == "required":
            hint = "VIDCTL_WORKER_CONFINE=preferred runs ffmpeg all the same"
            raise misconfigured("unconfined", f"ffmpeg cannot be kept from the network: {reason}; {hint}")
        log.warning("unconfined", reason=reason)

    def within(self, memory_bytes: int) -> Confinement:
        """Return the same with no more memory than this."""
        return replace(self, memory_bytes=min(memory_bytes, self.memory_bytes or memory_for_programs()))

    def prefix(self, *, deadline: timedelta) -> tuple[str, ...]:
        """Return the words before a command that let it run confined, and end with this process."""
        launch = (sys.executable, "-I", "-S", launcher.__file__, str(os.getpid()))
        if self.mode == "off":
            return (*launch, "--")
        memory_bytes = self.memory_bytes or memory_for_programs()
        limits = (
            # Not RLIMIT_AS: threads reserve far more addresses than they ever use.
            f"RLIMIT_DATA={memory_bytes}",
            f"RLIMIT_FSIZE={self.file_bytes}",
            # All cores until the deadline: for the case that nobody is left to see it.
            f"RLIMIT_CPU={int(deadline.total_seconds() * (os.cpu_count() or 1)) + 1}",
            f"RLIMIT_NOFILE={seccomp.EXEC_FD}",
        )
        if unavailable() is not None:
            return (*launch, *limits, "--")
        return (*launch, *limits, f"filter={base64.b64encode(seccomp.assembled(platform.machine())).decode()}", "--")


def unavailable() -> str | None:
    """Return why programs cannot be filtered here; None if they can."""
    if sys.platform != "linux":
        return f"{sys.platform} has no seccomp"
    if not seccomp.knows(platform.machine()):
        return f"there is no filter for {platform.machine()}"
    # A kernel that has filters looks for this one, at no address; another does not know the word.
    if _prctl(_SET_SECCOMP, _MODE_FILTER) != errno.EFAULT:
        return "this kernel has no seccomp filters"
    return None


def shield() -> None:
    """Close this process's memory and environment, which hold credentials, to others of the same user.

    prctl(2): what is not dumpable belongs to root in /proc, and is traced only with CAP_SYS_PTRACE.
    """
    if sys.platform == "linux":
        _prctl(_SET_DUMPABLE, 0)


def memory_for_programs() -> int:
    """Return the bytes of memory that leave the worker an eighth of what there is."""
    return most_memory(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), _texts(_MEMORY_LIMITS)) * 7 // 8


def most_memory(physical_bytes: int, limits: Iterable[str]) -> int:
    """Return the least of the machine's memory and the limits of its control groups."""
    return min([physical_bytes, *(int(text) for text in limits if text.isdecimal())])


def _texts(paths: Iterable[Path]) -> Iterable[str]:
    for path in paths:
        try:
            yield path.read_text().strip()
        except OSError:  # it is not there, or not for us: then it says nothing
            continue


def _prctl(option: int, value: int) -> int:
    """Return the error that the kernel answers with; 0 if it does as it is told."""
    libc = ctypes.CDLL(None, use_errno=True)
    words = [ctypes.c_ulong(word) for word in (value, 0, 0, 0)]
    return ctypes.get_errno() if libc.prctl(option, *words) != 0 else 0
