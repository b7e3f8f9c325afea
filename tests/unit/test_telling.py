"""What becomes of a dispatch in one pass: claimed, told, put off, given up; its end is read from the bucket."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry

from tests import builders as b
from tests.world.ledger import NEWER, OURS
from tests.world.objects import MemoryObjects
from tests.world.queue import MemoryQueue
from tests.world.tasks import MemoryTasks
from vidctl import codec, outbox_keys
from vidctl.dispatch import Dispatch, Event, event
from vidctl.errors import NotTold, NotWanted
from vidctl.metrics import Metrics
from vidctl.model import JobSpec, TaskSpec
from vidctl.outbox import Outbox
from vidctl.outbox_keys import DispatchName
from vidctl.ports import World
from vidctl.reconciler.telling import Telling

NOTICE = b.notice()
PATIENCE = b.TELLING.telling.patience


class Told:
    """A receiver that answers as it is told to, and a replica that tells it, at a time of the test's own."""

    def __init__(self) -> None:
        self.now = b.NOW
        self.objects = MemoryObjects(b.FINAL, clock=self.clock)
        self.events: list[Event] = []
        self.answer: Callable[[], Awaitable[None]] = taken
        self.metrics = Metrics(CollectorRegistry())
        self.telling = Telling(
            self._world(),
            receivers={"hook": self},
            policy=b.TELLING.telling,
            metrics=self.metrics,
            randomness=random.Random(1),
        )

    def clock(self) -> datetime:
        return self.now

    async def tell(self, told: Event) -> None:
        self.events.append(told)
        await self.answer()

    async def post(self, *receivers: str) -> DispatchName:
        return (await Outbox(self.objects).post(NOTICE, receivers or ("hook",)))[0]

    async def one_pass(self) -> None:
        """Let a teller take what is due."""
        queue = self.telling.queues["hook"]
        name = await queue.get()
        await self.telling._one_pass(queue, name)
        queue.done(name)

    def waiting(self, prefix: str = outbox_keys.OUTBOX_PREFIX) -> list[Dispatch]:
        return [codec.decode(Dispatch, self.body(key)) for key in self.objects.keys(prefix)]

    def body(self, key: str) -> bytes:
        body = self.objects.body(key)
        assert body is not None
        return body

    def metric(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"vidctl_notices_{name}", labels)

    def _world(self) -> World:
        queue = MemoryQueue("queue", clock=self.clock)
        return World(
            raw=self.objects,
            final=self.objects,
            raw_queue=queue,
            dead_letter_queue=queue,
            task_queue=queue,
            tasks=MemoryTasks(clock=self.clock, worker=idle),
            clock=self.clock,
        )


RANDOM = random.Random(1)


async def idle(_spec: TaskSpec, _job: JobSpec) -> int:
    return 0


async def taken() -> None:
    """Answer 2xx."""


async def refused() -> None:
    raise NotTold("500", reason="refused")


async def gone() -> None:
    raise NotWanted("410")


@pytest.fixture
async def told() -> Told:
    return Told()


async def test_what_was_told_leaves_the_outbox(told: Told) -> None:
    told.telling.add([await told.post()])
    await told.one_pass()
    assert told.events == [event(NOTICE)]
    assert told.waiting() == []
    assert (told.metric("told_total"), len(told.telling.queues["hook"])) == (1, 0)


async def test_the_attempt_is_claimed_before_the_receiver_hears_of_it(told: Told) -> None:
    async def claimed() -> None:
        (dispatch,) = told.waiting()
        assert (dispatch.attempts, dispatch.not_before > told.now) == (1, True)

    told.answer = claimed
    told.telling.add([await told.post()])
    await told.one_pass()
    assert (told.metric("told_total"), told.waiting()) == (1, [])


async def test_what_somebody_else_claimed_is_not_told(told: Told) -> None:
    name = await told.post()
    box = Outbox(told.objects)
    waiting = await box.get(name)
    assert waiting is not None
    await box.change(waiting, replace(waiting.dispatch, attempts=1, not_before=told.now + timedelta(minutes=1)))
    told.telling.add([name])
    await told.one_pass()
    assert told.events == []
    assert name in told.telling.queues["hook"]


