"""Tells the receivers: a small reconciler of its own, whose keys are the dispatches in the outbox.

A hint says which dispatch to look at; the sweep finds those that no hint told of. Each receiver has a queue and tellers
of its own, so that one that is slow or down delays nobody else. Two replicas do not tell the same at once: an attempt
is claimed by a conditional write, which is its lease too. What is killed after telling and before it could say so is
told again when the lease ends: at least once.
"""

from __future__ import annotations

import random
from collections.abc import Coroutine, Iterable, Mapping
from datetime import timedelta
from typing import Any

from vidctl import logs
from vidctl.dispatch import Dispatch, event
from vidctl.errors import NotTold, NotWanted, PreconditionFailed
from vidctl.metrics import Metrics
from vidctl.outbox import Outbox, Waiting
from vidctl.outbox_keys import DispatchName
from vidctl.ports import World
from vidctl.receiver import Receiver
from vidctl.reconciler import patience
from vidctl.reconciler.passes import PassFailed, attempt
from vidctl.reconciler.policy import Telling as TellingPolicy
from vidctl.reconciler.workqueue import Closed, WorkQueue, watch

log = logs.get(__name__)

TELLERS = 4
"""Attempts at once of one replica at one receiver."""


class Telling:
    """The tellers of one replica."""

    def __init__(
        self,
        world: World,
        *,
        receivers: Mapping[str, Receiver],
        policy: TellingPolicy,
        metrics: Metrics,
        randomness: random.Random,
    ) -> None:
        self._outbox = Outbox(world.final)
        self._receivers = receivers
        self._policy = policy
        self._clock = world.clock
        self._metrics = metrics
        self.queues: dict[str, WorkQueue[DispatchName]] = {
            name: WorkQueue(metrics, randomness=randomness, name="notices") for name in receivers
        }
        watch(metrics, "notices", *self.queues.values())

    def add(self, names: Iterable[DispatchName]) -> None:
        """Look at these dispatches soon."""
        for name in names:
            if name.receiver in self.queues:
                self.queues[name.receiver].add(name)

    def loops(self) -> list[Coroutine[Any, Any, None]]:
        """Return the tellers, to be run until ``close``."""
        return [self._tell_all(name) for name in self._receivers for _ in range(TELLERS)]

    def close(self) -> None:
        """Begin nothing more; what was begun ends."""
        for queue in self.queues.values():
            queue.close()

    async def sweep(self) -> None:
        """Look at every dispatch that this replica does not know; give up those whose receiver nobody knows.

        What it waits for and what is there no more, because another replica told it, gets its last look now, so that as
        much is remembered as there is to tell.
        """
        there: set[DispatchName] = set()
        oldest, now = timedelta(0), self._clock()
        async for name in self._outbox.names():
            age = now - name.at
            there.add(name)
            oldest = max(oldest, age)
            if name.receiver not in self.queues:
                if age > self._policy.patience:
                    await self._give_up(name, "expired", "nobody knows this receiver any more")
            elif name not in self.queues[name.receiver]:
                self.queues[name.receiver].add(name)
        for queue in self.queues.values():
            for name in queue.waiting():
                if name not in there:
                    queue.add(name)
        self._metrics.undelivered.set(len(there))
        self._metrics.oldest_notice.set(oldest.total_seconds())
        self._metrics.sweep_success.labels("notices").set(now.timestamp())

    # --- one receiver ---------------------------------------------------------------------------------------------

    async def _tell_all(self, receiver: str) -> None:
        queue = self.queues[receiver]
        while True:
            try:
                name = await queue.get()
            except Closed:
                return
            await self._one_pass(queue, name)
            queue.done(name)

    async def _one_pass(self, queue: WorkQueue[DispatchName], name: DispatchName) -> None:
        """Make a pass over a dispatch, and put it back as it ended."""
        with logs.bind(event_id=name.event, receiver=name.receiver):
            try:
                again = await attempt(self._reconcile(name), metrics=self._metrics)
            except PassFailed:
                queue.retry(name)
                return
        if again is None:
            queue.forget(name)
        else:
            queue.add_after(name, again)

    async def _reconcile(self, name: DispatchName) -> timedelta | None:
        """Make a pass: read, decide, claim, tell. Return when to look again; None: it is settled.

        Raises:
            WorldError: the outbox cannot be read or written; PreconditionFailed: another replica was first.
            Malformed: a newer version wrote the dispatch.

        """
        waiting = await self._outbox.get(name)
        if waiting is None:
            return None
        match patience.decide(waiting.dispatch, self._policy, self._clock()):
            case patience.Wait(left):
                return left
            case patience.Begin(claimed):
                return await self._attempt(name, await self._outbox.change(waiting, claimed))

    async def _attempt(self, name: DispatchName, claimed: Waiting) -> timedelta | None:
        dispatch = claimed.dispatch
        try:
            await self._receivers[name.receiver].tell(event(dispatch.notice))
        except NotWanted as error:
            await self._give_up(name, "gone", str(error))
            return None
        except NotTold as error:
            return await self._put_off(name, dispatch, error)
        self._metrics.told.inc()
        self._metrics.notice_seconds.observe((self._clock() - dispatch.notice.at).total_seconds())
        log.info("told", kind=dispatch.notice.about.value, attempts=dispatch.attempts)
        try:
            await self._outbox.remove(claimed)
        except PreconditionFailed:
            log.info("told_twice")  # the lease ended before the receiver answered
        return None

    async def _put_off(self, name: DispatchName, dispatch: Dispatch, error: NotTold) -> timedelta | None:
        """Leave it for later, as the claim says, or give the receiver up."""
        self._metrics.not_told.labels(error.reason).inc()
        log.warning("not_told", reason=error.reason, error=str(error), attempts=dispatch.attempts)
        now = self._clock()
        if patience.is_spent(dispatch, self._policy, now):
            await self._give_up(name, "expired", str(error))
            return None
        return max(dispatch.not_before - now, timedelta(0))

    async def _give_up(self, name: DispatchName, reason: str, error: str) -> None:
        await self._outbox.give_up(name)
        self._metrics.given_up.labels(reason).inc()
        log.error("notice_given_up", reason=reason, error=error, event_id=name.event, receiver=name.receiver)
