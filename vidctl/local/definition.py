"""What a local ECS is made of: its cluster's name, the task definitions, how fast it is and where its logs go."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from vidctl.local.throttle import Quotas


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDefinition:
    """A task definition with one container: a command with an environment.

    ``stop_timeout`` is the time from SIGTERM to SIGKILL (AWS: 30 s unless set, on Fargate at most 120).
    """

    family: str
    container: str
    command: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()
    stop_timeout: timedelta = timedelta(seconds=30)
    cpu_units: int = 2048
    memory_mib: int = 4096
    revision: int = 1
    active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterName:
    """A cluster in its account and region."""

    name: str
    region: str
    account: str

    @property
    def arn(self) -> str:
        """The cluster's ARN."""
        return f"{self._prefix}:cluster/{self.name}"

    def task_arn(self, task: str) -> str:
        """Return the ARN of a task in the cluster."""
        return f"{self._prefix}:task/{self.name}/{task}"

    def definition_arn(self, definition: TaskDefinition) -> str:
        """Return the ARN of a task definition."""
        return f"{self._prefix}:task-definition/{definition.family}:{definition.revision}"

    @property
    def _prefix(self) -> str:
        return f"arn:aws:ecs:{self.region}:{self.account}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast the local ECS is: time from one status to the next, and until a new task is listed and described."""

    step: timedelta = timedelta(milliseconds=100)
    visible_after: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class EcsSetup:
    """One local ECS. Each task's log is ``{id}.log`` in ``directory``; ``port`` 0 is a free one."""

    cluster: ClusterName
    definitions: tuple[TaskDefinition, ...]
    directory: Path
    pace: Pace = field(default_factory=Pace)
    quotas: Quotas = field(default_factory=Quotas)
    port: int = 0
