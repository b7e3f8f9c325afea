"""How large a task is, by what is known of its source."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests import builders as b
from vidctl.model import FailureClass
from vidctl.reconciler.glance import Hopeless, Seen, Sight, Unknown
from vidctl.reconciler.policy import TaskSize
from vidctl.reconciler.sizing import Need, need, size, smallest

SIZES = tuple(
    TaskSize(cpu_units=cpu, memory_mib=memory, ephemeral_gib=disk)
    for cpu, memory, disk in ((2048, 4096, 30), (4096, 8192, 60), (8192, 16384, 200))
)
RUN = timedelta(hours=13)
HOUR, GIB = 3600.0, 1024**3
SMALL, LARGE, LARGEST = range(3)
UHD = (3840, 2160)


def chosen(sight: Sight | None, size_bytes: int = GIB) -> int:
    return smallest(need(b.source(size_bytes=size_bytes), sight, RUN), SIZES)


@pytest.mark.parametrize(
    ("seen", "size_bytes", "expected"),
    [
        (b.seen_inside(60), 10**7, SMALL),
        (b.seen_inside(HOUR), GIB, SMALL),
        (b.seen_inside(HOUR, 1280, 720), GIB, SMALL),
        (b.seen_inside(HOUR, 1080, 1920), GIB, SMALL),
        (b.seen_inside(HOUR, frames_per_second=60.0), GIB, LARGE),
        (b.seen_inside(60, *UHD), 10**8, SMALL),
        (b.seen_inside(HOUR, *UHD), 4 * GIB, LARGE),
        (b.seen_inside(HOUR, *UHD, frames_per_second=60.0), 4 * GIB, LARGEST),
        (b.seen_inside(HOUR, *UHD, frames_per_second=60.0, codec="hvc1"), 4 * GIB, LARGEST),
        (b.seen_inside(HOUR, 8192, 4320), 5 * GIB, LARGEST),
        (b.seen_inside(12 * HOUR), 5 * GIB, LARGEST),
        (b.seen_inside(8 * HOUR, 640, 360), GIB, SMALL),
    ],
)
def test_a_task_is_as_large_as_its_video_asks_for(seen: Seen, size_bytes: int, expected: int) -> None:
    assert chosen(seen, size_bytes) == expected


@pytest.mark.parametrize("sight", [None, Unknown(why="the file ends without an index"), Hopeless(code="x", detail="")])
def test_what_was_not_seen_is_guessed_from_the_bytes(sight: Sight | None) -> None:
    assert [chosen(sight, size_bytes) for size_bytes in (10**6, 10**8, 5 * GIB)] == [SMALL, SMALL, LARGE]


def test_fragments_that_do_not_say_how_long_they_are_are_guessed_too() -> None:
    claimed = b.seen_inside(HOUR, *UHD)
    silent = Seen(duration_seconds=None, width=3840, height=2160, frames_per_second=None, codec="hvc1", streams=2)
    assert chosen(silent, 4 * GIB) >= chosen(claimed, 4 * GIB)


def test_the_ladder_is_limited_and_the_decoding_is_not() -> None:
    small, large = (
        need(b.source(size_bytes=5 * GIB), b.seen_inside(HOUR, *shape), RUN) for shape in ((1920, 1080), UHD)
    )
    assert small.disk_gib < large.disk_gib < 2 * small.disk_gib
    assert small.vcpus < large.vcpus < 4 * small.vcpus


def test_a_job_ends_within_half_of_the_time_that_an_attempt_has() -> None:
    hurried = need(b.source(), b.seen_inside(12 * HOUR), timedelta(hours=2))
    patient = need(b.source(), b.seen_inside(12 * HOUR), timedelta(hours=200))
    assert hurried.vcpus > 20 * patient.vcpus


def test_the_disk_holds_source_and_outputs() -> None:
    needed = need(b.source(size_bytes=5 * GIB), b.seen_inside(2 * HOUR), RUN)
    assert 5 + 20 < needed.disk_gib < 60
    assert need(b.source(size_bytes=10**6), b.seen_inside(12 * HOUR), RUN).disk_gib < 4, "a still picture stays small"


@pytest.mark.parametrize(
    ("needed", "expected"),
    [
        (Need(vcpus=2, memory_mib=0, memory_mib_per_vcpu=0, disk_gib=0), SMALL),
        (Need(vcpus=2.1, memory_mib=0, memory_mib_per_vcpu=0, disk_gib=0), LARGE),
        (Need(vcpus=0, memory_mib=4097, memory_mib_per_vcpu=0, disk_gib=0), LARGE),
        (Need(vcpus=0, memory_mib=3000, memory_mib_per_vcpu=600, disk_gib=0), LARGE),
        (Need(vcpus=0, memory_mib=0, memory_mib_per_vcpu=0, disk_gib=61), LARGEST),
        (Need(vcpus=99, memory_mib=0, memory_mib_per_vcpu=0, disk_gib=0), LARGEST),
    ],
)
def test_the_smallest_that_has_it_all_is_taken_or_else_the_largest(needed: Need, expected: int) -> None:
    assert smallest(needed, SIZES) == expected


def test_a_size_without_a_disk_of_its_own_has_room_enough() -> None:
    anywhere = (TaskSize(cpu_units=1024, memory_mib=2048, ephemeral_gib=None), *SIZES)
    assert smallest(Need(vcpus=1, memory_mib=1, memory_mib_per_vcpu=1, disk_gib=99), anywhere) == 0


# --- later attempts -------------------------------------------------------------------------------------------------


def later(*written: object, first: int = 1) -> int:
    """Return the size of the next attempt after the first one of that size."""
    begun = [b.intent(1)]
    object.__setattr__(begun[0], "size", first)
    records = b.records(*begun, *written)  # type: ignore[arg-type]
    return size(records.job(b.JOB), b.source(), b.seen_inside(12 * HOUR, *UHD), b.POLICY)


def test_later_attempts_keep_the_first_one_s_size_whatever_is_seen_now() -> None:
    assert later(b.outcome(1)) == 1


def test_each_kind_of_lack_goes_up_by_one_from_there() -> None:
    memory, disk = b.outcome(1, FailureClass.APP, "out_of_memory"), b.outcome(2, FailureClass.APP, "disk_full")
    assert later(memory) == 2
    assert later(memory, disk) == 3
    assert later(memory, b.outcome(2, FailureClass.APP, "out_of_memory")) == 2


def test_another_round_is_sized_anew() -> None:
    written = (b.intent(1), b.outcome(1), b.dead(), b.opened())
    records = b.records(*written).job(b.JOB)
    assert size(records, b.source(), b.seen_inside(HOUR, *UHD), b.POLICY) == 1
    assert size(records, b.source(), b.seen_inside(60), b.POLICY) == 0
