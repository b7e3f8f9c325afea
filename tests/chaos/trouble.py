"""Makes the trouble: every blow of a trial at its time, whatever the one before is still at."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import assert_never

from tests.backstage import Backstage
from tests.chaos.fleet import Fleet
from tests.chaos.trial import Blow, BrokenShutdown, Deployment, Kill, KillWorker
from vidctl.groups import TaskGroup
from vidctl.model import AttemptNumber


class Trouble:
    """``killed`` has the attempts whose worker was hit, by video."""

    def __init__(self, backstage: Backstage, *, fleet: Fleet, say: Callable[[str], None]) -> None:
        self.killed: defaultdict[str, set[AttemptNumber]] = defaultdict(set)
        self._backstage = backstage
        self._fleet = fleet
        self._say = say

    async def make(self, blows: Iterable[tuple[timedelta, Blow]], *, until: timedelta) -> None:
        """Strike, and return when the time is over and every replica that was struck has its successor."""
        began = asyncio.get_running_loop().time()
        async with TaskGroup() as group:
            for at, blow in blows:
                await _sleep_until(began + at.total_seconds())
                group.create_task(self._strike(blow))
            await _sleep_until(began + until.total_seconds())

    async def _strike(self, blow: Blow) -> None:
        match blow:
            case Kill():
                await self._fleet.kill(blow)
            case BrokenShutdown():
                await self._fleet.break_shutdown(blow)
            case Deployment():
                await self._fleet.deploy(blow)
            case KillWorker(share=share):
                self._kill_worker(share)
            case _:
                assert_never(blow)

    def _kill_worker(self, share: float) -> None:
        running = [(t.program, job) for t, job in self._backstage.every_task() if t.program and t.program.running]
        if running:
            program, job = running[int(share * len(running))]
            program.kill()
            self.killed[job.key.video_id].add(job.number)
            self._fleet.counts["worker kills"] += 1
            self._say(f"{'kill -9':<12} worker of {job.key.video_id} {job.number}")


async def _sleep_until(at: float) -> None:
    await asyncio.sleep(max(0.0, at - asyncio.get_running_loop().time()))
