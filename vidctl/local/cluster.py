"""The tasks of the local ECS's one cluster: what RunTask, DescribeTasks, ListTasks and StopTask mean."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from vidctl.local.definition import EcsSetup, TaskDefinition
from vidctl.local.faults import Fault, FaultKind
from vidctl.local.tasks import LocalTask
from vidctl.local.wire import DescribeTasks, ListTasks, Refusal, RunTask, StopTask, check_launch, fingerprint, invalid
from vidctl.ports import Clock, Ids

TOKEN_LIFETIME = timedelta(hours=24)
TOKEN_AFTER_TASK = timedelta(hours=1)
"""AWS: a client token lives for 24 hours or the task's lifetime and one hour, whichever is shorter."""

STOPPED_SHOWN = timedelta(hours=1)
"""AWS: stopped tasks are shown for at least one hour."""

NO_CAPACITY = "Capacity is unavailable at this time. Please try again later or in a different availability zone"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Launched:
    """What a client token started."""

    parameters: str
    at: datetime
    tasks: tuple[LocalTask, ...]
    failures: tuple[str, ...]

    def expired(self, now: datetime) -> bool:
        if now - self.at > TOKEN_LIFETIME:
            return True
        ends = [task.stopped_at for task in self.tasks]
        if not ends:
            return now - self.at > TOKEN_AFTER_TASK
        return all(end is not None and now - end > TOKEN_AFTER_TASK for end in ends)


