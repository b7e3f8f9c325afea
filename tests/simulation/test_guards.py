"""Rules that matter only when something is late, doubled or broken: each as the shortest story in which it does."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.files import mp4
from tests.world.loop import clock, simulate
from tests.world.seam import Around
from tests.world.tasks import Failures
from tests.world.world import Simulation
from vidctl import layout
from vidctl.errors import Throttled, Unavailable
from vidctl.model import JobSpec, VideoKey
from vidctl.reconciler.controller import Controller
from vidctl.reconciler.limits import Limits
from vidctl.reconciler.reconcile import Result

HOUR = timedelta(hours=1)


async def crash(_world: Simulation, _job: JobSpec) -> int:
    """End without a word."""
    return 139


def seeing(world: Simulation, **views: Any) -> AbstractAsyncContextManager[Controller]:
    """Run a replica that sees parts of the world through other faults; leaving shuts it down in order."""

    @asynccontextmanager
    async def run() -> AsyncIterator[Controller]:
        controller = world.controller(lambda whole: replace(whole, **views))
        running = asyncio.ensure_future(controller.run())
        try:
            yield controller
        finally:
            controller.stop()
            await running

    return run()


def meanwhile(operation: str, happens: Callable[[], object]) -> Around:
    """Let something happen between a replica's decision and the effect of its first such call."""
    met: list[str] = []

    @asynccontextmanager
    async def around(name: str) -> AsyncIterator[None]:
        await asyncio.sleep(0.02)
        if name == operation and not met:
            met.append(name)
            happens()
        yield

    return around


def slow_reply(operation: str, seconds: float) -> Around:
    """Let the effect of a call come at once and its reply late."""

    @asynccontextmanager
    async def around(name: str) -> AsyncIterator[None]:
        await asyncio.sleep(0.02)
        yield
        if name == operation:
            await asyncio.sleep(seconds)

    return around


def late(operation: str, seconds: float) -> Around:
    """Let a call arrive late."""

    @asynccontextmanager
    async def around(name: str) -> AsyncIterator[None]:
        await asyncio.sleep(seconds if name == operation else 0.02)
        yield

    return around


def test_a_launch_that_arrives_ten_minutes_late_starts_no_second_task_for_its_attempt() -> None:
    async def story() -> None:
        async with Simulation() as world:
            world.will(world.upload(), crash)
            async with world.killed_replica():
                await world.until(lambda: bool(world.tasks.launched), within=HOUR)
            world.events_lost = True
            await asyncio.sleep(54 * 60)

            @asynccontextmanager
            async def around(name: str) -> AsyncIterator[None]:
                if name == "tasks.family":
                    raise Throttled("Rate exceeded")  # no sweep tells that the task has stopped
                async with late("tasks.run", 600)(name):
                    yield

            async with seeing(world, tasks=world.tasks.through(around)):
                await asyncio.sleep(30 * 60)
            tokens = Counter(launched.token for launched in world.tasks.launched)
            assert set(tokens.values()) == {1}

    simulate(story)


def test_a_file_that_comes_while_the_published_one_is_being_deleted_is_published_too() -> None:
    async def story() -> None:
        async with Simulation() as world:
            key = world.upload(b"first")
            name = layout.raw_key(key)
            raw = world.raw.through(meanwhile("objects.delete", lambda: world.raw.put(name, mp4(b"second"))))
            async with seeing(world, raw=raw):
                await world.until(world.settled, within=HOUR)
            manifest = await world.manifest(key)
            assert manifest is not None
            assert manifest.job == layout.job_id(world.raw.bucket, name, manifest.source_etag)
            assert len((await world.records(key)).jobs) == 2

    simulate(story)


def test_a_shutdown_lets_the_open_poll_end_and_hands_its_message_back() -> None:
    async def story() -> None:
        async with Simulation() as world:
            polling = world.raw_queue.through(slow_reply("queue.receive", 3))
            async with seeing(world, raw_queue=polling):
                await asyncio.sleep(1)
                world.upload()
                await asyncio.sleep(1)
            await asyncio.sleep(6)
            assert (await world.raw_queue.depth()).visible == 1, "hidden until its visibility ends"

    simulate(story)


def test_a_shutdown_lets_the_call_in_flight_end_and_begins_no_other() -> None:
    async def story() -> None:
        async with Simulation() as world:
            key = world.upload()
            async with seeing(world, final=world.final.through(late("objects.create", 5))):
                await asyncio.sleep(2)
                assert not (await world.records(key)).jobs
            assert len((await world.records(key)).jobs[0].intents) == 1
            assert not world.tasks.launched

    simulate(story)


def test_a_held_message_is_received_once_however_long_its_job_takes() -> None:
    async def story() -> None:
        async with Simulation(transcode_seconds=1800) as world, world.replica(), world.replica():
            world.upload()
            await asyncio.sleep(1500)
            (message,) = world.raw_queue.messages
            assert message.receive_count == 1

    simulate(story)


def test_a_defect_met_by_one_video_does_not_end_the_passes_of_the_others() -> None:
    async def story() -> None:
        async with Simulation(limits=Limits(passes=1)) as world, world.replica() as replica:
            reconcile = replica._reconciler.reconcile

            async def broken(key: VideoKey) -> Result:
                if key == bad:
                    raise RuntimeError("nobody foresaw this")
                return await reconcile(key)

            replica._reconciler.reconcile = broken  # type: ignore[method-assign]
            bad, good = world.upload(b"bad"), world.upload(b"good")
            await asyncio.sleep(300)
            assert await world.manifest(good) is not None
            assert world.metric("vidctl_reconcile_panics_total") > 0
            assert replica.stuck() is None
            replica._reconciler.reconcile = reconcile  # type: ignore[method-assign]
            await world.until(world.settled, within=HOUR)
            assert await world.manifest(bad) is not None

    simulate(story)


