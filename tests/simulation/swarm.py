"""One run: users, replicas and workers live through hours of faults; then the world heals, and all must be well.

Safety is checked at every change. When the faults end, everything must be settled within a stated time, a new upload
go through, nothing be left, and then for a day nothing change any more.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.builders import POLICY
from tests.simulation.befall import Befall
from tests.simulation.catalogue import Fault
from tests.simulation.dice import Dice
from tests.simulation.fleet import Fleet, Replica, remembered
from tests.simulation.operator import Operator
from tests.simulation.reckoning import unsettled
from tests.simulation.story import Cancelled, Nature, Put, Scene, Story, content, nature_of, video
from tests.simulation.trace import Trace
from tests.simulation.weather import Services
from tests.simulation.workload import Workload
from tests.world.life import Timing
from tests.world.lifecycle import expire
from tests.world.loop import clock
from tests.world.objects import Created
from tests.world.seam import Role, acting
from tests.world.tasks import MOST_TASKS
from tests.world.world import Simulation
from vidctl import events, layout
from vidctl.model import FailureClass, JobSpec, TaskSpec, Upload, VideoKey
from vidctl.reconciler.limits import Limits
from vidctl.reconciler.policy import Telling
from vidctl.records import Cancel, Dead, Outcome

BOUND = timedelta(hours=8)
"""Time in which everything is settled once the faults end: three deadlines of 30 min, an attempt lost for 55 min, and
as many again for what a last fault set back."""
BOUNDS = {Scene.LONG_JOBS: timedelta(hours=72)}
CANARY = timedelta(hours=1)
"""Time in which an upload goes through when nothing is wrong any more, whatever a breaker remembers."""
TIDYING = timedelta(hours=5)
"""Time in which the cleaning has come round twice."""
FORGETTING = timedelta(minutes=15)
"""Time in which a replica forgets what is settled: a task that ECS no longer describes counts five minutes more, and a
reading may decide to wait for as long again."""
QUIET = timedelta(hours=24)

IMPATIENT = replace(POLICY, run_deadline=timedelta(minutes=30))
POLICIES = {Scene.LONG_JOBS: replace(POLICY, run_deadline=timedelta(hours=20))}
LIMITS = Limits(
    waiting_room=12,
    passes=4,
    receivers=1,
    receive_wait=timedelta(seconds=20),
    depth=timedelta(minutes=5),
    outbox_sweep=timedelta(minutes=5),
    clean=timedelta(hours=2),
    clean_after=timedelta(hours=1),
)


class Swarm(Simulation):
    """A world that befalls its videos, users and replicas what the dice say."""

    def __init__(self, story: Story, dice: Dice, *, trace: Trace | None = None) -> None:
        self.story = story
        self.dice = dice
        self.trace = trace or Trace()
        self.services = Services()
        self.calls: Counter[str] = Counter()
        self.rules: Counter[str] = Counter()
        self.bodies: dict[VideoKey, list[bytes]] = {}
        self.latest: dict[VideoKey, str] = {}
        """The job of each video's last upload."""
        self.removed: set[VideoKey] = set()
        """Videos whose raw object somebody removed by hand: what becomes of them is nobody's fault."""
        policy = POLICIES.get(story.scene, IMPATIENT)
        if story.told:
            policy = replace(policy, telling=Telling(receivers=("hook", "bus"), patience=timedelta(days=9)))
        super().__init__(limits=replace(LIMITS, slots=story.slots), policy=policy)
        self.raw.page_size = self.final.page_size = int(dice.among("page", 2, 20, 250))
        self.raw_queue._most_in_flight = int(dice.among("in flight", 8, 120_000, 120_000))
        if dice.happens(Fault.CLUSTER_FULL, "run"):
            self.room = 3
        self.workload = Workload(self)
        self.befall = Befall(self)
        self.operator = Operator(self)
        self.fleet = Fleet(self)

    # --- the world's own hands ------------------------------------------------------------------------------------

    def _notify(self, created: Created) -> None:
        self.befall.event(created)

    def _task_changed(self, detail: dict[str, Any]) -> None:
        self.befall.task_event(detail)

    async def _work(self, _spec: TaskSpec, job: JobSpec) -> int:
        return await self.workload.work(job)

    def timing_of(self, token: str) -> Timing:
        return self.workload.timing(token)

    def at_fault(self, outcome: Outcome) -> bool:
        return self.workload.at_fault(outcome)

    def doomed(self, dead: Dead) -> bool:
        if dead.failure is FailureClass.INFRASTRUCTURE:
            return True
        return self.workload.nature(dead.job) not in (Nature.GOOD, Nature.HUNGRY)

    def hopeless(self, dead: Dead) -> bool:
        return self.workload.nature(dead.job) is Nature.HOPELESS

    def account(self, replica: Replica) -> None:
        """Take the figures of a replica that ends."""
        self.calls.update(replica.weather.calls)
        for metric in replica.metrics.plans.collect():
            for sample in metric.samples:
                if sample.name.endswith("_total") and sample.value:
                    self.rules[sample.labels["rule"]] += int(sample.value)

    # --- users ----------------------------------------------------------------------------------------------------

    async def use(self) -> None:
        """Let the users do what the story says."""
        loop = asyncio.get_running_loop()
        for act in self.story.acts:
            await asyncio.sleep(max(0.0, act.at - loop.time()))
            match act:
                case Put():
                    self.put(video(act.video), act.body, multipart=act.multipart)
                case Cancelled():
                    await self.cancel(video(act.video))

    def put(self, key: VideoKey, body: bytes, *, multipart: bool = False) -> None:
        """Upload a file, perhaps over another one."""
        self._note_what_it_meets(key, body)
        self.bodies.setdefault(key, []).append(body)
        self.trace.note("user", "put", str(key), repr(body))
        name = layout.raw_key(key)
        if multipart:
            self.dice.reach(Fault.MULTIPART)
            event, etag = "ObjectCreated:CompleteMultipartUpload", f"{self.raw.etag_of(body)}-2"
            self.raw.put(name, body, event=event, etag=etag)
        else:
            etag = self.raw.put(name, body)
        self.latest[key] = layout.job_id(self.raw.bucket, name, etag)
        self.workload.know(self.latest[key], body)

    async def cancel(self, key: VideoKey) -> None:
        """Write the wish as the HTTP side does, and point the reconciler at it."""
        self.trace.note("user", "cancel", str(key))
        await self.journal.write(Cancel(key=key, at=clock()))
        upload = Upload(bucket=self.raw.bucket, key=key, etag="cancelled", size_bytes=1)
        self.raw_queue.put(events.write_upload(upload, layout.raw_key(key)))

    def _note_what_it_meets(self, key: VideoKey, body: bytes) -> None:
        ledger = self.watch.ledger
        if not body:
            self.dice.reach(Fault.EMPTY_FILE)
        elif nature_of(body) is Nature.HOPELESS:
            self.dice.reach(Fault.HOPELESS_FILE)
        if key in ledger.cancelled:
            self.dice.reach(Fault.URL_USED_LATE)
        if key in self.bodies:
            standing = self.raw.stat(layout.raw_key(key)) is not None
            self.dice.reach(Fault.OVERWRITTEN if standing else Fault.WRITTEN_OVER_A_MARKER)
            if key in ledger.manifests:
                self.dice.reach(Fault.UPLOADED_AGAIN)

    # --- the run --------------------------------------------------------------------------------------------------

    async def live(self, *, quiet: timedelta = QUIET) -> None:
        """Live through the faults, then heal, settle, and be quiet."""
        for _ in range(self.fleet.wanted):
            self.fleet.start()
        await self._trouble()
        self._heal()
        bound = BOUNDS.get(self.story.scene, BOUND)
        await self._settle(bound)
        await self._sing(bound)
        self._must_be_whole()
        if quiet:
            for replica in self.fleet.replicas[1:]:
                self.fleet.terminate(replica)
            await asyncio.sleep(TIDYING.total_seconds())
            if self.story.scene is Scene.FORGOTTEN:
                # Raw objects expire meanwhile, and with them goes the reason to leave what failed attempts wrote.
                await asyncio.sleep(14 * quiet.total_seconds())
            changes = self.watch.changes
            await asyncio.sleep(quiet.total_seconds())
            self.watch.must(self.watch.changes == changes, f"{self.watch.changes - changes} changes on a quiet day")
            self._must_be_whole()
        await self._forget()
        if self.dead_letters.messages == () and self.dead_letters.expired:
            self.dice.reach(Fault.DEAD_LETTER_EXPIRED)

    async def _trouble(self) -> None:
        loop = asyncio.get_running_loop()
        using = loop.create_task(self.use())
        self.expiring = loop.create_task(expire(self))
        lasting = [loop.create_task(each) for each in self.befall.long_ones()]
        for minute in range(int(self.story.seconds / 60) + 1):
            await asyncio.sleep(60 * (0.5 + self.dice.share(f"minute {minute}")))
            self.befall.minute(minute)
            self.operator.look()
        await asyncio.wait([using, *lasting])
        for task in (using, *lasting):
            task.result()

    def _heal(self) -> None:
        """End all faults; one version of all replicas is left, and enough of them."""
        self.trace.note("calm")
        self.dice.calm()
        self.services.away.clear()
        self.services.launches_denied_until = 0.0
        self.room = MOST_TASKS
        self.befall.end()
        for replica in tuple(self.fleet.replicas):
            replica.weather.calm()
            replica.tasks.lag = timedelta()
            if replica.newer is not self.fleet.newer:
                self.fleet.terminate(replica)
        self.fleet.look_after()

    async def _settle(self, bound: timedelta) -> None:
        deadline = clock() + bound
        while (left := unsettled(self)) or self.operator.look():
            self.watch.must(clock() < deadline, f"not settled within {bound}: {left}", self._first(left))
            self.fleet.look_after()
            await asyncio.sleep(60)

    async def _sing(self, bound: timedelta) -> None:
        """Show that the service works, as a canary does: a breaker that stays open would stop it."""
        self.put(video(100_000), content(Nature.GOOD, 100_000))
        await self._settle(bound if self.story.scene is Scene.LONG_JOBS else CANARY)

    def _first(self, left: list[str]) -> VideoKey | None:
        return next((key for key in self.bodies for text in left if str(key) in text), None)

    def _must_be_whole(self) -> None:
        """Every published output is there, and nothing was published that nobody uploaded."""
        for key, manifest in self.watch.ledger.manifests.items():
            self.watch.intact(manifest)
            self.watch.must(key in self.bodies, "published what nobody uploaded", key)

    async def _forget(self) -> None:
        """Let every replica come to a moment in which it remembers no video; the sweep keeps looking at dead ones."""
        for replica in self.fleet.replicas:
            end = clock() + FORGETTING
            while (left := remembered(replica.controller)) and clock() < end:  # noqa: ASYNC110 - no event tells
                await asyncio.sleep(1.7)
            self.watch.must(not left, f"{replica.name} still remembers {left}")


@asynccontextmanager
async def swarm(story: Story, dice: Dice, *, trace: Trace | None = None) -> AsyncIterator[Swarm]:
    """Build a world for a story; leaving ends its replicas."""
    with acting(Role.USER, "a user"):
        world = Swarm(story, dice, trace=trace)
    async with world:
        try:
            yield world
        finally:
            world.fleet.close()
            world.expiring.cancel()


async def run(world: Swarm, *, quiet: timedelta = QUIET) -> None:
    """Let a world live; raises the first ``Violation`` at once, whoever would have swallowed it."""
    loop = asyncio.get_running_loop()
    world.watch.violated = violated = loop.create_future()
    living = loop.create_task(world.live(quiet=quiet))
    await asyncio.wait([living, violated], return_when=asyncio.FIRST_COMPLETED)
    if violated.done():
        living.cancel()
        await asyncio.wait([living])
        world.watch.check()
    await living
