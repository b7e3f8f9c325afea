"""One standard SQS queue in memory, after AWS's contract: visibility, receipts, redrive, retention, the 12 h cap."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Self

from tests.world.seam import BLIND, Around, Witness, undisturbed
from vidctl.errors import Misconfigured
from vidctl.ports import Clock, Message, QueueDepth
from vidctl.sqs import acceptable

BATCH = 10
LONGEST_WAIT = timedelta(seconds=20)
LONGEST_HOLD = timedelta(hours=12)
LARGEST_MESSAGE = 1024 * 1024
MOST_ATTRIBUTES = 10
MOST_IN_FLIGHT = 120_000
"""AWS: from so many held messages on, a long poll of a standard queue is answered with silence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """A message as the queue knows it. ``receipt`` is that of the last receive; every other one is stale."""

    message_id: str
    body: str
    attributes: dict[str, str] = field(default_factory=dict)
    sent_at: datetime
    visible_at: datetime
    first_received_at: datetime | None = None
    receive_count: int = 0
    receipt: str | None = None


class MemoryQueue:
    """Implements ``Queue``, and gives tests hands that no fault holds: ``put``, ``drop``, ``messages``."""

    def __init__(
        self,
        name: str,
        *,
        clock: Clock,
        visibility: timedelta = timedelta(seconds=60),
        retention: timedelta = timedelta(days=4),
        dead_letters: MemoryQueue | None = None,
        max_receive_count: int = 100,
        most_in_flight: int = MOST_IN_FLIGHT,
        witness: Witness = BLIND,
        around: Around = undisturbed,
    ) -> None:
        self.name = name
        self._clock = clock
        self._visibility = visibility
        self._retention = retention
        self._dead_letters = dead_letters
        self._max_receive_count = max_receive_count
        self._most_in_flight = most_in_flight
        self._witness = witness
        self._around = around
        self._messages: dict[str, Queued] = {}
        self._receipts: dict[str, str] = {}
        self._numbers = count(1)
        self._changed = asyncio.Event()
        self.expired: list[str] = []
        """The messages that nobody deleted within their retention, whoever sees the queue next."""

    def through(self, around: Around) -> Self:
        """Return the same queue as seen by somebody whose calls meet other faults."""
        view = copy.copy(self)
        view._around = around
        return view

    # --- the port -------------------------------------------------------------------------------------------------

    async def receive(self, *, wait: timedelta) -> tuple[Message, ...]:
        if not timedelta() <= wait <= LONGEST_WAIT:
            raise Misconfigured(f"wait: {wait} is not within 0 and 20 s")
        async with self._around("queue.receive"):
            until = self._clock() + wait
            while not (received := self._take()) and self._clock() < until:
                await self._wait_for_change(until)
            return received

    async def delete(self, receipts: Sequence[str]) -> tuple[str, ...]:
        async with self._around("queue.delete"):
            for receipt in receipts:
                message = self.message_of(receipt)
                # AWS: deleting with an old receipt succeeds, but the message may stay.
                if message is not None and message.receipt == receipt:
                    self.drop(message.message_id)
            return tuple(receipt for receipt in receipts if receipt not in self._receipts)

    async def extend(self, receipts: Sequence[str], *, visibility: timedelta) -> tuple[str, ...]:
        async with self._around("queue.extend"):
            return tuple(receipt for receipt in receipts if not self._extended(receipt, visibility))

    async def send(self, body: str, *, attributes: dict[str, str] | None = None) -> None:
        async with self._around("queue.send"):
            written = acceptable(attributes or {})
            _check(body, written)
            self.put(body, attributes=written)

    async def depth(self) -> QueueDepth:
        async with self._around("queue.depth"):
            now = self._clock()
            waiting = sum(message.visible_at <= now for message in self.messages)
            return QueueDepth(visible=waiting, in_flight=len(self.messages) - waiting)

    # --- the hands of tests ---------------------------------------------------------------------------------------

    @property
    def messages(self) -> tuple[Queued, ...]:
        """What is in the queue, visible or held, in the order of arrival."""
        self._expire()
        return tuple(self._messages.values())

    def put(self, body: str, *, attributes: dict[str, str] | None = None) -> str:
        """Add a message, as S3 or EventBridge does; return its id."""
        self._witness.sending(self.name, body, attributes or {})
        now = self._clock()
        message_id = f"{self.name}-{next(self._numbers):06}"
        self._add(
            Queued(message_id=message_id, body=body, attributes=dict(attributes or {}), sent_at=now, visible_at=now)
        )
        return message_id

    def drop(self, message_id: str) -> None:
        """Lose a message."""
        self._expire()
        message = self._messages.get(message_id)
        if message is not None:
            self._witness.acknowledging(self.name, message)
            del self._messages[message_id]

    def put_back(self, message: Queued) -> None:
        """Let a deleted message appear again, as SQS may."""
        self._add(replace(message, visible_at=self._clock()))

    def release(self, message_id: str) -> None:
        """Make a held message visible now, as SQS may: at least once means that twice happens."""
        if message_id in self._messages:
            self._add(replace(self._messages[message_id], visible_at=self._clock()))

    def count_up(self, message_id: str, receives: int) -> None:
        """Let the receive count of a message rise: others have received it without a word."""
        if message_id in self._messages:
            message = self._messages[message_id]
            self._messages[message_id] = replace(message, receive_count=message.receive_count + receives)

    @property
    def silent(self) -> bool:
        """Whether so many messages are held that SQS hands out no more."""
        return sum(message.visible_at > self._clock() for message in self._messages.values()) >= self._most_in_flight

    def is_held_long(self, body: str) -> bool:
        """Whether a message with this body comes near the longest time for which it may be held."""
        near = self._clock() - LONGEST_HOLD * 0.8
        firsts = (m.first_received_at for m in self._messages.values() if m.body == body)
        return any(first is not None and first < near for first in firsts)

    def message_of(self, receipt: str) -> Queued | None:
        """Return the message that a receipt was given out for, if it is still there."""
        return self._messages.get(self._receipts.get(receipt, ""))

    # --------------------------------------------------------------------------------------------------------------

    def _add(self, message: Queued) -> None:
        known = self._messages.get(message.message_id)
        self._messages[message.message_id] = message
        if known is None or message.visible_at < known.visible_at:
            self._changed.set()  # whoever polls may have something to take sooner than he thought

    async def _wait_for_change(self, until: datetime) -> None:
        now = self._clock()
        held = (message.visible_at for message in self.messages if message.visible_at > now)
        next_visible = min(held, default=until)
        self._changed.clear()
        try:
            async with asyncio.timeout((min(until, next_visible) - now).total_seconds()):
                await self._changed.wait()
        except TimeoutError:
            return

    def _take(self) -> tuple[Message, ...]:
        self._expire()
        now = self._clock()
        taken: list[Message] = []
        waiting = [message for message in self._messages.values() if message.visible_at <= now]
        if len(self._messages) - len(waiting) >= self._most_in_flight:
            return ()
        for message in waiting:
            if len(taken) == BATCH:
                break
            if self._dead_letters is not None and message.receive_count >= self._max_receive_count:
                self._redrive(message, self._dead_letters)
                continue
            taken.append(self._received(message, now))
        return tuple(taken)

    def _received(self, message: Queued, now: datetime) -> Message:
        receipt = f"{message.message_id}#{next(self._numbers)}"
        first = message.first_received_at or now
        held = replace(
            message,
            receipt=receipt,
            receive_count=message.receive_count + 1,
            first_received_at=first,
            visible_at=now + self._visibility,
        )
        self._messages[message.message_id] = held
        self._receipts[receipt] = message.message_id
        return Message(
            message_id=held.message_id,
            receipt=receipt,
            body=held.body,
            attributes=dict(held.attributes),
            sent_at=held.sent_at,
            first_received_at=first,
            receive_count=held.receive_count,
        )

    def _redrive(self, message: Queued, dead_letters: MemoryQueue) -> None:
        del self._messages[message.message_id]
        # AWS: a standard queue's redrive keeps the time of sending, from which the retention runs.
        dead_letters._add(replace(message, receipt=None))

    def _extended(self, receipt: str, visibility: timedelta) -> bool:
        message, now = self.message_of(receipt), self._clock()
        if message is None or message.receipt != receipt or message.visible_at <= now:
            return False
        if now + visibility > (message.first_received_at or now) + LONGEST_HOLD:
            return False
        self._add(replace(message, visible_at=now + visibility))
        return True

    def _expire(self) -> None:
        now = self._clock()
        expired = [message for message in self._messages.values() if message.sent_at + self._retention <= now]
        for message in expired:
            del self._messages[message.message_id]
            self.expired.append(message.message_id)


def _check(body: str, attributes: dict[str, str]) -> None:
    size = sum(len(text.encode()) for text in (body, *attributes.keys(), *attributes.values()))
    if not body or size > LARGEST_MESSAGE:
        raise Misconfigured(f"body: {size} bytes with its attributes is not within 1 and {LARGEST_MESSAGE}")
    if len(attributes) > MOST_ATTRIBUTES:
        raise Misconfigured(f"attributes: {len(attributes)} are more than {MOST_ATTRIBUTES}")
