"""Everybody who is to be told is told, whatever dies on the way, and nobody is told what is not so."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.builders import TELLING
from tests.world import workers
from tests.world.loop import VirtualLoop, clock, simulate
from tests.world.receivers import MemoryReceiver
from tests.world.world import Simulation
from vidctl import events, layout
from vidctl.dispatch import Event
from vidctl.errors import NotTold, NotWanted
from vidctl.model import Upload, VideoKey
from vidctl.outbox_keys import OUTBOX_PREFIX, UNDELIVERED_PREFIX
from vidctl.records import Cancel

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def told(world: Simulation, name: str = "hook") -> list[str]:
    """Return the kinds of the events that a receiver was told, in order."""
    return [event.about.value for event in world.receivers[name].told]


async def settled(world: Simulation, *, within: timedelta = HOUR) -> None:
    """Wait until no message, task or dispatch is left; the raw object of a failed video stays."""
    await world.until(
        lambda: not (world.raw_queue.messages or world.tasks.live or world.final.keys(OUTBOX_PREFIX)), within=within
    )


async def cancel(world: Simulation, key: VideoKey) -> None:
    await world.journal.write(Cancel(key=key, at=clock()))
    upload = Upload(bucket=world.raw.bucket, key=key, etag="cancelled", size_bytes=1)
    world.raw_queue.put(events.write_upload(upload, layout.raw_key(key)))


def test_every_receiver_is_told_once_of_every_final_state() -> None:
    async def story() -> None:
        async with Simulation(policy=TELLING) as world, world.replica(), world.replica():
            key = world.upload()
            world.will(failed := world.upload(), workers.refuse)
            await settled(world)
            await cancel(world, key)
            await world.until(lambda: "video.deleted" in told(world), within=HOUR)
            await settled(world)
            await asyncio.sleep(6 * 3600)
            for name in world.receivers:
                assert sorted(told(world, name)) == ["video.deleted", "video.failed", "video.published"]
            by_video = [json.loads(event.body) for event in world.receivers["hook"].told]
            mine = [event for event in by_video if event["video_id"] == key.video_id]
            assert [event["type"] for event in mine] == ["video.published", "video.deleted"]
            assert mine[0]["sequence"] < mine[1]["sequence"]
            assert [output["name"] for output in mine[0]["data"]["outputs"]]
            (failure,) = [event["data"] for event in by_video if event["video_id"] == failed.video_id]
            assert (failure["class"], failure["code"]) == ("permanent", "not_a_video")

    simulate(story)


def test_what_was_settled_before_anybody_was_to_be_told_is_not_told() -> None:
    async def story() -> None:
        async with Simulation() as world:
            async with world.replica():
                key = world.upload()
                world.will(world.upload(), workers.refuse)
                await settled(world)
            world.policy = TELLING
            world.receivers = {name: MemoryReceiver(name, witness=world.watch) for name in TELLING.telling.receivers}
            async with world.replica():
                await asyncio.sleep(1.5 * DAY.total_seconds())
                assert told(world) == []
                await cancel(world, key)
                await world.until(lambda: told(world) == ["video.deleted"], within=HOUR)

    simulate(story)


class Down(MemoryReceiver):
    """Does not answer until ``back`` is set; then it may be gone."""

    def __init__(self, name: str, *, gone: bool = False, seconds: float = 10) -> None:
        super().__init__(name)
        self.back = asyncio.Event()
        self.asked: Counter[str] = Counter()
        self._gone = gone
        self._seconds = seconds

    async def tell(self, event: Event) -> None:
        self.asked[event.id] += 1
        if not self.back.is_set():
            await asyncio.sleep(self._seconds)
            raise NotTold("no answer", reason="timeout")
        if self._gone:
            raise NotWanted("410")
        await super().tell(event)


def test_a_receiver_that_is_down_is_told_when_it_is_back_and_delays_no_other() -> None:
    async def story() -> None:
        async with Simulation(policy=TELLING) as world:
            world.receivers["hook"] = down = Down("hook")
            async with world.replica(), world.replica():
                for _ in range(20):
                    world.upload()
                await world.until(lambda: len(world.receivers["bus"].told) == 20, within=HOUR)
                await world.until(world.settled, within=timedelta(minutes=5))
                await asyncio.sleep(10 * 3600)
                assert max(down.asked.values()) < 25, "it is hammered"
                assert down.told == []
                down.back.set()
                await settled(world, within=2 * HOUR)
            assert Counter(told(world)) == {"video.published": 20}
            assert len({event.id for event in down.told}) == 20

    simulate(story)


def test_what_fails_for_a_day_is_given_up_and_kept() -> None:
    async def story() -> None:
        async with Simulation(policy=TELLING) as world:
            world.receivers["hook"] = down = Down("hook")
            async with world.replica():
                world.upload()
                await world.until(lambda: bool(world.final.keys(UNDELIVERED_PREFIX)), within=DAY + 2 * HOUR)
                assert clock() - world.receivers["bus"].told[0].at > DAY
                assert world.final.keys(OUTBOX_PREFIX) == ()
                assert world.metric("vidctl_notices_given_up_total", reason="expired") == 1
                asked = down.asked.total()
                await asyncio.sleep(DAY.total_seconds())
                assert down.asked.total() == asked

    simulate(story)


def test_a_receiver_that_is_gone_for_good_is_given_up_at_once() -> None:
    async def story() -> None:
        async with Simulation(policy=TELLING) as world:
            world.receivers["hook"] = gone = Down("hook", gone=True)
            gone.back.set()
            async with world.replica():
                world.upload()
                await settled(world)
                assert len(world.final.keys(UNDELIVERED_PREFIX)) == 1
                assert gone.asked.total() == 1
                assert told(world, "bus") == ["video.published"]

    simulate(story)


def test_what_lies_there_for_a_receiver_that_nobody_knows_is_given_up_in_the_end() -> None:
    async def story() -> None:
        async with Simulation(policy=TELLING) as world:
            world.receivers["hook"] = Down("hook")
            async with world.replica():
                world.upload()
                await world.until(lambda: told(world, "bus") == ["video.published"], within=HOUR)
            world.policy = replace(TELLING, telling=replace(TELLING.telling, receivers=("bus",)))
            del world.receivers["hook"]
            async with world.replica():
                await asyncio.sleep(12 * 3600)
                assert len(world.final.keys(OUTBOX_PREFIX)) == 1
                await world.until(lambda: not world.final.keys(OUTBOX_PREFIX), within=DAY)
                assert len(world.final.keys(UNDELIVERED_PREFIX)) == 1

    simulate(story)


def test_one_that_dies_after_claiming_is_relieved_when_its_lease_ends_and_not_before() -> None:
    async def story() -> None:
        async with Simulation(policy=replace(TELLING, telling=replace(TELLING.telling, receivers=("hook",)))) as world:
            world.receivers["hook"] = down = Down("hook", seconds=30)
            async with world.killed_replica():
                world.upload()
                await world.until(lambda: down.asked.total() == 1, within=HOUR)
            claimed = clock()
            down.back.set()
            async with world.replica():
                await world.until(lambda: told(world) == ["video.published"], within=HOUR)
                assert TELLING.telling.backoff <= clock() - claimed <= timedelta(minutes=4)

    simulate(story)


@asynccontextmanager
async def steps_noted(world: Simulation, noted: list[int]) -> AsyncIterator[None]:
    """Note the loop's steps at the publication and when both receivers were told."""
    loop, writing = asyncio.get_running_loop(), world.watch.writing
    assert isinstance(loop, VirtualLoop)

    def note(bucket: str, key: str, body: bytes) -> None:
        writing(bucket, key, body)
        if key.endswith("/manifest.json"):
            noted.append(loop.steps)

    world.watch.writing = note  # type: ignore[method-assign]
    yield
    noted.append(loop.steps)


