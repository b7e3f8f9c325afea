"""The life of one ECS task in memory: its states, its end, and how ECS writes them down."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from tests.world.seam import Role, acting
from vidctl import codec, events
from vidctl.errors import Malformed
from vidctl.groups import TaskGroup
from vidctl.model import JOB_VARIABLE, JobSpec, Task, TaskSpec
from vidctl.ports import Clock

Worker = Callable[[TaskSpec, JobSpec], Awaitable[int]]
"""Plays the container and returns its exit code.

A stopped task's is cancelled with the message ``SIGTERM`` and, after the grace, with ``SIGKILL`` (``kill`` at once);
after ``SIGKILL`` it must touch nothing.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long the steps of a task's life take. ``grace`` is the time from SIGTERM to SIGKILL."""

    provisioning: timedelta = timedelta(seconds=10)
    pending: timedelta = timedelta(seconds=20)
    stopping: timedelta = timedelta(seconds=1)
    grace: timedelta = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Launched:
    """What was asked of ECS, and the task that came of it."""

    arn: str
    token: str
    started_by: str
    spec: TaskSpec
    job: JobSpec | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A task as it was from ``at`` on. ListTasks goes by the ``desired`` status, which a stop changes at once."""

    at: datetime
    desired: str
    task: Task


class Life:
    """One task. ``changed`` is told after every change, with the task as EventBridge writes it."""

    def __init__(
        self,
        launched: Launched,
        *,
        clock: Clock,
        timing: Timing,
        worker: Worker,
        changed: Callable[[dict[str, Any]], None],
    ) -> None:
        self.launched = launched
        self.views: list[View] = []
        self.stopped_at: datetime | None = None
        self._clock = clock
        self._timing = timing
        self._worker = worker
        self._changed = changed
        self._numbers = count(1)
        self._status, self._desired = "PROVISIONING", "RUNNING"
        self._started_at: datetime | None = None
        self._stop_code: str | None = None
        self._reason = ""
        self._exit_code: int | None = None
        self._play: asyncio.Task[None] | None = None
        self._becomes("PROVISIONING")

    @property
    def task(self) -> Task:
        """The task as it is now, whatever a listing shows."""
        return self.views[-1].task

    def begin(self, group: TaskGroup) -> None:
        """Let the task live in ``group``."""
        with acting(Role.WORKER, self.launched.token):
            self._play = group.create_task(self._live(), name=self.launched.arn)

    def abandon(self) -> None:
        """End the play without an end of the task: the world closes."""
        if self._play is not None:
            self._play.cancel()

    def stop(self, reason: str) -> None:
        """Stop as StopTask does: not wanted from now on, SIGTERM soon, SIGKILL after the grace."""
        if self.stopped_at is not None or self._desired == "STOPPED":
            return
        self._desired, self._stop_code, self._reason = "STOPPED", "UserInitiated", reason
        self._becomes(self._status)
        asyncio.get_running_loop().call_later(self._timing.stopping.total_seconds(), self._terminate)

    def kill(self, *, exit_code: int | None, stop_code: str, reason: str) -> None:
        """End at once, without a word from the container."""
        if self.stopped_at is None:
            self._stop_code, self._reason = stop_code, reason
            self._end(exit_code)
            self._signal("SIGKILL")

    async def _live(self) -> None:
        try:
            await asyncio.sleep(self._timing.provisioning.total_seconds())
            self._becomes("PENDING")
            await asyncio.sleep(self._timing.pending.total_seconds())
            self._started_at = self._clock()
            self._becomes("RUNNING")
            # A container without its job ends at once: nothing tells it what to do.
            job = self.launched.job
            exit_code = 78 if job is None else await self._worker(self.launched.spec, job)
        except asyncio.CancelledError:
            if self._stop_code is not None:
                self._end(None if self._started_at is None else 143)
            raise
        self._end(exit_code)

    def _terminate(self) -> None:
        if self.stopped_at is None:
            self._becomes("STOPPING")
            self._signal("SIGTERM")
            asyncio.get_running_loop().call_later(self._timing.grace.total_seconds(), self._lose_patience)

    def _lose_patience(self) -> None:
        if self.stopped_at is None:
            self._end(137)
            self._signal("SIGKILL")

    def _signal(self, name: str) -> None:
        if self._play is not None:
            self._play.cancel(name)

    def _end(self, exit_code: int | None) -> None:
        if self.stopped_at is not None:
            return
        self.stopped_at, self._desired, self._exit_code = self._clock(), "STOPPED", exit_code
        if self._stop_code is None:
            self._stop_code, self._reason = "EssentialContainerExited", "Essential container in task exited"
        self._becomes("STOPPED")

    def _becomes(self, status: str) -> None:
        self._status, now = status, self._clock()
        detail = self._detail(now)
        self.views.append(View(at=now, desired=self._desired, task=events.parse_task(detail, seen_at=now)))
        self._changed(detail)

    def _detail(self, now: datetime) -> dict[str, Any]:
        spec, asked = self.launched.spec, self.launched
        environment = [{"name": name, "value": value} for name, value in spec.environment]
        container = {"name": spec.container, "lastStatus": self._status, "exitCode": self._exit_code, "reason": ""}
        times = {"createdAt": asked.at, "startedAt": self._started_at, "stoppedAt": self.stopped_at, "updatedAt": now}
        detail = {
            "taskArn": asked.arn,
            "taskDefinitionArn": spec.task_definition,
            "lastStatus": self._status,
            "desiredStatus": self._desired,
            "startedBy": asked.started_by,
            "stopCode": self._stop_code,
            "stoppedReason": self._reason,
            "version": next(self._numbers),
            # AWS: a task that failed to start may list no container.
            "containers": [] if self._stop_code == "TaskFailedToStart" else [_present(container)],
            "overrides": {"containerOverrides": [{"name": spec.container, "environment": environment}]},
            **{name: at.isoformat() for name, at in times.items() if at is not None},
        }
        return _present(detail)


def job_of(spec: TaskSpec) -> JobSpec | None:
    """Return the job in a task's environment."""
    try:
        return codec.decode(JobSpec, dict(spec.environment)[JOB_VARIABLE])
    except (KeyError, Malformed):
        return None


def _present(fields: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is not known, as AWS does."""
    return {name: value for name, value in fields.items() if value is not None}
