"""What a pass sees, how old it says that is, and what it does not take for granted."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests import builders as b
from tests.files import moov, mp4, video
from tests.world.loop import clock, simulate
from tests.world.objects import MemoryObjects
from tests.world.seam import Around
from tests.world.tasks import Failures
from tests.world.world import Simulation
from vidctl import layout
from vidctl.errors import AccessDenied, PreconditionFailed, Unavailable, WorldError
from vidctl.folders import Entry, fold
from vidctl.model import Delivery, Upload
from vidctl.multipart import Parts
from vidctl.ports import World
from vidctl.reconciler.controller import Controller
from vidctl.reconciler.limits import Limits
from vidctl.reconciler.observe import LOOKS, Observer


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


@pytest.mark.parametrize(
    ("told", "stored", "expected"),
    [
        ({}, {}, True),
        ({}, {"key": "videos/other"}, False),
        ({}, {"size_bytes": 11}, False),
        ({}, {"sha256": "cd" * 32}, False),
        # The ETag counts where the store tells no SHA-256 of the whole, and only there.
        ({"etag": "e-2"}, {"sha256": None, "etag": "e-2"}, True),
        ({"etag": "e-2"}, {"sha256": None, "etag": "f-2"}, False),
        ({"etag": "e-2"}, {"sha256": None, "etag": "e-2", "size_bytes": 11}, False),
        ({"etag": "e-2"}, {"etag": "f-2"}, True),
        ({"etag": "e-2"}, {"sha256": "cd" * 32, "etag": "e-2"}, False),
        # What nobody noted matches nothing.
        ({}, {"sha256": None, "etag": "e-2"}, False),
        ({"etag": "e-2"}, {"sha256": None, "etag": None}, False),
        ({}, {"sha256": None, "etag": None}, False),
    ],
)
def test_an_output_is_there_if_size_and_checksum_are_as_said(
    told: dict[str, Any],
    stored: dict[str, Any],
    expected: bool,  # noqa: FBT001 - a column
) -> None:
    assert replace(b.seen_as(b.output()), **stored).matches(replace(b.output(), **told)) is expected


def test_a_file_that_came_in_parts_is_known_by_its_etag(tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    path.write_bytes(b"0123456789")
    sha256 = _sha256(b"0123456789")

    async def story() -> None:
        async with Simulation() as world:
            final = MemoryObjects("final", clock=clock, parts=Parts(threshold_bytes=4, part_bytes=4))
            told = replace(b.output(), sha256=sha256)
            etag = await final.upload_file(told.key, path, content_type="video/mp4", sha256=sha256)
            told = replace(told, etag=etag)
            seeing = observer(world.controller(lambda whole: replace(whole, final=final)))
            (seen,) = await seeing._outputs((told,))
            assert (seen.etag, seen.sha256) == (etag, None)
            assert seen.matches(told)
            await final.upload(told.key, b"9876543210", content_type="video/mp4", sha256=_sha256(b"9876543210"))
            (seen,) = await seeing._outputs((told,))
            assert not seen.matches(told)

    simulate(story)


def test_a_folder_is_looked_at_as_one_output_whatever_stands_beside_it() -> None:
    async def story() -> None:
        async with Simulation() as world:
            told = b.output("stream/")
            etags = {name: world.final.put(told.key + name, name.encode()) for name in ("v1/1.m4s", "v1/2.m4s", "a")}
            for beside in ("stream", "streams/1.m4s", "video.mp4"):
                world.final.put(told.key.removesuffix("stream/") + beside, b"another output")
            folded = fold(Entry(name=name, size_bytes=len(name), etag=etag) for name, etag in etags.items())
            told = replace(told, size_bytes=folded.size_bytes, sha256=folded.sha256)
            seeing = observer(world.controller())
            (seen,) = await seeing._outputs((told,))
            assert seen.matches(told)
            world.final.put(told.key + "v1/3.m4s", b"one too many")
            (seen,) = await seeing._outputs((told,))
            assert not seen.matches(told)

    simulate(story)


def test_an_empty_folder_is_absent() -> None:
    async def story() -> None:
        async with Simulation() as world:
            told = replace(b.output("stream/"), size_bytes=0, sha256=fold([]).sha256)
            assert await observer(world.controller())._outputs((told,)) == ()

    simulate(story)


def test_only_so_many_outputs_are_looked_at_at_once() -> None:
    async def story() -> None:
        busy, most = 0, 0

        @asynccontextmanager
        async def counting(_operation: str) -> AsyncIterator[None]:
            nonlocal busy, most
            busy += 1
            most = max(most, busy)
            await asyncio.sleep(1)
            yield
            busy -= 1

        async with Simulation() as world:
            outputs = tuple(b.output(f"{number}.jpg") for number in range(3 * LOOKS))
            for output in outputs:
                world.final.put(output.key, b"a picture")
            seeing = observer(world.controller(lambda whole: replace(whole, final=world.final.through(counting))))
            assert [seen.key for seen in await seeing._outputs(outputs)] == [output.key for output in outputs]
            assert most == LOOKS

    simulate(story)


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def test_what_was_seen_is_remembered_for_five_minutes_with_the_messages_of_today() -> None:
    async def story() -> None:
        async with Simulation() as world:
            controller = world.controller()
            seeing = observer(controller)
            controller.holds.hold(delivery(world, b.ETAG))
            await seeing.observe(b.KEY)
            await asyncio.sleep(300)
            remembered = seeing.recall(b.KEY)
            assert remembered is not None
            assert len(remembered.deliveries) == 1
            await asyncio.sleep(1)
            assert seeing.recall(b.KEY) is None

    simulate(story)


def test_a_message_that_came_since_asks_for_another_look() -> None:
    async def story() -> None:
        async with Simulation() as world:
            controller = world.controller()
            seeing = observer(controller)
            await seeing.observe(b.KEY)
            controller.holds.hold(delivery(world, b.ETAG))
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


# --- at a glance ----------------------------------------------------------------------------------------------------


def test_a_source_is_looked_into_when_its_first_attempt_would_begin_and_only_then() -> None:
    async def story() -> None:
        reads: list[str] = []

        @asynccontextmanager
        async def counting(operation: str) -> AsyncIterator[None]:
            reads.extend([operation] if operation == "objects.read_range" else [])
            yield

        async with Simulation(limits=Limits(slots=1)) as world:
            controller = world.controller(through(counting))
            seeing, launches = observer(controller), controller.launches
            file = mp4(index=moov(60, video(60)))
            etag = world.raw.put(layout.raw_key(b.KEY), file)
            seen = (await seeing.observe(b.KEY)).glance
            assert seen is not None
            assert (seen.source.etag, seen.sight) == (etag, b.seen_inside(60, streams=1))
            assert len(reads) == 1

            other = replace(b.KEY, user_id="other")
            assert launches.occupy(other)
            assert (await seeing.observe(b.KEY)).glance is None, "no slot is free"
            launches.gone(other)
            intent = replace(b.intent(), job=layout.job_id(world.raw.bucket, layout.raw_key(b.KEY), etag))
            await world.journal.write(intent)
            assert (await seeing.observe(b.KEY)).glance is None, "its size is in its Intent"
            assert len(reads) == 1

    simulate(story)


def test_a_source_that_changes_before_it_is_looked_into_is_looked_at_again() -> None:
    async def story() -> None:
        async with Simulation() as world:
            name = layout.raw_key(b.KEY)

            @asynccontextmanager
            async def overwriting(operation: str) -> AsyncIterator[None]:
                if operation == "objects.read_range":
                    world.raw.put(name, mp4(b"another"))
                yield

            world.raw.put(name, mp4())
            with pytest.raises(PreconditionFailed):
                await observer(world.controller(through(overwriting))).observe(b.KEY)

    simulate(story)
