"""What an owner asks for over HTTP, carried out by the whole reconciler on virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from tests.world.loop import clock, simulate
from tests.world.uploads import MemoryUploads
from tests.world.workers import refuse
from tests.world.world import Simulation
from vidctl import layout
from vidctl.history import State
from vidctl.http.videos.histories import Histories, VideoNotFound
from vidctl.http.videos.line import Line
from vidctl.http.videos.wishes import NotFailed, SourceExpired, Wishes
from vidctl.journal import Journal
from vidctl.ledger import Ledger
from vidctl.model import VideoKey
from vidctl.records import Round
from vidctl.tickets import Way

HOUR = timedelta(hours=1)


class Owner:
    """Somebody who uploads, looks and wishes, over a replica's HTTP side that is not the one that reconciles."""

    def __init__(self, world: Simulation) -> None:
        self.world = world
        journal, ledger = Journal(world.final), Ledger(world.final)
        self.histories = Histories(
            raw=world.raw,
            raw_bucket=world.raw.bucket,
            final=world.final,
            journal=journal,
            ledger=ledger,
            expiry={Way.PUT: timedelta(minutes=15)},
            line=Line(raw=world.raw, raw_bucket=world.raw.bucket, final=world.final, clock=clock),
            clock=clock,
        )
        self.wishes = Wishes(
            histories=self.histories,
            journal=journal,
            ledger=ledger,
            raw=world.raw,
            raw_uploads=MemoryUploads(world.raw, clock=clock),
            raw_bucket=world.raw.bucket,
            raw_queue=world.raw_queue,
            look=lambda _key: None,
            clock=clock,
        )

    async def state(self, key: VideoKey) -> State:
        return (await self.histories.history(key)).state

    async def comes_to(self, key: VideoKey, *states: State) -> None:
        async def there() -> bool:
            return await self.state(key) in states

        await self.world.until(there, within=HOUR)


async def awaited(_world: Simulation, _owner: Owner) -> VideoKey:
    video_id = layout.mint_video_id("user", clock(), b"\0\0\0\1")
    return VideoKey(user_id="user", video_id=video_id)


async def queued(world: Simulation, _owner: Owner) -> VideoKey:
    world.room = 0
    key = world.upload()
    await asyncio.sleep(30)
    return key


async def running(world: Simulation, _owner: Owner) -> VideoKey:
    key = world.upload()
    await world.until(lambda: any(task.status == "RUNNING" for task in world.tasks.live), within=HOUR)
    return key


async def published(world: Simulation, owner: Owner) -> VideoKey:
    key = world.upload()
    await owner.comes_to(key, State.PUBLISHED)
    await world.until(world.settled, within=HOUR)
    return key


async def failed(world: Simulation, owner: Owner) -> VideoKey:
    key = world.upload()
    world.will(key, refuse)
    await owner.comes_to(key, State.FAILED)
    await world.until(lambda: not world.raw_queue.messages, within=HOUR)
    return key


async def kept(world: Simulation, owner: Owner) -> VideoKey:
    key = await failed(world, owner)
    world.raw.remove(layout.raw_key(key))
    return key


Place = Callable[[Simulation, Owner], Awaitable[VideoKey]]


@pytest.mark.parametrize("place", [awaited, queued, running, published, failed, kept])
def test_a_video_can_be_deleted_wherever_it_is(place: Place) -> None:
    async def story() -> None:
        async with Simulation(transcode_seconds=1800) as world, world.replica():
            owner = Owner(world)
            key = await place(world, owner)
            assert await owner.wishes.delete(key) is State.DELETING
            assert await owner.state(key) in (State.DELETING, State.DELETED)
            begun = clock()
            await owner.comes_to(key, State.DELETED)
            await world.until(lambda: not world.raw_queue.messages, within=HOUR)
            assert clock() - begun < timedelta(minutes=3)
            assert (world.raw.keys(), world.final.keys("videos/"), world.tasks.live) == ((), (), ())
            assert await owner.wishes.delete(key) is State.DELETED
            assert not world.raw_queue.messages

    simulate(story)


def test_what_was_asked_for_twice_is_deleted_once() -> None:
    async def story() -> None:
        async with Simulation() as world, world.replica():
            owner = Owner(world)
            key = await running(world, owner)
            assert [await owner.wishes.delete(key), await owner.wishes.delete(key)] == [State.DELETING] * 2
            await owner.comes_to(key, State.DELETED)
            await world.until(lambda: not world.raw_queue.messages, within=HOUR)
            assert [o.code for o in (await world.records(key)).jobs[0].outcomes] == ["cancelled"]

    simulate(story)


def test_an_upload_that_arrives_after_its_video_was_deleted_goes_the_same_way() -> None:
    async def story() -> None:
        async with Simulation() as world, world.replica():
            owner = Owner(world)
            key = await awaited(world, owner)
            await owner.wishes.delete(key)
            await owner.comes_to(key, State.DELETED)
            world.raw.put(layout.raw_key(key), b"late")
            assert await owner.state(key) is State.DELETING
            await owner.comes_to(key, State.DELETED)
            assert not world.tasks.launched

    simulate(story)


