"""The controller: every loop of the reconciler, their start, their supervision and their end.

A loop that ends unasked ends the process (the task group cancels the others and the exception goes up): a supervisor
that sees an exit restarts it, while a half-dead process would be seen by nobody.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import timedelta
from typing import Any

from vidctl import logs
from vidctl.errors import VidctlError
from vidctl.groups import TaskGroup
from vidctl.journal import Journal
from vidctl.metrics import Metrics
from vidctl.model import VideoKey
from vidctl.ports import World
from vidctl.receiver import Receiver
from vidctl.reconciler import depths
from vidctl.reconciler.act import Actor
from vidctl.reconciler.cleaning import Cleaning
from vidctl.reconciler.glancing import Glancing
from vidctl.reconciler.holds import Holds
from vidctl.reconciler.launches import Launches
from vidctl.reconciler.launching import Launcher, Stale
from vidctl.reconciler.limits import Limits
from vidctl.reconciler.observe import Observer
from vidctl.reconciler.passes import PassFailed, attempt
from vidctl.reconciler.policy import Policy
from vidctl.reconciler.rate import Rate
from vidctl.reconciler.reconcile import Audit, Reconciler, unaudited
from vidctl.reconciler.room import Room
from vidctl.reconciler.sources import Deliveries, TaskEvents
from vidctl.reconciler.sweep import Sweep
from vidctl.reconciler.tasks import TaskView
from vidctl.reconciler.telling import Telling
from vidctl.reconciler.workqueue import Closed, WorkQueue, watch

log = logs.get(__name__)

SILENCE = timedelta(seconds=120)
"""Time without progress of a loop after which the process is not alive any more."""
LONGEST_PASS = timedelta(minutes=5)
"""No pass takes so long: each of its calls has a deadline."""
CLOSING = timedelta(seconds=12)
"""Part of the shutdown's time that is left for handing messages back and for open requests."""


