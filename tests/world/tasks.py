"""One ECS cluster in memory, after AWS's contract: launch tokens, states, stop codes, listings that lag behind."""

from __future__ import annotations

import copy
import json
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from types import TracebackType
from typing import Any, Self

from tests.world.life import Launched, Life, Timing, View, Worker, job_of
from tests.world.quota import Quota
from tests.world.seam import BLIND, Around, Witness, undisturbed
from vidctl.errors import LaunchConflict, Misconfigured, WorldError
from vidctl.groups import TaskGroup
from vidctl.model import Task, TaskSpec
from vidctl.ports import Clock, Launch

TOKEN_LIFETIME = timedelta(hours=24)
TOKEN_AFTER_STOP = timedelta(hours=1)
STOPPED_SEEN = timedelta(hours=1)
MOST_DESCRIBED = 100
LONGEST_OVERRIDES = 8192
MOST_TASKS = 5_000
"""AWS: tasks of a cluster that run at once, by default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """An answer of RunTask with ``failures[]``; such a task may start all the same."""

    reasons: tuple[str, ...]
    starts: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Token:
    """What a launch token was used for."""

    spec: TaskSpec
    started_by: str
    at: datetime
    life: Life | None
    failures: tuple[str, ...]


class MemoryTasks:
    """Implements ``Tasks`` while it is entered; ``worker`` plays the containers.

    The next calls of ``run`` meet ``refusals`` (an error at the door, or ``Failures``). Lists and descriptions are
    ``lag`` behind the truth, which is in ``launched``, ``task`` and ``live``.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        worker: Worker,
        family: str = "vidctl-worker",
        timing: Callable[[str], Timing] = lambda _token: Timing(),
        on_change: Callable[[dict[str, Any]], None] = lambda _detail: None,
        room: Callable[[], int] = lambda: MOST_TASKS,
        launches: Quota | None = None,
        witness: Witness = BLIND,
        around: Around = undisturbed,
    ) -> None:
        self.lag = timedelta()
        self.refusals: deque[WorldError | Failures] = deque()
        self._clock = clock
        self._worker = worker
        self._family = family
        self._timing = timing
        self._on_change = on_change
        self._room = room
        # AWS: quotas of an account and region (ECS, request throttling): RunTask with StopTask, Describe with List.
        self._changes = launches or Quota(per_second=40, burst=100, clock=clock)
        self._reads = Quota(per_second=20, burst=100, clock=clock)
        self._witness = witness
        self._around = around
        self._lives: dict[str, Life] = {}
        self._listed: dict[str, Life] = {}
        self._tokens: dict[str, _Token] = {}
        self._hidden: set[str] = set()
        self._numbers = count(1)
        self._group = TaskGroup()

    def through(self, around: Around) -> Self:
        """Return the same cluster as seen by somebody whose calls meet other faults, with a ``lag`` of his own."""
        view = copy.copy(self)
        view._around = around
        return view

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for life in self._lives.values():
            life.abandon()
        await self._group.__aexit__(kind, error, trace)

    # --- the port -------------------------------------------------------------------------------------------------

    async def run(self, spec: TaskSpec, *, token: str, started_by: str) -> Launch:
        async with self._around("tasks.run"):
            self._changes.take("tasks.run")
            match next(iter(self.refusals), None):
                case WorldError() as refusal:
                    self.refusals.popleft()
                    raise refusal
            _check(spec, token, started_by)
            if _family(spec) != self._family:
                raise Misconfigured(f"taskDefinition: {spec.task_definition!r} is not found")
            known = self._tokens.get(token)
            if known is not None and self._clock() < _expiry(known):
                return self._repeated(known, spec, started_by)
            return self._launch(spec, token, started_by)

    async def describe(self, arns: Sequence[str]) -> tuple[Task, ...]:
        async with self._around("tasks.describe"):
            self._reads.take("tasks.describe")
            if len(arns) > MOST_DESCRIBED:
                raise Misconfigured(f"arns: {len(arns)} are more than {MOST_DESCRIBED}")
            now = self._clock()
            views = [view for _, view in self._views(arns)]
            return tuple(replace(view.task, seen_at=now) for view in views)

    async def started_by(self, started_by: str) -> tuple[str, ...]:
        async with self._around("tasks.started_by"):
            self._reads.take("tasks.started_by")
            # AWS: a task that was asked to stop is not listed here, though it may run for its grace.
            return tuple(
                view.task.arn
                for life, view in self._views()
                if view.desired == "RUNNING" and life.launched.started_by == started_by
            )

    async def family(self, *, stopped: bool) -> tuple[str, ...]:
        async with self._around("tasks.family"):
            self._reads.take("tasks.family")
            desired = "STOPPED" if stopped else "RUNNING"
            return tuple(view.task.arn for life, view in self._views() if view.desired == desired)

    async def stop(self, arn: str, *, reason: str) -> None:
        async with self._around("tasks.stop"):
            self._changes.take("tasks.stop")
            if arn in self._lives:
                self._witness.stopping(arn)
                self._lives[arn].stop(reason)

    # --- the hands of tests ---------------------------------------------------------------------------------------

    @property
    def launched(self) -> tuple[Launched, ...]:
        """Every task that was ever started."""
        return tuple(life.launched for life in self._lives.values())

    @property
    def live(self) -> tuple[Task, ...]:
        """The tasks that have not stopped, as they are."""
        return tuple(life.task for life in self._listed.values() if life.stopped_at is None)

    def knows(self, token: str) -> bool:
        """Whether a launch token was used."""
        return token in self._tokens

    def forgotten(self, arn: str) -> bool:
        """Whether a task stopped so long ago that ECS knows nothing of it any more."""
        return arn in self._lives and arn not in self._listed

    def outlived(self, token: str) -> bool:
        """Whether a launch token has expired: it would start a second task."""
        known = self._tokens.get(token)
        return known is not None and known.life is not None and self._clock() >= _expiry(known)

    def started_with(self, token: str) -> Task | None:
        """Return the task that a launch token started, as it is."""
        known = self._tokens.get(token)
        return None if known is None or known.life is None else known.life.task

    def hide(self, arn: str) -> None:
        """Let ECS lose a task: it goes on, but is neither listed nor described."""
        self._hidden.add(arn)

    def is_hidden(self, arn: str) -> bool:
        """Whether ECS has lost a task."""
        return arn in self._hidden

    def task(self, arn: str) -> Task:
        """Return a task as it is, however long ago it stopped."""
        return self._lives[arn].task

    def kill(
        self,
        arn: str,
        *,
        exit_code: int | None = 137,
        stop_code: str = "EssentialContainerExited",
        reason: str = "Essential container in task exited",
    ) -> None:
        """End a task at once: its process dies, its host fails, Spot takes it back."""
        self._lives[arn].kill(exit_code=exit_code, stop_code=stop_code, reason=reason)

    # --------------------------------------------------------------------------------------------------------------

    def _launch(self, spec: TaskSpec, token: str, started_by: str) -> Launch:
        refusal = self.refusals.popleft() if self.refusals else None
        if refusal is None and len(self.live) >= self._room():
            refusal = Failures(reasons=("RESOURCE:MEMORY",))
        failures = refusal.reasons if isinstance(refusal, Failures) else ()
        starts = not isinstance(refusal, Failures) or refusal.starts
        life = self._started(spec, token, started_by) if starts else None
        self._tokens[token] = _Token(spec=spec, started_by=started_by, at=self._clock(), life=life, failures=failures)
        return Launch(task=None if failures or life is None else life.task, failures=failures)

    def _started(self, spec: TaskSpec, token: str, started_by: str) -> Life:
        self._witness.launching(token)
        arn = f"arn:aws:ecs:eu-central-1:123456789012:task/vidctl/{next(self._numbers):032x}"
        launched = Launched(arn=arn, token=token, started_by=started_by, spec=spec, job=job_of(spec), at=self._clock())
        life = Life(
            launched,
            clock=self._clock,
            timing=self._timing(token),
            worker=self._worker,
            changed=self._on_change,
        )
        self._lives[arn] = self._listed[arn] = life
        life.begin(self._group)
        return life

    def _repeated(self, known: _Token, spec: TaskSpec, started_by: str) -> Launch:
        if (known.spec, known.started_by) != (spec, started_by):
            arns = () if known.life is None else (known.life.launched.arn,)
            raise LaunchConflict("clientToken: used with other parameters", task_arns=arns)
        # AWS: a repeated call repeats the failures of the first, too.
        if known.failures or known.life is None:
            return Launch(task=None, failures=known.failures)
        task = replace(known.life.task, seen_at=self._clock())
        if not task.alive:
            # AWS: of a stopped task a repeated call says no more.
            task = Task(arn=task.arn, status=task.status, created_at=None, seen_at=task.seen_at)
        return Launch(task=task)

    def _views(self, arns: Iterable[str] | None = None) -> Iterator[tuple[Life, View]]:
        """Yield what is known of these tasks, or all: each as it was ``lag`` ago, the stopped ones for an hour."""
        now = self._clock()
        for arn in tuple(self._listed if arns is None else arns):
            life = self._listed.get(arn)
            if life is None or arn in self._hidden:
                continue
            if life.stopped_at is not None and life.stopped_at + STOPPED_SEEN <= now:
                del self._listed[arn]
                continue
            view = next((view for view in reversed(life.views) if view.at + self.lag <= now), None)
            if view is not None:
                yield life, view


def _family(spec: TaskSpec) -> str:
    return spec.task_definition.rpartition("/")[2].partition(":")[0]


def _expiry(token: _Token) -> datetime:
    longest = token.at + TOKEN_LIFETIME
    if token.life is None:
        return token.at + TOKEN_AFTER_STOP
    return longest if token.life.stopped_at is None else min(longest, token.life.stopped_at + TOKEN_AFTER_STOP)


def _check(spec: TaskSpec, token: str, started_by: str) -> None:
    if not re.fullmatch(r"[\x21-\x7e]{1,64}", token):
        raise Misconfigured(f"clientToken: {token!r} is not 1 to 64 visible ASCII characters")
    if not re.fullmatch(r"[A-Za-z0-9/_-]{1,128}", started_by):
        raise Misconfigured(f"startedBy: {started_by!r} is not 1 to 128 letters, digits, '/', '_' and '-'")
    if len(json.dumps([spec.container, *map(list, spec.environment)])) > LONGEST_OVERRIDES:
        raise Misconfigured(f"Container Overrides length must be at most {LONGEST_OVERRIDES}")
