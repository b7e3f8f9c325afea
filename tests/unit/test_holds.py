"""Holds: extended while the job goes on, dropped when lost, sent anew before AWS's cap, handed back at the end."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry

from tests import builders as b
from tests.world.loop import clock, simulate
from tests.world.queue import MemoryQueue
from vidctl import events, layout
from vidctl.errors import Throttled, Unavailable
from vidctl.metrics import Metrics
from vidctl.model import Delivery, Redrive
from vidctl.ports import Queue
from vidctl.reconciler.holds import HoldPolicy, Holds


def holds(queue: Queue) -> Holds:
    return Holds(
        queue,
        policy=HoldPolicy(),
        clock=clock,
        metrics=Metrics(CollectorRegistry()),
        randomness=random.Random(1),
    )


def new_queue() -> MemoryQueue:
    return MemoryQueue("raw", clock=clock, retention=timedelta(days=7))


async def receive(queue: MemoryQueue, *, redrive: Redrive | None = None) -> Delivery:
    """Put a message about the video on the queue and receive it."""
    upload = b.delivery().upload
    attributes = events.redrive_attributes(redrive) if redrive is not None else None
    queue.put(events.write_upload(upload, layout.raw_key(b.KEY)), attributes=attributes)
    return await receive_again(queue, redrive=redrive)


async def receive_again(queue: MemoryQueue, *, redrive: Redrive | None = None) -> Delivery:
    (message,) = await queue.receive(wait=timedelta(seconds=1))
    return Delivery(
        message_id=message.message_id,
        receipt=message.receipt,
        body=message.body,
        upload=b.delivery().upload,
        redrive=redrive,
        sent_at=message.sent_at,
        first_received_at=message.first_received_at,
        receive_count=message.receive_count,
    )


def test_an_extended_message_is_seen_by_nobody_else() -> None:
    async def story() -> None:
        queue = new_queue()
        held = holds(queue)
        held.hold(await receive(queue))
        for _ in range(30):
            await asyncio.sleep(20)
            await held.extend()
        assert await queue.receive(wait=timedelta(0)) == ()

    simulate(story)


def test_a_lost_hold_is_dropped_and_counted() -> None:
    async def story() -> None:
        queue = new_queue()
        held = holds(queue)
        held.hold(await receive(queue))
        await asyncio.sleep(61)
        await held.extend()
        assert b.KEY not in held
        assert held.of(b.KEY) == ()

    simulate(story)


def test_a_later_delivery_of_the_same_message_replaces_the_receipt() -> None:
    async def story() -> None:
        queue = new_queue()
        held = holds(queue)
        held.hold(await receive(queue))
        await asyncio.sleep(61)
        again = await receive_again(queue)
        held.hold(again)
        assert held.of(b.KEY) == (again,)
        await held.delete(held.of(b.KEY))
        assert queue.messages == ()
        assert len(held) == 0

    simulate(story)


def test_a_hold_near_the_cap_is_sent_anew_with_its_attributes() -> None:
    async def story() -> None:
        queue = new_queue()
        held = holds(queue)
        answer = Redrive(job=b.JOB, round=1)
        held.hold(await receive(queue, redrive=answer))
        for _ in range(10 * 180):
            await asyncio.sleep(20)
            await held.extend()
        (message,) = queue.messages
        assert message.receive_count == 0
        assert events.parse_redrive(message.attributes) == answer
        assert len(held) == 0

    simulate(story)


def test_a_message_that_cannot_be_sent_anew_is_still_there_and_held() -> None:
    async def story() -> None:
        @asynccontextmanager
        async def mute(operation: str) -> AsyncIterator[None]:
            if operation == "queue.send":
                raise Unavailable("no answer")
            yield

        queue = new_queue()
        held = holds(queue.through(mute))
        held.hold(replace(await receive(queue), first_received_at=clock() - timedelta(hours=11)))
        await held.extend()
        assert len(queue.messages) == 1
        assert b.KEY in held

    simulate(story)


def test_a_delivery_that_comes_while_the_receipt_before_it_is_found_lost_stays_held() -> None:
    async def story() -> None:
        @asynccontextmanager
        async def slow(operation: str) -> AsyncIterator[None]:
            yield
            if operation == "queue.extend":
                await asyncio.sleep(5)

        queue = new_queue()
        held = holds(queue.through(slow))
        held.hold(await receive(queue))
        await asyncio.sleep(61)
        again = await receive_again(queue)
        extending = asyncio.ensure_future(held.extend())
        await asyncio.sleep(1)
        held.hold(again)
        await extending
        assert held.of(b.KEY) == (again,)

    simulate(story)


def test_released_messages_are_visible_within_seconds() -> None:
    async def story() -> None:
        queue = new_queue()
        held = holds(queue)
        held.hold(await receive(queue))
        await held.release()
        assert len(await queue.receive(wait=timedelta(seconds=6))) == 1

    simulate(story)


class Failing:
    """A queue on which one operation fails."""

    def __init__(self, *, undeleted: bool = False) -> None:
        self.undeleted = undeleted

    async def receive(self, *, wait: timedelta) -> tuple[()]:
        raise NotImplementedError

    async def delete(self, receipts: Sequence[str]) -> tuple[str, ...]:
        return tuple(receipts) if self.undeleted else ()

    async def extend(self, receipts: Sequence[str], *, visibility: timedelta) -> tuple[str, ...]:
        raise Throttled("Rate exceeded")

    async def send(self, body: str, *, attributes: dict[str, str] | None = None) -> None:
        raise NotImplementedError

    async def depth(self) -> None:
        raise NotImplementedError


async def test_a_message_that_was_not_deleted_stays_held() -> None:
    held = holds(Failing(undeleted=True))  # type: ignore[arg-type]
    held.hold(b.delivery())
    with pytest.raises(Unavailable):
        await held.delete(held.of(b.KEY))
    assert held.of(b.KEY) == (b.delivery(),)


def test_a_call_that_fails_loses_no_hold() -> None:
    async def story() -> None:
        held = holds(Failing())  # type: ignore[arg-type]
        held.hold(replace(b.delivery(), first_received_at=clock()))
        await held.extend()
        assert b.KEY in held

    simulate(story)