async def test_a_claim_that_another_replica_was_faster_with_tells_nothing(told: Told) -> None:
    name = await told.post()
    get = told.telling._outbox.get

    async def overtaken(of: DispatchName) -> object:
        waiting = await get(of)
        assert waiting is not None
        await Outbox(told.objects).change(waiting, replace(waiting.dispatch, attempts=1))
        return waiting

    told.telling._outbox.get = overtaken  # type: ignore[method-assign, assignment]
    told.telling.add([name])
    await told.one_pass()
    assert told.events == []
    assert told.metrics.registry.get_sample_value("vidctl_reconcile_panics_total") == 0


async def test_what_was_refused_stays_for_later(told: Told) -> None:
    told.answer = refused
    name = await told.post()
    told.telling.add([name])
    await told.one_pass()
    (dispatch,) = told.waiting()
    assert (dispatch.attempts, dispatch.not_before > told.now) == (1, True)
    assert name in told.telling.queues["hook"]
    assert told.metric("not_told_total", reason="refused") == 1


async def test_what_is_refused_after_a_day_is_kept_elsewhere(told: Told) -> None:
    told.answer = refused
    told.telling.add([await told.post()])
    told.now = NOTICE.at + PATIENCE + timedelta(seconds=1)
    await told.one_pass()
    assert told.waiting() == []
    (kept,) = told.waiting(outbox_keys.UNDELIVERED_PREFIX)
    assert kept.notice == NOTICE
    assert told.metric("given_up_total", reason="expired") == 1


async def test_who_wants_it_no_more_is_not_asked_again(told: Told) -> None:
    told.answer = gone
    name = await told.post()
    told.telling.add([name])
    await told.one_pass()
    assert (told.waiting(), len(told.waiting(outbox_keys.UNDELIVERED_PREFIX))) == ([], 1)
    assert name not in told.telling.queues["hook"]
    assert told.metric("given_up_total", reason="gone") == 1


async def test_a_receiver_that_breaks_ends_no_teller(told: Told) -> None:
    async def broken() -> None:
        raise ZeroDivisionError

    told.answer = broken
    name = await told.post()
    told.telling.add([name])
    await told.one_pass()
    assert (len(told.waiting()), name in told.telling.queues["hook"]) == (1, True)


async def test_the_sweep_finds_what_no_hint_told_of_and_counts_it(told: Told) -> None:
    name = await told.post("hook", "somebody-unknown")
    await told.telling.sweep()
    assert name in told.telling.queues["hook"]
    assert told.metric("waiting") == 2
    assert told.metric("oldest_waiting_seconds") == (told.now - NOTICE.at).total_seconds()
    await told.one_pass()
    assert told.events == [event(NOTICE)]


async def test_what_lies_there_for_nobody_is_given_up_once_a_day_has_passed(told: Told) -> None:
    await told.post("somebody-unknown")
    told.now = NOTICE.at + PATIENCE
    await told.telling.sweep()
    assert len(told.waiting()) == 1
    told.now += timedelta(seconds=1)
    await told.telling.sweep()
    assert (told.waiting(), len(told.waiting(outbox_keys.UNDELIVERED_PREFIX))) == ([], 1)


async def test_a_newer_version_s_dispatch_waits_for_who_can_read_it(told: Told) -> None:
    name = await told.post()
    key = outbox_keys.dispatch_key(name)
    newer = told.body(key).replace(OURS, NEWER)
    assert newer != told.body(key)
    told.objects.put(key, newer)
    told.telling.add([name])
    await told.one_pass()
    assert (told.events, told.objects.body(key)) == ([], newer)
    assert name in told.telling.queues["hook"]


async def test_what_another_replica_has_told_is_forgotten_at_the_next_sweep(told: Told) -> None:
    told.answer = refused
    name = await told.post()
    await told.telling.sweep()
    await told.one_pass()
    assert told.telling.queues["hook"].waiting() == (name,)
    assert told.telling.queues["hook"].ready() == 0
    await told.objects.delete(outbox_keys.dispatch_key(name))
    await told.telling.sweep()
    await told.one_pass()
    assert len(told.telling.queues["hook"]) == 0
    assert len(told.events) == 1


async def test_what_is_there_still_is_not_looked_at_before_its_time(told: Told) -> None:
    told.answer = refused
    await told.post()
    await told.telling.sweep()
    await told.one_pass()
    await told.telling.sweep()
    assert told.telling.queues["hook"].ready() == 0
