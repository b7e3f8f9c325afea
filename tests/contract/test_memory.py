"""What takes AWS hours, or its moods: only the in-memory world can show it, on virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from tests.contract.jobs import JOB, SPEC, TOKEN
from tests.world.loop import clock, simulate
from tests.world.notifications import task_event
from tests.world.objects import Created, MemoryObjects
from tests.world.queue import MemoryQueue
from tests.world.tasks import Failures, MemoryTasks
from vidctl import events
from vidctl.errors import PreconditionFailed, Throttled, Unavailable
from vidctl.groups import TaskGroup
from vidctl.model import JobSpec, Task, TaskSpec

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


async def passing(duration: timedelta) -> None:
    await asyncio.sleep(duration.total_seconds())


async def idle(_spec: TaskSpec, _job: JobSpec) -> int:
    await asyncio.sleep(10**6)
    return 0


@asynccontextmanager
async def lost_reply(_operation: str) -> AsyncIterator[None]:
    yield
    raise Unavailable("the reply was lost")


# --- quotas -------------------------------------------------------------------------------------------------------


def test_ecs_throttles_reads_beyond_its_quota_and_takes_them_again_later() -> None:
    async def story() -> None:
        async with MemoryTasks(clock=clock, worker=idle) as tasks:
            for _ in range(100):
                await tasks.family(stopped=False)
            with pytest.raises(Throttled):
                await tasks.describe(("arn",))
            await asyncio.sleep(1)
            assert await tasks.family(stopped=False) == ()

    simulate(story)


def test_a_full_cluster_answers_failures() -> None:
    async def story() -> None:
        async with MemoryTasks(clock=clock, worker=idle, room=lambda: 1) as tasks:
            assert (await tasks.run(SPEC, token=TOKEN, started_by=JOB.job)).task is not None
            refused = await tasks.run(SPEC, token="another", started_by=JOB.job)
            assert (refused.task, refused.failures) == (None, ("RESOURCE:MEMORY",))

    simulate(story)


def test_sqs_falls_silent_while_too_many_messages_are_held() -> None:
    async def story() -> None:
        queue = MemoryQueue("queue", clock=clock, most_in_flight=1)
        queue.put("first")
        assert len(await queue.receive(wait=timedelta())) == 1
        queue.put("second")
        assert await queue.receive(wait=timedelta(seconds=20)) == ()
        assert [m.body for m in await queue.receive(wait=timedelta(seconds=20))] == []
        assert [m.body for m in await queue.receive(wait=timedelta(seconds=20))] == ["first", "second"]

    simulate(story)


# --- objects ------------------------------------------------------------------------------------------------------


def test_the_copy_of_a_multipart_object_has_another_etag_and_its_own_event() -> None:
    async def story() -> None:
        told: list[Created] = []
        objects = MemoryObjects("raw", clock=clock, versioned=True, on_created=told.append)
        objects.put("a", b"body", etag="e-2", event="ObjectCreated:CompleteMultipartUpload")
        copied = await objects.copy("a", "b", if_match="e-2")
        assert copied.etag != "e-2"
        assert [(each.key, each.event_name) for each in told] == [
            ("a", "ObjectCreated:CompleteMultipartUpload"),
            ("b", "ObjectCreated:Copy"),
        ]
        assert told[0].sequencer < told[1].sequencer

    simulate(story)


def test_a_write_whose_reply_is_lost_has_happened() -> None:
    async def story() -> None:
        objects = MemoryObjects("final", clock=clock)
        with pytest.raises(Unavailable):
            await objects.through(lost_reply).create("key", b"body", content_type="text/plain")
        with pytest.raises(PreconditionFailed):
            await objects.create("key", b"body", content_type="text/plain")

    simulate(story)


# --- queues -------------------------------------------------------------------------------------------------------


def test_a_hold_cannot_outlast_twelve_hours_from_the_first_receive() -> None:
    async def story() -> None:
        queue = MemoryQueue("raw", clock=clock)
        queue.put("body")
        (message,) = await queue.receive(wait=MINUTE / 6)
        for _ in range(11):
            assert await queue.extend([message.receipt], visibility=HOUR) == ()
            await passing(HOUR - MINUTE)
        assert await queue.extend([message.receipt], visibility=2 * HOUR) == (message.receipt,)

    simulate(story)


def test_a_long_poll_ends_when_a_hold_ends() -> None:
    async def story() -> None:
        queue = MemoryQueue("raw", clock=clock, visibility=timedelta(seconds=15))
        queue.put("body")
        began = clock()
        await queue.receive(wait=timedelta())
        (message,) = await queue.receive(wait=timedelta(seconds=20))
        assert message.receive_count == 2
        assert timedelta(seconds=15) <= clock() - began < timedelta(seconds=15.1)

    simulate(story)


def test_of_two_polls_one_gets_the_message_and_the_other_waits_on() -> None:
    async def story() -> None:
        queue = MemoryQueue("raw", clock=clock)
        began = clock()
        async with TaskGroup() as group:
            polls = [group.create_task(queue.receive(wait=timedelta(seconds=20))) for _ in range(2)]
            await asyncio.sleep(5)
            await queue.send("body")
        assert sorted(len(poll.result()) for poll in polls) == [0, 1]
        assert clock() - began >= timedelta(seconds=20)

    simulate(story)


def test_the_retention_runs_on_among_the_dead_letters() -> None:
    async def story() -> None:
        dead = MemoryQueue("dead", clock=clock, retention=5 * HOUR)
        queue = MemoryQueue("raw", clock=clock, dead_letters=dead, max_receive_count=1)
        queue.put("body")
        await queue.receive(wait=timedelta())
        await passing(4 * HOUR)
        assert await queue.receive(wait=timedelta()) == ()
        assert [letter.body for letter in dead.messages] == ["body"]
        await passing(HOUR)
        assert dead.messages == ()

    simulate(story)


# --- tasks --------------------------------------------------------------------------------------------------------


async def endless(_spec: TaskSpec, _job: JobSpec) -> int:
    await asyncio.Event().wait()
    return 0


@dataclass
class Polite:
    """A container that takes ``seconds`` to tidy up after SIGTERM, and remembers what it was told."""

    seconds: float
    told: list[str] = field(default_factory=list)

    async def __call__(self, _spec: TaskSpec, _job: JobSpec) -> int:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as error:
            self.told.append(str(error))
        try:
            await asyncio.sleep(self.seconds)
        except asyncio.CancelledError as error:
            self.told.append(str(error))
            raise
        return 75


def on_cluster(
    story: Callable[[MemoryTasks], Coroutine[Any, Any, None]],
    *,
    worker: Callable[[TaskSpec, JobSpec], Awaitable[int]] = endless,
    changes: list[str] | None = None,
) -> None:
    async def main() -> None:
        def note(detail: dict[str, Any]) -> None:
            if changes is not None:
                changes.append(task_event(detail, clock()))

        async with MemoryTasks(clock=clock, worker=worker, on_change=note) as tasks:
            await story(tasks)

    simulate(main)


async def started(tasks: MemoryTasks) -> Task:
    launch = await tasks.run(SPEC, token=TOKEN, started_by=JOB.job)
    assert launch.task is not None
    return launch.task


def test_a_token_outlives_its_task_by_an_hour() -> None:
    async def story(tasks: MemoryTasks) -> None:
        first = await started(tasks)
        await passing(5 * HOUR)
        tasks.kill(first.arn)
        await passing(HOUR - MINUTE)
        assert (await started(tasks)).arn == first.arn
        await passing(MINUTE)
        assert (await started(tasks)).arn != first.arn

    on_cluster(story)


def test_a_token_lives_for_a_day_at_most() -> None:
    async def story(tasks: MemoryTasks) -> None:
        first = await started(tasks)
        await passing(24 * HOUR - MINUTE)
        assert (await started(tasks)).arn == first.arn
        await passing(MINUTE)
        assert (await started(tasks)).arn != first.arn

    on_cluster(story)


def test_a_repeated_launch_of_a_stopped_task_says_its_arn_and_status_only() -> None:
    async def story(tasks: MemoryTasks) -> None:
        first = await started(tasks)
        tasks.kill(first.arn)
        repeated = await started(tasks)
        assert repeated == Task(arn=first.arn, status="STOPPED", created_at=None, seen_at=clock())

    on_cluster(story)


@pytest.mark.parametrize("starts", [False, True])
def test_a_repeated_launch_repeats_the_failures(*, starts: bool) -> None:
    async def story(tasks: MemoryTasks) -> None:
        tasks.refusals.append(Failures(reasons=("RESOURCE:CPU",), starts=starts))
        for _ in range(2):
            launch = await tasks.run(SPEC, token=TOKEN, started_by=JOB.job)
            assert (launch.task, launch.failures) == (None, ("RESOURCE:CPU",))
        assert len(await tasks.started_by(JOB.job)) == starts

    on_cluster(story)


def test_a_refusal_at_the_door_leaves_the_token_unused() -> None:
    async def story(tasks: MemoryTasks) -> None:
        tasks.refusals.append(Throttled("Rate exceeded"))
        with pytest.raises(Throttled):
            await started(tasks)
        assert tasks.launched == ()
        assert (await started(tasks)).alive

    on_cluster(story)


def test_a_lagging_view_sees_everything_later() -> None:
    async def story(tasks: MemoryTasks) -> None:
        tasks.lag = MINUTE
        task = await started(tasks)
        assert await tasks.describe([task.arn]) == ()
        assert await tasks.started_by(JOB.job) == ()
        await passing(MINUTE)
        assert [seen.status for seen in await tasks.describe([task.arn])] == ["PROVISIONING"]
        assert tasks.task(task.arn).status == "RUNNING"
        tasks.kill(task.arn)
        assert await tasks.started_by(JOB.job) == (task.arn,)
        await passing(MINUTE)
        assert await tasks.started_by(JOB.job) == ()

    on_cluster(story)


def test_a_stopped_task_is_shown_for_an_hour() -> None:
    async def story(tasks: MemoryTasks) -> None:
        task = await started(tasks)
        tasks.kill(task.arn)
        await passing(HOUR - MINUTE)
        assert await tasks.family(stopped=True) == (task.arn,)
        await passing(MINUTE)
        assert await tasks.family(stopped=True) == ()
        assert await tasks.describe([task.arn]) == ()

    on_cluster(story)


def test_a_task_that_is_being_stopped_runs_on_but_is_not_listed_among_the_live() -> None:
    async def story(tasks: MemoryTasks) -> None:
        task = await started(tasks)
        await passing(MINUTE)
        await tasks.stop(task.arn, reason="test")
        assert await tasks.started_by(JOB.job) == ()
        assert await tasks.family(stopped=False) == ()
        assert await tasks.family(stopped=True) == (task.arn,)
        (seen,) = await tasks.describe([task.arn])
        assert seen.alive

    on_cluster(story)


@pytest.mark.parametrize(("seconds", "told", "exit_code"), [(20, ["SIGTERM"], 75), (3600, ["SIGTERM", "SIGKILL"], 137)])
def test_a_stopped_container_has_its_grace_and_no_more(seconds: float, told: list[str], exit_code: int) -> None:
    worker = Polite(seconds)

    async def story(tasks: MemoryTasks) -> None:
        task = await started(tasks)
        await passing(MINUTE)
        await tasks.stop(task.arn, reason="test")
        await passing(MINUTE)
        ended = tasks.task(task.arn)
        assert (ended.alive, ended.stop_code, ended.exit_code) == (False, "UserInitiated", exit_code)

    on_cluster(story, worker=worker)
    assert worker.told == told


def test_a_task_stopped_before_it_runs_has_no_exit_code() -> None:
    async def story(tasks: MemoryTasks) -> None:
        task = await started(tasks)
        await tasks.stop(task.arn, reason="test")
        await passing(MINUTE)
        ended = tasks.task(task.arn)
        assert (ended.alive, ended.started_at, ended.exit_code) == (False, None, None)

    on_cluster(story)


def test_a_killed_container_has_no_grace() -> None:
    worker = Polite(20)

    async def story(tasks: MemoryTasks) -> None:
        task = await started(tasks)
        await passing(MINUTE)
        tasks.kill(task.arn, exit_code=None, stop_code="SpotInterruption", reason="Spot interruption")
        ended = tasks.task(task.arn)
        assert (ended.alive, ended.stop_code, ended.exit_code) == (False, "SpotInterruption", None)
        await passing(MINUTE)
        assert tasks.task(task.arn) == ended

    on_cluster(story, worker=worker)
    assert worker.told[0] == "SIGKILL"


def test_every_change_is_told_as_eventbridge_would() -> None:
    changes: list[str] = []

    async def story(tasks: MemoryTasks) -> None:
        task = await started(tasks)
        await passing(MINUTE)
        tasks.kill(task.arn)
        assert [events.parse_task_event(change).status for change in changes] == [
            "PROVISIONING",
            "PENDING",
            "RUNNING",
            "STOPPED",
        ]
        assert events.parse_task_event(changes[-1]) == tasks.task(task.arn)

    on_cluster(story, changes=changes)
