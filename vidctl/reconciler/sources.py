"""Where keys come from: deliveries of the raw queue and task state changes. Sweeps and timers are the others."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from datetime import timedelta

from vidctl import events, logs
from vidctl.errors import Malformed, VidctlError, WorldError
from vidctl.metrics import Metrics
from vidctl.model import Delivery, FailureClass, VideoKey
from vidctl.ports import Message, World
from vidctl.reconciler.fairness import MOST_RECEIVES, absence
from vidctl.reconciler.holds import Holds
from vidctl.reconciler.room import Room
from vidctl.reconciler.tasks import TaskView

log = logs.get(__name__)

PAUSE = 1.0
"""Seconds between two looks whether there is room, and after a failed receive."""


class Deliveries:
    """Takes messages of the raw queue, while there is room, and puts their videos on the workqueue."""

    def __init__(
        self,
        world: World,
        *,
        bucket: str,
        holds: Holds,
        room: Room,
        add: Callable[[VideoKey], None],
        wait: timedelta,
        metrics: Metrics,
        randomness: random.Random,
    ) -> None:
        self._queue = world.raw_queue
        self._room = room
        self._random = randomness
        self._dead_letters = world.dead_letter_queue
        self._bucket = bucket
        self._holds = holds
        self._add = add
        self._wait = wait
        self._metrics = metrics

    async def run(self, stopping: asyncio.Event, tick: Callable[[], None]) -> None:
        """Receive until ``stopping``; the open poll is let finish, since cancelling it would hide its messages."""
        while not stopping.is_set():
            tick()
            if not self._room.has_any():
                # Not receiving leaves the backlog in the queue, where its depth can be seen.
                await _pause(stopping)
                continue
            try:
                messages = await self._queue.receive(wait=self._wait)
            except WorldError as error:
                log.warning("receive_failed", queue="raw", code=error.code, error=str(error))
                await _pause(stopping)
                continue
            crowd: list[Message] = []
            for message in messages:
                tick()
                await self._take(message, crowd)
            if crowd:
                await self._hand_back(crowd)
                # The search for other users' messages is no race: it costs calls, and hides the backlog's depth.
                await _pause(stopping)

    async def _take(self, message: Message, crowd: list[Message]) -> None:
        try:
            await self._sort(message, crowd)
        except VidctlError as error:
            # The message is still in the queue and comes again.
            log.warning("message_not_taken", code=error.code, message_id=message.message_id, error=str(error))

    async def _sort(self, message: Message, crowd: list[Message]) -> None:
        if events.is_test_event(message.body):
            self._metrics.received.labels("test_event").inc()
            await self._queue.delete((message.receipt,))
            return
        try:
            records = events.event_records(message.body)
            if len(records) > 1:
                await self._split(message, records)
                return
            upload = events.parse_upload(records[0], bucket=self._bucket)
            redrive = events.parse_redrive(message.attributes)
        except Malformed as error:
            await self._refuse(message, error)
            return
        if redrive is None and message.receive_count < MOST_RECEIVES and self._room.is_crowded_by(upload.key):
            crowd.append(message)
            return
        self._metrics.received.labels("upload" if redrive is None else "redrive").inc()
        self._holds.hold(
            Delivery(
                message_id=message.message_id,
                receipt=message.receipt,
                body=message.body,
                upload=upload,
                redrive=redrive,
                sent_at=message.sent_at,
                first_received_at=message.first_received_at,
                receive_count=message.receive_count,
            )
        )
        self._add(upload.key)

    async def _hand_back(self, crowd: Sequence[Message]) -> None:
        """Make room for other users: these come again, and the sweep finds their videos if there is room sooner."""
        whole = absence(max(message.receive_count for message in crowd))
        self._metrics.received.labels("handed_back").inc(len(crowd))
        try:
            await self._queue.extend(
                [message.receipt for message in crowd], visibility=whole * (0.75 + self._random.random() / 2)
            )
        except WorldError as error:
            # They come again all the same, when their visibility ends.
            log.warning("messages_not_handed_back", code=error.code, messages=len(crowd))

    async def _split(self, message: Message, records: tuple[dict[str, object], ...]) -> None:
        """Turn a message about several objects into one for each: a message is then held for exactly one video."""
        for record in records:
            await self._queue.send(events.write_event((record,)))
        await self._queue.delete((message.receipt,))
        self._metrics.received.labels("split").inc()

    async def _refuse(self, message: Message, error: Malformed) -> None:
        """Keep the evidence where a person finds it, and free the queue of it."""
        attributes = {
            "vidctl.class": FailureClass.BAD_MESSAGE.value,
            "vidctl.code": error.code,
            "vidctl.reason": str(error)[:1024],
        }
        await self._dead_letters.send(message.body, attributes=attributes)
        await self._queue.delete((message.receipt,))
        self._metrics.received.labels("bad_message").inc()
        self._metrics.dead_letters.labels(FailureClass.BAD_MESSAGE.value).inc()
        log.warning("bad_message", message_id=message.message_id, reason=str(error))


class TaskEvents:
    """Takes task state changes: hints that feed the task view, which wakes the videos concerned."""

    def __init__(self, world: World, *, view: TaskView, wait: timedelta, metrics: Metrics) -> None:
        self._queue = world.task_queue
        self._view = view
        self._wait = wait
        self._metrics = metrics

    async def run(self, stopping: asyncio.Event, tick: Callable[[], None]) -> None:
        """Receive until ``stopping``."""
        while not stopping.is_set():
            tick()
            try:
                messages = await self._queue.receive(wait=self._wait)
                for message in messages:
                    self._learn(message)
                if messages:
                    await self._queue.delete([message.receipt for message in messages])
            except WorldError as error:
                log.warning("receive_failed", queue="task", code=error.code, error=str(error))
                await _pause(stopping)

    def _learn(self, message: Message) -> None:
        self._metrics.received.labels("task_event").inc()
        try:
            self._view.learn(events.parse_task_event(message.body))
        except Malformed as error:
            log.warning("bad_task_event", message_id=message.message_id, reason=str(error))


async def _pause(stopping: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(PAUSE):
            await stopping.wait()
    except TimeoutError:
        return
