"""Seeded faults: what a replica meets between itself and the world, and what befalls the world itself.

Every kind of fault has a rate that is drawn for the seed: none, some, or far too much. A call may be refused, lose its
reply, be slow by minutes, or take effect after its caller gave up; a service may be denied or away for an hour.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from typing import Any, TypeVar

from tests.world.invariants import Violation, Watch
from tests.world.life import Life, Timing
from tests.world.loop import clock
from tests.world.objects import MemoryObjects
from tests.world.queue import MemoryQueue
from tests.world.tasks import Failures, MemoryTasks
from vidctl.errors import AccessDenied, CapacityUnavailable, Throttled, Unavailable, WorldError
from vidctl.model import TaskSpec
from vidctl.ports import Launch, ObjectStat, World

T = TypeVar("T")

OUTAGE = timedelta(hours=1)
LATEST = 240.0
"""Seconds by which a call may be slow, or an effect late: within what ``lost_after`` leaves to late launches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """How often each fault happens, as a share of the calls, events or attempts that it can befall."""

    refused: float = 0.0
    throttled: float = 0.0
    denied: float = 0.0
    reply_lost: float = 0.0
    slow: float = 0.0
    late: float = 0.0
    lag: float = 0.0
    no_room: float = 0.0
    ghost: float = 0.0
    never_starts: float = 0.0
    upload_event_lost: float = 0.0
    upload_event_doubled: float = 0.0
    task_event_lost: float = 0.0
    delivered_again: float = 0.0
    spot: float = 0.0
    replica_killed: float = 0.0
    outage: float = 0.0
    # What is not the infrastructure's fault.
    crash: float = 0.0
    lie: float = 0.0
    hang: float = 0.0
    refuse: float = 0.0
    # What users do.
    upload_again: float = 0.0
    cancel: float = 0.0


NORMAL = Rates(
    refused=0.02, throttled=0.03, denied=0.001, reply_lost=0.02, slow=0.02, late=0.01, lag=0.3, no_room=0.1, ghost=0.1,
    never_starts=0.03, upload_event_lost=0.1, upload_event_doubled=0.2, task_event_lost=0.2, delivered_again=0.1,
    spot=0.05, replica_killed=0.05, outage=0.3, crash=0.1, lie=0.1, hang=0.05, refuse=0.1, upload_again=0.15,
    cancel=0.1,
)  # fmt: skip
EXTREME = Rates(
    refused=0.3, throttled=0.4, denied=0.01, reply_lost=0.3, slow=0.15, late=0.2, lag=1.0, no_room=0.6, ghost=0.6,
    never_starts=0.3, upload_event_lost=1.0, upload_event_doubled=1.0, task_event_lost=1.0, delivered_again=0.8,
    spot=0.4, replica_killed=0.5, outage=1.0, crash=0.5, lie=0.5, hang=0.3, refuse=0.5, upload_again=0.7,
    cancel=0.5,
)  # fmt: skip
OF_THE_INPUT = ("crash", "lie", "hang", "refuse")


def draw(chance: random.Random, *, infrastructure_only: bool) -> Rates:
    """Draw how often each kind of fault happens: mostly some, sometimes never, rarely far too often."""
    drawn = {}
    for each in fields(Rates):
        of = chance.choices((Rates(), NORMAL, EXTREME), weights=(4, 5, 2))[0]
        drawn[each.name] = getattr(of, each.name)
    if infrastructure_only:
        drawn.update(dict.fromkeys(OF_THE_INPUT, 0.0))
    return Rates(**drawn)


class Weather:
    """The faults between one replica and the world. ``calm`` ends them."""

    def __init__(self, rates: Rates, *, chance: random.Random, watch: Watch, outages: set[str]) -> None:
        self.rates = rates
        self.chance = chance
        self.watch = watch
        self.replica = object()
        self.intents: set[str] = set()
        self.calls: dict[str, int] = {}
        self._outages = outages
        self._denied_until: dict[str, float] = {}
        self._late: set[asyncio.Task[None]] = set()

    def calm(self) -> None:
        """Let everything through from now on."""
        self.rates = Rates()
        self._denied_until.clear()

    def happens(self, rate: float) -> bool:
        """Whether a fault of this rate happens now."""
        return self.chance.random() < rate

    @asynccontextmanager
    async def around(self, operation: str) -> AsyncIterator[None]:
        """Surround one call with its faults; implements ``Around``."""
        self.calls[operation] = self.calls.get(operation, 0) + 1
        await asyncio.sleep(self.chance.uniform(0.005, 0.05))
        await self._slow()
        self._refuse(operation)
        yield
        await self._slow()
        if self.happens(self.rates.reply_lost):
            raise Unavailable(f"{operation}: the reply was lost")

    async def deliver(self, call: Coroutine[Any, Any, T]) -> T:
        """Make a call, or give it up while it is under way: it takes effect later, and nobody hears of it."""
        if not self.happens(self.rates.late):
            return await call
        begun = asyncio.get_running_loop().create_task(self._later(call))
        self._late.add(begun)
        begun.add_done_callback(self._late.discard)
        await asyncio.sleep(self.chance.uniform(0, 30))
        raise Unavailable("no reply in time")

    async def _later(self, call: Coroutine[Any, Any, Any]) -> None:
        try:
            await asyncio.sleep(self.chance.uniform(0, LATEST / 2))
            await call
        except (WorldError, Violation):
            return  # nobody hears of it; the watch has aborted the run for a violation
        finally:
            call.close()

    async def _slow(self) -> None:
        if self.happens(self.rates.slow / 2):
            await asyncio.sleep(self.chance.choice((1.0, 10.0, 60.0, LATEST / 4)) * self.chance.random())

    def _refuse(self, operation: str) -> None:
        service, now = operation.partition(".")[0], asyncio.get_running_loop().time()
        if service in self._outages:
            raise Unavailable(f"{operation}: the service is away")
        if self.happens(self.rates.denied):
            self._denied_until[operation] = now + self.chance.uniform(30, 1200)
        if self._denied_until.get(operation, 0.0) > now:
            raise AccessDenied(f"{operation}: not authorized")
        if self.happens(self.rates.refused):
            raise Unavailable(f"{operation}: no answer")
        if self.happens(self.rates.throttled):
            raise Throttled(f"{operation}: Rate exceeded")

    def through(self, world: World) -> World:
        """Return the world as this replica meets it."""
        raw, final, queue, dead = world.raw, world.final, world.raw_queue, world.dead_letter_queue
        assert isinstance(raw, MemoryObjects)
        assert isinstance(final, MemoryObjects)
        assert isinstance(queue, MemoryQueue)
        assert isinstance(dead, MemoryQueue)
        assert isinstance(world.task_queue, MemoryQueue)
        assert isinstance(world.tasks, MemoryTasks)
        return replace(
            world,
            raw=SeenObjects(raw, self),
            final=SeenObjects(final, self),
            raw_queue=SeenQueue(queue, self),
            dead_letter_queue=SeenQueue(dead, self),
            task_queue=world.task_queue.through(self.around),
            tasks=SeenTasks(world.tasks, self),
        )


