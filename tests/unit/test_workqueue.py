"""The workqueue keeps client-go's contract; its time is the loop's."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from itertools import pairwise

import pytest
from prometheus_client import CollectorRegistry

from tests.world.loop import simulate
from vidctl.metrics import Metrics
from vidctl.reconciler.workqueue import LONGEST_BACKOFF, Closed, WorkQueue


def queue() -> WorkQueue[str]:
    return WorkQueue(Metrics(CollectorRegistry()), randomness=random.Random(1))


def now() -> float:
    return asyncio.get_running_loop().time()


def test_additions_are_folded() -> None:
    async def story() -> None:
        work = queue()
        for _ in range(3):
            work.add("a")
        assert await work.get() == "a"
        work.done("a")
        assert len(work) == 0

    simulate(story)


def test_a_key_is_in_one_pass_at_a_time_and_gets_another_if_added_meanwhile() -> None:
    async def story() -> None:
        work = queue()
        work.add("a")
        assert await work.get() == "a"
        work.add("a")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(100):
                await work.get()
        work.done("a")
        assert await work.get() == "a"

    simulate(story)


def test_the_smallest_delay_wins() -> None:
    async def story() -> None:
        work = queue()
        work.add_after("a", timedelta(seconds=100))
        work.add_after("a", timedelta(seconds=5))
        work.add_after("a", timedelta(seconds=50))
        assert await work.get() == "a"
        assert now() == pytest.approx(5, abs=0.001)
        work.done("a")
        assert len(work) == 0

    simulate(story)


def test_a_worker_that_sleeps_until_a_late_key_is_woken_by_a_sooner_one() -> None:
    async def story() -> None:
        work = queue()
        work.add_after("late", timedelta(seconds=100))
        waiting = asyncio.ensure_future(work.get())
        await asyncio.sleep(1)
        work.add("soon")
        assert await waiting == "soon"
        assert now() == pytest.approx(1, abs=0.001)

    simulate(story)


def test_no_worker_sleeps_through_work_when_many_keys_come_at_once() -> None:
    async def story() -> None:
        work = queue()
        workers = [asyncio.ensure_future(work.get()) for _ in range(5)]
        await asyncio.sleep(1)
        for key in "abcde":
            work.add(key)
        assert sorted(await asyncio.gather(*workers)) == list("abcde")
        assert now() == pytest.approx(1, abs=0.001)

    simulate(story)


def test_errors_back_off_to_a_cap_and_waiting_forgets_the_backoff() -> None:
    async def story() -> None:
        work = queue()
        waits = []
        for _ in range(15):
            work.retry("a")
            began = now()
            await work.get()
            waits.append(now() - began)
            work.done("a")
        assert waits[0] <= 0.2
        assert all(later > sooner / 2 for sooner, later in pairwise(waits))
        assert LONGEST_BACKOFF / 2 <= waits[-1] <= LONGEST_BACKOFF
        work.add_after("a", timedelta(0))
        await work.get()
        work.done("a")
        work.retry("a")
        began = now()
        await work.get()
        assert now() - began <= 0.2

    simulate(story)


def test_a_closed_queue_ends_its_workers_and_hands_nothing_out() -> None:
    async def story() -> None:
        work = queue()
        waiting = asyncio.ensure_future(work.get())
        await asyncio.sleep(1)
        work.add("a")
        work.close()
        with pytest.raises(Closed):
            await waiting

    simulate(story)


def test_ten_thousand_keys_leave_nothing_behind() -> None:
    async def story() -> None:
        work = queue()
        for n in range(10_000):
            work.add_after(str(n), timedelta(seconds=n % 7))
        for _ in range(10_000):
            work.done(await work.get())
        assert len(work) == 0
        assert not work._heap
        assert not work._failures

    simulate(story)
