"""The numbers that decisions use, and the arithmetic on them. ``cli`` fills a Policy from the settings."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from vidctl.model import AttemptNumber, Kind, TaskSpec

GIB = 1024**3


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where a task may run; the next one is tried when this one has no room."""

    capacity_provider: str | None
    subnets: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSize:
    """How much of a machine a task gets; the next one is tried when this one did not do."""

    cpu_units: int
    memory_mib: int
    ephemeral_gib: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InputLimits:
    """The largest input that the worker takes, by its settings; the defaults are theirs."""

    duration: timedelta = timedelta(hours=12)
    pixels: int = 8192 * 4320
    streams: int = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """Who is told of which final states, and how patiently; the defaults are those of ``settings``.

    ``backoff`` is the least time between two attempts, and longer than one takes; ``patience`` the age of a notice at
    which a receiver that fails once more is given up.
    """

    receivers: tuple[str, ...] = ()
    kinds: tuple[Kind, ...] = tuple(Kind)
    backoff: timedelta = timedelta(seconds=60)
    backoff_cap: timedelta = timedelta(hours=1)
    patience: timedelta = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Budgets, backoff, deadlines and grace periods; the defaults are those of ``settings``."""

    raw_bucket: str
    final_bucket: str
    task_definition: str = "vidctl-worker"
    container: str = "worker"
    security_groups: tuple[str, ...] = ()
    assign_public_ip: bool = False
    placements: tuple[Placement, ...]
    sizes: tuple[TaskSize, ...]

    max_source_bytes: int = 5 * GIB
    input_limits: InputLimits = InputLimits()
    telling: Telling = Telling()
    app_attempts: int = 3
    infrastructure_attempts: int = 20
    infrastructure_patience: timedelta = timedelta(hours=24)
    backoff: timedelta = timedelta(seconds=10)
    backoff_cap: timedelta = timedelta(minutes=10)
    start_deadline: timedelta = timedelta(minutes=15)
    run_deadline: timedelta = timedelta(hours=13)
    settle: timedelta = timedelta(minutes=5)
    poll: timedelta = timedelta(seconds=20)
    keep_after: timedelta = timedelta(hours=40)

    fresh: timedelta = timedelta(seconds=30)
    """Age up to which a reading may decide to act."""
    recall: timedelta = timedelta(minutes=5)
    """Age up to which it may decide to wait: a Cancel is noticed no later."""
    relaunch_until: timedelta = timedelta(minutes=45)
    """Age of an Intent up to which its token is used. A token lives as long as its task and an hour (AWS: ECS
    idempotency), so that within 60 minutes of the first call a repeated call can start no second task; 15 minutes are
    left for clocks that disagree and calls that arrive late."""
    lost_after: timedelta = timedelta(minutes=55)
    """Age of an Intent from which a task that nobody sees is lost: later than any task that a late call could start."""
    stop_interval: timedelta = timedelta(seconds=15)
    """Time between two requests to stop the same task."""
    slot_interval: timedelta = timedelta(seconds=5)
    """Time between two looks for a free slot; a slot that falls free wakes who is next."""

    def delay(self, job: str, number: AttemptNumber, failures: int) -> timedelta:
        """Return the wait after the ``failures``-th failure in a row: doubled each time, capped, with jitter.

        The jitter (half to whole) comes from the attempt's name, so that a decision can be repeated.
        """
        doublings: int = 2 ** min(failures - 1, 30)
        whole = min(self.backoff * doublings, self.backoff_cap)
        share = hashlib.sha256(f"{job}-{number}".encode()).digest()[0] / 255
        return whole * (0.5 + share / 2)

    def task(self, *, size: int, placement: int, environment: tuple[tuple[str, str], ...]) -> TaskSpec:
        """Return the parameters of a RunTask, to be pinned in an Intent."""
        where = self.placements[placement % len(self.placements)]
        what = self.sizes[min(size, len(self.sizes) - 1)]
        return TaskSpec(
            task_definition=self.task_definition,
            container=self.container,
            cpu_units=what.cpu_units,
            memory_mib=what.memory_mib,
            ephemeral_gib=what.ephemeral_gib,
            capacity_provider=where.capacity_provider,
            subnets=where.subnets,
            security_groups=self.security_groups,
            assign_public_ip=self.assign_public_ip,
            environment=environment,
        )
