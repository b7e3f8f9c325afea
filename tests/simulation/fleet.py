"""The replicas of a run: started, deployed, scaled, stopped in order or killed in the middle, and looked after."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

from tests.simulation.catalogue import Fault
from tests.simulation.seen_objects import SeenObjects
from tests.simulation.seen_queue import SeenQueue
from tests.simulation.seen_receiver import SeenReceiver
from tests.simulation.seen_tasks import SeenTasks
from tests.simulation.weather import READING, Reading, Weather
from tests.world.loop import VirtualLoop
from tests.world.seam import Role, acting
from vidctl.metrics import Metrics
from vidctl.model import VideoKey
from vidctl.ports import World
from vidctl.reconciler.actions import CreateIntent, Plan, RecordOutcome, StopTasks
from vidctl.reconciler.controller import Controller
from vidctl.reconciler.observation import Observation

if TYPE_CHECKING:
    from tests.simulation.swarm import Swarm

WINDOW, BUSY = 600, 200
"""Seconds, and passes that a replica may make on one video in them: one in five seconds while it waits for a slot."""
SHUTDOWN = 25.0
"""Seconds within which a replica ends that was asked to."""


@dataclass(slots=True)
class Replica:
    """One process of the service."""

    name: str
    controller: Controller
    weather: Weather
    tasks: SeenTasks
    metrics: Metrics
    newer: bool
    running: asyncio.Task[None]

    @property
    def panics(self) -> float:
        """How many of its passes met a defect."""
        return float(self.metrics.reconcile_panics._value.get())


def remembered(controller: Controller) -> dict[str, int]:
    """Count what a replica holds and remembers of videos: nothing, once they are settled."""
    view, launches = controller.view, controller.launches
    counts = {
        "messages": len(controller.holds),
        "keys": len(controller.queue),
        "backoffs": len(controller.queue._failures),
        "observations": len(controller._reconciler._observer._last),
        "tasks": len(view._known) + len(view._by_key) + len(view._missing),
        "refusals": len(view._refusals),
        "notices": sum(map(len, controller.telling.queues.values())),
        "slots": launches._slots.taken + launches._slots.waiting,
    }
    return {name: count for name, count in counts.items() if count}


class Fleet:
    """All replicas that run."""

    def __init__(self, world: Swarm) -> None:
        self._world = world
        self.replicas: list[Replica] = []
        self.wanted = world.story.replicas
        self.newer = False
        self.decided: dict[VideoKey, tuple[Observation, Plan]] = {}
        """What the last pass on each video saw and decided."""
        self.passes = 0
        self._busy: Counter[tuple[str, VideoKey, int]] = Counter()
        self._begun = 0
        self._stopping: set[asyncio.Task[None]] = set()

    def start(self, *, slots: int | None = None) -> Replica:
        """Start one more replica."""
        world = self._world
        self._begun += 1
        name = f"r{self._begun}"
        weather = Weather(
            name,
            dice=world.dice,
            watch=world.watch,
            services=world.services,
            trace=world.trace,
            kill=lambda: self.kill_named(name),
        )
        if world.dice.happens(Fault.CLOCK_SKEW, name):
            weather.skew = timedelta(seconds=300 * (2 * world.dice.share(f"skew {name}") - 1))
        tasks = SeenTasks(world.tasks, weather)
        metrics = Metrics(CollectorRegistry())
        controller = Controller(
            self._ports(weather, tasks),
            policy=world.policy,
            limits=replace(world.limits, slots=slots or world.limits.slots),
            metrics=metrics,
            randomness=random.Random(f"{world.story.seed} {name}"),
            receivers={name: SeenReceiver(receiver, weather) for name, receiver in world.receivers.items()},
            audit=lambda key, seen, decided: self._audit(weather, key, seen, decided),
        )
        with acting(Role.REPLICA, name):
            running = asyncio.get_running_loop().create_task(controller.run(), name=name)
        replica = Replica(name, controller, weather, tasks, metrics, self.newer, running)
        self.replicas.append(replica)
        if world.dice.happens(Fault.KILLED_AT_ANY_AWAIT, name):
            loop = asyncio.get_running_loop()
            assert isinstance(loop, VirtualLoop)
            loop.after(int(10 ** (1 + 4 * world.dice.share(f"steps {name}"))), lambda: self.kill_named(name))
        return replica

    def _ports(self, weather: Weather, tasks: SeenTasks) -> World:
        world = self._world
        return World(
            raw=SeenObjects(world.raw, weather, meddler=world.befall),
            final=SeenObjects(world.final, weather, meddler=world.befall, newer=self.newer),
            raw_queue=SeenQueue(world.raw_queue, weather),
            dead_letter_queue=SeenQueue(world.dead_letters, weather),
            task_queue=SeenQueue(world.task_queue, weather),
            tasks=tasks,
            clock=weather.clock,
        )

    def _audit(self, weather: Weather, key: VideoKey, seen: Observation, decided: Plan) -> None:
        about_tasks = any(isinstance(action, CreateIntent | StopTasks | RecordOutcome) for action in decided.actions)
        READING.set(Reading(at=seen.tasks_read_at if about_tasks else seen.read_at))
        self.decided[key] = (seen, decided)
        self.passes += 1
        self._must_not_be_busy(weather.replica, key)
        self._world.trace.note(weather.replica, str(key), decided.why)

    def _must_not_be_busy(self, replica: str, key: VideoKey) -> None:
        """No replica looks at a video again and again: a wait of five seconds is the shortest that plan asks for."""
        window = int(asyncio.get_running_loop().time() // WINDOW)
        self._busy[replica, key, window] += 1
        often = self._busy[replica, key, window]
        self._world.watch.must(often <= BUSY, f"{replica} made {often} passes in ten minutes", key)

    # --- ends -----------------------------------------------------------------------------------------------------

    def kill_named(self, name: str) -> None:
        """Kill a replica, if it still runs."""
        for replica in self.replicas:
            if replica.name == name:
                self.kill(replica)
                return

    def kill(self, replica: Replica) -> None:
        """End a replica as SIGKILL does: not one more call, nothing handed back."""
        self._sound(replica)
        self._gone(replica)
        self._world.trace.note(replica.name, "killed")
        replica.weather.die()
        replica.running.cancel()

    def terminate(self, replica: Replica) -> None:
        """End a replica as SIGTERM does; perhaps somebody loses patience."""
        self._sound(replica)
        self._gone(replica)
        self._world.trace.note(replica.name, "terminated")
        ending = asyncio.get_running_loop().create_task(self._end(replica))
        self._stopping.add(ending)
        ending.add_done_callback(self._stopping.discard)

    async def _end(self, replica: Replica) -> None:
        dice = self._world.dice
        replica.controller.stop()
        impatient = dice.happens(Fault.KILLED_IN_SHUTDOWN, replica.name)
        patience = SHUTDOWN * dice.share(f"patience {replica.name}") if impatient else SHUTDOWN
        await asyncio.wait([replica.running], timeout=patience)
        if not replica.running.done():
            excused = impatient or replica.weather.stood_still
            self._world.watch.must(excused, f"{replica.name}: the shutdown does not end")
            replica.weather.die()
            replica.running.cancel()
            await asyncio.wait([replica.running])

    def _gone(self, replica: Replica) -> None:
        self.replicas.remove(replica)
        self._world.account(replica)

    def look_after(self) -> None:
        """Restart what is not healthy, as ECS does by the health check; a replica that ends by itself is a defect."""
        for replica in tuple(self.replicas):
            self._sound(replica)
            if replica.controller.stuck() is not None and not replica.weather.stood_still:
                self.kill(replica)
        if not self.replicas and self._world.dice.is_calm:
            self.start()

    def _sound(self, replica: Replica) -> None:
        watch = self._world.watch
        if replica.running.done() and not replica.running.cancelled():
            watch.must(False, f"{replica.name} ended: {replica.running.exception()!r}")
        watch.must(replica.panics == 0, f"{replica.name}: a pass broke")

    def close(self) -> None:
        """End every replica: the run is over."""
        for replica in tuple(self.replicas):
            self.replicas.remove(replica)
            self._world.account(replica)
            replica.weather.die()
            replica.running.cancel()
