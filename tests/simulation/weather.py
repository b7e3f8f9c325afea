"""What stands between one replica and the world: every call may be refused, lost, late, or the last one of its process.

A killed process makes no further call, whatever its code still does while it is torn down. One that stands still gets
its answers when it goes on; what its timers try meanwhile comes to nothing, as they would not have run.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from tests.simulation.catalogue import Fault
from tests.simulation.dice import Dice
from tests.simulation.exposure import CHANGES, FAULTS
from tests.simulation.trace import Trace
from tests.world.invariants import Violation, Watch
from tests.world.loop import clock
from vidctl.errors import AccessDenied, Throttled, Unavailable, WorldError

T = TypeVar("T")

DEADLINE = 30.0
"""Seconds after which a call is given up (vidctl.clients, CALL_TIMEOUT)."""
LATEST = 120.0
"""Seconds by which an effect may be late."""
LONGEST_PAUSE = 4000.0
FRESH = timedelta(seconds=30)
"""DESIGN section 5, 11: no change on a reading older than this."""


@dataclass(slots=True)
class Reading:
    """What the pass at work has read, and whether it has begun to act on it."""

    at: datetime
    acted: bool = False


READING: ContextVar[Reading | None] = ContextVar("reading", default=None)


@dataclass(slots=True)
class Services:
    """What of AWS is away: ``queue``, ``tasks``, ``objects``, or a bucket by its name."""

    away: set[str] = field(default_factory=set)
    launches_denied_until: float = 0.0
    """Until when nobody may call RunTask: the replicas have one role."""
    down: bool = False
    """Whether no replica is to run at all."""


class Weather:
    """The faults of one replica, and what it must not do whatever it meets."""

    def __init__(
        self, replica: str, *, dice: Dice, watch: Watch, services: Services, trace: Trace, kill: Callable[[], None]
    ) -> None:
        self.replica = replica
        self.dice = dice
        self.watch = watch
        self.calls: Counter[str] = Counter()
        self.skew = timedelta()
        self._services = services
        self._trace = trace
        self._kill = kill
        self._dead = False
        self._paused_until = 0.0
        self._denied_until = 0.0
        self._made: Counter[str] = Counter()
        self._task_calls: dict[str, deque[float]] = {"tasks.run": deque(), "tasks.read": deque()}
        self._late: set[asyncio.Task[None]] = set()

    # --- the process ----------------------------------------------------------------------------------------------

    def clock(self) -> datetime:
        """Tell the time as the replica's host does."""
        return clock() + self.skew

    def die(self) -> None:
        """Let no call through any more: the process is gone."""
        self._dead = True

    def stand_still(self, seconds: float) -> None:
        """Stop the process for a while."""
        self._paused_until = max(self._paused_until, asyncio.get_running_loop().time() + seconds)

    @property
    def stood_still(self) -> bool:
        """Whether the process stands still, or did a moment ago."""
        return asyncio.get_running_loop().time() < self._paused_until + 2 * DEADLINE

    def calm(self) -> None:
        """End what was to last."""
        self._denied_until = 0.0
        self._paused_until = 0.0
        self.skew = timedelta()

    # --- a call ---------------------------------------------------------------------------------------------------

    async def call(
        self,
        operation: str,
        subject: str,
        effect: Callable[[], Awaitable[T]],
        *,
        bucket: str = "",
        special: Mapping[Fault, Callable[[], Awaitable[T]]] | None = None,
    ) -> T:
        """Make a call, named by operation and subject, that has an ``effect``; ``special`` are the ways of its own."""
        self._must_be_allowed(operation)
        if self.dice.is_calm:
            return await self._calmly(operation, subject, effect)
        await self._stand(operation)
        self._must_be_there(operation, bucket)
        name = self._named(operation, subject)
        fault = self.dice.fate(name, FAULTS[operation])
        self.calls[operation] += 1
        told = "ok"
        try:
            await asyncio.sleep(0.005 + 0.045 * self.dice.share(f"way {name}"))
            if fault is None or special is None or fault not in special:
                answer = await self._meet(fault, name, effect)
            else:
                answer = await special[fault]()
            if self._paused_until or self._dead:
                await self._go_on()
        except WorldError as error:
            told = error.code
            raise
        except asyncio.CancelledError:
            told = ""  # whoever was cancelled has no order among his like: a task group keeps them in a set
            raise
        else:
            return answer
        finally:
            if told:
                self._trace.note(name, "" if fault is None else fault.name, told)

    async def _calmly(self, operation: str, subject: str, effect: Callable[[], Awaitable[T]]) -> T:
        """Make a call that nothing befalls, but for the end of what befell before."""
        await asyncio.sleep(0)
        if self._paused_until or self._dead:
            await self._go_on()
        self.calls[operation] += 1
        try:
            return await effect()
        finally:
            self._trace.note(self.replica, operation, subject)

    async def _meet(self, fault: Fault | None, name: str, effect: Callable[[], Awaitable[T]]) -> T:
        match fault:
            case None:
                return await effect()
            case Fault.SLOW:
                return await self._slowly(name, effect)
            case Fault.PAUSED:
                answer = await effect()
                self.stand_still(LONGEST_PAUSE * self.dice.share(f"pause {name}") ** 2)
                return answer
            case Fault.APPLIED_LATE:
                self._begin_late(name, effect)
                await asyncio.sleep(DEADLINE * self.dice.share(f"patience {name}"))
            case Fault.REPLY_LOST | Fault.SERVER_ERROR | Fault.TIMEOUT_WITH_EFFECT | Fault.KILLED_AFTER_A_CALL:
                await effect()
                self._count_unheard(fault, name)
        raise await self._failure(fault, name)

    async def _failure(self, fault: Fault, name: str) -> WorldError:
        """Return how a call ends that gets no answer."""
        match fault:
            case Fault.KILLED_BEFORE_A_CALL | Fault.KILLED_AFTER_A_CALL:
                self._kill()
                raise asyncio.CancelledError
            case Fault.TIMEOUT_WITHOUT_EFFECT | Fault.TIMEOUT_WITH_EFFECT:
                await asyncio.sleep(DEADLINE)
                return Unavailable(f"{name}: timed out")
            case Fault.THROTTLED | Fault.SLOW_DOWN | Fault.LAUNCH_THROTTLED | Fault.THROTTLE_IN_DISGUISE:
                return Throttled(f"{name}: Rate exceeded")
            case Fault.CREDENTIALS_EXPIRED:
                self._denied_until = asyncio.get_running_loop().time() + 60 + 1140 * self.dice.share(f"expired {name}")
                return AccessDenied(f"{name}: ExpiredToken")
            case _:
                return Unavailable(f"{name}: {fault.what}")

    def deny_launches(self, seconds: float) -> None:
        """Deny RunTask to every replica for a while."""
        self._services.launches_denied_until = asyncio.get_running_loop().time() + seconds

    async def _slowly(self, name: str, effect: Callable[[], Awaitable[T]]) -> T:
        share = self.dice.share(f"slow {name}")
        if share < 0.5:
            await asyncio.sleep(share * 2 * (DEADLINE - 1))
            return await effect()
        answer = await effect()
        await asyncio.sleep((share * 2 - 1) * (DEADLINE - 1))
        return answer

    def _begin_late(self, name: str, effect: Callable[[], Awaitable[object]]) -> None:
        async def later() -> None:
            await asyncio.sleep(LATEST * self.dice.share(f"late {name}"))
            try:
                await effect()
            except (WorldError, Violation):
                return  # nobody hears of it; the watch has aborted the run for a violation

        begun = asyncio.get_running_loop().create_task(later())
        self._late.add(begun)
        begun.add_done_callback(self._late.discard)

    def _count_unheard(self, fault: Fault, name: str) -> None:
        _, operation, subject, *_ = name.split()
        if operation == "queue.receive" and fault is Fault.KILLED_AFTER_A_CALL:
            self.dice.reach(Fault.KILLED_IN_A_POLL)
        elif operation == "objects.create":
            self.dice.reach(Fault.CREATED_UNHEARD)
        elif operation == "objects.delete" and subject.endswith(".mp4"):
            self.dice.reach(Fault.DELETED_UNHEARD)

    # --- what it runs into ----------------------------------------------------------------------------------------

    def _named(self, operation: str, subject: str) -> str:
        about = f"{self.replica} {operation} {subject or '-'}"
        self._made[about] += 1
        return f"{about} {self._made[about]}"

    async def _stand(self, operation: str) -> None:
        if self._dead:
            raise asyncio.CancelledError
        if self._paused_until > asyncio.get_running_loop().time():
            await self._go_on()
            raise Unavailable(f"{operation}: the process stood still")

    async def _go_on(self) -> None:
        # Step by step, since it may be healed meanwhile.
        while (left := self._paused_until - asyncio.get_running_loop().time()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(min(left, 60.0))
        if self._dead:
            raise asyncio.CancelledError

    def _must_be_there(self, operation: str, bucket: str) -> None:
        away = self._services.away
        if away and not away.isdisjoint((operation.partition(".")[0], bucket)):
            raise Unavailable(f"{operation}: the service is away")
        now = asyncio.get_running_loop().time()
        denied = self._services.launches_denied_until if operation == "tasks.run" else 0.0
        if now < max(denied, self._denied_until):
            raise AccessDenied(f"{operation}: not authorized")

    # --- what it must not do --------------------------------------------------------------------------------------

    def _must_be_allowed(self, operation: str) -> None:
        reading = READING.get()
        if operation in CHANGES and reading is not None and not reading.acted:
            reading.acted = True
            age = self.clock() - reading.at
            self.watch.must(age <= FRESH, f"{operation} on a reading that is {age} old")
        if operation.startswith("tasks.") and operation != "tasks.stop":
            self._must_keep_the_rate("tasks.run" if operation == "tasks.run" else "tasks.read")

    def _must_keep_the_rate(self, kind: str) -> None:
        """No more calls in any ten seconds than the bucket holds and gains (DESIGN section 5, 9)."""
        made, now = self._task_calls[kind], asyncio.get_running_loop().time()
        made.append(now)
        while made[0] < now - 10:
            made.popleft()
        self.watch.must(len(made) <= 10 + 10 * 5 + 1, f"{len(made)} calls of {kind} in ten seconds")