class Controller:
    """One replica of the reconciler."""

    def __init__(
        self,
        world: World,
        *,
        policy: Policy,
        limits: Limits,
        metrics: Metrics,
        randomness: random.Random,
        receivers: Mapping[str, Receiver] | None = None,
        audit: Audit = unaudited,
    ) -> None:
        self._world = world
        self._policy = policy
        self._limits = limits
        self._metrics = metrics
        self._random = randomness
        self._stopping = asyncio.Event()
        self._ticks: dict[str, float] = {}
        self._loops: list[asyncio.Task[None]] = []
        self.queue: WorkQueue[VideoKey] = WorkQueue(metrics, randomness=randomness)
        clock, add = world.clock, self.queue.add
        journal = Journal(world.final)
        reads = Rate(per_second=limits.describes_per_second, burst=10, clock=clock)
        launch_rate = Rate(per_second=limits.launches_per_second, burst=10, clock=clock)
        self.holds = Holds(world.raw_queue, policy=limits.holds, clock=clock, metrics=metrics, randomness=randomness)
        self.view = TaskView(world.tasks, rate=reads, clock=clock, metrics=metrics, changed=add)
        per_user, told = limits.slots_per_user, receivers or {}
        self.launches = Launches(
            slots=limits.slots, slots_per_user=per_user, rate=launch_rate, clock=clock, metrics=metrics, wake=add
        )
        self.telling = Telling(world, receivers=told, policy=policy.telling, metrics=metrics, randomness=randomness)
        self._reconciler = self._reconciling(journal, audit)
        self._deliveries = Deliveries(
            world,
            bucket=policy.raw_bucket,
            holds=self.holds,
            room=Room(limits, holds=self.holds, launches=self.launches),
            add=add,
            wait=limits.receive_wait,
            metrics=metrics,
            randomness=randomness,
        )
        self._task_events = TaskEvents(world, view=self.view, wait=limits.receive_wait, metrics=metrics)
        self._sweep = self._sweeping()
        self._cleaning = Cleaning(world, journal=journal, add=add, clean_after=limits.clean_after, metrics=metrics)

    def _reconciling(self, journal: Journal, audit: Audit) -> Reconciler:
        world, policy, metrics = self._world, self._policy, self._metrics
        launcher = Launcher(world, view=self.view, launches=self.launches, policy=policy, metrics=metrics)
        observer = Observer(
            world,
            journal=journal,
            tasks=self.view,
            holds=self.holds,
            launches=self.launches,
            glancing=Glancing(world.raw, limits=policy.input_limits, metrics=metrics),
            policy=policy,
        )
        actor = Actor(
            world,
            journal=journal,
            launcher=launcher,
            holds=self.holds,
            launches=self.launches,
            posted=self.telling.add,
            policy=policy,
            metrics=metrics,
        )
        return Reconciler(
            observer=observer,
            actor=actor,
            launches=self.launches,
            tasks=self.view,
            policy=policy,
            metrics=metrics,
            clock=world.clock,
            audit=audit,
        )

    def _sweeping(self) -> Sweep:
        limits = self._limits
        return Sweep(
            self._world,
            view=self.view,
            known=lambda key: key in self.holds or key in self.queue,
            has_room=lambda: len(self.queue) < limits.slots + limits.waiting_room,
            add=self.queue.add,
            grace=limits.sweep_grace,
            metrics=self._metrics,
        )

    # --- from outside ---------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Begin the shutdown; ``run`` returns when it is over."""
        self._stopping.set()

    def look(self, key: VideoKey) -> None:
        """Ask for a pass on a video of which somebody knows that it changed: it does not go by what is remembered."""
        self._reconciler.forget_reading(key)
        self.queue.add(key)

    def unready(self) -> str | None:
        """Say why new work should go elsewhere; None when it should not."""
        return "shutting down" if self._stopping.is_set() else None if self._ticks else "not started"

    def stuck(self) -> str | None:
        """Say which loop makes no progress; None when all do."""
        now = asyncio.get_running_loop().time()
        silent = sorted(name for name, at in self._ticks.items() if now - at > SILENCE.total_seconds())
        if self.queue.longest_running() > LONGEST_PASS.total_seconds():
            silent.append("passes")
        # A task group takes a cancelled task for one that somebody wanted to end: here nobody did.
        silent += [f"{task.get_name()} ended" for task in self._loops if task.done()]
        return f"no progress: {', '.join(silent)}" if silent and not self._stopping.is_set() else None

    async def run(self) -> None:
        """Work until ``stop``, then shut down in order.

        Raises:
            ExceptionGroup: a loop ended that should not have.

        """
        watch(self._metrics, "videos", self.queue)
        async with TaskGroup() as group:
            receivers = [
                group.create_task(self._deliveries.run(self._stopping, self._ticker(f"deliveries-{n}")))
                for n in range(self._limits.receivers)
            ]
            receivers.append(group.create_task(self._task_events.run(self._stopping, self._ticker("task-events"))))
            passes = [group.create_task(self._passes(), name=f"passes-{n}") for n in range(self._limits.passes)]
            passes += [group.create_task(loop, name=f"tellers-{n}") for n, loop in enumerate(self.telling.loops())]
            extending = group.create_task(self._extend(), name="holds")
            others = [group.create_task(loop) for loop in self._others()]
            self._loops = [*receivers, *passes, extending, *others]
            await self._stopping.wait()
            log.info("stopping", held=len(self.holds))
            await self._drain(receivers, passes, others)
            extending.cancel()
        await self.holds.release()
        log.info("stopped")

    # --- the shutdown, in order -----------------------------------------------------------------------------------

    async def _drain(
        self, receivers: list[asyncio.Task[None]], passes: list[asyncio.Task[None]], others: list[asyncio.Task[None]]
    ) -> None:
        """No new passes, sweeps or looks; what is in flight ends, an open poll as well as a call."""
        for task in others:
            task.cancel()
        self.queue.close()
        self.telling.close()
        limit = max(self._limits.shutdown - CLOSING, CLOSING).total_seconds()
        await asyncio.wait([*receivers, *passes], timeout=limit)
        for task in (*receivers, *passes):
            task.cancel()

    # --- the loops ------------------------------------------------------------------------------------------------

    def _others(self) -> list[Coroutine[Any, Any, None]]:
        sweep, outbox = self._limits.sweep, self._limits.outbox_sweep
        everybody = (self.telling.sweep,) if self.telling.queues else ()
        return [
            *(self._every("sweep-outbox", outbox, tell, first=timedelta(0)) for tell in everybody),
            self._every("refresh", self._policy.poll / 2, self._refresh),
            self._every("depth", self._limits.depth, lambda: depths.measure(self._world, self._metrics)),
            self._every("sweep-tasks", sweep, self._sweep.tasks, first=timedelta(0)),
            self._every("sweep-raw", sweep, self._sweep.raw, first=timedelta(0)),
            # Soon after the start: a service that is deployed every day would else never come to it.
            self._every("clean", self._limits.clean, self._cleaning.daily, first=timedelta(hours=1)),
        ]

    async def _passes(self) -> None:
        while True:
            try:
                key = await self.queue.get()
            except Closed:
                return
            with self._metrics.active_workers.track_inprogress():
                result = await self._one_pass(key)
            self._metrics.reconciles.labels(result).inc()
            self.queue.done(key)

    async def _one_pass(self, key: VideoKey) -> str:
        """Make a pass and put the key back as it ended; return the word for it."""
        with self._metrics.reconcile_seconds.time(), logs.bind(video_id=key.video_id):
            try:
                result = await attempt(self._reconciler.reconcile(key), metrics=self._metrics)
            except Stale:
                self.queue.retry(key)
                return "stale"
            except PassFailed:
                self.queue.retry(key)
                return "error"
        if result.requeue_after is None:
            self.queue.forget(key)
            return "success"
        # A little apart, so that replicas that wait for the same moment do not all act at once.
        self.queue.add_after(key, result.requeue_after * (1 + self._random.random() / 10))
        return "requeue_after" if result.requeue_after else "requeue"

    async def _extend(self) -> None:
        # A third of the visibility: three tries before a hold is lost.
        pause = self._limits.holds.visibility.total_seconds() / 3
        tick = self._ticker("holds")
        while True:
            tick()
            await asyncio.sleep(pause)
            await self.holds.extend()

    async def _every(
        self, name: str, interval: timedelta, work: Callable[[], Awaitable[None]], *, first: timedelta | None = None
    ) -> None:
        """Do ``work`` every ``interval`` ± 50 %, so that replicas do not march in step; what failed waits its turn."""
        pause = interval if first is None else first
        while True:
            await asyncio.sleep(pause.total_seconds() * (0.5 + self._random.random()))
            pause = interval
            try:
                await work()
            except VidctlError as error:
                log.warning("loop_failed", loop=name, code=error.code, error=str(error))
                self._metrics.reconcile_errors.labels(error.code).inc()

    async def _refresh(self) -> None:
        self._ticker("refresh")()
        await self.view.refresh(older_than=self._policy.poll / 2)

    def _ticker(self, name: str) -> Callable[[], None]:
        def tick() -> None:
            self._ticks[name] = asyncio.get_running_loop().time()
            self._metrics.last_progress.set(self._world.clock().timestamp())

        tick()
        return tick
