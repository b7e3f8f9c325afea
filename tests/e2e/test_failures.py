"""Each class of failure is provoked once: what worker, records and dead letter say of it (docs/failures.md).

What takes an hour by design (``lost``, a task that never starts, an open breaker) is provoked in ``tests/simulation``.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from tests.e2e.studio import Studio, eventually
from vidctl.local.faults import Fault, FaultKind
from vidctl.model import FailureClass
from vidctl.records import Outcome

pytestmark = pytest.mark.asyncio(loop_scope="session")


@dataclass(frozen=True, slots=True, kw_only=True)
class Provocation:
    """What the local ECS is told to do to a launch, and what is recorded of the attempt."""

    order: Fault
    failure: FailureClass
    code: str
    says: str


BY_ECS = (
    Provocation(
        order=Fault(kind=FaultKind.OUT_OF_MEMORY),
        failure=FailureClass.APP,
        code="out_of_memory",
        says="OutOfMemory",
    ),
    Provocation(
        order=Fault(kind=FaultKind.FAILS_TO_START, reason="Timeout waiting for network interface"),
        failure=FailureClass.INFRASTRUCTURE,
        code="failed_to_start",
        says="network interface",
    ),
    Provocation(
        order=Fault(kind=FaultKind.FAILS_TO_START, reason="CannotPullContainerError: image vidctl does not exist"),
        failure=FailureClass.CONFIGURATION,
        code="cannot_start",
        says="image vidctl does not exist",
    ),
    Provocation(
        order=Fault(kind=FaultKind.FAILS_TO_START, reason="CannotPullContainerError: pull: Rate exceeded"),
        failure=FailureClass.THROTTLE,
        code="throttled",
        says="Rate exceeded",
    ),
    Provocation(
        order=Fault(kind=FaultKind.CAPACITY),
        failure=FailureClass.CAPACITY,
        code="no_capacity",
        says="Capacity is unavailable",
    ),
)


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def obedient(studio: Studio) -> AsyncIterator[None]:
    """Leave no order behind for the tests that follow."""
    yield
    studio.world.ecs.faults.clear()


async def outcomes(studio: Studio, video_id: str) -> list[Outcome]:
    return [outcome for job in (await studio.records(video_id)).jobs for outcome in job.outcomes]


async def test_one_video_meets_every_fault_of_ecs_in_a_row_and_is_published_all_the_same(studio: Studio) -> None:
    # Throttled alone: the launch is repeated with its token, and no attempt is counted.
    studio.world.ecs.faults.add(Fault(kind=FaultKind.THROTTLED))
    for provoked in BY_ECS:
        studio.world.ecs.faults.add(provoked.order)
    video_id = await studio.upload("good")
    video = await studio.published(video_id)

    *failed, last = await outcomes(studio, video_id)
    assert [(outcome.failure, outcome.code) for outcome in failed] == [(p.failure, p.code) for p in BY_ECS]
    assert last.code == "published"
    for outcome, provoked in zip(failed, BY_ECS, strict=True):
        assert provoked.says in outcome.detail
    told = [event.reason for event in video.timeline if event.event == "attempt_failed"]
    assert told == [f"{outcome.code}: {outcome.detail}" for outcome in failed]


async def test_a_worker_that_is_told_to_stop_says_so_and_nobody_is_blamed(studio: Studio) -> None:
    video_id = await studio.upload("long")

    async def told() -> bool:
        for task, _ in studio.tasks(video_id):
            if task.program is not None and task.program.pid is not None:
                await asyncio.sleep(1)  # an interpreter that is only starting has no ear for it yet
                os.kill(task.program.pid, signal.SIGTERM)
                return True
        return False

    await eventually(told)
    await studio.published(video_id)
    first, *_ = await outcomes(studio, video_id)
    assert (first.failure, first.code) == (FailureClass.INFRASTRUCTURE, "interrupted")


async def test_what_fails_for_memory_three_times_is_given_up_with_its_reason_in_the_letter(studio: Studio) -> None:
    studio.world.ecs.faults.add(Fault(kind=FaultKind.OUT_OF_MEMORY, times=3))
    video = await studio.failed(video_id := await studio.upload("good"))

    assert "out_of_memory" in (video.failure or "")
    letter = await studio.dead_letter(video_id)
    expected = {"vidctl.class": "app", "vidctl.code": "out_of_memory", "vidctl.attempts": "3"}
    assert {name: letter.attributes[name] for name in expected} == expected
    assert "OutOfMemory" in letter.attributes["vidctl.reason"]
    (job,) = (await studio.records(video_id)).jobs
    # The next size once, since it may help; a second lack of the same kind shows that it does not.
    assert [intent.size - job.intents[0].size for intent in job.intents] == [0, 1, 1]