def test_a_message_finds_the_replica_that_remembers_a_running_video() -> None:
    async def story() -> None:
        async with Simulation(transcode_seconds=3600) as world, world.replica():
            owner = Owner(world)
            key = await running(world, owner)
            await asyncio.sleep(90)
            await owner.wishes.delete(key)
            await world.until(lambda: not world.tasks.live, within=timedelta(seconds=45))

    simulate(story)


# --- again --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [failed, kept])
def test_a_failed_video_is_tried_again_with_fresh_budgets(place: Place) -> None:
    async def story() -> None:
        async with Simulation() as world, world.replica():
            owner = Owner(world)
            key = await place(world, owner)
            assert await owner.wishes.retry(key) is State.QUEUED
            assert await owner.state(key) is State.QUEUED, "told at once: whoever looks must not read of an end"
            await owner.comes_to(key, State.PUBLISHED)
            manifest = await world.manifest(key)
            assert manifest is not None
            assert str(manifest.number) == "2-1"
            await world.until(lambda: not world.raw_queue.messages, within=HOUR)

    simulate(story)


def test_asking_again_while_it_is_tried_again_changes_nothing() -> None:
    async def story() -> None:
        async with Simulation() as world, world.replica():
            owner = Owner(world)
            key = await failed(world, owner)
            assert [await owner.wishes.retry(key), await owner.wishes.retry(key)] == [State.QUEUED] * 2
            await world.until(lambda: bool(world.tasks.live), within=HOUR)
            await owner.wishes.retry(key)
            await owner.comes_to(key, State.PUBLISHED)
            assert [each.round for each in (await world.records(key)).jobs[0].rounds] == [2]
            with pytest.raises(NotFailed, match="published"):
                await owner.wishes.retry(key)

    simulate(story)


def test_a_retry_answers_the_dead_letter_that_somebody_else_sends_back() -> None:
    async def story() -> None:
        async with Simulation() as world, world.replica():
            owner = Owner(world)
            key = await failed(world, owner)
            world.will(key, refuse)
            await owner.wishes.retry(key)
            (letter,) = world.dead_letters.messages
            world.raw_queue.put(letter.body, attributes=letter.attributes)
            await owner.comes_to(key, State.FAILED)
            await world.until(lambda: not world.raw_queue.messages, within=HOUR)
            assert [each.round for each in (await world.records(key)).jobs[0].rounds] == [2]

    simulate(story)


def test_a_round_that_nobody_was_told_of_is_found_by_the_daily_look() -> None:
    async def story() -> None:
        async with Simulation() as world, world.replica():
            owner = Owner(world)
            key = await kept(world, owner)
            (job,) = (await world.records(key)).jobs
            await world.journal.write(Round(key=key, job=job.job, round=2, at=clock()))
            await world.until(lambda: bool(world.final.keys(layout.manifest_key(key))), within=timedelta(hours=40))

    simulate(story)


@pytest.mark.parametrize("place", [awaited, queued, running, published])
def test_only_a_failed_video_can_be_tried_again(place: Place) -> None:
    async def story() -> None:
        async with Simulation(transcode_seconds=600) as world, world.replica():
            owner = Owner(world)
            key = await place(world, owner)
            with pytest.raises(NotFailed, match="only a failed one"):
                await owner.wishes.retry(key)
            assert not any(job.rounds for job in (await world.records(key)).jobs)

    simulate(story)


def test_what_is_deleted_cannot_be_tried_again() -> None:
    async def story() -> None:
        async with Simulation() as world, world.replica():
            owner = Owner(world)
            key = await failed(world, owner)
            await owner.wishes.retry(key)
            await owner.wishes.delete(key)
            with pytest.raises(NotFailed, match="delet"):
                await owner.wishes.retry(key)
            await owner.comes_to(key, State.DELETED)

    simulate(story)


def test_without_the_kept_copy_there_is_nothing_to_try_again_with() -> None:
    async def story() -> None:
        async with Simulation() as world, world.replica():
            owner = Owner(world)
            key = await kept(world, owner)
            for copy in world.raw.keys("kept/"):
                world.raw.remove(copy)
            with pytest.raises(SourceExpired):
                await owner.wishes.retry(key)
            assert await owner.state(key) is State.FAILED
            assert not world.raw_queue.messages

    simulate(story)


def test_neither_wish_is_granted_for_a_video_that_never_was() -> None:
    async def story() -> None:
        async with Simulation() as world:
            owner = Owner(world)
            nobody = VideoKey(user_id="user", video_id="00000000-0000-0000-0000-000000000001")
            for wish in (owner.wishes.delete, owner.wishes.retry):
                with pytest.raises(VideoNotFound):
                    await wish(nobody)
            assert (world.final.keys(), world.raw_queue.messages) == ((), ())

    simulate(story)
