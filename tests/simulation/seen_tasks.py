"""A cluster as one replica meets it: its way there leads through its weather, and what it hears may be old."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from tests.simulation.catalogue import Fault
from tests.simulation.weather import Weather
from tests.world.seam import at_once
from tests.world.tasks import Failures, MemoryTasks
from vidctl import layout
from vidctl.errors import AccessDenied, CapacityUnavailable, LaunchConflict
from vidctl.model import Task, TaskSpec
from vidctl.ports import Launch


class SeenTasks:
    """A cluster. What it tells may be old; ``lag`` is by how much at present."""

    def __init__(self, tasks: MemoryTasks, weather: Weather) -> None:
        self._tasks = tasks.through(at_once)
        self._weather = weather

    @property
    def lag(self) -> timedelta:
        """By how much what ECS tells this replica is old."""
        return self._tasks.lag

    @lag.setter
    def lag(self, lag: timedelta) -> None:
        self._tasks.lag = lag

    async def run(self, spec: TaskSpec, *, token: str, started_by: str) -> Launch:
        async def launched() -> Launch:
            return await self._tasks.run(spec, token=token, started_by=started_by)

        launch = await self._weather.call(
            "tasks.run",
            token,
            launched,
            special={
                Fault.NO_ROOM: lambda: self._full(launched, token, starts=False),
                Fault.NO_ROOM_BUT_STARTED: lambda: self._full(launched, token, starts=True),
                Fault.EMPTY_ANSWER: lambda: _empty(launched),
                Fault.TOKEN_CONFLICT: lambda: self._conflict(launched, token),
                Fault.QUOTA: _over_quota,
                Fault.LAUNCH_DENIED: self._denied,
            },
        )
        if launch.task is not None and launch.task.spec is None:
            self._weather.dice.reach(Fault.STOPPED_STUB)
        return replace(launch, task=self._as_seen(launch.task)) if launch.task is not None else launch

    async def _full(self, launched: Callable[[], Awaitable[Launch]], token: str, *, starts: bool) -> Launch:
        if not self._tasks.knows(token):
            self._tasks.refusals.append(Failures(reasons=("RESOURCE:CPU",), starts=starts))
        return await launched()

    async def _conflict(self, launched: Callable[[], Awaitable[Launch]], token: str) -> Launch:
        await launched()
        task = self._tasks.started_with(token)
        raise LaunchConflict(f"{token}: used with other parameters", task_arns=() if task is None else (task.arn,))

    async def _denied(self) -> Launch:
        self._weather.deny_launches(3600)
        raise AccessDenied("not authorized to perform ecs:RunTask")

    async def describe(self, arns: Sequence[str]) -> tuple[Task, ...]:
        async def described() -> tuple[Task, ...]:
            return await self._tasks.describe(arns)

        async def all_but_one() -> tuple[Task, ...]:
            return (await described())[1:]

        async def as_before() -> tuple[Task, ...]:
            now, self._tasks.lag = self._tasks.lag, self._tasks.lag + timedelta(minutes=2)
            try:
                return await described()
            finally:
                self._tasks.lag = now

        found = await self._weather.call(
            "tasks.describe",
            arns[0] if arns else "",
            described,
            special={Fault.TASK_MISSING: all_but_one, Fault.STATUS_BACKWARDS: as_before},
        )
        if any(task.stop_code == "TaskFailedToStart" for task in found):
            self._weather.dice.reach(Fault.NO_CONTAINERS)
        if any(self._tasks.forgotten(arn) for arn in arns):
            self._weather.dice.reach(Fault.STOPPED_FORGOTTEN)
        return tuple(map(self._as_seen, found))

    async def started_by(self, started_by: str) -> tuple[str, ...]:
        async def changed() -> tuple[str, ...]:
            return (await self._tasks.started_by(started_by))[1:]

        return await self._weather.call(
            "tasks.started_by",
            started_by,
            lambda: self._tasks.started_by(started_by),
            special={Fault.LISTING_CHANGED: changed},
        )

    async def family(self, *, stopped: bool) -> tuple[str, ...]:
        async def changed() -> tuple[str, ...]:
            return (await self._tasks.family(stopped=stopped))[:-1]

        return await self._weather.call(
            "tasks.family",
            "stopped" if stopped else "live",
            lambda: self._tasks.family(stopped=stopped),
            special={Fault.LISTING_CHANGED: changed},
        )

    async def stop(self, arn: str, *, reason: str) -> None:
        async def ignored() -> None:
            """Say yes and do nothing."""

        task = self._tasks.task(arn)
        dice, ledger = self._weather.dice, self._weather.watch.ledger
        dice.reach(Fault.TAGS_GONE if task.alive else Fault.STOP_OF_NOTHING)
        if task.spec is not None and task.spec.number in ledger.job(task.spec.key, task.spec.job).results:
            dice.reach(Fault.STOPPED_AFTER_SUCCESS)
        await self._weather.call(
            "tasks.stop",
            layout.launch_token(task.spec.job, task.spec.number) if task.spec is not None else arn,
            ignored if self._tasks.is_hidden(arn) else lambda: self._tasks.stop(arn, reason=reason),
            special={Fault.STOP_IGNORED: ignored},
        )

    def _as_seen(self, task: Task) -> Task:
        """Stamp what is told with the clock of who hears it."""
        return replace(task, seen_at=task.seen_at + self._weather.skew)


async def _empty(launched: Callable[[], Awaitable[Launch]]) -> Launch:
    await launched()
    return Launch(task=None)


async def _over_quota() -> Launch:
    raise CapacityUnavailable("limit on the number of vCPUs")
