"""A burst of one user beside the single upload of another, through the whole reconciler on virtual time."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.world.loop import simulate
from tests.world.world import Simulation
from vidctl.model import VideoKey
from vidctl.reconciler.fairness import MOST_RECEIVES
from vidctl.reconciler.limits import Limits

HOUR = timedelta(hours=1)
BOUND = timedelta(minutes=4)
"""Until a single upload has its slot: the burst is searched for its message, and one of a few short jobs must end."""


def launched(world: Simulation) -> Counter[str]:
    """Count the tasks of each user."""
    return Counter(key.user_id for key in started(world))


def started(world: Simulation) -> list[VideoKey]:
    return [task.job.key for task in world.tasks.launched if task.job is not None]


def test_a_single_upload_does_not_wait_for_the_burst_before_it() -> None:
    async def story() -> None:
        async with Simulation(limits=Limits(slots=4, waiting_room=8)) as world, world.replica():
            for number in range(100):
                world.upload(f"burst {number}".encode(), user="crowd")
            await asyncio.sleep(300)
            single = world.upload(b"single", user="ada")
            await world.until(lambda: single in started(world), within=BOUND)
            # Most of the burst is still to be done, and none of it is lost.
            assert launched(world)["crowd"] < 50
            await world.until(world.settled, within=12 * HOUR)
            assert launched(world) == {"crowd": 100, "ada": 1}
            assert not world.dead_letters.messages

    simulate(story)


def test_users_take_turns_whoever_came_first() -> None:
    async def story() -> None:
        async with Simulation(limits=Limits(slots=2, waiting_room=40)) as world, world.replica():
            for number in range(12):
                world.upload(f"first {number}".encode(), user="first")
            await asyncio.sleep(30)
            for number in range(6):
                world.upload(f"second {number}".encode(), user="second")
            await world.until(lambda: launched(world)["second"] == 6, within=HOUR)
            assert launched(world)["first"] <= 10
            await world.until(world.settled, within=HOUR)

    simulate(story)


def test_one_user_has_no_more_slots_than_he_may_though_others_stand_empty() -> None:
    async def story() -> None:
        limits = Limits(slots=6, slots_per_user=2, waiting_room=30)
        async with Simulation(limits=limits) as world, world.replica():
            for number in range(10):
                world.upload(f"crowd {number}".encode(), user="crowd")
            most = 0
            for _ in range(240):
                await asyncio.sleep(1)
                most = max(most, len(world.tasks.live))
            assert most == 2
            await world.until(world.settled, within=HOUR)

    simulate(story)


@pytest.mark.parametrize(("received", "held"), [(0, 1), (MOST_RECEIVES - 2, 1), (MOST_RECEIVES, 2)])
def test_a_message_is_not_handed_back_until_the_queue_gives_it_up(received: int, held: int) -> None:
    async def story() -> None:
        limits = Limits(slots=1, waiting_room=1)
        async with Simulation(limits=limits, transcode_seconds=3600) as world, world.replica() as replica:
            world.upload(b"first", user="crowd")
            await world.until(lambda: len(replica.holds) == 1, within=HOUR)
            world.upload(b"second", user="crowd")
            last = world.raw_queue.messages[-1]
            world.raw_queue._messages[last.message_id] = replace(last, receive_count=received)
            await asyncio.sleep(20)
            assert len(replica.holds) == held

    simulate(story)
