"""Defects that the swarm, or reading for it, found: each as the shortest story that shows it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from hashlib import md5
from typing import Any

from tests.builders import POLICY
from tests.files import mp4
from tests.world.loop import clock, simulate
from tests.world.seam import Around
from tests.world.workers import refuse, report
from tests.world.world import Simulation
from vidctl import layout
from vidctl.errors import AccessDenied, Unavailable
from vidctl.model import FailureClass, JobSpec, VideoKey
from vidctl.reconciler.controller import Controller
from vidctl.reconciler.limits import Limits
from vidctl.records import Cancel

HOUR = timedelta(hours=1)


def slow_once(operation: str, seconds: float, *, when: Callable[[], bool] = lambda: True) -> Around:
    """Let the reply of one call take its time."""
    met: list[str] = []

    @asynccontextmanager
    async def around(name: str) -> AsyncIterator[None]:
        await asyncio.sleep(0.02)
        yield
        if name == operation and not met and when():
            met.append(name)
            await asyncio.sleep(seconds)

    return around


def seeing(world: Simulation, **views: Any) -> AbstractAsyncContextManager[Controller]:
    """Run a replica that sees parts of the world through other faults; leaving ends it."""

    @asynccontextmanager
    async def run() -> AsyncIterator[Controller]:
        controller = world.controller(lambda whole: replace(whole, **views))
        running = world.running(controller)
        try:
            yield controller
        finally:
            running.cancel()
            await asyncio.wait([running])

    return run()


def test_a_message_that_comes_during_a_pass_is_not_judged_by_what_the_pass_saw_before() -> None:
    async def story() -> None:
        async with Simulation() as world:
            raw = world.raw.through(slow_once("objects.head", 10))
            async with seeing(world, raw=raw) as replica:
                await asyncio.sleep(1)
                replica.queue.add(VideoKey(user_id="user", video_id="00000000-0000-0000-0000-000000000001"))
                await asyncio.sleep(1)
                world.upload()
                await asyncio.sleep(15)
                assert world.tasks.live
                assert world.raw_queue.messages, "deleted while its job runs"

    simulate(story)


def test_what_a_worker_said_while_the_pass_looked_is_not_overheard() -> None:
    async def story() -> None:
        async def run_out_of_memory(world: Simulation, job: JobSpec) -> int:
            await asyncio.sleep(60)
            return await report(world, job, FailureClass.APP, "out_of_memory", 70)

        async with Simulation() as world:
            due = False
            final = world.final.through(slow_once("objects.list", 25, when=lambda: due))
            async with seeing(world, final=final) as replica:
                key = world.upload()
                world.will(key, run_out_of_memory)
                await world.until(lambda: bool(world.tasks.live), within=HOUR)
                await asyncio.sleep(85)
                due = True
                replica._reconciler._observer.forget(key)  # as after its five minutes
                replica.queue.add(key)
                await world.until(world.settled, within=HOUR)
            assert [task.spec.memory_mib for task in world.tasks.launched] == [4096, 8192]

    simulate(story)


def test_a_message_that_nobody_held_for_twelve_hours_is_renewed_and_not_dead_lettered() -> None:
    async def story() -> None:
        patient = replace(POLICY, run_deadline=timedelta(hours=40))
        async with Simulation(policy=patient, transcode_seconds=20 * 3600) as world:
            world.upload()
            async with world.killed_replica():
                await asyncio.sleep(3600)
            await asyncio.sleep(12 * 3600)
            async with world.replica():
                await asyncio.sleep(4 * 3600)
                assert not world.dead_letters.messages
                assert len(world.raw_queue.messages) == 1

    simulate(story)


def test_a_long_transcode_does_not_keep_the_breaker_open() -> None:
    async def story() -> None:
        patient = replace(POLICY, run_deadline=timedelta(hours=10))
        async with Simulation(policy=patient, transcode_seconds=8 * 3600) as world, world.replica():
            world.upload(b"long")
            await asyncio.sleep(120)
            world.tasks.refusals.extend([AccessDenied("not authorized")] * 1000)
            world.upload(b"short")
            await asyncio.sleep(70 * 60)
            world.tasks.refusals.clear()
            await world.until(lambda: len(world.tasks.launched) > 1, within=timedelta(minutes=15))

    simulate(story)


def test_a_raw_object_whose_publication_is_broken_is_kept_before_it_expires() -> None:
    async def story() -> None:
        async with Simulation() as world, world.replica():
            key = world.upload()
            await world.until(world.settled, within=HOUR)
            manifest = await world.manifest(key)
            assert manifest is not None
            world.final.remove(manifest.outputs[0].key)
            world.raw.put(layout.raw_key(key), mp4(b"a video"))
            await asyncio.sleep(47 * 3600)
            assert world.raw.keys("kept/")

    simulate(story)


def test_a_stopped_task_that_is_not_described_yet_costs_few_launch_calls() -> None:
    async def story() -> None:
        calls: list[object] = []

        @asynccontextmanager
        async def counted(operation: str) -> AsyncIterator[None]:
            await asyncio.sleep(0.02)
            calls.extend([clock()] * (operation == "tasks.run"))
            yield

        async with Simulation() as world:
            world.upload()
            async with world.killed_replica():
                await asyncio.sleep(20)
            for message in world.task_queue.messages:
                world.task_queue.drop(message.message_id)
            world.events_lost = True
            world.tasks.kill(world.tasks.launched[0].arn)
            tasks = world.tasks.through(counted)
            tasks.lag = timedelta(minutes=2)
            async with seeing(world, tasks=tasks):
                await asyncio.sleep(100)
            assert len(calls) < 20

    simulate(story)


def test_a_backlog_of_thousands_stays_in_the_queue() -> None:
    async def story() -> None:
        narrow = Limits(slots=5, waiting_room=10)
        async with Simulation(limits=narrow, transcode_seconds=7200) as world:
            for n in range(2000):
                world.upload(str(n).encode())
            async with world.replica() as replica:
                most = 0
                for _ in range(90):
                    await asyncio.sleep(20)
                    most = max(most, len(replica.queue))
                # Room for 15, and what two receivers brought in when there still was some.
                assert most <= 15 + 20

    simulate(story)


def test_a_shutdown_ends_in_time_though_sqs_is_silent() -> None:
    async def story() -> None:
        @asynccontextmanager
        async def silent(operation: str) -> AsyncIterator[None]:
            await asyncio.sleep(600 if operation == "queue.extend" else 0.02)
            yield

        async with Simulation(transcode_seconds=7200) as world:
            for n in range(30):
                world.upload(str(n).encode())
            replica = world.controller(lambda whole: replace(whole, raw_queue=world.raw_queue.through(silent)))
            running = world.running(replica)
            await asyncio.sleep(15)
            began = clock()
            replica.stop()
            await running
            assert clock() - began <= timedelta(seconds=17), "8 s of the 25 are for open requests"

    simulate(story)


def test_a_renewal_whose_original_cannot_be_deleted_is_not_repeated() -> None:
    async def story() -> None:
        @asynccontextmanager
        async def undeletable(operation: str) -> AsyncIterator[None]:
            await asyncio.sleep(0.02)
            if operation == "queue.delete":
                raise Unavailable("no reply")
            yield

        patient = replace(POLICY, run_deadline=timedelta(hours=20))
        async with Simulation(policy=patient, transcode_seconds=12 * 3600) as world:
            stubborn = world.raw_queue.through(undeletable)
            async with seeing(world, raw_queue=stubborn):
                world.upload()
                await asyncio.sleep(10.5 * 3600)
                assert len(world.raw_queue.messages) == 2

    simulate(story)


def test_a_worker_s_misconfiguration_launches_one_probe_a_minute_at_most() -> None:
    async def story() -> None:
        async def denied(world: Simulation, job: JobSpec) -> int:
            return await report(world, job, FailureClass.CONFIGURATION, "access_denied", 78)

        async with Simulation() as world, world.replica():
            for n in range(30):
                world.will(world.upload(str(n).encode()), *[denied] * 100)
                await asyncio.sleep(60)
            begun = len(world.tasks.launched)
            await asyncio.sleep(3600)
            assert world.metric("vidctl_breaker_open") == 1
            assert len(world.tasks.launched) - begun <= 61
            world.behaviours.clear()
            await world.until(world.settled, within=3 * HOUR)
            assert not world.dead_letters.messages

    simulate(story)


def test_a_cancel_removes_a_kept_copy_that_no_record_tells_of() -> None:
    async def story() -> None:
        @asynccontextmanager
        async def unheard(operation: str) -> AsyncIterator[None]:
            await asyncio.sleep(0.02)
            yield
            if operation == "objects.copy":
                raise Unavailable("the reply was lost")

        async with Simulation() as world:
            key = world.upload()
            world.will(key, refuse)
            async with seeing(world, raw=world.raw.through(unheard)):
                await world.until(lambda: bool(world.raw.keys("kept/")), within=HOUR)
            await world.journal.write(Cancel(key=key, at=clock()))
            async with world.replica():
                await world.until(lambda: not world.raw.keys(), within=HOUR)

    simulate(story)


def test_a_loop_that_ends_without_a_word_makes_the_process_unhealthy() -> None:
    async def story() -> None:
        async with Simulation() as world, world.replica() as replica:
            await asyncio.sleep(1)
            assert replica.stuck() is None
            next(task for task in replica._loops if task.get_name() == "passes-3").cancel()
            await asyncio.sleep(1)
            assert replica.stuck() == "no progress: passes-3 ended"

    simulate(story)


def test_a_file_that_is_uploaded_again_is_not_replaced_by_one_from_in_between() -> None:
    async def story() -> None:
        async with Simulation() as world, world.replica():
            key = world.upload(b"first")
            await world.until(world.settled, within=HOUR)
            world.will(key, refuse)
            world.raw.put(layout.raw_key(key), mp4(b"second"))
            await world.until(lambda: bool(world.dead_letters.messages), within=HOUR)
            (letter,) = world.dead_letters.messages
            world.dead_letters.drop(letter.message_id)
            world.raw_queue.put(letter.body, attributes=letter.attributes)
            await world.until(lambda: len(world.tasks.live) == 1, within=HOUR)
            world.raw.put(layout.raw_key(key), mp4(b"first"))
            await world.until(world.settled, within=HOUR)
            manifest = await world.manifest(key)
            assert manifest is not None
            assert manifest.source_etag == md5(mp4(b"first"), usedforsecurity=False).hexdigest()

    simulate(story)
