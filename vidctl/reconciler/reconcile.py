"""One pass over one video: observe, plan, act."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from vidctl import logs, tracing
from vidctl.metrics import Metrics
from vidctl.model import VideoKey
from vidctl.ports import Clock
from vidctl.reconciler.act import Actor
from vidctl.reconciler.actions import Plan
from vidctl.reconciler.launches import Launches
from vidctl.reconciler.observation import Observation
from vidctl.reconciler.observe import Observer
from vidctl.reconciler.plan import plan
from vidctl.reconciler.policy import Policy
from vidctl.reconciler.rules import Rule
from vidctl.reconciler.tasks import TaskView

log = logs.get(__name__)

Audit = Callable[[VideoKey, Observation, Plan], None]
"""Is told what every pass saw and decided, before it acts."""


def unaudited(_key: VideoKey, _seen: Observation, _decided: Plan) -> None:
    """Mind nothing."""


@dataclass(frozen=True, slots=True)
class Result:
    """When the video wants its next pass; None: not before something happens."""

    requeue_after: timedelta | None


class Reconciler:
    """Makes the passes."""

    def __init__(
        self,
        *,
        observer: Observer,
        actor: Actor,
        launches: Launches,
        tasks: TaskView,
        policy: Policy,
        metrics: Metrics,
        clock: Clock,
        audit: Audit = unaudited,
    ) -> None:
        self._observer = observer
        self._actor = actor
        self._launches = launches
        self._tasks = tasks
        self._policy = policy
        self._clock = clock
        self._audit = audit
        self._plans = metrics.plans
        for rule in Rule:
            self._plans.labels(rule.value)

    async def reconcile(self, key: VideoKey) -> Result:
        """Make one pass. What is remembered may decide to wait; only a fresh look may decide to act or to end.

        Raises:
            Stale, WorldError: the pass did not end; it is to be made again.

        """
        with logs.bind(user_id=key.user_id, video_id=key.video_id):
            remembered = self._observer.recall(key)
            if remembered is not None:
                decided = plan(remembered, self._policy, self._clock())
                if not decided.actions and decided.requeue_after is not None:
                    self._note(key, remembered, decided)
                    return Result(decided.requeue_after)
            with tracing.span("reconcile", video=str(key)):
                return await self._pass(key)

    def forget_reading(self, key: VideoKey) -> None:
        """Let the next pass read everything anew."""
        self._observer.forget(key)

    async def _pass(self, key: VideoKey) -> Result:
        seen = await self._observer.observe(key)
        decided = plan(seen, self._policy, self._clock())
        log.debug(
            "planned",
            rule=decided.rule.value,
            why=decided.why,
            actions=[type(action).__name__ for action in decided.actions],
        )
        self._note(key, seen, decided)
        for action in decided.actions:
            if decided.acts:
                self._observer.forget(key)
            await self._actor.act(action, seen)
        if decided.requeue_after is None:
            self._forget(key)
        return Result(decided.requeue_after)

    def _note(self, key: VideoKey, seen: Observation, decided: Plan) -> None:
        """Count the rule, and the video's slot, or its place in the line for one, by what was found."""
        self._audit(key, seen, decided)
        self._plans.labels(decided.rule.value).inc()
        open_attempt = any(job.open_intents for job in seen.records.jobs)
        # What another replica runs is seen here too, by the sweep: it has its slot there.
        ours = bool(seen.deliveries) or self._launches.occupies(key)
        self._launches.seen(key, running_here=open_attempt and ours)
        started = [task.started_at for task in seen.tasks if task.started_at is not None]
        if started:
            self._launches.started(max(started))
        if decided.wants_slot:
            self._launches.wait_for_slot(key)

    def _forget(self, key: VideoKey) -> None:
        self._observer.forget(key)
        self._tasks.forget(key)
        self._launches.gone(key)
