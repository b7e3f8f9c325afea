"""What every ``Tasks`` does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.contract.gaps import gap
from tests.contract.jobs import JOB, SPEC, TOKEN
from tests.contract.worlds import EXIT_CODE, Cluster, now
from vidctl.errors import LaunchConflict, Misconfigured
from vidctl.model import Task, TaskSpec
from vidctl.ports import Tasks

pytestmark = pytest.mark.asyncio(loop_scope="session")

NO_TOKENS = "starts another task for a token that was used"
NO_CONTAINERS = "runs no containers"
NO_LIMITS = "checks no limits"


def spec_for(cluster: Cluster, *, environment: tuple[tuple[str, str], ...] = ()) -> TaskSpec:
    return replace(
        SPEC,
        subnets=cluster.subnets,
        security_groups=cluster.security_groups,
        environment=(*SPEC.environment, *environment),
    )


async def started(cluster: Cluster, *, token: str = TOKEN, started_by: str = JOB.job) -> Task:
    launch = await cluster.tasks.run(spec_for(cluster), token=token, started_by=started_by)
    assert launch.failures == ()
    assert launch.task is not None
    return launch.task


async def eventually(
    tasks: Tasks, arn: str, condition: Callable[[Task], bool], *, within: timedelta = timedelta(seconds=10)
) -> Task:
    async with asyncio.timeout(within.total_seconds()):
        while True:
            found = await tasks.describe([arn])
            if found and condition(found[0]):
                return found[0]
            await asyncio.sleep(0.02)


def stopped(task: Task) -> bool:
    return not task.alive


async def test_a_task_is_started_with_its_job(cluster: Cluster) -> None:
    task = await started(cluster)
    assert task.alive
    assert task.spec == JOB


@gap(moto="does not say when a task was created")
async def test_a_task_says_when_it_was_created(cluster: Cluster) -> None:
    began = now() - timedelta(seconds=1)
    task = await started(cluster)
    assert task.created_at is not None
    assert began <= task.created_at <= now()
    assert task.created_at.utcoffset() == timedelta()
    assert began <= task.seen_at <= now()


async def test_a_task_comes_to_run(cluster: Cluster) -> None:
    task = await started(cluster)
    if task.status != "RUNNING":
        task = await eventually(cluster.tasks, task.arn, lambda task: task.status == "RUNNING")
        assert task.started_at is not None
        assert task.exit_code is None
    assert task.spec == JOB


@gap(ministack=NO_TOKENS, moto=NO_TOKENS)
async def test_the_same_call_returns_the_same_task(cluster: Cluster) -> None:
    first = await started(cluster)
    assert (await started(cluster)).arn == first.arn
    assert await cluster.tasks.family(stopped=False) == (first.arn,)


@gap(ministack=NO_TOKENS, moto=NO_TOKENS)
async def test_of_racing_calls_with_one_token_one_starts_a_task(cluster: Cluster) -> None:
    tasks = await asyncio.gather(*(started(cluster) for _ in range(5)))
    assert len({task.arn for task in tasks}) == 1


@gap(ministack=NO_TOKENS, moto=NO_TOKENS)
async def test_a_token_used_with_other_parameters_names_its_task(cluster: Cluster) -> None:
    first = await started(cluster)
    other = replace(spec_for(cluster), memory_mib=4096)
    with pytest.raises(LaunchConflict) as refused:
        await cluster.tasks.run(other, token=TOKEN, started_by=JOB.job)
    assert refused.value.task_arns == (first.arn,)
    assert await cluster.tasks.family(stopped=False) == (first.arn,)


@gap(ministack=NO_TOKENS, moto=NO_TOKENS)
async def test_the_token_of_a_stopped_task_starts_no_other(cluster: Cluster) -> None:
    first = await started(cluster)
    await cluster.tasks.stop(first.arn, reason="test")
    await eventually(cluster.tasks, first.arn, stopped)
    repeated = await started(cluster)
    assert (repeated.arn, repeated.alive) == (first.arn, False)


async def test_a_task_is_started_on_a_capacity_provider(cluster: Cluster) -> None:
    spec = replace(spec_for(cluster), capacity_provider="FARGATE_SPOT", ephemeral_gib=None, assign_public_ip=True)
    launch = await cluster.tasks.run(spec, token=TOKEN, started_by=JOB.job)
    assert launch.failures == ()
    assert launch.task is not None
    assert launch.task.spec == JOB


async def test_another_token_starts_another_task(cluster: Cluster) -> None:
    first, second = await started(cluster), await started(cluster, token=f"{JOB.job}-1-2")
    assert first.arn != second.arn


async def test_describing_finds_what_there_is(cluster: Cluster) -> None:
    task = await started(cluster)
    unknown = f"{task.arn[:-4]}0000"
    assert [found.arn for found in await cluster.tasks.describe([unknown, task.arn])] == [task.arn]
    assert await cluster.tasks.describe([]) == ()


async def test_live_tasks_are_found_by_who_started_them(cluster: Cluster) -> None:
    first = await started(cluster)
    await started(cluster, token="other-1-1", started_by="other")
    assert await cluster.tasks.started_by(JOB.job) == (first.arn,)
    assert await cluster.tasks.started_by("nobody") == ()


async def test_the_family_is_listed_whole(cluster: Cluster) -> None:
    arns = {(await started(cluster, token=f"{JOB.job}-1-{number}")).arn for number in range(101)}
    assert set(await cluster.tasks.family(stopped=False)) == arns
    assert await cluster.tasks.family(stopped=True) == ()


@gap(moto="says neither stop code nor reason")
async def test_a_task_that_is_stopped_says_by_whom_and_why(cluster: Cluster) -> None:
    task = await started(cluster)
    await cluster.tasks.stop(task.arn, reason="superseded")
    ended = await eventually(cluster.tasks, task.arn, stopped)
    assert (ended.stop_code, ended.stopped_reason) == ("UserInitiated", "superseded")


@gap(ministack=NO_CONTAINERS, moto=NO_CONTAINERS)
async def test_a_task_whose_container_ends_says_its_exit_code(cluster: Cluster) -> None:
    spec = spec_for(cluster, environment=((EXIT_CODE, "65"),))
    launch = await cluster.tasks.run(spec, token=TOKEN, started_by=JOB.job)
    assert launch.task is not None
    ended = await eventually(cluster.tasks, launch.task.arn, stopped, within=timedelta(seconds=2))
    assert (ended.exit_code, ended.stop_code) == (65, "EssentialContainerExited")
    assert ended.spec == JOB


@gap(moto="lists stopped tasks among the live ones")
async def test_a_stopped_task_moves_to_the_other_list(cluster: Cluster) -> None:
    task = await started(cluster)
    await cluster.tasks.stop(task.arn, reason="superseded")
    await eventually(cluster.tasks, task.arn, stopped)
    assert await cluster.tasks.family(stopped=True) == (task.arn,)
    assert await cluster.tasks.family(stopped=False) == ()
    assert await cluster.tasks.started_by(JOB.job) == ()


@gap(moto="takes the second reason")
async def test_stopping_twice_succeeds_and_keeps_the_first_reason(cluster: Cluster) -> None:
    task = await started(cluster)
    await cluster.tasks.stop(task.arn, reason="first")
    ended = await eventually(cluster.tasks, task.arn, stopped)
    await cluster.tasks.stop(task.arn, reason="second")
    (found,) = await cluster.tasks.describe([task.arn])
    assert replace(found, seen_at=ended.seen_at) == ended


@gap(moto="answers 500")
async def test_stopping_an_unknown_task_succeeds(cluster: Cluster) -> None:
    task = await started(cluster)
    await cluster.tasks.stop(f"{task.arn[:-4]}0000", reason="gone")
    assert await cluster.tasks.started_by(JOB.job) == (task.arn,)


async def test_a_long_reason_is_cut(cluster: Cluster) -> None:
    task = await started(cluster)
    await cluster.tasks.stop(task.arn, reason="x" * 2000)
    await eventually(cluster.tasks, task.arn, stopped)


async def test_an_unknown_task_definition_is_refused(cluster: Cluster) -> None:
    unknown = replace(spec_for(cluster), task_definition="no-such-family")
    with pytest.raises(Misconfigured):
        await cluster.tasks.run(unknown, token=TOKEN, started_by=JOB.job)
    assert await cluster.tasks.started_by(JOB.job) == ()


@gap(ministack=NO_LIMITS, moto=NO_LIMITS)
@pytest.mark.parametrize("token", ["x" * 65, "with space", "é"])
async def test_a_malformed_token_is_refused(cluster: Cluster, token: str) -> None:
    with pytest.raises(Misconfigured):
        await cluster.tasks.run(spec_for(cluster), token=token, started_by=JOB.job)


@gap(ministack=NO_LIMITS, moto=NO_LIMITS)
@pytest.mark.parametrize("started_by", ["x" * 129, "a.b"])
async def test_a_malformed_started_by_is_refused(cluster: Cluster, started_by: str) -> None:
    with pytest.raises(Misconfigured):
        await cluster.tasks.run(spec_for(cluster), token=TOKEN, started_by=started_by)


@gap(ministack=NO_LIMITS, moto=NO_LIMITS)
async def test_overrides_over_their_limit_are_refused(cluster: Cluster) -> None:
    spec = spec_for(cluster, environment=(("LONG", "x" * 8192),))
    with pytest.raises(Misconfigured):
        await cluster.tasks.run(spec, token=TOKEN, started_by=JOB.job)
