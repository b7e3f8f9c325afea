"""The workqueue keeps client-go's contract; its time is the loop's."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry

from tests.world.loop import simulate
from vidctl.metrics import Metrics
from vidctl.reconciler.workqueue import LONGEST_BACKOFF, Closed, WorkQueue, watch


def queue(metrics: Metrics | None = None) -> WorkQueue[str]:
    metrics = metrics or Metrics(CollectorRegistry())
    made: WorkQueue[str] = WorkQueue(metrics, randomness=random.Random(1))
    watch(metrics, "videos", made)
    return made


def value(metrics: Metrics, name: str) -> float | None:
    return metrics.registry.get_sample_value(f"vidctl_workqueue_{name}", {"name": "videos"})


def now() -> float:
    return asyncio.get_running_loop().time()


async def idle(work: WorkQueue[str]) -> None:
    """Show that nothing is handed out for a while, long after whatever was asked for."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1000):
            await work.get()


def test_additions_are_folded() -> None:
    async def story() -> None:
        metrics = Metrics(CollectorRegistry())
        work = queue(metrics)
        for _ in range(3):
            work.add("a")
        assert await work.get() == "a"
        work.done("a")
        assert len(work) == 0
        assert value(metrics, "adds_total") == 1
        await idle(work)

    simulate(story)


def test_a_key_is_in_one_pass_at_a_time_and_gets_another_if_added_meanwhile() -> None:
    async def story() -> None:
        work = queue()
        work.add("a")
        assert await work.get() == "a"
        work.add("a")
        await idle(work)
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
        await idle(work)

    simulate(story)


def test_a_key_that_is_due_again_while_its_overtaken_delay_passes_is_handed_out_once() -> None:
    async def story() -> None:
        work = queue()
        work.add_after("a", timedelta(seconds=50))
        work.add("a")
        assert await work.get() == "a"
        await asyncio.sleep(60)
        work.add_after("b", timedelta(0))
        began = now()
        assert await work.get() == "b", "the delay of a key in its pass is nobody's turn"
        assert now() - began < 0.001
        work.done("a")
        work.done("b")
        await idle(work)

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


def test_errors_back_off_doubling_to_a_cap_and_waiting_or_settling_forgets_them() -> None:
    async def wait(work: WorkQueue[str]) -> float:
        work.retry("a")
        began = now()
        await work.get()
        work.done("a")
        return now() - began

    async def story() -> None:
        work = queue()
        for failures in range(15):
            whole = min(0.2 * 2**failures, LONGEST_BACKOFF)
            assert whole / 2 <= await wait(work) <= whole + 0.001
        began = now()
        work.add_after("a", timedelta(0))
        await work.get()
        assert now() - began < 0.001
        work.done("a")
        assert await wait(work) <= 0.201
        assert await wait(work) >= 0.2
        work.forget("a")
        assert await wait(work) <= 0.201
        assert len(work._failures) == 1

    simulate(story)


def test_keys_that_failed_together_come_back_apart() -> None:
    async def story() -> None:
        work = queue()
        for n in range(200):
            work.retry(str(n))
        times = []
        for _ in range(200):
            work.done(await work.get())
            times.append(now())
        assert times[0] == pytest.approx(0.1, abs=0.005)
        assert times[100] == pytest.approx(0.15, abs=0.01)
        assert times[-1] == pytest.approx(0.2, abs=0.005)

    simulate(story)


def test_a_queue_tells_what_is_due_what_waits_and_how_long_passes_take() -> None:
    async def story() -> None:
        metrics = Metrics(CollectorRegistry())
        work = queue(metrics)
        work.add("at work")
        work.add("due")
        work.add_after("later", timedelta(seconds=100))
        await asyncio.sleep(1)
        assert await work.get() == "at work"
        work.add("at work")
        await asyncio.sleep(2)
        assert len(work) == 3
        assert all(key in work for key in ("at work", "due", "later"))
        assert "other" not in work
        assert value(metrics, "depth") == work.ready() == 1
        assert value(metrics, "longest_running_processor_seconds") == work.longest_running() == pytest.approx(2)
        work.done("at work")
        assert value(metrics, "longest_running_processor_seconds") == 0
        assert value(metrics, "work_duration_seconds_sum") == pytest.approx(2, abs=0.001)
        assert value(metrics, "queue_duration_seconds_sum") == pytest.approx(1, abs=0.001)
        assert value(metrics, "depth") == 2

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
