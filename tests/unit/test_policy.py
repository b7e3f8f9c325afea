"""How long a failed attempt waits for the next, and what its task gets."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests import builders as b
from vidctl.model import AttemptNumber

MANY = [b.POLICY.delay(f"{job:026}", AttemptNumber(1, 1), 1) for job in range(500)]


@pytest.mark.parametrize("failures", range(1, 40))
def test_each_failure_doubles_the_wait_from_ten_seconds_to_ten_minutes(failures: int) -> None:
    whole = min(timedelta(seconds=10) * 2 ** (failures - 1), timedelta(minutes=10))
    assert whole / 2 <= b.POLICY.delay(b.JOB, b.number(failures), failures) <= whole


def test_videos_that_failed_together_come_back_apart() -> None:
    assert min(MANY) < timedelta(seconds=5.1)
    assert max(MANY) > timedelta(seconds=9.9)
    assert len(set(MANY)) > 200


def test_the_wait_of_an_attempt_is_always_the_same() -> None:
    assert len({b.POLICY.delay(b.JOB, b.number(), 1) for _ in range(10)}) == 1


def test_the_last_size_and_the_placements_in_turn_are_what_there_is() -> None:
    specs = [b.POLICY.task(size=n, placement=n, environment=()) for n in range(4)]
    assert [spec.memory_mib for spec in specs] == [4096, 8192, 8192, 8192]
    assert [spec.capacity_provider for spec in specs] == ["FARGATE_SPOT", "FARGATE"] * 2