@pytest.mark.parametrize("error", [Throttled("Rate exceeded"), Unavailable("no answer")])
def test_a_sweep_that_fails_ends_nothing(error: Throttled | Unavailable) -> None:
    async def story() -> None:
        @asynccontextmanager
        async def around(name: str) -> AsyncIterator[None]:
            await asyncio.sleep(0.02)
            if name in ("tasks.family", "objects.list"):
                raise error
            yield

        async with Simulation() as world:
            views = {"tasks": world.tasks.through(around), "raw": world.raw.through(around)}
            async with seeing(world, **views) as replica:
                await asyncio.sleep(HOUR.total_seconds())
                assert replica.stuck() is None
                began = clock()
                key = world.upload()
                await world.until(world.settled, within=HOUR)
                assert clock() - began < timedelta(minutes=5)
                assert await world.manifest(key) is not None

    simulate(story)


def test_a_message_about_several_objects_stays_until_there_is_one_for_each() -> None:
    async def story() -> None:
        sent: list[str] = []

        @asynccontextmanager
        async def around(name: str) -> AsyncIterator[None]:
            await asyncio.sleep(0.02)
            sent.extend([name] * (name == "queue.send"))
            if name == "queue.send" and len(sent) == 2:
                raise Unavailable("no answer")
            yield

        async with Simulation() as world:
            keys = [world.upload(), world.upload()]
            bodies = [json.loads(message.body) for message in world.raw_queue.messages]
            for message in world.raw_queue.messages:
                world.raw_queue.drop(message.message_id)
            together = json.dumps({"Records": [record for body in bodies for record in body["Records"]]})
            world.raw_queue.put(together)
            async with seeing(world, raw_queue=world.raw_queue.through(around)):
                await asyncio.sleep(10)
                assert together in [message.body for message in world.raw_queue.messages]
                await world.until(world.settled, within=HOUR)
            assert world.metric("vidctl_sweep_found_missed_events_total") == 0, "found by the sweep alone"
            assert all([await world.manifest(key) is not None for key in keys])

    simulate(story)


def test_what_another_replica_runs_as_the_sweep_finds_it_takes_no_slot_here() -> None:
    async def story() -> None:
        async with Simulation(limits=Limits(slots=1), transcode_seconds=1800) as world, world.replica():
            world.upload(b"first")
            await world.until(lambda: len(world.tasks.live) == 1, within=HOUR)
            async with world.replica() as other:
                await world.until(lambda: bool(other.view.states()["running"]), within=HOUR)
                world.upload(b"second")
                # The first replica may have received the message: the sweep finds the upload all the same.
                await world.until(lambda: len(world.tasks.live) == 2, within=timedelta(minutes=15))

    simulate(story)


def test_a_ghost_that_no_listing_shows_in_time_is_ended_by_its_fence_when_its_successor_begins() -> None:
    async def story() -> None:
        async with Simulation(transcode_seconds=3600) as world:
            world.events_lost = True
            world.tasks.refusals.append(Failures(reasons=("RESOURCE:CPU",), starts=True))
            world.upload()
            blind = world.tasks.through(late("none", 0))
            blind.lag = timedelta(minutes=20)
            async with seeing(world, tasks=blind):
                await world.until(lambda: len(world.tasks.launched) == 2, within=HOUR)
                ghost, successor = (launched.arn for launched in world.tasks.launched)
                await world.until(lambda: world.tasks.task(successor).started_at is not None, within=HOUR)
                await asyncio.sleep(95)  # the fence's period, the grace of a stop, and a bit
                assert not world.tasks.task(ghost).alive
                await world.until(world.settled, within=3 * HOUR)

    simulate(story)


def test_while_a_source_cannot_be_looked_into_no_task_is_paid_for_and_then_it_goes_on() -> None:
    async def story() -> None:
        answers: list[Exception] = [Unavailable("no answer"), Throttled("slow down")] * 3

        @asynccontextmanager
        async def failing(operation: str) -> AsyncIterator[None]:
            if operation == "objects.read_range" and answers:
                assert not world.tasks.launched
                raise answers.pop()
            yield

        async with Simulation() as world, seeing(world, raw=world.raw.through(failing)):
            world.upload()
            await world.until(world.settled, within=HOUR)
            assert len(world.tasks.launched) == 1
            assert not answers

    simulate(story)


def test_a_backlog_that_waits_for_slots_is_not_looked_into() -> None:
    async def story() -> None:
        reads: Counter[str] = Counter()

        @asynccontextmanager
        async def counting(operation: str) -> AsyncIterator[None]:
            reads[operation] += 1
            yield

        async with Simulation(limits=Limits(slots=2), transcode_seconds=600) as world:
            async with seeing(world, raw=world.raw.through(counting)):
                for n in range(12):
                    world.upload(str(n).encode())
                await asyncio.sleep(300)
                assert reads["objects.read_range"] == 2
                await world.until(world.settled, within=5 * HOUR)
            assert reads["objects.read_range"] <= 12 + 2, "a lost race for a slot may look again"

    simulate(story)
