"""One ECS task as a process: its life from PROVISIONING to STOPPED, and how DescribeTasks shows it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from signal import SIGKILL
from typing import Any

from vidctl.groups import TaskGroup
from vidctl.local import process
from vidctl.local.definition import EcsSetup, TaskDefinition
from vidctl.local.faults import Fault, FaultKind
from vidctl.local.process import LeashedProgram, search_path
from vidctl.local.wire import RunTask
from vidctl.ports import Clock

OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"
EXITED = "Essential container in task exited"
PULL_FAILED = "CannotPullContainerError: pull image manifest has been retried 1 time(s)"


class LocalTask:
    """A task. ``changed`` is called after every change of its status."""

    def __init__(
        self,
        *,
        arn: str,
        setup: EcsSetup,
        definition: TaskDefinition,
        launch: RunTask,
        fault: Fault | None,
        clock: Clock,
        changed: Callable[[LocalTask], None],
    ) -> None:
        self.arn, self.definition, self.launch = arn, definition, launch
        self.status, self.desired_status = "PROVISIONING", "RUNNING"
        self.created_at = clock()
        self.stopped_at: datetime | None = None
        self.program: LeashedProgram | None = None
        self.tags = launch.tags
        self.log = setup.directory / f"{self.id}.log"
        self._disk = setup.directory / self.id
        self._setup, self._fault, self._clock, self._changed = setup, fault, clock, changed
        self._version = 1
        self._started_at: datetime | None = None
        self._stopping_at: datetime | None = None
        self._stop_code: str | None = None
        self._stopped_reason: str | None = None
        self._exit_code: int | None = None
        self._container_reason: str | None = None
        self._stop_asked = asyncio.Event()

    @property
    def id(self) -> str:
        """The last part of the ARN."""
        return self.arn.rpartition("/")[2]

    def stop(self, *, code: str = "UserInitiated", reason: str = "") -> None:
        """Ask the task to stop; what ended it first gives code and reason. The tags are deleted (AWS: StopTask)."""
        self.tags = ()
        if self.desired_status == "STOPPED":
            return
        self._intend(code, reason)
        self._stop_asked.set()
        self._changed(self)

    async def live(self) -> None:
        """Run the task to its end. Cancelling it kills the process."""
        try:
            if await self._starts():
                await self._run()
        finally:
            # Before it is said to have stopped: who hears of that may look for what is left.
            if self.program is not None:
                await self.program.end()
            await asyncio.to_thread(shutil.rmtree, self._disk, ignore_errors=True)
        await self._pass_through("DEPROVISIONING")
        self.stopped_at = self._clock()
        self._become("STOPPED")

    async def _starts(self) -> bool:
        """Go through the statuses before RUNNING; whether nobody asked the task to stop meanwhile."""
        if self._fate is FaultKind.NEVER_STARTS:
            await self._stop_asked.wait()
        if await self._stopped_within(self._setup.pace.step):
            return False
        self._become("PENDING")
        if await self._stopped_within(self._setup.pace.step):
            return False
        if self._fate is FaultKind.FAILS_TO_START:
            self._intend("TaskFailedToStart", self._words(PULL_FAILED))
            return False
        return True

    async def _run(self) -> None:
        try:
            self._disk.mkdir(parents=True)
            self.program = await process.start(
                self.command, environment=self.environment, log=self.log, directory=self._disk
            )
        except OSError as error:
            self._intend("TaskFailedToStart", f"CannotStartContainerError: {error}")
            return
        self._started_at = self._clock()
        self._become("RUNNING")
        if self._fate is FaultKind.OUT_OF_MEMORY:
            self.program.kill()
            self._container_reason = self._words(OUT_OF_MEMORY)
        async with TaskGroup() as group:
            stopping = group.create_task(self._stop(self.program))
            self._exit_code = await self.program.wait()
            stopping.cancel()
        if self._stop_code is None:
            self._intend("EssentialContainerExited", EXITED)
            await self._pass_through("DEACTIVATING")
            self._become("STOPPING")

    async def _stop(self, program: LeashedProgram) -> None:
        await self._stop_asked.wait()
        await self._pass_through("DEACTIVATING")
        self._become("STOPPING")
        await program.stop(self.definition.stop_timeout)

    @property
    def _fate(self) -> FaultKind | None:
        return self._fault.kind if self._fault else None

    def _words(self, usual: str) -> str:
        return self._fault.reason or usual if self._fault else usual

    @property
    def command(self) -> tuple[str, ...]:
        """What the container runs."""
        return next((c.command for c in self.launch.overrides.containers if c.command), self.definition.command)

    @property
    def environment(self) -> dict[str, str]:
        """The container's environment: the definition's, changed by the launch's. A container inherits nothing.

        Its temporary files lie on a disk of its own, which ends with the task.
        """
        own = {"PATH": search_path(), "LANG": "C.UTF-8", "HOME": str(self._disk), "TMPDIR": str(self._disk)}
        overrides = [pair for c in self.launch.overrides.containers for pair in c.environment]
        return own | dict(self.definition.environment) | {pair.name: pair.value for pair in overrides}

    def _intend(self, code: str, reason: str) -> None:
        self.desired_status, self._stopping_at = "STOPPED", self._clock()
        self._stop_code, self._stopped_reason = code, reason
        self._version += 1

    def _become(self, status: str) -> None:
        self.status = status
        self._version += 1
        self._changed(self)

    async def _pass_through(self, status: str) -> None:
        self._become(status)
        await asyncio.sleep(self._setup.pace.step.total_seconds())

    async def _stopped_within(self, time: timedelta) -> bool:
        try:
            async with asyncio.timeout(time.total_seconds()):
                await self._stop_asked.wait()
        except TimeoutError:
            return False
        return True

    def view(self) -> dict[str, Any]:
        """Return the task as DescribeTasks shows it (AWS: Task), with times as ``datetime``."""
        overrides, capacity = self.launch.overrides, next(iter(self.launch.providers), None)
        shown = {
            "taskArn": self.arn,
            "clusterArn": self._setup.cluster.arn,
            "taskDefinitionArn": self._setup.cluster.definition_arn(self.definition),
            "group": self.launch.group or f"family:{self.definition.family}",
            "startedBy": self.launch.started_by,
            "launchType": "FARGATE",
            "platformVersion": "1.4.0",
            "capacityProviderName": capacity and capacity.name,
            "cpu": overrides.cpu or str(self.definition.cpu_units),
            "memory": overrides.memory or str(self.definition.memory_mib),
            "overrides": overrides.model_dump(by_alias=True, exclude_none=True),
            "ephemeralStorage": {"sizeInGiB": overrides.storage.size if overrides.storage else 20},
            "lastStatus": self.status,
            "desiredStatus": self.desired_status,
            "version": self._version,
            "createdAt": self.created_at,
            "startedAt": self._started_at,
            "stoppingAt": self._stopping_at,
            "stoppedAt": self.stopped_at,
            "stopCode": self._stop_code,
            "stoppedReason": self._stopped_reason,
            "containers": self._containers(),
        }
        return {name: value for name, value in shown.items() if value is not None}

    def _containers(self) -> list[dict[str, Any]]:
        if self._stop_code == "TaskFailedToStart":
            return []  # reported of AWS (prefect#22410)
        status = self.status if self.status in ("RUNNING", "STOPPED") else "PENDING"
        container = {
            "containerArn": self.arn.replace(":task/", ":container/") + f"/{self.definition.container}",
            "taskArn": self.arn,
            "name": self.definition.container,
            "lastStatus": status if self._exit_code is None else "STOPPED",
            "exitCode": self._exit_code,
            "reason": self._container_reason if self._exit_code == 128 + SIGKILL else None,
        }
        return [{name: value for name, value in container.items() if value is not None}]
