"""The whole reconciler under swarms of seeded faults: nothing unsafe ever happens, and all is settled when they end."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from tests.builders import POLICY
from tests.world.faults import OUTAGE, Rates, Weather, draw
from tests.world.invariants import Watch
from tests.world.loop import clock, simulate
from tests.world.world import Simulation, refuse, report, transcode, write_output
from vidctl import events, layout
from vidctl.model import FailureClass, JobSpec, TaskSpec, Upload, VideoKey
from vidctl.reconciler.controller import Controller, Limits
from vidctl.records import Cancel, DeadLetterSent, Intent, Kept, Outcome, Result

LIMITS = Limits(slots=4, waiting_room=12, passes=4, receivers=1, receive_wait=timedelta(seconds=20))
BOUND = timedelta(hours=8)
"""Time in which everything is settled once the faults end: three deadlines of 30 min, an attempt lost for 55 min."""
SEEDS = range(10)
"""A sample that takes half a minute; ``run`` takes any other seed."""
SERVICES = ("objects", "queue", "tasks")


@dataclass
class Replica:
    """One process of the fleet."""

    controller: Controller
    running: asyncio.Task[None]
    weather: Weather


class Swarm(Simulation):
    """A world that befalls its videos, users and replicas what the seed says."""

    def prepare(self, seed: int, *, infrastructure_only: bool) -> None:
        """Draw the faults."""
        self.chance = random.Random(seed)
        self.rates = draw(self.chance, infrastructure_only=infrastructure_only)
        self.watch = Watch(self, slots=self.limits.slots, infrastructure_only=infrastructure_only)
        self.outages: set[str] = set()
        self.fleet: list[Replica] = []
        self.keys: list[VideoKey] = []
        self.bodies: dict[VideoKey, list[bytes]] = {}
        self.failure: BaseException | None = None

    def happens(self, rate: float) -> bool:
        return self.chance.random() < rate

    # --- replicas -------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start one more replica."""
        randomness = random.Random(self.chance.random())
        weather = Weather(self.rates, chance=randomness, watch=self.watch, outages=self.outages)
        controller = self.controller(weather.through)
        running = asyncio.get_running_loop().create_task(controller.run())
        self.fleet.append(Replica(controller, running, weather))

    async def kill(self) -> None:
        """End a replica as SIGKILL does, or as SIGTERM does."""
        replica = self.fleet.pop(self.chance.randrange(len(self.fleet)))
        self.sound(replica)
        if self.happens(0.3):
            replica.controller.stop()
            await asyncio.wait([replica.running], timeout=600)
            self.watch.must(replica.running.done(), "a shutdown does not end")
        else:
            replica.controller.holds.release = _nothing  # type: ignore[method-assign]
            replica.running.cancel()
            await asyncio.wait([replica.running])

    def sound(self, replica: Replica) -> None:
        """No replica ended by itself, nor met a defect."""
        if replica.running.done():
            self.watch.must(False, f"a replica ended: {replica.running.exception()!r}")
        panics = replica.controller._metrics.registry.get_sample_value("vidctl_reconcile_panics_total")
        self.watch.must(panics == 0, "a pass broke")

    # --- what befalls ---------------------------------------------------------------------------------------------

    def _notify(self, created: Any) -> None:
        if not self.happens(self.rates.upload_event_lost):
            super()._notify(created)
            if self.happens(self.rates.upload_event_doubled):
                super()._notify(created)

    def _task_changed(self, detail: dict[str, Any]) -> None:
        if not self.happens(self.rates.task_event_lost):
            super()._task_changed(detail)

    async def _work(self, _spec: TaskSpec, job: JobSpec) -> int:
        rates = self.rates
        await asyncio.sleep(self.chance.choice((0, 5, 60, 600)) * self.chance.random())
        if self.happens(rates.crash):
            return self.chance.choice((1, 137, 139))
        if self.happens(rates.hang):
            await asyncio.sleep(10**6)
        if self.happens(rates.lie):
            return await lie(self, job)
        if self.happens(rates.refuse):
            return await refuse(self, job)
        if self.happens(rates.spot / 2):
            return await report(self, job, FailureClass.INFRASTRUCTURE, "interrupted", 75)
        return await transcode(self, job)

    async def trouble(self) -> None:
        """One minute of what users, Spot, SQS and the process supervisor do."""
        await self.use()
        self.befall()
        if self.fleet and self.happens(self.rates.replica_killed / 3):
            await self.kill()
        if len(self.fleet) < 3 and self.happens(0.3):
            self.start()

    async def use(self) -> None:
        """Let users upload, upload again, and cancel."""
        rates = self.rates
        if len(self.keys) < 12 and self.happens(0.3):
            self.arrive()
        if self.keys and self.happens(rates.upload_again / 5):
            self.arrive(self.chance.choice(self.keys))
        if self.keys and self.happens(rates.cancel / 20):
            key = self.chance.choice(self.keys)
            if not self.watch.of(key, Cancel):
                await self.journal.write(Cancel(key=key, at=clock()))
                # A Cancel is found by the passes of a video that is under way; a settled one must be pointed at.
                upload = Upload(bucket=self.raw.bucket, key=key, etag="cancelled", size_bytes=1)
                self.raw_queue.put(events.write_upload(upload, layout.raw_key(key)))
                self.watch.log.append(f"{clock():%d %H:%M:%S} CANCEL {key}")

    def befall(self) -> None:
        """Let Spot take tasks back, SQS deliver again, and listings lag."""
        rates = self.rates
        for task in self.tasks.live:
            if self.happens(rates.spot / 10):
                self.tasks.kill(task.arn, exit_code=None, stop_code="SpotInterruption", reason="Spot")
        for message in self.raw_queue.messages:
            if self.happens(rates.delivered_again / 10):
                self.raw_queue.release(message.message_id)
        for replica in self.fleet:
            tasks: Any = replica.controller._world.tasks
            if self.happens(0.2):
                tasks.lag = timedelta(seconds=self.chance.choice((0, 5, 60, 240))) * self.happens(rates.lag)

    def arrive(self, key: VideoKey | None = None) -> None:
        """A user uploads a video, or another file (sometimes the same) under the same key."""
        if key is None:
            key = self.upload(body := f"first {len(self.keys)}".encode())
            self.keys.append(key)
            self.bodies[key] = [body]
            self.watch.log.append(f"{clock():%d %H:%M:%S} UPLOAD {key}")
            return
        if self.happens(0.3):
            body = self.chance.choice(self.bodies[key])
        else:
            self.bodies[key].append(body := f"again {len(self.bodies[key])} {key}".encode())
        self.watch.log.append(f"{clock():%d %H:%M:%S} UPLOAD AGAIN {key} {body!r}")
        etag = self.raw.put(layout.raw_key(key), body)
        self.watch.log.append(f"   job {layout.job_id('raw', layout.raw_key(key), etag)}")

    async def away(self) -> None:
        """Let one service be away for an hour."""
        if self.happens(self.rates.outage):
            await asyncio.sleep(self.chance.uniform(0, 7200))
            service = self.chance.choice(SERVICES)
            self.outages.add(service)
            await asyncio.sleep(OUTAGE.total_seconds())
            self.outages.discard(service)

    def calm(self) -> None:
        """End all faults."""
        self.rates = Rates()
        self.outages.clear()
        for replica in self.fleet:
            replica.weather.calm()
            seen: Any = replica.controller._world.tasks
            seen.lag = timedelta()
        if not self.fleet:
            self.start()

    # --- what came of it ------------------------------------------------------------------------------------------

    def unsettled(self) -> list[str]:
        """Say what is not settled."""
        left = [f"message {m.message_id} {m.body}" for m in self.raw_queue.messages]
        left += [f"task {t.arn[-4:]} {t.status} {t.spec}" for t in self.tasks.live]
        left += [f"{key}: {why}" for key in self.keys if (why := self._unsettled(key))]
        return left

    def _unsettled(self, key: VideoKey) -> str | None:
        stat = self.raw.stat(layout.raw_key(key))
        manifest = self.watch.manifest(key)
        if self.watch.of(key, Cancel):
            return f"cancelled, but {stat} {manifest}" if stat or manifest else None
        if manifest is not None:
            for output in manifest.outputs:
                found = self.final.stat(output.key)
                if found is None or (found.size_bytes, found.sha256) != (output.size_bytes, output.sha256):
                    return f"published, but {output.key} is {found}"
        if stat is None:
            dead = any(self.raw.stat(kept.source.key) for kept in self.watch.of(key, Kept))
            return None if manifest is not None or dead else "lost"
        job = layout.job_id(self.raw.bucket, layout.raw_key(key), stat.etag)
        told = {sent.job for sent in self.watch.of(key, DeadLetterSent)}
        return None if job in told else f"neither published nor dead: {stat}"

    def open_intents(self) -> set[str]:
        ended = {(o.job, o.number) for o in self.watch.all(Outcome)}
        return {f"{i.key} {i.job} {i.number}" for i in self.watch.all(Intent) if (i.job, i.number) not in ended}


