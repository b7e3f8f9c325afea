"""A queue as one replica meets it: its way there leads through its weather."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from tests.simulation.catalogue import Fault
from tests.simulation.weather import Weather
from tests.world.queue import MemoryQueue
from tests.world.seam import at_once
from vidctl.errors import Unavailable
from vidctl.ports import Message, QueueDepth


class SeenQueue:
    """A queue."""

    def __init__(self, queue: MemoryQueue, weather: Weather) -> None:
        self._queue = queue.through(at_once)
        self._weather = weather

    async def receive(self, *, wait: timedelta) -> tuple[Message, ...]:
        async def received() -> tuple[Message, ...]:
            return await self._queue.receive(wait=wait)

        async def nothing() -> tuple[Message, ...]:
            await asyncio.sleep(wait.total_seconds())
            return ()

        async def never() -> tuple[Message, ...]:
            await asyncio.sleep(wait.total_seconds() + 10)
            raise Unavailable("queue.receive: timed out")

        async def twice() -> tuple[Message, ...]:
            messages = await received()
            for message in messages[:1]:
                self._queue.release(message.message_id)
            return messages

        async def jumped() -> tuple[Message, ...]:
            messages = await received()
            for message in messages:
                self._queue.count_up(message.message_id, 5)
            return messages

        messages = await self._weather.call(
            "queue.receive",
            self._queue.name,
            received,
            special={
                Fault.RECEIVES_NOTHING: nothing,
                Fault.POLL_HANGS: never,
                Fault.RECEIVED_TWICE: twice,
                Fault.RECEIVE_COUNT_JUMPS: jumped,
            },
        )
        self._tell(messages)
        return messages

    def _tell(self, messages: tuple[Message, ...]) -> None:
        if any(message.receive_count > 1 for message in messages):
            self._weather.dice.reach(Fault.REDELIVERED)
        if not messages and self._queue.silent:
            self._weather.dice.reach(Fault.TOO_MANY_IN_FLIGHT)

    async def delete(self, receipts: Sequence[str]) -> tuple[str, ...]:
        async def in_part() -> tuple[str, ...]:
            half = len(receipts) // 2
            failed = await self._queue.delete(receipts[:half]) if half else ()
            return (*failed, *receipts[half:])

        async def come_back() -> tuple[str, ...]:
            gone = [message for receipt in receipts if (message := self._queue.message_of(receipt)) is not None]
            failed = await self._queue.delete(receipts)
            for message in gone:
                seconds = 5 + 600 * self._weather.dice.share(f"back {message.receipt}")
                asyncio.get_running_loop().call_later(seconds, self._queue.put_back, message)
            return failed

        held = {receipt: self._queue.message_of(receipt) for receipt in receipts}
        failed = await self._weather.call(
            "queue.delete",
            receipts[0] if receipts else "",
            lambda: self._queue.delete(receipts),
            special={Fault.DELETED_IN_PART: in_part, Fault.DELIVERED_AFTER_DELETION: come_back},
        )
        if any(message is not None and message.receipt != receipt for receipt, message in held.items()):
            self._weather.dice.reach(Fault.STALE_RECEIPT)
        return failed

    async def extend(self, receipts: Sequence[str], *, visibility: timedelta) -> tuple[str, ...]:
        async def extended() -> tuple[str, ...]:
            messages = [self._queue.message_of(receipt) for receipt in receipts]
            if any(m is not None and m.receipt not in receipts for m in messages):
                self._weather.dice.reach(Fault.EXTENDED_LATE)
            return await self._queue.extend(receipts, visibility=visibility)

        async def in_part() -> tuple[str, ...]:
            await self._queue.extend(receipts[: len(receipts) // 2], visibility=visibility)
            raise Unavailable("queue.extend: Failed[] with InternalError")

        async def expired() -> tuple[str, ...]:
            for receipt in receipts[:1]:
                if (message := self._queue.message_of(receipt)) is not None:
                    self._queue.release(message.message_id)
            return await extended()

        return await self._weather.call(
            "queue.extend",
            receipts[0] if receipts else "",
            extended,
            special={Fault.EXTENDED_IN_PART: in_part, Fault.RECEIPT_EXPIRED: expired},
        )

    async def send(self, body: str, *, attributes: dict[str, str] | None = None) -> None:
        async def twice() -> None:
            await self._queue.send(body, attributes=attributes)
            await self._queue.send(body, attributes=attributes)

        if self._queue.is_held_long(body):
            self._weather.dice.reach(Fault.HELD_LONG)
        await self._weather.call(
            "queue.send",
            self._queue.name,
            lambda: self._queue.send(body, attributes=attributes),
            special={Fault.SENT_TWICE: twice},
        )

    async def depth(self) -> QueueDepth:
        return await self._weather.call("queue.depth", self._queue.name, self._queue.depth)