class SeenObjects(MemoryObjects):
    """A bucket as one replica meets it: what the replica changes is watched."""

    def __init__(self, objects: MemoryObjects, weather: Weather) -> None:
        self.__dict__.update(objects.__dict__)
        self._around = weather.around
        self._weather = weather

    async def create(self, key: str, body: bytes, *, content_type: str) -> str:
        return await self._weather.deliver(super().create(key, body, content_type=content_type))

    async def replace(self, key: str, body: bytes, *, content_type: str, if_match: str) -> str:
        return await self._weather.deliver(super().replace(key, body, content_type=content_type, if_match=if_match))

    async def delete(self, key: str, *, if_match: str | None = None) -> None:
        await self._weather.deliver(super().delete(key, if_match=if_match))

    async def copy(self, source: str, target: str, *, if_match: str) -> ObjectStat:
        return await self._weather.deliver(super().copy(source, target, if_match=if_match))

    def put(self, key: str, body: bytes, **properties: Any) -> str:
        self._weather.watch.writing(self.bucket, key, body, mine=self._weather.intents)
        return super().put(key, body, **properties)

    def remove(self, key: str) -> None:
        self._weather.watch.deleting(self.bucket, key)
        super().remove(key)


class SeenQueue(MemoryQueue):
    """A queue as one replica meets it."""

    def __init__(self, queue: MemoryQueue, weather: Weather) -> None:
        self.__dict__.update(queue.__dict__)
        self._around = weather.around
        self._weather = weather

    async def delete(self, receipts: Sequence[str]) -> tuple[str, ...]:
        return await self._weather.deliver(super().delete(receipts))

    async def send(self, body: str, *, attributes: dict[str, str] | None = None) -> None:
        await self._weather.deliver(super().send(body, attributes=attributes))

    def put(self, body: str, *, attributes: dict[str, str] | None = None) -> str:
        self._weather.watch.sending(self.name, body, attributes or {})
        return super().put(body, attributes=attributes)

    def drop(self, message_id: str) -> None:
        message = self._messages.get(message_id)
        if message is not None and clock() < message.sent_at + self._retention:
            self._weather.watch.acknowledging(self.name, message)
        super().drop(message_id)


class SeenTasks(MemoryTasks):
    """A cluster as one replica meets it: listings lag, launches fail and may start a task all the same."""

    def __init__(self, tasks: MemoryTasks, weather: Weather) -> None:
        self.__dict__.update(tasks.__dict__)
        self._around = weather.around
        self._weather = weather

    async def run(self, spec: TaskSpec, *, token: str, started_by: str) -> Launch:
        return await self._weather.deliver(self._run(spec, token, started_by))

    async def _run(self, spec: TaskSpec, token: str, started_by: str) -> Launch:
        weather = self._weather
        if weather.happens(weather.rates.no_room / 4):
            async with self._around("tasks.run"):
                raise CapacityUnavailable("limit on the number of vCPUs")
        return await super().run(spec, token=token, started_by=started_by)

    async def stop(self, arn: str, *, reason: str) -> None:
        await self._weather.deliver(self._stop(arn, reason))

    async def _stop(self, arn: str, reason: str) -> None:
        await super().stop(arn, reason=reason)
        self._weather.watch.changes += 1

    def _launch(self, spec: TaskSpec, token: str, started_by: str) -> Launch:
        weather = self._weather
        if weather.happens(weather.rates.no_room):
            self.refusals.append(Failures(reasons=("RESOURCE:CPU",), starts=weather.happens(weather.rates.ghost)))
        stuck = weather.happens(weather.rates.never_starts)
        self._timing = Timing(provisioning=timedelta(hours=9)) if stuck else Timing()
        return super()._launch(spec, token, started_by)

    def _started(self, spec: TaskSpec, token: str, started_by: str) -> Life:
        self._weather.watch.starting(token, [launched.token for launched in self.launched])
        return super()._started(spec, token, started_by)
