"""The task view: what is known of the worker's tasks, fed by events, by RunTask's answers and by DescribeTasks.

Reading ECS is scarce (20 calls a second in an account) and eventually consistent, so what is known is kept: a live task
is described again once a ``poll``, a hundred in a call, and a task that ECS does not find for five minutes is
unknown, not stopped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from vidctl.errors import Throttled
from vidctl.metrics import Metrics
from vidctl.model import AttemptNumber, Task, VideoKey
from vidctl.ports import Clock, Tasks
from vidctl.reconciler.observation import Refusal
from vidctl.reconciler.rate import Rate

BATCH = 100
"""AWS: DescribeTasks takes at most 100 tasks."""
MISSING = timedelta(minutes=5)
"""AWS: back off up to five minutes for the API to become consistent."""
STATES = ("PROVISIONING", "PENDING", "ACTIVATING", "RUNNING", "DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED")
"""The life of a task, in order (AWS: Amazon ECS task lifecycle)."""


class TaskView:
    """The known tasks, by video."""

    def __init__(
        self, tasks: Tasks, *, rate: Rate, clock: Clock, metrics: Metrics, changed: Callable[[VideoKey], None]
    ) -> None:
        self._tasks = tasks
        self._rate = rate
        self._clock = clock
        self._metrics = metrics
        self._changed = changed
        self._known: dict[str, Task] = {}
        self._by_key: dict[VideoKey, set[str]] = {}
        self._missing: dict[str, datetime] = {}
        self._refusals: dict[tuple[str, AttemptNumber], tuple[VideoKey, Refusal]] = {}

    # --- what is known --------------------------------------------------------------------------------------------

    def of(self, key: VideoKey) -> tuple[Task, ...]:
        """Return the known tasks of a video."""
        return tuple(self._known[arn] for arn in sorted(self._by_key.get(key, ())))

    def refusals(self, key: VideoKey) -> tuple[Refusal, ...]:
        """Return what RunTask refused for a video."""
        return tuple(refusal for owner, refusal in self._refusals.values() if owner == key)

    def knows(self, arn: str) -> Task | None:
        """Return a task as last seen."""
        return self._known.get(arn)

    def states(self) -> dict[str, int]:
        """Count the known tasks that are starting, running and stopped."""
        counts = {"starting": 0, "running": 0, "stopped": 0}
        for task in self._known.values():
            counts["stopped" if not task.alive else "running" if task.started_at else "starting"] += 1
        return counts

    # --- what is heard --------------------------------------------------------------------------------------------

    def learn(self, task: Task) -> None:
        """Take what was seen of a task, unless it is older than what is known: events come in any order."""
        self._missing.pop(task.arn, None)
        known = self._known.get(task.arn)
        if known is not None and (_rank(task), task.seen_at) < (_rank(known), known.seen_at):
            return
        if task.spec is None:
            if known is None or known.spec is None:
                return
            task = replace(task, spec=known.spec)  # a replayed RunTask may tell no more than ARN and status
        key = task.spec.key if task.spec is not None else None
        if key is None:
            return
        self._known[task.arn] = task
        self._by_key.setdefault(key, set()).add(task.arn)
        if known is None or known.status != task.status:
            self._changed(key)

    def refuse(self, key: VideoKey, refusal: Refusal) -> None:
        """Remember that RunTask found no room."""
        self._refusals.setdefault((refusal.job, refusal.number), (key, refusal))

    def forget(self, key: VideoKey) -> None:
        """Drop what is known of a settled video."""
        for arn in self._by_key.pop(key, ()):
            self._known.pop(arn, None)
            self._missing.pop(arn, None)
        for name in [name for name, (owner, _) in self._refusals.items() if owner == key]:
            del self._refusals[name]

    # --- what is asked --------------------------------------------------------------------------------------------

    async def family(self, *, stopped: bool) -> tuple[str, ...]:
        """Ask ECS for the worker family's tasks; raises as ``describe``."""
        self._spend()
        arns = await self._tasks.family(stopped=stopped)
        self._rate.charge(len(arns) // BATCH)
        return arns

    async def look(self, job: str) -> None:
        """Ask ECS for the live tasks of a job; raises as ``describe``."""
        self._spend()
        arns = await self._tasks.started_by(job)
        if arns:
            await self.describe(arns)

    async def describe(self, arns: tuple[str, ...]) -> None:
        """Ask ECS for tasks by their ARNs.

        Raises:
            Throttled: by ECS, or because the share of its quota that this replica may use is spent.

        """
        for start in range(0, len(arns), BATCH):
            self._spend()
            await self._describe(arns[start : start + BATCH])

    async def refresh(self, *, older_than: timedelta) -> None:
        """Describe the live tasks that were last seen longer ago, as far as the rate allows."""
        now = self._clock()
        stale = [task for task in self._known.values() if task.alive and now - task.seen_at > older_than]
        arns = [task.arn for task in sorted(stale, key=lambda task: task.seen_at)]
        while arns and self._rate.take():
            batch, arns = arns[:BATCH], arns[BATCH:]
            await self._describe(tuple(batch))
        for state, number in self.states().items():
            self._metrics.tasks.labels(state).set(number)

    async def _describe(self, batch: tuple[str, ...]) -> None:
        try:
            found = await self._tasks.describe(batch)
        except Throttled:
            self._rate.slow_down()
            raise
        self._rate.speed_up()
        for task in found:
            self.learn(task)
        self._note_missing(set(batch).difference(task.arn for task in found))

    def _spend(self) -> None:
        if not self._rate.take():
            raise Throttled("ecs: the share of the read quota is spent")

    def _note_missing(self, arns: set[str]) -> None:
        now = self._clock()
        # In order, so that the same run goes the same way again.
        for arn in sorted(arns.intersection(self._known)):
            since = self._missing.setdefault(arn, now)
            if now - since > MISSING:
                self._drop(arn)

    def _drop(self, arn: str) -> None:
        task = self._known.pop(arn)
        self._missing.pop(arn, None)
        if task.spec is not None:
            self._by_key.get(task.spec.key, set()).discard(arn)
            self._changed(task.spec.key)


def _rank(task: Task) -> int:
    return STATES.index(task.status) if task.status in STATES else 0
