"""The task view: events in any order, tasks that ECS does not find, a scarce read quota."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry

from tests import builders as b
from tests.unit.test_launches import Time
from vidctl.errors import Throttled
from vidctl.metrics import Metrics
from vidctl.model import Task, TaskSpec, VideoKey
from vidctl.ports import Launch
from vidctl.reconciler.rate import Rate
from vidctl.reconciler.tasks import TaskView


class Ecs:
    """A cluster that answers what it is told to."""

    def __init__(self) -> None:
        self.found: dict[str, Task] = {}
        self.described: list[tuple[str, ...]] = []

    async def run(self, spec: TaskSpec, *, token: str, started_by: str) -> Launch:
        raise NotImplementedError

    async def describe(self, arns: tuple[str, ...]) -> tuple[Task, ...]:
        self.described.append(tuple(arns))
        return tuple(self.found[arn] for arn in arns if arn in self.found)

    async def started_by(self, started_by: str) -> tuple[str, ...]:
        assert started_by
        return tuple(self.found)

    async def family(self, *, stopped: bool) -> tuple[str, ...]:
        raise NotImplementedError

    async def stop(self, arn: str, *, reason: str) -> None:
        raise NotImplementedError


def view(ecs: Ecs, time: Time, woken: list[VideoKey], *, per_second: float = 100) -> TaskView:
    return TaskView(
        ecs,  # type: ignore[arg-type]
        rate=Rate(per_second=per_second, burst=per_second, clock=time),
        clock=time,
        metrics=Metrics(CollectorRegistry()),
        changed=woken.append,
    )


def test_an_old_event_does_not_bring_a_stopped_task_back_to_life() -> None:
    woken: list[VideoKey] = []
    tasks = view(Ecs(), Time(), woken)
    tasks.learn(b.task(status="STOPPED"))
    tasks.learn(b.task(status="RUNNING"))
    assert [task.status for task in tasks.of(b.KEY)] == ["STOPPED"]
    assert woken == [b.KEY]


def test_a_status_that_is_repeated_wakes_nobody() -> None:
    woken: list[VideoKey] = []
    tasks = view(Ecs(), Time(), woken)
    for _ in range(3):
        tasks.learn(b.task())
    assert woken == [b.KEY]


def test_a_task_that_is_not_ours_is_ignored() -> None:
    tasks = view(Ecs(), Time(), [])
    tasks.learn(replace(b.task(), spec=None))
    assert tasks.of(b.KEY) == ()


async def test_a_task_that_is_missing_is_unknown_for_five_minutes_and_then_forgotten() -> None:
    time, woken = Time(), list[VideoKey]()
    tasks = view(Ecs(), time, woken)
    tasks.learn(b.task())
    await tasks.describe((b.task().arn,))
    time.pass_(minutes=4)
    await tasks.describe((b.task().arn,))
    assert len(tasks.of(b.KEY)) == 1
    time.pass_(minutes=2)
    await tasks.describe((b.task().arn,))
    assert tasks.of(b.KEY) == ()
    assert woken == [b.KEY, b.KEY]


async def test_running_tasks_are_described_a_hundred_in_a_call() -> None:
    ecs, time = Ecs(), Time()
    tasks = view(ecs, time, [])
    for n in range(250):
        tasks.learn(replace(b.task(n), arn=f"arn:{n:03}"))
        ecs.found[f"arn:{n:03}"] = replace(b.task(n), arn=f"arn:{n:03}", seen_at=b.NOW + timedelta(minutes=1))
    time.pass_(minutes=1)
    await tasks.refresh(older_than=timedelta(seconds=10))
    assert [len(arns) for arns in ecs.described] == [100, 100, 50]
    await tasks.refresh(older_than=timedelta(seconds=10))
    assert len(ecs.described) == 3, "what was just seen is not asked again"


async def test_a_spent_read_quota_is_not_overdrawn() -> None:
    tasks = view(Ecs(), Time(), [], per_second=1)
    await tasks.look(b.JOB)
    with pytest.raises(Throttled):
        await tasks.look(b.JOB)
