"""What a pass sees, how old it says that is, and what it does not take for granted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from tests import builders as b
from tests.world.loop import clock, simulate
from tests.world.seam import Around
from tests.world.tasks import Failures
from tests.world.world import Simulation
from vidctl import layout
from vidctl.errors import AccessDenied, Unavailable, WorldError
from vidctl.model import Delivery, Upload
from vidctl.ports import World
from vidctl.reconciler.controller import Controller
from vidctl.reconciler.observe import Observer


def through(around: Around) -> Callable[[World], World]:
    def view(whole: World) -> World:
        return replace(whole, raw=whole.raw.through(around))  # type: ignore[attr-defined]

    return view


def observer(controller: Controller) -> Observer:
    return controller._reconciler._observer


def delivery(world: Simulation, etag: str) -> Delivery:
    upload = Upload(bucket=world.raw.bucket, key=b.KEY, etag=etag, size_bytes=1)
    return replace(b.delivery(), upload=upload)


def test_an_observation_is_as_old_as_its_first_reading() -> None:
    async def story() -> None:
        @asynccontextmanager
        async def slow(_operation: str) -> AsyncIterator[None]:
            await asyncio.sleep(40)
            yield

        async with Simulation() as world:
            seeing = observer(world.controller(through(slow)))
            began = clock()
            seen = await seeing.observe(b.KEY)
            assert clock() - began >= timedelta(seconds=40)
            assert (seen.read_at, seen.tasks_read_at) == (began, began)

    simulate(story)


def test_a_message_that_comes_during_the_look_is_left_to_the_next() -> None:
    async def story() -> None:
        @asynccontextmanager
        async def slow(_operation: str) -> AsyncIterator[None]:
            await asyncio.sleep(5)
            yield

        async with Simulation() as world:
            controller = world.controller(through(slow))
            looking = asyncio.ensure_future(observer(controller).observe(b.KEY))
            await asyncio.sleep(1)
            etag = world.raw.put(layout.raw_key(b.KEY), b"a video")
            controller.holds.hold(delivery(world, etag))
            assert (await looking).deliveries == ()
            assert len((await observer(controller).observe(b.KEY)).deliveries) == 1

    simulate(story)


@pytest.mark.parametrize("error", [AccessDenied("403"), Unavailable("no answer")])
def test_what_cannot_be_read_is_not_taken_for_missing(error: WorldError) -> None:
    async def story() -> None:
        @asynccontextmanager
        async def refusing(_operation: str) -> AsyncIterator[None]:
            raise error
            yield

        async with Simulation() as world:
            seeing = observer(world.controller(through(refusing)))
            with pytest.raises(type(error)):
                await seeing.observe(b.KEY)
            assert seeing.recall(b.KEY) is None

    simulate(story)


def test_a_copy_is_looked_for_once_the_upload_is_gone() -> None:
    async def story() -> None:
        async with Simulation() as world:
            seeing = observer(world.controller())
            copy = world.raw.put(layout.kept_key(b.KEY, b.JOB), b"a video")
            await world.journal.write(b.kept())
            (kept,) = (await seeing.observe(b.KEY)).kept
            assert kept.etag == copy, "the copy that stands there, whichever replica made it"
            world.raw.put(layout.raw_key(b.KEY), b"a video")
            assert (await seeing.observe(b.KEY)).kept == ()

    simulate(story)


def test_what_was_seen_is_remembered_for_five_minutes_with_the_messages_of_today() -> None:
    async def story() -> None:
        async with Simulation() as world:
            controller = world.controller()
            seeing = observer(controller)
            await seeing.observe(b.KEY)
            controller.holds.hold(delivery(world, b.ETAG))
            await asyncio.sleep(300)
            remembered = seeing.recall(b.KEY)
            assert remembered is not None
            assert len(remembered.deliveries) == 1
            await asyncio.sleep(1)
            assert seeing.recall(b.KEY) is None

    simulate(story)


def test_after_failures_ecs_is_asked_whether_a_task_started_all_the_same() -> None:
    async def story() -> None:
        async with Simulation() as world:
            controller = world.controller()
            world.events_lost = True
            world.tasks.refusals.append(Failures(reasons=("RESOURCE:CPU",), starts=True))
            attempt = replace(b.intent(at=clock()), task=replace(b.task_spec(), environment=(b.job_variable(),)))
            await world.journal.write(attempt)
            await controller._reconciler._actor._launcher.launch(attempt)
            seen = await observer(controller).observe(b.KEY)
            assert len(seen.refusals) == 1
            assert [task.spec for task in seen.tasks] == [b.job_spec()]

    simulate(story)
