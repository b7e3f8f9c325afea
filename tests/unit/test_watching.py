"""Many follow one video, and it is looked at once: on virtual time."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry

from tests.world.loop import simulate
from vidctl.errors import Unavailable, VidctlError
from vidctl.history import History, State
from vidctl.http.videos.histories import VideoNotFound
from vidctl.http.videos.watching import Watch, Watches, pause
from vidctl.metrics import Metrics
from vidctl.model import VideoKey

SHORTEST = timedelta(seconds=2)
QUEUED = History(state=State.QUEUED, timeline=(), attempts=(), progress=None, outputs=())
RUNNING = History(state=State.RUNNING, timeline=(), attempts=(), progress=0.5, outputs=())
PUBLISHED = History(state=State.PUBLISHED, timeline=(), attempts=(), progress=1.0, outputs=())
FIRST, SECOND = (VideoKey(user_id="ada", video_id=f"00000000-0000-0000-0000-00000000000{n}") for n in (1, 2))


class Told:
    """Stands in for what is read of the buckets."""

    def __init__(self) -> None:
        self.now: History | VidctlError | ZeroDivisionError = QUEUED
        self.looks: Counter[VideoKey] = Counter()

    async def history(self, key: VideoKey) -> History:
        await asyncio.sleep(0.05)
        self.looks[key] += 1
        if isinstance(self.now, Exception):
            raise self.now
        return self.now


def watches(told: Told) -> Watches:
    return Watches(histories=told, shortest=SHORTEST, metrics=Metrics(CollectorRegistry()))  # type: ignore[arg-type]


async def follow(all_: Watches, key: VideoKey) -> list[str]:
    """Follow a video to its end; return the states that were told."""
    async with all_.following(key) as watch:
        known = await watch.first()
        heard = [str(known.state)]
        while not watch.over:
            await watch.change(known)
            if watch.latest is not None and watch.latest is not known:
                known = watch.latest
                heard.append(str(known.state))
        return heard


@pytest.mark.parametrize(("quiet", "seconds"), [(0, 2), (16, 2), (40, 5), (120, 15), (9999, 15)])
def test_the_longer_nothing_happens_the_longer_is_the_pause(quiet: float, seconds: float) -> None:
    assert pause(timedelta(seconds=quiet), SHORTEST) == timedelta(seconds=seconds)


def test_a_hundred_that_follow_cost_as_many_looks_as_one() -> None:
    async def story() -> None:
        told = Told()
        all_ = watches(told)
        one = asyncio.ensure_future(follow(all_, FIRST))
        many = [asyncio.ensure_future(follow(all_, SECOND)) for _ in range(100)]
        await asyncio.sleep(60)
        told.now = RUNNING
        await asyncio.sleep(60)
        told.now = PUBLISHED
        heard = [await each for each in (one, *many)]
        assert heard == [["queued", "running", "published"]] * 101
        assert told.looks[FIRST] == told.looks[SECOND]

    simulate(story)


def test_nobody_looks_once_nobody_follows() -> None:
    async def story() -> None:
        told = Told()
        all_ = watches(told)
        followers = [asyncio.ensure_future(follow(all_, FIRST)) for _ in range(3)]
        await asyncio.sleep(10)
        for follower in followers:
            follower.cancel()
        await asyncio.wait(followers)
        looks = told.looks[FIRST]
        await asyncio.sleep(600)
        assert told.looks[FIRST] == looks
        assert not all_._watches

    simulate(story)


def test_what_cannot_be_read_for_a_while_is_waited_for() -> None:
    async def story() -> None:
        told = Told()
        following = asyncio.ensure_future(follow(watches(told), FIRST))
        await asyncio.sleep(10)
        told.now = Unavailable("no answer")
        await asyncio.sleep(60)
        assert not following.done()
        told.now = PUBLISHED
        assert await following == ["queued", "published"]

    simulate(story)


@pytest.mark.parametrize("error", [Unavailable("no answer"), VideoNotFound("You have no such video.")])
def test_what_cannot_be_read_at_first_is_told_to_all_and_tried_again_by_the_next(error: VidctlError) -> None:
    async def story() -> None:
        told = Told()
        told.now = error
        all_ = watches(told)
        tries = await asyncio.gather(*(follow(all_, FIRST) for _ in range(5)), return_exceptions=True)
        assert tries == [error] * 5
        assert told.looks[FIRST] == 1
        told.now = PUBLISHED
        assert await follow(all_, FIRST) == ["published"]

    simulate(story)


def test_a_video_that_is_no_more_ends_its_watch() -> None:
    async def story() -> None:
        told = Told()
        following = asyncio.ensure_future(follow(watches(told), FIRST))
        await asyncio.sleep(10)
        told.now = VideoNotFound("You have no such video.")
        assert await following == ["queued"]

    simulate(story)


def test_a_defect_sends_everybody_away() -> None:
    async def story() -> None:
        told = Told()
        told.now = ZeroDivisionError()
        with pytest.raises(Unavailable):
            await follow(watches(told), FIRST)

    simulate(story)


def test_at_the_end_of_the_process_everybody_is_sent_away_at_once() -> None:
    async def story() -> None:
        all_ = watches(Told())
        followers = [asyncio.ensure_future(follow(all_, key)) for key in (FIRST, FIRST, SECOND)]
        await asyncio.sleep(10)
        all_.close()
        await asyncio.wait_for(asyncio.gather(*followers), 0.1)

    simulate(story)


def test_a_follower_that_comes_after_the_end_looks_anew() -> None:
    async def story() -> None:
        told = Told()
        told.now = PUBLISHED
        all_ = watches(told)
        async with all_.following(FIRST) as watch:
            assert isinstance(watch, Watch)
            await watch.first()
            await asyncio.sleep(1)
            told.now = QUEUED
            async with all_.following(FIRST) as later:
                assert (await later.first()).state is State.QUEUED
            assert told.looks[FIRST] == 2

    simulate(story)
