"""The replicas of ``vidctl serve`` during a trial: one in each place, killed, restarted and replaced."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

from tests.chaos.trial import BrokenShutdown, Deployment, Kill
from tests.e2e.machine import free_port
from vidctl.groups import TaskGroup
from vidctl.local.service import Service, Services

STOP_TIMEOUT = timedelta(seconds=30)
"""Time from SIGTERM to SIGKILL (AWS: a task's stopTimeout, unless set). ``vidctl serve`` takes at most 25 s."""

TERMINATED = 128 + 15
"""Status of a program that SIGTERM met before it listened to it."""


class Fleet:
    """``size`` places with a replica each.

    ``counts`` is what was done to them, ``struck`` when one was killed (the event loop's time), ``faults`` what they
    did wrong.
    """

    def __init__(self, services: Services, *, size: int, group: TaskGroup, say: Callable[[str], None]) -> None:
        self.counts: Counter[str] = Counter()
        self.struck: list[float] = []
        self.faults: list[str] = []
        self._services = services
        self._group = group
        self._say = say
        self._current: list[Service | None] = [None] * size
        self._locks = [asyncio.Lock() for _ in range(size)]
        self._condemned: set[Service] = set()

    @property
    def urls(self) -> list[str]:
        """Where replicas may be reached: those that start, end or died a moment ago are among them."""
        return [service.url for service in self._current if service is not None]

    async def ready(self) -> None:
        """Start what does not run, and wait until every place has a replica that takes requests."""
        for place, lock in enumerate(self._locks):
            async with lock:
                service = self._current[place]
                if service is None or not service.program.running:
                    await self._start(place)
        await asyncio.gather(*(service.ready() for service in self._current if service is not None))

    async def kill(self, blow: Kill) -> None:
        async with self._locks[blow.place]:
            await self._kill(self._current[blow.place])
            self._say(f"{'kill -9':<12} replica {blow.place}, for {blow.down.total_seconds():.1f} s")
            await self._restart(blow.place, after=blow.down)

    async def break_shutdown(self, blow: BrokenShutdown) -> None:
        async with self._locks[blow.place]:
            mercy = f"{blow.mercy.total_seconds():.1f} s"
            self._say(f"{'shutdown':<12} replica {blow.place}, kill -9 after {mercy}")
            await self._shut_down(self._current[blow.place], mercy=blow.mercy)
            await self._restart(blow.place, after=blow.down)

    async def deploy(self, blow: Deployment) -> None:
        async with self._locks[blow.place]:
            old, new = self._current[blow.place], await self._start(blow.place)
            self._say(f"{'deployment':<12} replica {blow.place}")
            self.counts["deployments"] += 1
            await new.ready()
        await self._shut_down(old, mercy=blow.mercy)

    async def end(self) -> None:
        """Let every replica end as in a deployment."""
        await asyncio.gather(*(self._shut_down(service, mercy=None) for service in self._current))

    async def _start(self, place: int) -> Service:
        self.counts["starts"] += 1
        log = f"serve-{place}-{self.counts['starts']}.log"
        service = await self._services.start(port=free_port(), log=log)
        self._group.create_task(self._watch(service))
        self._current[place] = service
        return service

    async def _restart(self, place: int, *, after: timedelta) -> None:
        await asyncio.sleep(after.total_seconds())
        await self._start(place)

    async def _kill(self, service: Service | None) -> None:
        if service is None or not service.program.running:
            return
        self._condemned.add(service)
        self.counts["kills"] += 1
        self.struck.append(asyncio.get_running_loop().time())
        await service.program.end()

    async def _shut_down(self, service: Service | None, *, mercy: timedelta | None) -> None:
        if service is None:
            return
        self._condemned.add(service)
        service.program.terminate()
        try:
            async with asyncio.timeout((STOP_TIMEOUT if mercy is None else mercy).total_seconds()):
                code = await service.program.wait()
        except TimeoutError:
            self.counts["killed in shutdown"] += 1
            await self._kill(service)
            if mercy is None:
                self.faults.append(f"a replica did not end within {STOP_TIMEOUT.seconds} s: {service.program.log.name}")
        else:
            self.counts["ended in peace"] += 1
            if code not in (0, TERMINATED):
                self.faults.append(f"a replica that was told to end did so with {code}: {service.program.log.name}")

    async def _watch(self, service: Service) -> None:
        """Report an end that nobody asked for."""
        code = await service.program.wait()
        if service not in self._condemned:
            self.faults.append(f"a replica ended by itself with {code}: {service.program.log.name}")
