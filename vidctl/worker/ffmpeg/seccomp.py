"""What ffmpeg may not ask of the kernel, and the seccomp filter that says so (P).

ffmpeg and ffprobe read and write local files and start threads; strace(1) shows some thirty system calls. Whoever takes
one of them over with a broken file shall not come further than that either: to the network, to other processes, to
a kernel's rarely used corners. What is refused is a list, not what is allowed: codecs and C libraries differ in what
they use, and change.

Sources: seccomp(2); linux/filter.h and linux/seccomp.h for the instructions and their numbers; linux/audit.h for the
architectures; asm/unistd_64.h (x86-64) and asm-generic/unistd.h (aarch64) for the calls.
"""

from __future__ import annotations

import errno
import signal
import struct
from collections.abc import Iterator
from dataclasses import dataclass

EXEC_FD = 256
"""The one descriptor that can be executed; no process may open as many, so that it can only be handed down."""

NEWEST = 440
"""The last call of Linux 5.10, which Fargate runs. Newer ones do not exist for ffmpeg: nobody has looked at them."""

Numbers = tuple[int | None, int | None]
"""A call's number on x86-64 and on aarch64; None where there is no such call."""

_MACHINES = {"x86_64": (0, 0xC000_003E), "aarch64": (1, 0xC000_00B7)}
"""platform.machine() → the place in ``Numbers``, and AUDIT_ARCH of linux/audit.h."""

REFUSED: dict[str, dict[str, Numbers]] = {
    "sockets: no network, no services of this machine, nobody to hand a secret to": {
        "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201),
        "accept": (43, 202), "accept4": (288, 242), "sendto": (44, 206), "sendmsg": (46, 211), "sendmmsg": (307, 269),
    },
    "io_uring: opens sockets and files without a call that a filter sees": {
        "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    },
    "programs and processes: ffmpeg starts threads only": {
        "execve": (59, 221), "fork": (57, None), "vfork": (58, None),
    },
    "other processes, the worker with its credentials first": {
        "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
        "pidfd_open": (434, 434), "pidfd_getfd": (438, 438), "process_madvise": (440, 440),
    },
    "signals: abort() then ends by SIGSEGV": {
        "kill": (62, 129), "tkill": (200, 130), "tgkill": (234, 131), "rt_sigqueueinfo": (129, 138),
        "rt_tgsigqueueinfo": (297, 240), "pidfd_send_signal": (424, 424),
    },
    "namespaces and mounts": {
        "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41),
        "chroot": (161, 51), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
        "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433),
    },
    "corners of the kernel with a history of holes": {
        "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "keyctl": (250, 219),
        "add_key": (248, 217), "request_key": (249, 218), "personality": (135, 92), "modify_ldt": (154, None),
    },
    "files by handle: they go round the directories that lead to them": {
        "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265),
    },
    "memory that outlives its process and that no limit counts": {
        "shmget": (29, 194), "semget": (64, 190), "msgget": (68, 186), "mq_open": (240, 180),
        "memfd_create": (319, 279),
    },
    "the machine itself, where the worker has such rights": {
        "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106), "kexec_load": (246, 104),
        "kexec_file_load": (320, 294), "reboot": (169, 142), "swapon": (167, 224), "swapoff": (168, 225),
        "acct": (163, 89), "quotactl": (179, 60), "iopl": (172, None), "ioperm": (173, None),
    },
}  # fmt: skip
"""Reason → the calls that are answered with EPERM for it."""

_CLONE: Numbers = (56, 220)
_CLONE3: Numbers = (435, 435)
_EXECVEAT: Numbers = (322, 281)
_SIGACTION: Numbers = (13, 134)

_CLONE_THREAD = 0x0001_0000
_CLONE_NAMESPACES = 0x7E02_0080
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET and NEWTIME of linux/sched.h."""

# struct seccomp_data: the call, the architecture, the instruction pointer, then six arguments of 64 bits.
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16

# BPF_LD|BPF_W|BPF_ABS, BPF_JMP|BPF_{JEQ,JGT,JSET}|BPF_K, BPF_RET|BPF_K
_LOAD, _EQUAL, _GREATER, _ANY_BIT, _RETURN = 0x20, 0x15, 0x25, 0x45, 0x06

ALLOW = 0x7FFF_0000
KILL = 0x8000_0000
"""SECCOMP_RET_KILL_PROCESS: for a call by another architecture's rules, which no program makes by mistake."""


def answer(error: int) -> int:
    """Return what lets a call fail with ``error`` (SECCOMP_RET_ERRNO)."""
    return 0x0005_0000 | error


@dataclass(frozen=True, slots=True)
class Instruction:
    """One ``struct sock_filter``; a jump's two ways are numbers of instructions to skip."""

    code: int
    value: int
    if_true: int = 0
    if_false: int = 0

    def packed(self) -> bytes:
        """Return its 8 bytes; both machines are little-endian."""
        return struct.pack("<HBBI", self.code, self.if_true, self.if_false, self.value)


def knows(machine: str) -> bool:
    """Whether there is a filter for a machine, as platform.machine() names it."""
    return machine in _MACHINES


def assembled(machine: str) -> bytes:
    """Return the filter for a machine, an array of ``struct sock_filter``."""
    return b"".join(instruction.packed() for instruction in _filter(*_MACHINES[machine]))


def _filter(column: int, architecture: int) -> Iterator[Instruction]:
    yield Instruction(_LOAD, _ARCHITECTURE)
    yield from _unless(_EQUAL, architecture, KILL)
    yield Instruction(_LOAD, _NUMBER)
    # Above it is x32 as well, a third set of numbers on x86-64: they begin at 0x40000000.
    yield from _when(_GREATER, NEWEST, answer(errno.ENOSYS))
    # Its flags are in memory, out of a filter's sight; C libraries then take clone, as on an older kernel.
    yield from _when(_EQUAL, _CLONE3[column] or 0, answer(errno.ENOSYS))
    for calls in REFUSED.values():
        for numbers in calls.values():
            if (number := numbers[column]) is not None:
                yield from _when(_EQUAL, number, answer(errno.EPERM))
    refused = answer(errno.EPERM)
    yield from _case(
        _CLONE[column], 0, *_unless(_ANY_BIT, _CLONE_THREAD, refused), *_when(_ANY_BIT, _CLONE_NAMESPACES, refused)
    )
    yield from _case(_EXECVEAT[column], 0, *_unless(_EQUAL, EXEC_FD, refused))
    # ffmpeg would take it for a wish to end soon, and exit as if it had been told to.
    yield from _case(_SIGACTION[column], 0, *_when(_EQUAL, signal.SIGXCPU, refused))
    yield Instruction(_RETURN, ALLOW)


def _when(test: int, value: int, verdict: int) -> tuple[Instruction, ...]:
    """Return ``verdict`` where what was loaded passes the test."""
    return (Instruction(test, value, 0, 1), Instruction(_RETURN, verdict))


def _unless(test: int, value: int, verdict: int) -> tuple[Instruction, ...]:
    return (Instruction(test, value, 1, 0), Instruction(_RETURN, verdict))


def _case(number: int | None, argument: int, *body: Instruction) -> tuple[Instruction, ...]:
    """Look at the lower half of a call's argument, and allow the call where ``body`` has no verdict."""
    load = Instruction(_LOAD, _ARGUMENTS + 8 * argument)
    inner = (load, *body, Instruction(_RETURN, ALLOW))
    return (Instruction(_EQUAL, number or 0, 0, len(inner)), *inner)
