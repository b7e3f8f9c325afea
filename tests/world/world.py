"""A whole deployment in memory, on virtual time: buckets, queues, cluster, and any number of reconciler replicas."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Self
from uuid import UUID

from prometheus_client import CollectorRegistry

from tests.builders import FINAL, POLICY, RAW
from tests.files import mp4
from tests.world.invariants import Watch
from tests.world.life import Timing
from tests.world.loop import clock
from tests.world.notifications import notification, task_event
from tests.world.objects import Created, MemoryObjects
from tests.world.queue import MemoryQueue
from tests.world.receivers import MemoryReceiver
from tests.world.seam import Role, acting
from tests.world.tasks import MOST_TASKS, MemoryTasks
from tests.world.workers import Behaviour, transcode
from vidctl import layout
from vidctl.journal import Journal
from vidctl.metrics import Metrics
from vidctl.model import JobSpec, TaskSpec, VideoKey
from vidctl.ports import World
from vidctl.reconciler.controller import Controller
from vidctl.reconciler.limits import Limits
from vidctl.reconciler.policy import Policy
from vidctl.records import Dead, Manifest, Outcome, VideoRecords


@dataclass
class Simulation:
    """The world, its clients and its replicas. ``behaviours`` are used up by a video's attempts, then ``transcode``."""

    limits: Limits = field(default_factory=Limits)
    policy: Policy = POLICY
    transcode_seconds: float = 60.0
    timing: Timing = field(default_factory=Timing)
    behaviours: dict[VideoKey, deque[Behaviour]] = field(default_factory=dict)
    seed: int = 0
    events_lost: bool = False
    room: int = MOST_TASKS
    """How many tasks the cluster has room for."""

    def __post_init__(self) -> None:
        self.watch = watch = Watch(self)
        self.dead_letters = MemoryQueue("dead", clock=clock, retention=timedelta(days=14), witness=watch)
        self.raw_queue = MemoryQueue(
            "raw", clock=clock, retention=timedelta(days=7), dead_letters=self.dead_letters, witness=watch
        )
        self.task_queue = MemoryQueue("task", clock=clock, witness=watch)
        self.raw = MemoryObjects(RAW, clock=clock, versioned=True, on_created=self._notify, witness=watch)
        self.final = MemoryObjects(FINAL, clock=clock, witness=watch)
        self.journal = Journal(self.final)
        self.tasks = MemoryTasks(
            clock=clock,
            worker=self._work,
            timing=self.timing_of,
            on_change=self._task_changed,
            room=lambda: self.room,
            witness=watch,
        )
        self.receivers = {name: MemoryReceiver(name, witness=watch) for name in self.policy.telling.receivers}
        self._uploads = 0

    async def __aenter__(self) -> Self:
        await self.tasks.__aenter__()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.tasks.__aexit__(*exc_info)  # type: ignore[arg-type]
        self.watch.check()

    # --- clients --------------------------------------------------------------------------------------------------

    def upload(self, content: bytes = b"a video", *, index: bytes = b"", user: str = "user") -> VideoKey:
        """Put a new video with this content into the raw bucket."""
        return self.upload_file(mp4(content, index=index), user=user)

    def upload_file(self, body: bytes, *, user: str = "user") -> VideoKey:
        """Put a new file into the raw bucket, whatever it is."""
        self._uploads += 1
        key = VideoKey(user_id=user, video_id=str(UUID(int=self._uploads)))
        self.raw.put(layout.raw_key(key), body)
        return key

    def will(self, key: VideoKey, *behaviours: Behaviour) -> None:
        """Say what the next attempts of a video do."""
        self.behaviours.setdefault(key, deque()).extend(behaviours)

    # --- replicas -------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def replica(self) -> AsyncIterator[Controller]:
        """Run a replica; leaving shuts it down in order."""
        controller = self.controller()
        running = self.running(controller)
        try:
            yield controller
        finally:
            controller.stop()
            await running

    @asynccontextmanager
    async def killed_replica(self) -> AsyncIterator[Controller]:
        """Run a replica; leaving ends it as SIGKILL does: no shutdown, nothing handed back."""
        controller = self.controller()
        controller.holds.release = _nothing  # type: ignore[method-assign]
        running = self.running(controller)
        try:
            yield controller
        finally:
            running.cancel()
            await asyncio.wait([running])

    def running(self, controller: Controller) -> asyncio.Task[None]:
        """Let a replica run, as itself."""
        with acting(Role.REPLICA, f"replica {self.seed}"):
            return asyncio.get_running_loop().create_task(controller.run())

    def controller(self, through: Callable[[World], World] = lambda world: world) -> Controller:
        """Build a replica as the command line does, over the ports of this world as it sees them ``through`` faults."""
        world = World(
            raw=self.raw,
            final=self.final,
            raw_queue=self.raw_queue,
            dead_letter_queue=self.dead_letters,
            task_queue=self.task_queue,
            tasks=self.tasks,
            clock=clock,
        )
        self.metrics = Metrics(CollectorRegistry())
        self.seed += 1
        return Controller(
            through(world),
            policy=self.policy,
            limits=self.limits,
            metrics=self.metrics,
            randomness=random.Random(self.seed),
            receivers=self.receivers,
        )

    # --- what came of it ------------------------------------------------------------------------------------------

    async def manifest(self, key: VideoKey) -> Manifest | None:
        """Return the publication of a video."""
        published = await self.journal.manifest(key)
        return None if published is None else published.manifest

    async def records(self, key: VideoKey) -> VideoRecords:
        """Return the control records of a video."""
        return await self.journal.records(key)

    async def until(self, condition: Callable[[], bool | Awaitable[bool]], *, within: timedelta) -> None:
        """Let the time pass until ``condition`` holds; fail when it does not ``within`` that time."""
        deadline = clock() + within
        while True:
            self.watch.check()
            held = condition()
            if held if isinstance(held, bool) else await held:
                return
            assert clock() < deadline, f"not within {within}"
            await asyncio.sleep(1)

    def metric(self, name: str, **labels: str) -> float:
        """Return a metric of the replica that was built last."""
        value = self.metrics.registry.get_sample_value(name, labels)
        assert value is not None, f"no metric {name} {labels}"
        return value

    # --- what a swarm knows better --------------------------------------------------------------------------------

    def timing_of(self, _token: str) -> Timing:
        """Return how long the steps of a task's life take."""
        return self.timing

    def at_fault(self, _outcome: Outcome) -> bool:
        """Whether the input or the worker is to blame for how an attempt ended."""
        return True

    def doomed(self, _dead: Dead) -> bool:
        """Whether a video could not but be given up."""
        return True

    def hopeless(self, _dead: Dead) -> bool:
        """Whether a video could be given up without an attempt."""
        return True

    def settled(self) -> bool:
        """Whether no message, raw object or task is left."""
        return not (self.raw_queue.messages or self.raw.keys("videos/") or self.tasks.live)

    # --------------------------------------------------------------------------------------------------------------

    def _notify(self, created: Created) -> None:
        if not self.events_lost:
            notification(self.raw_queue)(created)

    def _task_changed(self, detail: dict[str, Any]) -> None:
        if not self.events_lost:
            self.task_queue.put(task_event(detail, clock()))

    async def _work(self, _spec: TaskSpec, job: JobSpec) -> int:
        mine = self.behaviours.get(job.key)
        return await (mine.popleft() if mine else transcode)(self, job)


async def _nothing() -> None:
    """Stand in for what a killed process does not do."""
