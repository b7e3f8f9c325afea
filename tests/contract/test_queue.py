"""What every ``Queue`` does."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from tests.contract.gaps import gap
from tests.contract.worlds import World, now
from vidctl.errors import Misconfigured
from vidctl.groups import TaskGroup
from vidctl.ports import Message, Queue, QueueDepth

pytestmark = pytest.mark.asyncio(loop_scope="session")

AT_ONCE = timedelta()
SOON = timedelta(seconds=3)
MINUTE = timedelta(minutes=1)


async def received(queue: Queue, number: int = 1) -> list[Message]:
    """Receive until there are ``number`` messages: SQS may give fewer at a time."""
    messages: list[Message] = []
    while len(messages) < number:
        more = await queue.receive(wait=SOON)
        assert more, f"{len(messages)} messages of {number} came"
        messages += more
    return messages


async def again(queue: Queue, message: Message) -> Message:
    """Let a held message go, and receive it again."""
    assert await queue.extend([message.receipt], visibility=AT_ONCE) == ()
    (second,) = await received(queue)
    return second


async def test_an_empty_queue_answers_nothing(queue: Queue) -> None:
    assert await queue.receive(wait=AT_ONCE) == ()


async def test_what_is_sent_is_received(queue: Queue) -> None:
    began = now() - timedelta(milliseconds=1)
    await queue.send('{"a": "é\\n☃"}', attributes={"vidctl.job": "x" * 26, "vidctl.round": "1"})
    (message,) = await received(queue)
    assert message.body == '{"a": "é\\n☃"}'
    assert message.attributes == {"vidctl.job": "x" * 26, "vidctl.round": "1"}
    assert began <= message.sent_at <= message.first_received_at <= now()
    assert message.receive_count == 1


async def test_a_long_poll_ends_when_a_message_comes(queue: Queue) -> None:
    async with asyncio.timeout(15), TaskGroup() as group:
        poll = group.create_task(queue.receive(wait=timedelta(seconds=20)))
        await asyncio.sleep(0)
        await queue.send("late")
    assert [message.body for message in poll.result()] == ["late"]


async def test_a_held_message_is_not_received(queue: Queue) -> None:
    await queue.send("body")
    await received(queue)
    assert await queue.receive(wait=AT_ONCE) == ()


async def test_a_message_that_is_let_go_comes_again(queue: Queue) -> None:
    await queue.send("body")
    (first,) = await received(queue)
    second = await again(queue, first)
    assert second.message_id == first.message_id
    assert second.receipt != first.receipt
    assert second.receive_count == 2
    assert (second.sent_at, second.first_received_at) == (first.sent_at, first.first_received_at)


async def test_a_message_comes_again_when_its_visibility_ends(queue: Queue) -> None:
    await queue.send("body")
    (first,) = await received(queue)
    assert await queue.extend([first.receipt], visibility=timedelta(seconds=1)) == ()
    (second,) = await received(queue)
    assert (second.message_id, second.receive_count) == (first.message_id, 2)


async def test_a_deleted_message_never_comes_again(queue: Queue) -> None:
    await queue.send("body")
    (message,) = await received(queue)
    assert await queue.delete([message.receipt]) == ()
    assert await queue.depth() == QueueDepth(visible=0, in_flight=0)


@gap(ministack="reports a failure for a receipt of a deleted message")
async def test_deleting_twice_succeeds(queue: Queue) -> None:
    await queue.send("body")
    (message,) = await received(queue)
    assert await queue.delete([message.receipt]) == ()
    assert await queue.delete([message.receipt]) == ()


@gap(moto="deletes the message by any of its receipts")
async def test_a_stale_receipt_deletes_nothing(queue: Queue) -> None:
    await queue.send("body")
    (first,) = await received(queue)
    second = await again(queue, first)
    await queue.delete([first.receipt])
    third = await again(queue, second)
    assert third.message_id == first.message_id


@gap(moto="takes any receipt of a message for the current one")
async def test_a_stale_receipt_is_lost(queue: Queue) -> None:
    await queue.send("body")
    (first,) = await received(queue)
    await again(queue, first)
    assert await queue.extend([first.receipt], visibility=MINUTE) == (first.receipt,)


async def test_the_receipt_of_a_deleted_message_is_lost(queue: Queue) -> None:
    await queue.send("body")
    (message,) = await received(queue)
    await queue.delete([message.receipt])
    assert await queue.extend([message.receipt], visibility=MINUTE) == (message.receipt,)


async def test_one_lost_receipt_does_not_spoil_the_others(queue: Queue) -> None:
    for number in range(3):
        await queue.send(str(number))
    messages = await received(queue, 3)
    await queue.delete([messages[1].receipt])
    receipts = [message.receipt for message in messages]
    assert await queue.extend(receipts, visibility=AT_ONCE) == (receipts[1],)
    assert {message.body for message in await received(queue, 2)} == {messages[0].body, messages[2].body}


async def test_more_than_ten_receipts_are_extended_and_deleted(queue: Queue) -> None:
    bodies = {str(number) for number in range(23)}
    for body in bodies:
        await queue.send(body)
    messages = await received(queue, 23)
    assert {message.body for message in messages} == bodies
    receipts = [message.receipt for message in messages]
    assert await queue.extend(receipts, visibility=MINUTE) == ()
    assert await queue.delete(receipts) == ()
    assert await queue.depth() == QueueDepth(visible=0, in_flight=0)


async def test_nothing_is_extended_and_deleted_at_no_cost(queue: Queue) -> None:
    assert await queue.extend([], visibility=MINUTE) == ()
    assert await queue.delete([]) == ()


async def test_a_receipt_that_was_never_given_is_lost(queue: Queue) -> None:
    assert await queue.extend(["no-receipt"], visibility=MINUTE) == ("no-receipt",)


async def test_a_receipt_that_was_never_given_deletes_nothing(queue: Queue) -> None:
    assert await queue.delete(["no-receipt"]) == ("no-receipt",)


@gap(ministack="knows no longest hold")
async def test_a_hold_ends_after_twelve_hours(queue: Queue) -> None:
    await queue.send("body")
    (message,) = await received(queue)
    assert await queue.extend([message.receipt], visibility=timedelta(hours=12, seconds=1)) == (message.receipt,)


async def test_the_depth_tells_waiting_from_held(queue: Queue) -> None:
    for number in range(12):
        await queue.send(str(number))
    held = len(await queue.receive(wait=AT_ONCE))
    assert 1 <= held <= 10
    assert await queue.depth() == QueueDepth(visible=12 - held, in_flight=held)


async def test_a_message_received_too_often_goes_to_the_dead_letters(world: World) -> None:
    queue, dead = await world.queue_with_dead_letters(max_receive_count=2)
    await queue.send("poison", attributes={"vidctl.job": "x"})
    (first,) = await received(queue)
    second = await again(queue, first)
    await queue.extend([second.receipt], visibility=AT_ONCE)
    assert await queue.receive(wait=AT_ONCE) == ()
    (letter,) = await received(dead)
    assert (letter.body, letter.attributes) == ("poison", {"vidctl.job": "x"})
    assert letter.sent_at == first.sent_at
    assert await queue.depth() == QueueDepth(visible=0, in_flight=0)


@gap(moto="takes empty bodies")
async def test_an_empty_body_is_refused(queue: Queue) -> None:
    with pytest.raises(Misconfigured):
        await queue.send("")


async def test_an_attribute_that_sqs_would_refuse_spoils_no_message(queue: Queue) -> None:
    await queue.send("body", attributes={"detail": "", "reason": "\x1b[31mred\x00", "code": "verify"})
    (message,) = await received(queue)
    assert message.attributes == {"reason": "\ufffd[31mred\ufffd", "code": "verify"}


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
async def test_a_message_over_the_limit_is_refused(queue: Queue) -> None:
    with pytest.raises(Misconfigured):
        await queue.send("x" * (1024 * 1024 + 1))
