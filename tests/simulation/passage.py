"""The ports as one replica meets them: its way to the world leads through its weather."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from tests.simulation.catalogue import Fault
from tests.simulation.weather import Weather
from tests.world.ledger import NEWER, OURS, readable
from tests.world.objects import MemoryObjects
from tests.world.queue import MemoryQueue
from tests.world.seam import at_once
from tests.world.tasks import Failures, MemoryTasks
from vidctl import layout
from vidctl.errors import (
    AccessDenied,
    CapacityUnavailable,
    LaunchConflict,
    PreconditionFailed,
    Unavailable,
    WriteConflict,
)
from vidctl.model import Task, TaskSpec
from vidctl.ports import Launch, Message, ObjectStat, QueueDepth, SignedUrl, StoredObject


class SeenObjects:
    """A bucket. ``newer``: the replica is of a version that writes what the present one cannot read.

    ``overwrite`` lets a user put another file under a key.
    """

    def __init__(
        self,
        objects: MemoryObjects,
        weather: Weather,
        *,
        newer: bool = False,
        overwrite: Callable[[str], None] | None = None,
    ) -> None:
        self._objects = objects.through(at_once)
        self._weather = weather
        self._newer = newer
        self._overwrite = overwrite
        self._bucket = objects.bucket

    async def head(self, key: str) -> ObjectStat | None:
        async def forbidden() -> ObjectStat | None:
            if (stat := self._objects.stat(key)) is None:
                raise AccessDenied(f"{key}: 403")
            return stat

        stat = await self._weather.call(
            "objects.head",
            key,
            lambda: self._objects.head(key),
            bucket=self._bucket,
            special={Fault.FORBIDDEN_FOR_MISSING: forbidden},
        )
        if stat != self._objects.stat(key):
            self._weather.dice.reach(Fault.OVERTAKEN_READ)
        return stat

    async def get(self, key: str) -> StoredObject | None:
        stored = await self._weather.call("objects.get", key, lambda: self._objects.get(key), bucket=self._bucket)
        return replace(stored, body=readable(stored.body)) if stored is not None and self._newer else stored

    async def create(self, key: str, body: bytes, *, content_type: str) -> str:
        written = self._written(body)

        async def created() -> str:
            return await self._objects.create(key, written, content_type=content_type)

        return await self._write("objects.create", key, created)

    async def replace(self, key: str, body: bytes, *, content_type: str, if_match: str) -> str:
        written = self._written(body)

        async def replaced() -> str:
            return await self._objects.replace(key, written, content_type=content_type, if_match=if_match)

        return await self._write("objects.replace", key, replaced)

    async def _write(self, operation: str, key: str, write: Callable[[], Awaitable[str]]) -> str:
        async def conflict() -> str:
            raise WriteConflict(f"{key}: 409")

        async def lost_to_itself() -> str:
            await write()
            raise PreconditionFailed(f"{key}: 412 for the second try of the SDK")

        return await self._weather.call(
            operation,
            key,
            write,
            bucket=self._bucket,
            special={Fault.WRITE_CONFLICT: conflict, Fault.LOST_TO_ITSELF: lost_to_itself},
        )

    async def delete(self, key: str, *, if_match: str | None = None) -> None:
        async def overwritten() -> None:
            if (
                key.startswith(layout.RAW_PREFIX)
                and self._objects.stat(key) is not None
                and self._overwrite is not None
            ):
                self._overwrite(key)
            await self._objects.delete(key, if_match=if_match)

        await self._weather.call(
            "objects.delete",
            key,
            lambda: self._objects.delete(key, if_match=if_match),
            bucket=self._bucket,
            special={Fault.CHANGED_BEFORE_DELETION: overwritten},
        )

    async def copy(self, source: str, target: str, *, if_match: str) -> ObjectStat:
        async def failed() -> ObjectStat:
            raise Unavailable(f"{source}: 200 with InternalError inside")

        return await self._weather.call(
            "objects.copy",
            target,
            lambda: self._objects.copy(source, target, if_match=if_match),
            bucket=self._bucket,
            special={Fault.COPY_FAILED_WITH_200: failed},
        )

    async def list(self, prefix: str) -> AsyncIterator[ObjectStat]:
        after, whole = "", True
        while True:
            page, whole = await self._page(prefix, after)
            for stat in page:
                yield stat
            if not whole:
                raise Unavailable(f"{prefix}: the connection broke")
            if len(page) < self._objects.page_size:
                return
            after = page[-1].key

    async def _page(self, prefix: str, after: str) -> tuple[tuple[ObjectStat, ...], bool]:
        async def whole() -> tuple[tuple[ObjectStat, ...], bool]:
            return self._objects.page(prefix, after=after), True

        async def cut() -> tuple[tuple[ObjectStat, ...], bool]:
            page = self._objects.page(prefix, after=after)
            return page[: len(page) // 2], False

        return await self._weather.call(
            "objects.list", f"{prefix}>{after}", whole, bucket=self._bucket, special={Fault.LISTING_CUT: cut}
        )

    def _written(self, body: bytes) -> bytes:
        return NEWER + body.removeprefix(OURS) if self._newer and body.startswith(OURS) else body

    # --- what no reconciler does ----------------------------------------------------------------------------------

    async def read_range(self, key: str, *, start: int, end: int, if_match: str) -> bytes:
        raise NotImplementedError

    async def overwrite(self, key: str, body: bytes, *, content_type: str) -> None:
        raise NotImplementedError

    async def upload_file(self, key: str, path: Path, *, content_type: str, sha256: str) -> None:
        raise NotImplementedError

    async def sign_put(self, key: str, *, content_type: str, size_bytes: int, expires_in: timedelta) -> SignedUrl:
        raise NotImplementedError

    async def sign_get(self, key: str, *, expires_in: timedelta) -> str:
        raise NotImplementedError


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


class SeenTasks:
    """A cluster. What it tells may be old; ``lag`` is by how much at present."""

    def __init__(self, tasks: MemoryTasks, weather: Weather) -> None:
        self._tasks = tasks.through(at_once)
        self._weather = weather

    @property
    def lag(self) -> timedelta:
        """By how much what ECS tells this replica is old."""
        return self._tasks.lag

    @lag.setter
    def lag(self, lag: timedelta) -> None:
        self._tasks.lag = lag

    async def run(self, spec: TaskSpec, *, token: str, started_by: str) -> Launch:
        async def launched() -> Launch:
            return await self._tasks.run(spec, token=token, started_by=started_by)

        launch = await self._weather.call(
            "tasks.run",
            token,
            launched,
            special={
                Fault.NO_ROOM: lambda: self._full(launched, token, starts=False),
                Fault.NO_ROOM_BUT_STARTED: lambda: self._full(launched, token, starts=True),
                Fault.EMPTY_ANSWER: lambda: _empty(launched),
                Fault.TOKEN_CONFLICT: lambda: self._conflict(launched, token),
                Fault.QUOTA: _over_quota,
                Fault.LAUNCH_DENIED: self._denied,
            },
        )
        if launch.task is not None and launch.task.spec is None:
            self._weather.dice.reach(Fault.STOPPED_STUB)
        return replace(launch, task=self._as_seen(launch.task)) if launch.task is not None else launch

    async def _full(self, launched: Callable[[], Awaitable[Launch]], token: str, *, starts: bool) -> Launch:
        if not self._tasks.knows(token):
            self._tasks.refusals.append(Failures(reasons=("RESOURCE:CPU",), starts=starts))
        return await launched()

    async def _conflict(self, launched: Callable[[], Awaitable[Launch]], token: str) -> Launch:
        await launched()
        task = self._tasks.started_with(token)
        raise LaunchConflict(f"{token}: used with other parameters", task_arns=() if task is None else (task.arn,))

    async def _denied(self) -> Launch:
        self._weather.deny("tasks.run", 3600)
        raise AccessDenied("not authorized to perform ecs:RunTask")

    async def describe(self, arns: Sequence[str]) -> tuple[Task, ...]:
        async def described() -> tuple[Task, ...]:
            return await self._tasks.describe(arns)

        async def all_but_one() -> tuple[Task, ...]:
            return (await described())[1:]

        async def as_before() -> tuple[Task, ...]:
            now, self._tasks.lag = self._tasks.lag, self._tasks.lag + timedelta(minutes=2)
            try:
                return await described()
            finally:
                self._tasks.lag = now

        found = await self._weather.call(
            "tasks.describe",
            arns[0] if arns else "",
            described,
            special={Fault.TASK_MISSING: all_but_one, Fault.STATUS_BACKWARDS: as_before},
        )
        if any(task.stop_code == "TaskFailedToStart" for task in found):
            self._weather.dice.reach(Fault.NO_CONTAINERS)
        if any(self._tasks.forgotten(arn) for arn in arns):
            self._weather.dice.reach(Fault.STOPPED_FORGOTTEN)
        return tuple(map(self._as_seen, found))

    async def started_by(self, started_by: str) -> tuple[str, ...]:
        async def changed() -> tuple[str, ...]:
            return (await self._tasks.started_by(started_by))[1:]

        return await self._weather.call(
            "tasks.started_by",
            started_by,
            lambda: self._tasks.started_by(started_by),
            special={Fault.LISTING_CHANGED: changed},
        )

    async def family(self, *, stopped: bool) -> tuple[str, ...]:
        async def changed() -> tuple[str, ...]:
            return (await self._tasks.family(stopped=stopped))[:-1]

        return await self._weather.call(
            "tasks.family",
            "stopped" if stopped else "live",
            lambda: self._tasks.family(stopped=stopped),
            special={Fault.LISTING_CHANGED: changed},
        )

    async def stop(self, arn: str, *, reason: str) -> None:
        async def ignored() -> None:
            """Say yes and do nothing."""

        task = self._tasks.task(arn)
        dice, ledger = self._weather.dice, self._weather.watch.ledger
        dice.reach(Fault.TAGS_GONE if task.alive else Fault.STOP_OF_NOTHING)
        if task.spec is not None and task.spec.number in ledger.job(task.spec.key, task.spec.job).results:
            dice.reach(Fault.STOPPED_AFTER_SUCCESS)
        await self._weather.call(
            "tasks.stop",
            layout.launch_token(task.spec.job, task.spec.number) if task.spec is not None else arn,
            ignored if self._tasks.is_hidden(arn) else lambda: self._tasks.stop(arn, reason=reason),
            special={Fault.STOP_IGNORED: ignored},
        )

    def _as_seen(self, task: Task) -> Task:
        """Stamp what is told with the clock of who hears it."""
        return replace(task, seen_at=task.seen_at + self._weather.skew)


async def _empty(launched: Callable[[], Awaitable[Launch]]) -> Launch:
    await launched()
    return Launch(task=None)


async def _over_quota() -> Launch:
    raise CapacityUnavailable("limit on the number of vCPUs")
