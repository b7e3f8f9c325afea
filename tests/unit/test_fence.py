"""The worker asks whether it is still wanted: what stops an attempt, and what does not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from tests import builders as b
from tests.world.loop import clock, simulate
from tests.world.objects import MemoryObjects
from vidctl import layout
from vidctl.errors import Unavailable
from vidctl.journal import Journal
from vidctl.layout import RecordName
from vidctl.records import Manifest, Record
from vidctl.worker.fence import Fence, Superseded, superseded

OTHER_JOB = "a" * 26


@pytest.mark.parametrize(
    ("records", "manifest", "why"),
    [
        ((b.intent(2), b.intent(3)), None, "attempt 1-3 was begun"),
        ((b.intent(2), b.intent(1, round_=2)), None, "attempt 2-1 was begun"),
        ((b.intent(2), b.dead()), None, "the job was given up"),
        ((b.intent(2), b.cancel()), None, "the owner cancelled the video"),
        ((b.intent(2),), b.manifest(1), "attempt 1-1 was published"),
        ((b.intent(2),), b.manifest(2), "attempt 1-2 was published"),
    ],
)
def test_an_attempt_that_nobody_waits_for_is_superseded(
    records: tuple[Record, ...], manifest: Manifest | None, why: str
) -> None:
    assert superseded(b.job_spec(2), b.records(*records), manifest) == why


@pytest.mark.parametrize(
    ("records", "manifest"),
    [
        ((), None),
        ((b.intent(1), b.outcome(1), b.intent(2)), None),
        # Given up for lost, it may still be the first to finish.
        ((b.intent(2), b.outcome(2)), None),
        ((replace(b.intent(3), job=OTHER_JOB), replace(b.dead(), job=OTHER_JOB)), None),
        # The publication of the upload before this one.
        ((b.intent(2),), b.manifest(1, job=OTHER_JOB)),
    ],
)
def test_an_attempt_is_wanted_until_something_overtakes_it(
    records: tuple[Record, ...], manifest: Manifest | None
) -> None:
    assert superseded(b.job_spec(2), b.records(*records), manifest) is None


@pytest.mark.parametrize(
    ("name", "why"),
    [
        (RecordName("intent", b.JOB, 1, 3), "attempt 1-3 was begun"),
        (RecordName("intent", b.JOB, 2, 1), "attempt 2-1 was begun"),
        (RecordName("dead", b.JOB, 1), "the job was given up"),
        (RecordName("cancel", None), "the owner cancelled the video"),
        (RecordName("intent", b.JOB, 1, 2), None),
        (RecordName("outcome", b.JOB, 1, 2), None),
        (RecordName("intent", OTHER_JOB, 1, 3), None),
    ],
)
def test_a_record_of_a_newer_version_stops_an_attempt_by_its_name(name: RecordName, why: str | None) -> None:
    written = b.records(b.intent(2), unreadable=(layout.record_key(b.KEY, name), "jobs/of-no-known-scheme"))
    assert superseded(b.job_spec(2), written, None) == why


def test_a_manifest_that_cannot_be_read_hides_no_later_attempt() -> None:
    async def story() -> None:
        bucket = MemoryObjects(b.FINAL, clock=clock)
        bucket.put(layout.manifest_key(b.KEY), b'{"v": 2, "kind": "manifest"}')
        await Journal(bucket).write(b.intent(3))
        with pytest.raises(Superseded, match="attempt 1-3 was begun"):
            await Fence(job=b.job_spec(2), journal=Journal(bucket)).check()

    simulate(story)


def test_the_death_of_the_round_before_stops_no_attempt_of_a_redrive() -> None:
    written = b.records(b.dead(), b.opened(), b.intent(1, round_=2))
    assert superseded(b.job_spec(1, round_=2), written, None) is None
    assert superseded(b.job_spec(3, round_=1), written, None) == "the job was given up"


def test_it_is_asked_again_and_again_and_a_blind_look_stops_nobody() -> None:
    async def story() -> None:
        blind = False

        @asynccontextmanager
        async def around(_operation: str) -> AsyncIterator[None]:
            if blind:
                raise Unavailable("no answer")
            yield

        bucket = MemoryObjects(b.FINAL, clock=clock)
        journal = Journal(bucket)
        fence = Fence(job=b.job_spec(1), journal=Journal(bucket.through(around)))
        watching = asyncio.ensure_future(fence.watch(every=timedelta(seconds=60)))
        await asyncio.sleep(130)
        blind = True
        await journal.write(b.intent(2))
        await asyncio.sleep(3600)
        assert not watching.done()
        blind = False
        await asyncio.sleep(61)
        with pytest.raises(Superseded, match="attempt 1-2 was begun"):
            await watching

    simulate(story)
