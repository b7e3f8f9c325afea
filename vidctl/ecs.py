"""The tasks of one ECS cluster as ``Tasks``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from vidctl import logs
from vidctl.clients import Client
from vidctl.errors import Malformed, Misconfigured
from vidctl.events import parse_task
from vidctl.model import Task, TaskSpec
from vidctl.ports import Clock, Launch

LONGEST_REASON = 255

log = logs.get(__name__)


class EcsTasks:
    """Implements ``Tasks``. ``family`` is that of the worker's task definition."""

    def __init__(self, *, client: Client, cluster: str, family: str, clock: Clock) -> None:
        self._client = client
        self._cluster = cluster
        self._family = family
        self._clock = clock

    async def run(self, spec: TaskSpec, *, token: str, started_by: str) -> Launch:
        """Start one task, or return the one that this token started; see ``Tasks``."""
        answer = await self._client.call(
            "run_task", cluster=self._cluster, count=1, clientToken=token, startedBy=started_by, **_parameters(spec)
        )
        tasks = [parse_task(detail, seen_at=self._clock()) for detail in answer.get("tasks", ())]
        return Launch(
            task=next(iter(tasks), None), failures=tuple(_reason(failure) for failure in answer.get("failures", ()))
        )

    async def describe(self, arns: Sequence[str]) -> tuple[Task, ...]:
        """Return those of the tasks (at most 100) that ECS finds and that can be read; see ``Tasks``."""
        if not arns:
            return ()
        # The answer is as old as the question: what ECS read, it read after this.
        seen_at = self._clock()
        answer = await self._client.call("describe_tasks", cluster=self._cluster, tasks=list(arns))
        return tuple(_readable(answer.get("tasks", ()), seen_at=seen_at))

    async def started_by(self, started_by: str) -> tuple[str, ...]:
        """Return the ARNs of the live tasks with this ``startedBy``; see ``Tasks``."""
        # AWS: startedBy must be the only filter; the desired status is then RUNNING.
        return await self._listed(startedBy=started_by)

    async def family(self, *, stopped: bool) -> tuple[str, ...]:
        """Return the ARNs of the worker family's tasks; see ``Tasks``."""
        return await self._listed(family=self._family, desiredStatus="STOPPED" if stopped else "RUNNING")

    async def stop(self, arn: str, *, reason: str) -> None:
        """Ask a task to stop; see ``Tasks``."""
        try:
            await self._client.call("stop_task", cluster=self._cluster, task=arn, reason=reason[:LONGEST_REASON])
        except Misconfigured as error:
            # AWS: InvalidParameterException "The referenced task was not found."
            if "task was not found" not in str(error):
                raise

    async def _listed(self, **filters: str) -> tuple[str, ...]:
        arns: list[str] = []
        page: dict[str, str] = {}
        while True:
            answer = await self._client.call("list_tasks", cluster=self._cluster, **filters, **page)
            arns += answer["taskArns"]
            if not answer.get("nextToken"):
                return tuple(arns)
            page = {"nextToken": answer["nextToken"]}


def _readable(details: Iterable[dict[str, Any]], *, seen_at: datetime) -> Iterator[Task]:
    """Yield the tasks that can be read: one that cannot must not hide the others."""
    for detail in details:
        try:
            yield parse_task(detail, seen_at=seen_at)
        except Malformed as error:
            log.warning("task_unreadable", task=str(detail.get("taskArn")), error=str(error))


def _parameters(spec: TaskSpec) -> dict[str, Any]:
    """Write a TaskSpec as RunTask's parameters, always the same for the same spec: the launch token demands it."""
    environment = [{"name": name, "value": value} for name, value in spec.environment]
    overrides: dict[str, Any] = {
        "cpu": str(spec.cpu_units),
        "memory": str(spec.memory_mib),
        "containerOverrides": [{"name": spec.container, "environment": environment}],
    }
    if spec.ephemeral_gib is not None:
        overrides["ephemeralStorage"] = {"sizeInGiB": spec.ephemeral_gib}
    network = {
        "subnets": list(spec.subnets),
        "securityGroups": list(spec.security_groups),
        "assignPublicIp": "ENABLED" if spec.assign_public_ip else "DISABLED",
    }
    return {
        "taskDefinition": spec.task_definition,
        "overrides": overrides,
        "networkConfiguration": {"awsvpcConfiguration": network},
        **_placement(spec.capacity_provider),
    }


def _placement(provider: str | None) -> dict[str, Any]:
    if provider is None:
        return {"launchType": "FARGATE"}
    return {"capacityProviderStrategy": [{"capacityProvider": provider, "weight": 1}]}


def _reason(failure: dict[str, str]) -> str:
    """Write an entry of ``failures[]`` as ``RESOURCE:MEMORY: detail``."""
    return ": ".join(part for part in (failure.get("reason"), failure.get("detail")) if part) or "no reason given"
