"""The held messages: their visibility is extended until the job is finished, then they are deleted.

A hold is a soft lease. A lost one is dropped and the job goes on: the sweep, the records and the tasks know enough.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from vidctl import events, logs
from vidctl.errors import Unavailable, WorldError
from vidctl.groups import TaskGroup
from vidctl.metrics import Metrics
from vidctl.model import Delivery, VideoKey
from vidctl.ports import Clock, Queue

log = logs.get(__name__)

BATCH = 10
"""AWS: a batch call takes ten messages."""
RELEASE_SPREAD = timedelta(seconds=5)
RELEASE_TIMEOUT = timedelta(seconds=3)
"""Part of the shutdown's time that handing messages back may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldPolicy:
    """``visibility``: what each extension asks for. ``renew_after``: when a message is sent anew (AWS caps at 12 h)."""

    visibility: timedelta = timedelta(seconds=60)
    renew_after: timedelta = timedelta(hours=10)


class Holds:
    """The messages that this replica holds, by id: a later delivery of the same message replaces its receipt."""

    def __init__(
        self, queue: Queue, *, policy: HoldPolicy, clock: Clock, metrics: Metrics, randomness: random.Random
    ) -> None:
        self._queue = queue
        self._policy = policy
        self._clock = clock
        self._metrics = metrics
        self._random = randomness
        self._held: dict[str, Delivery] = {}
        self._by_key: dict[VideoKey, set[str]] = {}
        metrics.watch(metrics.held, lambda: len(self._held))
        metrics.watch(metrics.oldest_message_seconds, self._oldest_seconds)

    def __len__(self) -> int:
        """Count the messages held."""
        return len(self._held)

    def __contains__(self, key: VideoKey) -> bool:
        """Whether a message of this video is held."""
        return key in self._by_key

    def by_user(self) -> Counter[str]:
        """Count the messages held for each user's videos."""
        return Counter(delivery.upload.key.user_id for delivery in self._held.values())

    def hold(self, delivery: Delivery) -> None:
        """Begin to hold a message that was just received."""
        self._held[delivery.message_id] = delivery
        self._by_key.setdefault(delivery.upload.key, set()).add(delivery.message_id)

    def of(self, key: VideoKey) -> tuple[Delivery, ...]:
        """Return the messages held for a video, the oldest first."""
        held = (self._held[message_id] for message_id in self._by_key.get(key, ()))
        return tuple(sorted(held, key=lambda delivery: (delivery.sent_at, delivery.message_id)))

    async def delete(self, deliveries: Sequence[Delivery]) -> None:
        """Delete messages for good.

        Raises:
            Unavailable: some are still there; they stay held and the call may be repeated.

        """
        receipts = {delivery.receipt: delivery for delivery in deliveries}
        failed = set(await self._queue.delete(tuple(receipts)))
        self._drop(delivery for receipt, delivery in receipts.items() if receipt not in failed)
        if failed:
            raise Unavailable(f"{len(failed)} of {len(receipts)} messages were not deleted")

    async def extend(self) -> None:
        """Extend every hold once, and renew those that come near AWS's cap; a failed call is tried again next time."""
        # First, since a message that AWS does not extend any more would be dropped, and so never renewed.
        for delivery in tuple(self._held.values()):
            if self._old(delivery):
                await self._renew(delivery)
        batches = _batches(tuple(self._held.values()))
        for answer in await asyncio.gather(*(self._extend(batch) for batch in batches), return_exceptions=True):
            if isinstance(answer, WorldError):
                log.warning("holds_not_extended", code=answer.code, error=str(answer))
            elif isinstance(answer, BaseException):
                raise answer

    async def release(self) -> None:
        """Hand every message back, spread over some seconds so that the next holder is not hit at once.

        What is not handed back in time comes back by itself when its visibility ends.
        """
        try:
            async with asyncio.timeout(RELEASE_TIMEOUT.total_seconds()), TaskGroup() as group:
                for batch in _batches(tuple(self._held.values())):
                    group.create_task(self._release(batch))
        except TimeoutError:
            log.warning("holds_not_released", code="timeout", messages=len(self._held))

    async def _release(self, batch: Sequence[Delivery]) -> None:
        spread = timedelta(seconds=int(self._random.random() * (RELEASE_SPREAD.total_seconds() + 1)))
        try:
            await self._queue.extend([delivery.receipt for delivery in batch], visibility=spread)
        except WorldError as error:
            log.warning("holds_not_released", code=error.code, messages=len(batch))
        self._drop(batch)

    async def _extend(self, batch: Sequence[Delivery]) -> None:
        receipts = {delivery.receipt: delivery for delivery in batch}
        lost = await self._queue.extend(tuple(receipts), visibility=self._policy.visibility)
        # A newer delivery of the message, or its deletion, may have come meanwhile: then nothing is lost.
        gone = [receipts[r] for r in lost if self._held.get(receipts[r].message_id) == receipts[r]]
        for delivery in gone:
            log.info("hold_lost", video_id=delivery.upload.key.video_id, message_id=delivery.message_id)
        self._metrics.hold_losses.inc(len(gone))
        self._drop(gone)

    async def _renew(self, delivery: Delivery) -> None:
        if not self._has_copy(delivery):
            attributes = events.redrive_attributes(delivery.redrive) if delivery.redrive is not None else None
            try:
                await self._queue.send(delivery.body, attributes=attributes)
            except WorldError as error:
                log.warning("hold_not_renewed", code=error.code, message_id=delivery.message_id)
                return
            self._metrics.renewals.inc()
        # From here on the copy stands for it: another try would make another copy.
        self._drop((delivery,))
        try:
            await self._queue.delete((delivery.receipt,))
        except WorldError as error:
            log.warning("renewed_message_not_deleted", code=error.code, message_id=delivery.message_id)

    def _old(self, delivery: Delivery) -> bool:
        return self._clock() - delivery.first_received_at >= self._policy.renew_after

    def _has_copy(self, delivery: Delivery) -> bool:
        """Whether a younger message that asks for the same is held: the one that was sent in its place."""
        asked = (delivery.upload, delivery.redrive)
        return any((d.upload, d.redrive) == asked and not self._old(d) for d in self.of(delivery.upload.key))

    def _drop(self, deliveries: Iterable[Delivery]) -> None:
        for delivery in tuple(deliveries):
            if self._held.get(delivery.message_id) != delivery:
                continue
            del self._held[delivery.message_id]
            own = self._by_key[delivery.upload.key]
            own.discard(delivery.message_id)
            if not own:
                del self._by_key[delivery.upload.key]

    def _oldest_seconds(self) -> float:
        now: datetime = self._clock()
        return max(((now - delivery.sent_at).total_seconds() for delivery in self._held.values()), default=0.0)


def _batches(deliveries: Sequence[Delivery]) -> list[Sequence[Delivery]]:
    return [deliveries[start : start + BATCH] for start in range(0, len(deliveries), BATCH)]
