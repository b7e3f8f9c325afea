"""The seccomp filter, carried out as the kernel would: which call on which machine gets which answer."""

from __future__ import annotations

import errno
import signal
import struct

import pytest

from vidctl.worker.ffmpeg import launcher, seccomp
from vidctl.worker.ffmpeg.seccomp import ALLOW, EXEC_FD, KILL, REFUSED, answer, assembled

X86, ARM = 0xC000_003E, 0xC000_00B7
MACHINES = [("x86_64", 0, X86), ("aarch64", 1, ARM)]
EPERM, ENOSYS = answer(errno.EPERM), answer(errno.ENOSYS)

THREAD = 0x3D0F00
"""What C libraries start a thread with: VM, FS, FILES, SIGHAND, THREAD, SYSVSEM, SETTLS and two about its number."""

NEW_NET, NEW_USER = 0x4000_0000, 0x1000_0000


def verdict(machine: str, architecture: int, number: int, *arguments: int) -> int:
    """Carry a filter out by linux/filter.h, over a ``struct seccomp_data``."""
    data = struct.pack("<IIQ6Q", number, architecture, 0, *arguments, *[0] * (6 - len(arguments)))
    program = list(struct.iter_unpack("<HBBI", assembled(machine)))
    at = loaded = 0
    while True:
        code, if_true, if_false, value = program[at]
        match code:
            case 0x20:
                (loaded,) = struct.unpack_from("<I", data, value)
                at += 1
            case 0x06:
                return int(value)
            case _:
                passed = {0x15: loaded == value, 0x25: loaded > value, 0x45: bool(loaded & value)}[code]
                at += 1 + (if_true if passed else if_false)


@pytest.mark.parametrize(("machine", "column", "architecture"), MACHINES)
def test_every_call_of_the_table_is_refused(machine: str, column: int, architecture: int) -> None:
    for calls in REFUSED.values():
        for name, numbers in calls.items():
            number = numbers[column]
            assert number is None or verdict(machine, architecture, number) == EPERM, name


# read, write, close, mmap, futex, openat, ioctl, exit_group, sched_setaffinity
@pytest.mark.parametrize(
    ("machine", "architecture", "numbers"),
    [
        ("x86_64", X86, (0, 1, 3, 9, 202, 257, 16, 231, 203)),
        ("aarch64", ARM, (63, 64, 57, 222, 98, 56, 29, 94, 122)),
    ],
)
def test_what_ffmpeg_lives_on_is_allowed(machine: str, architecture: int, numbers: tuple[int, ...]) -> None:
    assert {verdict(machine, architecture, number) for number in numbers} == {ALLOW}


@pytest.mark.parametrize(("machine", "clone", "architecture"), [("x86_64", 56, X86), ("aarch64", 220, ARM)])
def test_threads_are_started_and_nothing_else(machine: str, clone: int, architecture: int) -> None:
    assert verdict(machine, architecture, clone, THREAD) == ALLOW
    assert verdict(machine, architecture, clone, signal.SIGCHLD) == EPERM
    assert verdict(machine, architecture, clone, THREAD | NEW_NET) == EPERM
    assert verdict(machine, architecture, clone, NEW_USER) == EPERM
    assert verdict(machine, architecture, 435) == ENOSYS


@pytest.mark.parametrize(("machine", "execveat", "architecture"), [("x86_64", 322, X86), ("aarch64", 281, ARM)])
def test_only_the_descriptor_of_the_launcher_is_executed(machine: str, execveat: int, architecture: int) -> None:
    assert launcher.EXEC_FD == EXEC_FD
    assert verdict(machine, architecture, execveat, EXEC_FD) == ALLOW
    assert verdict(machine, architecture, execveat, EXEC_FD - 1) == EPERM
    assert verdict(machine, architecture, execveat, 0xFFFF_FF9C) == EPERM


@pytest.mark.parametrize(("machine", "sigaction", "architecture"), [("x86_64", 13, X86), ("aarch64", 134, ARM)])
def test_the_end_of_the_processor_time_cannot_be_caught(machine: str, sigaction: int, architecture: int) -> None:
    assert verdict(machine, architecture, sigaction, signal.SIGXCPU) == EPERM
    assert verdict(machine, architecture, sigaction, signal.SIGTERM) == ALLOW


@pytest.mark.parametrize("number", [441, 462, 0x4000_0000, 0x4000_0000 + 41, 0xFFFF_FFFF])
@pytest.mark.parametrize(("machine", "architecture"), [("x86_64", X86), ("aarch64", ARM)])
def test_newer_calls_and_those_of_x32_do_not_exist(machine: str, architecture: int, number: int) -> None:
    assert verdict(machine, architecture, number) == ENOSYS


@pytest.mark.parametrize(("machine", "other"), [("x86_64", 0x4000_0003), ("x86_64", ARM), ("aarch64", 0x4000_0028)])
def test_a_call_by_the_rules_of_another_architecture_ends_the_program(machine: str, other: int) -> None:
    assert verdict(machine, other, 0) == KILL


def test_a_machine_without_a_table_is_not_known() -> None:
    assert seccomp.knows("x86_64")
    assert not seccomp.knows("riscv64")
