"""The whole reconciler on virtual time: what becomes of an upload when nothing is wrong with the world."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta

from tests.builders import POLICY, RAW
from tests.files import mp4
from tests.world.loop import clock, simulate
from tests.world.notifications import s3_test_event
from tests.world.workers import refuse
from tests.world.world import Simulation
from vidctl import events, layout
from vidctl.model import Redrive, Upload
from vidctl.reconciler.limits import Limits
from vidctl.records import Cancel

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def test_an_upload_ends_published_with_nothing_left() -> None:
    async def story() -> None:
        async with Simulation() as world, world.replica():
            key = world.upload()
            await world.until(world.settled, within=HOUR)
            manifest = await world.manifest(key)
            assert manifest is not None
            assert [output.name for output in manifest.outputs] == ["video.mp4", "poster.jpg", "stream/"]
            assert [outcome.code for outcome in (await world.records(key)).jobs[0].outcomes] == ["published"]
            assert len(world.tasks.launched) == 1
            assert not world.dead_letters.messages

    simulate(story)


def test_a_lost_event_is_found_by_the_sweep() -> None:
    async def story() -> None:
        async with Simulation() as world, world.replica():
            world.events_lost = True
            key = world.upload()
            await world.until(world.settled, within=HOUR)
            assert await world.manifest(key) is not None

    simulate(story)


def test_lost_task_events_cost_only_time() -> None:
    async def story() -> None:
        async with Simulation() as world, world.replica():
            key = world.upload()
            world.events_lost = True
            await world.until(world.settled, within=HOUR)
            assert await world.manifest(key) is not None

    simulate(story)


def test_an_event_that_comes_twice_is_one_transcode() -> None:
    async def story() -> None:
        async with Simulation() as world, world.replica():
            world.upload()
            world.raw_queue.put(world.raw_queue.messages[0].body)
            await world.until(world.settled, within=HOUR)
            assert len(world.tasks.launched) == 1

    simulate(story)


def test_a_message_about_several_objects_is_split_into_one_for_each() -> None:
    async def story() -> None:
        async with Simulation() as world:
            keys = [world.upload(), world.upload()]
            bodies = [json.loads(message.body) for message in world.raw_queue.messages]
            for message in world.raw_queue.messages:
                world.raw_queue.drop(message.message_id)
            world.raw_queue.put(json.dumps({"Records": [record for body in bodies for record in body["Records"]]}))
            async with world.replica():
                await world.until(world.settled, within=HOUR)
            assert all([await world.manifest(key) is not None for key in keys])

    simulate(story)


def test_what_is_no_upload_is_dead_lettered_with_its_body_and_the_test_event_dropped() -> None:
    async def story() -> None:
        async with Simulation() as world, world.replica():
            bodies = ["not json", '{"Records": []}', world_event("videos/user/readme.txt"), world_event("other/x.mp4")]
            for body in bodies:
                world.raw_queue.put(body)
            world.raw_queue.put(s3_test_event(RAW, clock()))
            await world.until(lambda: not world.raw_queue.messages, within=HOUR)
            letters = world.dead_letters.messages
            assert [letter.body for letter in letters] == bodies
            assert {letter.attributes["vidctl.class"] for letter in letters} == {"bad_message"}
            assert "is not videos/{user}/{uuid}.mp4" in letters[2].attributes["vidctl.reason"]

    simulate(story)


def test_a_burst_never_runs_more_jobs_than_there_are_slots_and_all_are_published_in_their_turn() -> None:
    async def story() -> None:
        async with Simulation(limits=Limits(slots=3, waiting_room=4)) as world, world.replica():
            keys = [world.upload(str(n).encode()) for n in range(20)]
            most = 0

            async def watch() -> None:
                nonlocal most
                while not world.settled():
                    most = max(most, len(world.tasks.live))
                    await asyncio.sleep(1)

            watching = asyncio.ensure_future(watch())
            await world.until(world.settled, within=HOUR)
            await watching
            assert most == 3
            assert all([await world.manifest(key) is not None for key in keys])
            assert len(world.tasks.launched) == len(keys)

    simulate(story)


def test_the_backlog_stays_in_the_queue_while_there_is_no_room() -> None:
    async def story() -> None:
        narrow = Limits(slots=1, waiting_room=2)
        async with Simulation(limits=narrow, transcode_seconds=600) as world, world.replica() as controller:
            for n in range(40):
                world.upload(str(n).encode(), user=f"user{n}")
            await asyncio.sleep(60)
            # A receive brings up to ten at a time, for each of the two receivers.
            assert len(controller.holds) <= 3 + 20
            assert (await world.raw_queue.depth()).visible >= 17

    simulate(story)


def test_a_transcode_longer_than_a_hold_may_last_is_held_by_a_new_message() -> None:
    async def story() -> None:
        patient = replace(POLICY, run_deadline=timedelta(hours=30))
        async with Simulation(policy=patient, transcode_seconds=20 * 3600) as world, world.replica():
            key = world.upload()
            await asyncio.sleep(11 * 3600)
            (message,) = world.raw_queue.messages
            assert clock() - message.sent_at < timedelta(hours=2)
            await world.until(world.settled, within=DAY)
            assert await world.manifest(key) is not None
            assert len(world.tasks.launched) == 1

    simulate(story)


def test_another_file_under_the_same_key_replaces_the_publication() -> None:
    async def story() -> None:
        async with Simulation() as world, world.replica():
            key = world.upload(b"first")
            await world.until(world.settled, within=HOUR)
            first = await world.manifest(key)
            world.raw.put(layout.raw_key(key), mp4(b"second"))
            await world.until(world.settled, within=HOUR)
            second = await world.manifest(key)
            assert first is not None
            assert second is not None
            assert second.job != first.job
            assert second.source_etag == etag_of(mp4(b"second"))

    simulate(story)


def test_a_file_overwritten_while_it_is_transcoded_is_published_as_it_is_now() -> None:
    async def story() -> None:
        async with Simulation() as world, world.replica():
            key = world.upload(b"first")
            await world.until(lambda: bool(world.tasks.live), within=HOUR)
            await asyncio.sleep(40)
            world.raw.put(layout.raw_key(key), mp4(b"second"))
            await world.until(world.settled, within=HOUR)
            manifest = await world.manifest(key)
            assert manifest is not None
            assert manifest.source_etag == etag_of(mp4(b"second"))
            codes = Counter(o.code for job in (await world.records(key)).jobs for o in job.outcomes)
            assert codes == {"source_gone": 1, "published": 1}

    simulate(story)


def test_a_cancelled_video_leaves_neither_task_nor_object_nor_message() -> None:
    async def story() -> None:
        async with Simulation(transcode_seconds=3600) as world, world.replica():
            key = world.upload()
            await world.until(lambda: bool(world.tasks.live), within=HOUR)
            await world.journal.write(Cancel(key=key, at=clock()))
            await world.until(world.settled, within=HOUR)
            assert not world.final.keys("videos/")
            assert [o.code for o in (await world.records(key)).jobs[0].outcomes] == ["cancelled"]

    simulate(story)


def test_a_cancelled_publication_is_taken_back() -> None:
    async def story() -> None:
        async with Simulation() as world, world.replica():
            key = world.upload()
            await world.until(world.settled, within=HOUR)
            await world.journal.write(Cancel(key=key, at=clock()))
            world.raw_queue.put(
                events.write_upload(Upload(bucket=RAW, key=key, etag="any", size_bytes=1), layout.raw_key(key))
            )
            await world.until(world.settled, within=HOUR)
            assert not world.final.keys("videos/")

    simulate(story)


def test_a_dead_letter_sent_back_opens_a_new_round() -> None:
    async def story() -> None:
        async with Simulation() as world, world.replica():
            key = world.upload()
            world.will(key, refuse)
            await world.until(lambda: bool(world.dead_letters.messages), within=HOUR)
            (letter,) = world.dead_letters.messages
            world.dead_letters.drop(letter.message_id)
            assert events.parse_redrive(letter.attributes) == Redrive(
                job=(await world.records(key)).jobs[0].job, round=1
            )
            world.raw_queue.put(letter.body, attributes=letter.attributes)
            await world.until(world.settled, within=HOUR)
            manifest = await world.manifest(key)
            assert manifest is not None
            assert str(manifest.number) == "2-1"

    simulate(story)


def test_nothing_is_changed_in_the_day_after_everything_is_done() -> None:
    async def story() -> None:
        async with Simulation() as world, world.replica():
            world.upload()
            await world.until(world.settled, within=HOUR)
            before = (world.raw.keys(), world.final.keys(), world.tasks.launched, world.dead_letters.messages)
            await asyncio.sleep(DAY.total_seconds())
            assert (world.raw.keys(), world.final.keys(), world.tasks.launched, world.dead_letters.messages) == before

    simulate(story)


def world_event(key: str) -> str:
    created = {"bucket": {"name": RAW}, "object": {"key": key, "eTag": "e"}}
    return events.write_event(({"eventName": "ObjectCreated:Put", "s3": created},))


def etag_of(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()