class Cluster:
    """The tasks. ``begin`` is given every new task and has to let it live; ``changed`` every one that changed."""

    def __init__(
        self,
        *,
        setup: EcsSetup,
        clock: Clock,
        ids: Ids,
        begin: Callable[[LocalTask], None],
        changed: Callable[[LocalTask], None],
    ) -> None:
        self._setup, self._name = setup, setup.cluster
        self._clock, self._ids = clock, ids
        self._begin, self._changed = begin, changed
        self._tasks: dict[str, LocalTask] = {}
        self._launched: dict[str, _Launched] = {}

    def run(self, launch: RunTask, body: dict[str, Any], fault: Fault | None) -> dict[str, Any]:
        """Start tasks, or repeat what the client token got when it was first used.

        Raises:
            Refusal: as AWS would.

        """
        self._check_cluster(launch.cluster)
        check_launch(launch)
        definition = self._definition(launch.task_definition)
        if any(override.name != definition.container for override in launch.overrides.containers):
            raise invalid("Override for a container that is not in the TaskDefinition.")
        self._forget()
        launched = self._launched.get(launch.client_token or "")
        if launched is None:
            launched = self._start(launch, definition, fingerprint(body), fault)
        elif launched.parameters != fingerprint(body):
            raise Refusal(
                "ConflictException",
                "The client token was used with other parameters.",
                resourceIds=[task.arn for task in launched.tasks],
            )
        return _launch_answer(launched)

    def describe(self, request: DescribeTasks) -> dict[str, Any]:
        """Show tasks; one that is unknown, or too new to be seen, is a failure ``MISSING``."""
        self._check_cluster(request.cluster)
        self._forget()
        found, failures = [], []
        for name in request.tasks:
            task = self._tasks.get(name.rpartition("/")[2])
            if task is not None and self._visible(task):
                tags = {"tags": list(task.tags)} if "TAGS" in request.include else {}
                found.append(task.view() | tags)
            else:
                failures.append({"arn": self._arn(name), "reason": "MISSING"})
        return {"tasks": found, "failures": failures}

    def list(self, request: ListTasks) -> dict[str, Any]:
        """List ARNs. ``startedBy`` must be the only filter (AWS: ListTasks); the default status is RUNNING."""
        self._check_cluster(request.cluster)
        if request.started_by is not None and (request.family is not None or request.desired_status is not None):
            raise invalid("startedBy must be the only filter.")
        self._forget()
        arns = [task.arn for task in self._tasks.values() if self._visible(task) and _matches(task, request)]
        start = next((i + 1 for i, arn in enumerate(arns) if arn == request.next_token), 0)
        page = arns[start : start + request.page_size]
        more = start + request.page_size < len(arns)
        return {"taskArns": page, **({"nextToken": page[-1]} if more else {})}

    def stop(self, request: StopTask) -> dict[str, Any]:
        """Ask a task to stop.

        Raises:
            Refusal: there is no such task.

        """
        self._check_cluster(request.cluster)
        task = self.task(request.task)
        task.stop(reason=request.reason)
        return {"task": task.view()}

    def task(self, name: str) -> LocalTask:
        """Return a task by its id or ARN.

        Raises:
            Refusal: there is no such task.

        """
        self._forget()
        task = self._tasks.get(name.rpartition("/")[2])
        if task is None:
            raise invalid("The referenced task was not found.")
        return task

    @property
    def tasks(self) -> tuple[LocalTask, ...]:
        """Every task that is not forgotten, in the order of their starts."""
        return tuple(self._tasks.values())

    def _start(self, launch: RunTask, definition: TaskDefinition, parameters: str, fault: Fault | None) -> _Launched:
        kind = fault and fault.kind
        wanted = 0 if kind is FaultKind.CAPACITY else launch.count
        tasks = tuple(self._new_task(launch, definition, fault) for _ in range(wanted))
        failed = fault if kind in (FaultKind.CAPACITY, FaultKind.GHOST) else None
        launched = _Launched(
            parameters=parameters,
            at=self._clock(),
            tasks=() if failed else tasks,
            failures=(failed.reason or NO_CAPACITY,) if failed else (),
        )
        if launch.client_token is not None:
            self._launched[launch.client_token] = launched
        return launched

    def _new_task(self, launch: RunTask, definition: TaskDefinition, fault: Fault | None) -> LocalTask:
        task = LocalTask(
            arn=self._name.task_arn(self._ids(16).hex()),
            setup=self._setup,
            definition=definition,
            launch=launch,
            fault=fault,
            clock=self._clock,
            changed=self._changed,
        )
        self._tasks[task.id] = task
        self._begin(task)
        self._changed(task)
        return task

    def _definition(self, wanted: str) -> TaskDefinition:
        family, _, revision = wanted.rpartition("/")[2].partition(":")
        of_family = [d for d in self._setup.definitions if d.family == family and revision in ("", str(d.revision))]
        # Without a revision it is the newest active one (AWS: RunTask, taskDefinition).
        chosen = max((d for d in of_family if d.active), key=lambda d: d.revision, default=None)
        if chosen is not None:
            return chosen
        raise Refusal("ClientException", "TaskDefinition is inactive" if of_family else "TaskDefinition not found.")

    def _check_cluster(self, cluster: str) -> None:
        if cluster not in (self._name.name, self._name.arn):
            raise Refusal("ClusterNotFoundException", "Cluster not found.")

    def _visible(self, task: LocalTask) -> bool:
        return self._clock() - task.created_at >= self._setup.pace.visible_after

    def _arn(self, name: str) -> str:
        return name if name.startswith("arn:") else self._name.task_arn(name)

    def _forget(self) -> None:
        """Drop the tokens that expired and the tasks that stopped long ago."""
        now = self._clock()
        self._launched = {token: launched for token, launched in self._launched.items() if not launched.expired(now)}
        for task in list(self._tasks.values()):
            if task.stopped_at is not None and now - task.stopped_at > STOPPED_SHOWN:
                del self._tasks[task.id]


def _launch_answer(launched: _Launched) -> dict[str, Any]:
    failures = [{"reason": reason} for reason in launched.failures]
    return {"tasks": [task.view() for task in launched.tasks], "failures": failures}


def _matches(task: LocalTask, request: ListTasks) -> bool:
    if request.started_by is not None and task.launch.started_by != request.started_by:
        return False
    if request.family is not None and task.definition.family != request.family:
        return False
    return task.desired_status == (request.desired_status or "RUNNING")
