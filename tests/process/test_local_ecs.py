"""The local ECS, called by the client that production uses, its tasks real processes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client import CollectorRegistry

from tests.processes import alive, gone
from vidctl.clients import Client, Endpoints, open_client
from vidctl.errors import (
    AccessDenied,
    LaunchConflict,
    Misconfigured,
    Throttled,
    Unavailable,
    WorldError,
)
from vidctl.events import parse_task_event
from vidctl.local import ecs as local_ecs
from vidctl.local.definition import ClusterName, EcsSetup, Pace, TaskDefinition
from vidctl.local.ecs import LocalEcs
from vidctl.local.faults import Fault, FaultKind
from vidctl.local.throttle import Quotas, Rate
from vidctl.metrics import Metrics
from vidctl.ports import Message, QueueDepth

CLUSTER = ClusterName(name="studio", region="eu-central-1", account="000000000000")
AT_ONCE = Pace(step=timedelta(0))
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-local"]}}


async def eventually(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(10):
        while not await holds():  # noqa: ASYNC110 - what another process does comes with no event
            await asyncio.sleep(0.01)


class Sent:
    """A queue that keeps what was sent."""

    def __init__(self) -> None:
        self.bodies: list[str] = []

    async def send(self, body: str, *, attributes: dict[str, str] | None = None) -> None:
        assert attributes is None
        self.bodies.append(body)

    async def receive(self, *, wait: timedelta) -> tuple[Message, ...]:
        raise NotImplementedError

    async def delete(self, receipts: Any) -> tuple[str, ...]:
        raise NotImplementedError

    async def extend(self, receipts: Any, *, visibility: timedelta) -> tuple[str, ...]:
        raise NotImplementedError

    async def depth(self) -> QueueDepth:
        raise NotImplementedError


@dataclass(kw_only=True)
class World:
    """A local ECS with its real client, and a clock that only the test moves."""

    ecs: LocalEcs
    client: Client
    events: Sent
    directory: Path
    now: datetime = field(default=datetime(2026, 1, 1, tzinfo=UTC))

    async def run(self, name: str = "token", **parameters: Any) -> dict[str, Any]:
        given = {"cluster": "studio", "taskDefinition": "worker", "networkConfiguration": NETWORK} | parameters
        return await self.client.call("run_task", clientToken=name, **given)

    async def started(self, name: str = "token", **parameters: Any) -> str:
        return str((await self.run(name, **parameters))["tasks"][0]["taskArn"])

    async def describe(self, arn: str) -> dict[str, Any]:
        answer = await self.client.call("describe_tasks", cluster="studio", tasks=[arn])
        assert answer["failures"] == []
        task: dict[str, Any] = answer["tasks"][0]
        return task

    async def until(self, arn: str, status: str) -> dict[str, Any]:
        return await self.when(arn, lambda task: task["lastStatus"] == status)

    async def when(self, arn: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        seen: list[dict[str, Any]] = []

        async def reached() -> bool:
            seen.append(await self.describe(arn))
            return holds(seen[-1])

        await eventually(reached)
        return seen[-1]

    def log(self, arn: str) -> str:
        return (self.directory / f"{arn.rpartition('/')[2]}.log").read_text()

    async def logged(self, arn: str, text: str) -> str:
        async def written() -> bool:
            return text in self.log(arn)

        await eventually(written)
        return self.log(arn)


def shell(script: str, **changes: Any) -> TaskDefinition:
    definition = TaskDefinition(family="worker", container="worker", command=("sh", "-c", script))
    return replace(definition, **changes)


SLEEPS = shell("echo ready; exec sleep 60")


@pytest.fixture
def opened(tmp_path: Path) -> Any:
    @asynccontextmanager
    async def open_world(*definitions: TaskDefinition, **changes: Any) -> AsyncIterator[World]:
        setup = EcsSetup(
            cluster=CLUSTER, definitions=definitions, directory=tmp_path / "tasks", pace=Pace(step=timedelta(0))
        )
        events, holder = Sent(), list[World]()

        def clock() -> datetime:
            return holder[0].now if holder else datetime(2026, 1, 1, tzinfo=UTC)

        async with local_ecs.serving(replace(setup, **changes), events=events, clock=clock, ids=os.urandom) as ecs:
            endpoints = Endpoints(aws=ecs.url, region="eu-central-1", access_key_id="a", secret_access_key="b")
            async with open_client("ecs", Metrics(CollectorRegistry()), endpoints=endpoints) as client:
                holder.append(World(ecs=ecs, client=client, events=events, directory=setup.directory))
                yield holder[0]

    return open_world


# --- the life of a task -------------------------------------------------------------------------------------------


async def test_a_task_runs_its_command_with_the_environment_of_definition_and_launch(opened: Any) -> None:
    definition = shell('echo "$GREETING $NAME"', environment=(("GREETING", "hello"), ("NAME", "nobody")))
    async with opened(definition) as world:
        overrides = {"containerOverrides": [{"name": "worker", "environment": [{"name": "NAME", "value": "you"}]}]}
        arn = await world.started(overrides=overrides, startedBy="job")
        task = await world.until(arn, "STOPPED")
        assert world.log(arn) == "hello you\n"
    assert task["containers"][0]["exitCode"] == 0
    assert (task["stopCode"], task["stoppedReason"]) == (
        "EssentialContainerExited",
        "Essential container in task exited",
    )
    assert task["startedBy"] == "job"
    assert task["group"] == "family:worker"
    assert task["overrides"]["containerOverrides"][0]["environment"] == [{"name": "NAME", "value": "you"}]


async def test_a_container_inherits_no_variable_of_the_local_ecs(opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_HOST", "1")
    async with opened(shell("env")) as world:
        arn = await world.started()
        await world.until(arn, "STOPPED")
        assert "SECRET_OF_THE_HOST" not in world.log(arn)


async def test_every_status_is_announced_once_in_order_with_a_rising_version(opened: Any) -> None:
    async with opened(shell("exit 3")) as world:
        arn = await world.started()
        await world.until(arn, "STOPPED")

        async def announced() -> bool:
            return (
                bool(world.events.bodies) and json.loads(world.events.bodies[-1])["detail"]["lastStatus"] == "STOPPED"
            )

        await eventually(announced)
    details = [json.loads(body)["detail"] for body in world.events.bodies]
    assert {detail["taskArn"] for detail in details} == {arn}
    assert [detail["lastStatus"] for detail in details] == [
        "PROVISIONING", "PENDING", "RUNNING", "DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED",
    ]  # fmt: skip
    versions = [detail["version"] for detail in details]
    assert versions == sorted(set(versions))
    assert details[-1]["containers"][0]["exitCode"] == 3


async def test_an_event_is_what_the_rule_of_the_template_lets_through(opened: Any) -> None:
    async with opened(SLEEPS) as world:
        arn = await world.started()
        await world.until(arn, "RUNNING")
    task = parse_task_event(world.events.bodies[0])
    assert task.arn == arn
    event = json.loads(world.events.bodies[0])
    assert (event["source"], event["detail-type"]) == ("aws.ecs", "ECS Task State Change")
    assert event["detail"]["clusterArn"] == "arn:aws:ecs:eu-central-1:000000000000:cluster/studio"
    assert event["detail"]["group"] == "family:worker"
    assert event["detail"]["createdAt"] == "2026-01-01T00:00:00.000Z"


async def test_a_stopped_task_gets_sigterm_and_keeps_the_reason(opened: Any) -> None:
    async with opened(SLEEPS) as world:
        arn = await world.started()
        await world.until(arn, "RUNNING")
        await world.logged(arn, "ready")
        await world.client.call("stop_task", cluster="studio", task=arn, reason="superseded")
        task = await world.until(arn, "STOPPED")
    assert (task["stopCode"], task["stoppedReason"]) == ("UserInitiated", "superseded")
    assert task["containers"][0]["exitCode"] == 143


async def test_a_task_that_ignores_sigterm_is_killed_after_its_grace(opened: Any) -> None:
    stubborn = shell("trap '' TERM; echo ready; while :; do sleep 1; done", stop_timeout=timedelta(milliseconds=50))
    async with opened(stubborn) as world:
        arn = await world.started()
        await world.until(arn, "RUNNING")
        await world.logged(arn, "ready")
        await world.client.call("stop_task", cluster="studio", task=arn)
        task = await world.until(arn, "STOPPED")
    assert task["containers"][0]["exitCode"] == 137


async def test_a_program_may_end_well_within_its_grace(opened: Any) -> None:
    async with opened(shell("trap 'exit 75' TERM; echo ready; while :; do sleep 0.01; done")) as world:
        arn = await world.started()
        await world.until(arn, "RUNNING")
        await world.logged(arn, "ready")
        await world.client.call("stop_task", cluster="studio", task=arn)
        task = await world.until(arn, "STOPPED")
    assert (task["stopCode"], task["containers"][0]["exitCode"]) == ("UserInitiated", 75)


async def test_stopping_a_task_whose_program_has_ended_changes_nothing_of_its_end(opened: Any) -> None:
    async with opened(shell("exit 3"), pace=Pace(step=timedelta(milliseconds=200))) as world:
        arn = await world.started()
        await world.until(arn, "DEACTIVATING")
        await world.client.call("stop_task", cluster="studio", task=arn, reason="too late")
        task = await world.until(arn, "STOPPED")
    assert (task["stopCode"], task["containers"][0]["exitCode"]) == ("EssentialContainerExited", 3)


async def test_stopping_a_task_deletes_its_tags(opened: Any) -> None:
    async with opened(SLEEPS) as world:
        arn = await world.started(tags=[{"key": "video", "value": "1"}])
        shown = await world.client.call("describe_tasks", cluster="studio", tasks=[arn], include=["TAGS"])
        assert shown["tasks"][0]["tags"] == [{"key": "video", "value": "1"}]
        await world.client.call("stop_task", cluster="studio", task=arn)
        shown = await world.client.call("describe_tasks", cluster="studio", tasks=[arn], include=["TAGS"])
        assert shown["tasks"][0]["tags"] == []


async def test_a_program_that_cannot_be_found_ends_its_task_with_127(opened: Any) -> None:
    async with opened(shell("", command=("no-such-program",))) as world:
        arn = await world.started()
        task = await world.until(arn, "STOPPED")
        assert "no-such-program" in world.log(arn)
    assert task["containers"][0]["exitCode"] == 127


async def test_killing_the_program_from_outside_is_seen_as_137(opened: Any) -> None:
    async with opened(SLEEPS) as world:
        arn = await world.started()
        await world.until(arn, "RUNNING")
        await world.logged(arn, "ready")
        os.kill(await pid_of(world, arn), signal.SIGKILL)
        task = await world.until(arn, "STOPPED")
    assert (task["stopCode"], task["containers"][0]["exitCode"]) == ("EssentialContainerExited", 137)


async def test_what_a_program_leaves_behind_dies_with_its_task(opened: Any) -> None:
    async with opened(shell("setsid sleep 60 & echo $! >&2; exit 0")) as world:
        arn = await world.started()
        await world.until(arn, "STOPPED")
        assert not alive(int(world.log(arn)))


def exists(path: str) -> bool:
    return Path(path).exists()


async def test_the_files_of_a_task_end_with_it(opened: Any) -> None:
    async with opened(shell('touch "$TMPDIR/raw.mp4"; pwd; echo $TMPDIR')) as world:
        arn = await world.started()
        await world.until(arn, "STOPPED")
        disk, temporary = world.log(arn).split()
        assert disk == temporary
    assert not exists(disk)


async def test_closing_the_local_ecs_ends_its_tasks(opened: Any) -> None:
    async with opened(shell("echo $$; trap '' TERM; sleep 60")) as world:
        arn = await world.started()
        await world.until(arn, "RUNNING")
        pid = int(await world.logged(arn, "\n"))
    assert not alive(pid)


async def test_tasks_die_with_a_local_ecs_that_is_killed(tmp_path: Path) -> None:
    script = (
        "import asyncio, sys; from tests.process.test_local_ecs import serve_one; asyncio.run(serve_one(sys.argv[1]))"
    )
    host = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, str(tmp_path), cwd=Path(__file__).parents[2], stdout=asyncio.subprocess.PIPE
    )
    assert host.stdout is not None
    program, grandchild = (int(pid) for pid in (await host.stdout.readline()).split())
    assert alive(program)
    assert alive(grandchild)
    host.kill()
    await host.wait()

    await gone(program, grandchild)


async def serve_one(directory: str) -> None:
    """Serve a task that has a child of its own, say both process ids, and wait to be killed."""
    setup = EcsSetup(
        cluster=CLUSTER,
        definitions=(shell("sleep 60 & echo $$ $!; wait"),),
        directory=Path(directory),
        pace=AT_ONCE,
    )
    async with local_ecs.serving(
        setup, events=None, clock=lambda: datetime(2026, 1, 1, tzinfo=UTC), ids=os.urandom
    ) as ecs:
        endpoints = Endpoints(aws=ecs.url, region="eu-central-1", access_key_id="a", secret_access_key="b")
        async with open_client("ecs", Metrics(CollectorRegistry()), endpoints=endpoints) as client:
            world = World(ecs=ecs, client=client, events=Sent(), directory=Path(directory))
            arn = await world.started()
            await world.until(arn, "RUNNING")
            print(await world.logged(arn, "\n"), flush=True)  # noqa: T201 - the parent reads it
            await asyncio.Event().wait()


# --- launch tokens ------------------------------------------------------------------------------------------------


async def test_the_same_token_returns_the_same_task(opened: Any) -> None:
    async with opened(SLEEPS) as world:
        first, second = await world.started("a"), await world.started("a")
        other = await world.started("b")
    assert first == second
    assert other != first


async def test_concurrent_launches_with_one_token_start_one_task(opened: Any) -> None:
    async with opened(SLEEPS) as world:
        arns = await asyncio.gather(*(world.started("a") for _ in range(10)))
        assert len(set(arns)) == 1
        assert len(world.ecs.cluster.tasks) == 1


async def test_other_parameters_under_a_token_are_a_conflict_that_names_the_tasks(opened: Any) -> None:
    async with opened(SLEEPS) as world:
        arn = await world.started("a", startedBy="job")
        with pytest.raises(LaunchConflict) as conflict:
            await world.run("a", startedBy="another")
    assert conflict.value.task_arns == (arn,)


async def test_a_replay_repeats_the_original_failures(opened: Any) -> None:
    async with opened(SLEEPS) as world:
        world.ecs.faults.add(Fault(kind=FaultKind.CAPACITY, reason="RESOURCE:MEMORY"))
        assert (await world.run("a"))["failures"] == [{"reason": "RESOURCE:MEMORY"}]
        replay = await world.run("a")
        assert (replay["tasks"], replay["failures"]) == ([], [{"reason": "RESOURCE:MEMORY"}])
        assert (await world.run("b"))["failures"] == []


async def test_a_token_outlives_its_task_by_an_hour(opened: Any) -> None:
    async with opened(shell("exit 0")) as world:
        first = await world.started("a")
        await world.until(first, "STOPPED")
        world.now += timedelta(minutes=59)
        assert await world.started("a") == first
        world.now += timedelta(minutes=2)
        assert await world.started("a") != first


async def test_a_token_lives_a_day_at_most_even_if_its_task_does_longer(opened: Any) -> None:
    async with opened(SLEEPS) as world:
        first = await world.started("a")
        world.now += timedelta(hours=24, seconds=1)
        assert await world.started("a") != first


async def test_a_stopped_task_is_forgotten_after_an_hour(opened: Any) -> None:
    async with opened(shell("exit 0")) as world:
        arn = await world.started()
        await world.until(arn, "STOPPED")
        world.now += timedelta(minutes=61)
        answer = await world.client.call("describe_tasks", cluster="studio", tasks=[arn])
    assert (answer["tasks"], answer["failures"]) == ([], [{"arn": arn, "reason": "MISSING"}])


# --- what is refused ----------------------------------------------------------------------------------------------

LONG = [{"name": "A", "value": "x" * 8192}]
BOTH = {"launchType": "FARGATE", "capacityProviderStrategy": [{"capacityProvider": "FARGATE"}]}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cluster": "other"}, "ClusterNotFoundException"),
        ({"taskDefinition": "other"}, "ClientException TaskDefinition not found"),
        ({"taskDefinition": "retired"}, "ClientException TaskDefinition is inactive"),
        ({"count": 11}, "count"),
        ({"startedBy": "a job"}, "startedBy"),
        ({"name": "x" * 65}, "clientToken"),
        (
            {"launchType": "FARGATE", "capacityProviderStrategy": [{"capacityProvider": "FARGATE"}]},
            "both",
        ),
        ({"overrides": {"cpu": "2048", "memory": "2048"}}, "No Fargate configuration"),
        ({"overrides": {"ephemeralStorage": {"sizeInGiB": 10}}}, "sizeInGiB"),
        ({"overrides": {"containerOverrides": [{"name": "typo"}]}}, "container"),
        (
            {"overrides": {"containerOverrides": [{"name": "worker", "environment": LONG}]}},
            "8192",
        ),
    ],
)
async def test_a_launch_that_aws_would_refuse_is_refused(opened: Any, change: Mapping[str, Any], words: str) -> None:
    async with opened(SLEEPS, shell("", family="retired", active=False)) as world:
        with pytest.raises(Misconfigured, match=words):
            await world.run(**change)
        assert world.ecs.cluster.tasks == ()


async def test_a_launch_without_a_network_is_refused(opened: Any) -> None:
    async with opened(SLEEPS) as world:
        with pytest.raises(Misconfigured, match="Network Configuration"):
            await world.client.call("run_task", cluster="studio", taskDefinition="worker")


async def test_an_operation_that_vidctl_does_not_use_is_unknown(opened: Any) -> None:
    async with opened(SLEEPS) as world:
        with pytest.raises(Misconfigured, match="UnknownOperationException"):
            await world.client.call("list_clusters")


async def test_stopping_an_unknown_task_says_that_it_was_not_found(opened: Any) -> None:
    async with opened(SLEEPS) as world:
        with pytest.raises(Misconfigured, match="The referenced task was not found"):
            await world.client.call("stop_task", cluster="studio", task="0" * 32)


async def test_more_than_a_hundred_tasks_cannot_be_described_at_once(opened: Any) -> None:
    async with opened(SLEEPS) as world:
        with pytest.raises(Misconfigured, match="InvalidParameterException"):
            await world.client.call("describe_tasks", cluster="studio", tasks=["0" * 32] * 101)


async def test_calls_beyond_the_quota_are_throttled_until_it_refills(opened: Any) -> None:
    quotas = Quotas(reads=Rate(per_second=1, burst=2))
    async with opened(SLEEPS, quotas=quotas) as world:
        for _ in range(2):
            await world.client.call("list_tasks", cluster="studio")
        with pytest.raises(Throttled):
            await world.client.call("list_tasks", cluster="studio")
        world.now += timedelta(seconds=1)
        await world.client.call("list_tasks", cluster="studio")


# --- listing ------------------------------------------------------------------------------------------------------


async def listed(world: World, **filters: Any) -> list[str]:
    answer = await world.client.call("list_tasks", cluster="studio", **filters)
    return list(answer["taskArns"])


async def test_tasks_are_listed_by_who_started_them_and_by_family_and_status(opened: Any) -> None:
    async with opened(SLEEPS, shell("exit 0", family="short")) as world:
        mine = await world.started("a", startedBy="me")
        yours = await world.started("b", startedBy="you")
        ended = await world.started("c", taskDefinition="short", startedBy="me")
        await world.until(ended, "STOPPED")
        assert await listed(world, startedBy="me") == [mine]
        assert await listed(world, family="worker") == [mine, yours]
        assert await listed(world, family="short") == []
        assert await listed(world, family="short", desiredStatus="STOPPED") == [ended]


async def test_started_by_must_be_the_only_filter(opened: Any) -> None:
    async with opened(SLEEPS) as world:
        with pytest.raises(Misconfigured, match="startedBy"):
            await listed(world, startedBy="me", family="worker")


async def test_a_filter_that_the_local_ecs_does_not_know_is_refused_rather_than_ignored(opened: Any) -> None:
    async with opened(SLEEPS) as world:
        with pytest.raises(Misconfigured, match="serviceName"):
            await listed(world, serviceName="web")


async def test_a_long_list_comes_in_pages(opened: Any) -> None:
    async with opened(SLEEPS) as world:
        arns = [await world.started(str(number)) for number in range(3)]
        first = await world.client.call("list_tasks", cluster="studio", maxResults=2)
        rest = await world.client.call("list_tasks", cluster="studio", maxResults=2, nextToken=first["nextToken"])
    assert first["taskArns"] + rest["taskArns"] == arns
    assert "nextToken" not in rest


async def test_a_new_task_can_be_slow_to_appear(opened: Any) -> None:
    pace = Pace(step=timedelta(0), visible_after=timedelta(minutes=1))
    async with opened(SLEEPS, pace=pace) as world:
        arn = await world.started()
        assert await listed(world) == []
        world.now += timedelta(minutes=1)
        assert await listed(world) == [arn]


# --- faults -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "meaning"),
    [
        (FaultKind.THROTTLED, Throttled),
        (FaultKind.ACCESS_DENIED, AccessDenied),
    ],
)
async def test_a_refused_launch_starts_nothing_and_leaves_its_token_free(
    opened: Any, kind: FaultKind, meaning: type[WorldError]
) -> None:
    async with opened(SLEEPS) as world:
        world.ecs.faults.add(Fault(kind=kind, times=2))
        with pytest.raises(meaning):
            await world.run()
        world.ecs.faults.clear()
        assert world.ecs.cluster.tasks == ()
        assert (await world.run())["failures"] == []


async def test_a_launch_whose_reply_is_lost_took_effect(opened: Any) -> None:
    async with opened(SLEEPS) as world:
        world.ecs.faults.add(Fault(kind=FaultKind.LOST_REPLY, times=2))
        with pytest.raises(Unavailable):
            await world.run("a")
        assert [task.arn for task in world.ecs.cluster.tasks] == [await world.started("a")]


async def test_a_ghost_is_a_task_behind_failures(opened: Any) -> None:
    async with opened(SLEEPS) as world:
        world.ecs.faults.add(Fault(kind=FaultKind.GHOST))
        answer = await world.run(startedBy="me")
        assert (answer["tasks"], len(answer["failures"])) == ([], 1)
        assert len(await listed(world, startedBy="me")) == 1


async def test_a_task_that_never_starts_can_be_stopped(opened: Any) -> None:
    async with opened(SLEEPS) as world:
        world.ecs.faults.add(Fault(kind=FaultKind.NEVER_STARTS))
        arn = await world.started()
        await world.client.call("stop_task", cluster="studio", task=arn, reason="too late")
        task = await world.until(arn, "STOPPED")
    assert (task["stopCode"], task["stoppedReason"]) == ("UserInitiated", "too late")
    assert "startedAt" not in task
    assert "exitCode" not in task["containers"][0]


async def test_a_task_that_fails_to_start_says_why_and_shows_no_container(opened: Any) -> None:
    async with opened(SLEEPS) as world:
        world.ecs.faults.add(Fault(kind=FaultKind.FAILS_TO_START, reason="ResourceInitializationError: timeout"))
        task = await world.until(await world.started(), "STOPPED")
    assert (task["stopCode"], task["stoppedReason"]) == ("TaskFailedToStart", "ResourceInitializationError: timeout")
    assert task["containers"] == []


async def test_a_container_that_is_out_of_memory_says_so(opened: Any) -> None:
    async with opened(SLEEPS) as world:
        world.ecs.faults.add(Fault(kind=FaultKind.OUT_OF_MEMORY))
        task = await world.until(await world.started(), "STOPPED")
    assert task["containers"][0]["exitCode"] == 137
    assert task["containers"][0]["reason"].startswith("OutOfMemoryError")


# --- control over HTTP --------------------------------------------------------------------------------------------


async def test_faults_can_be_scripted_over_http(opened: Any) -> None:
    async with opened(SLEEPS) as world, aiohttp.ClientSession() as http:
        fault = {"kind": "capacity", "times": 1, "reason": "RESOURCE:CPU"}
        assert (await http.post(f"{world.ecs.url}/_local/faults", json=fault)).status == 204
        assert (await world.run("a"))["failures"] == [{"reason": "RESOURCE:CPU"}]
        wrong = await http.post(f"{world.ecs.url}/_local/faults", json={"kind": "capacity", "operation": "StopTask"})
        assert wrong.status == 400
        assert "can only happen to RunTask" in await wrong.text()
        await http.post(f"{world.ecs.url}/_local/faults", json=fault)
        assert (await http.delete(f"{world.ecs.url}/_local/faults")).status == 204
        assert (await world.run("b"))["failures"] == []


async def test_a_task_can_be_interrupted_over_http_as_spot_does(opened: Any) -> None:
    async with opened(SLEEPS) as world, aiohttp.ClientSession() as http:
        arn = await world.started()
        await world.until(arn, "RUNNING")
        await world.logged(arn, "ready")
        url = f"{world.ecs.url}/_local/tasks/{arn.rpartition('/')[2]}/stop"
        body = {"code": "SpotInterruption", "reason": "Your Spot Task was interrupted."}
        assert (await http.post(url, json=body)).status == 204
        task = await world.until(arn, "STOPPED")
    assert (task["stopCode"], task["stoppedReason"]) == ("SpotInterruption", "Your Spot Task was interrupted.")


async def pid_of(world: World, arn: str) -> int:
    async with aiohttp.ClientSession() as http, http.get(f"{world.ecs.url}/_local/tasks") as answer:
        tasks = (await answer.json(content_type=None))["tasks"]
    return next(int(task["pid"]) for task in tasks if task["taskArn"] == arn)