def steps_between_publication_and_telling() -> range:
    noted: list[int] = []

    async def story() -> None:
        async with Simulation(policy=TELLING) as world, world.replica(), steps_noted(world, noted):
            world.upload()
            await world.until(lambda: all(receiver.told for receiver in world.receivers.values()), within=HOUR)

    simulate(story)
    return range(noted[0], noted[-1] + 2)


PARTS = 4


@pytest.mark.parametrize("part", range(PARTS))
def test_killed_at_any_await_between_publishing_and_telling_everybody_is_told_by_the_next(part: int) -> None:
    steps = steps_between_publication_and_telling()
    assert len(steps) > 20

    async def story(step: int) -> None:
        async with Simulation(policy=TELLING) as world:
            loop, killed = asyncio.get_running_loop(), asyncio.Event()
            assert isinstance(loop, VirtualLoop)
            loop.after(step - loop.steps, killed.set)
            async with world.killed_replica():
                world.upload()
                await killed.wait()
            async with world.replica():
                await settled(world)
                await asyncio.sleep(600)
            for name in world.receivers:
                assert set(told(world, name)) == {"video.published"}, step
                assert len({event.id for event in world.receivers[name].told}) == 1, step

    for step in steps[part::PARTS]:
        simulate(lambda step=step: story(step))  # type: ignore[misc]