async def lie(world: Simulation, job: JobSpec) -> int:
    """Report a size that the output does not have."""
    wrong = replace(write_output(world, job, "video.mp4"), size_bytes=10**6)
    await world.journal.write(
        Result(key=job.key, job=job.job, number=job.number, at=clock(), failure=None, code="ok", outputs=(wrong,))
    )
    return 0


async def _nothing() -> None:
    """Stand in for what a killed process does not do."""


@asynccontextmanager
async def swarm(seed: int, *, infrastructure_only: bool) -> AsyncIterator[Swarm]:
    # Some workers hang: the run must see them stopped, again and again, within its bound.
    impatient = replace(POLICY, run_deadline=timedelta(minutes=30))
    async with Swarm(limits=LIMITS, policy=impatient, seed=seed) as world:
        world.prepare(seed, infrastructure_only=infrastructure_only)
        try:
            yield world
        finally:
            for replica in world.fleet:
                replica.running.cancel()
            if world.fleet:
                await asyncio.wait([replica.running for replica in world.fleet])


async def live_through(world: Swarm, hours: float, *, quiet: timedelta) -> None:
    """Hours of faults, then none: all is settled within the bound, and nothing is changed any more."""
    world.start()
    away = asyncio.get_running_loop().create_task(world.away())
    for _ in range(int(hours * 60)):
        await asyncio.sleep(60 * world.chance.uniform(0.5, 1.5))
        await world.trouble()
    await away
    world.calm()
    world.watch.log.append(f"{clock():%d %H:%M:%S} CALM")
    deadline = clock() + BOUND
    while left := world.unsettled():
        world.watch.must(clock() < deadline, f"not settled within {BOUND}: {left}")
        await asyncio.sleep(60)
    for replica in world.fleet:
        world.sound(replica)
    if quiet:
        await asyncio.sleep(timedelta(hours=60).total_seconds())  # the daily sweeps have done their work
        world.watch.must(not world.open_intents(), f"open: {world.open_intents()}")
        changes = world.watch.changes
        await asyncio.sleep(quiet.total_seconds())
        world.watch.must(world.watch.changes == changes, f"changed later: {world.watch.log[-5:]}")
        world.watch.must(not world.unsettled(), f"unsettled later: {world.unsettled()}")


async def run(seed: int, *, quiet: timedelta = timedelta()) -> Swarm:
    """Run one seed to its end, or to the first violation, which is then its ``failure``."""
    async with swarm(seed, infrastructure_only=seed % 2 == 0) as world:
        hours = world.chance.uniform(1, 3)
        living = asyncio.get_running_loop().create_task(live_through(world, hours, quiet=quiet))
        await asyncio.wait([living, world.watch.violated], return_when=asyncio.FIRST_COMPLETED)
        if world.watch.violated.done():
            living.cancel()
            await asyncio.wait([living])
            world.failure = world.watch.violated.exception()
        else:
            await living
        return world


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_unsafe_happens_and_all_is_settled_when_the_faults_end(seed: int) -> None:
    world = simulate(lambda: run(seed))
    if world.failure is not None:
        raise world.failure
