from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.world.calls import Calls
from tests.world.objects import MemoryObjects
from vidctl import codec, layout
from vidctl.errors import PreconditionFailed, Unavailable, UnknownVersion
from vidctl.journal import JSON, Journal, Published
from vidctl.layout import RecordName
from vidctl.model import AttemptNumber, FailureClass, Source, VideoKey
from vidctl.records import Cancel, Dead, Kept, Manifest, Outcome, Record, Round

AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
KEY = VideoKey(user_id="alice", video_id="0193b5a0-0000-8000-8000-000000000000")
OTHER = replace(KEY, user_id="alicia")
JOB, SECOND = "a" * 26, "b" * 26
SOURCE = Source(key=layout.raw_key(KEY), etag="e", size_bytes=1, last_modified=AT, upload_etag="e")
MANIFEST = Manifest(
    key=KEY, job=JOB, number=AttemptNumber(1, 1), source_etag="e", uploaded_at=AT, published_at=AT, outputs=()
)


@pytest.fixture
def calls() -> Calls:
    return Calls()


@pytest.fixture
def objects(calls: Calls) -> MemoryObjects:
    return MemoryObjects("final", clock=lambda: AT, around=calls.around)


@pytest.fixture
def journal(objects: MemoryObjects) -> Journal:
    return Journal(objects)


def outcome(n: int, *, round_: int = 1, job: str = JOB, key: VideoKey = KEY) -> Outcome:
    number = AttemptNumber(round_, n)
    return Outcome(key=key, job=job, number=number, at=AT, failure=FailureClass.APP, code="exit_1")


def dead(round_: int) -> Dead:
    return Dead(
        key=KEY,
        job=JOB,
        round=round_,
        at=AT,
        failure=FailureClass.APP,
        code="exit_1",
        detail="",
        attempts=3,
        source=SOURCE,
    )


async def test_a_video_without_records_has_none(journal: Journal) -> None:
    records = await journal.records(KEY)
    assert (records.jobs, records.cancel, records.unreadable) == ((), None, ())


async def test_records_are_gathered_by_job_in_the_order_of_their_numbers(journal: Journal) -> None:
    kept = Kept(key=KEY, job=SECOND, at=AT, source=SOURCE)
    cancel = Cancel(key=KEY, at=AT)
    written: tuple[Record, ...] = (
        outcome(10),
        outcome(2),
        outcome(1, round_=2),
        dead(2),
        dead(1),
        Round(key=KEY, job=JOB, round=2, at=AT),
        kept,
        cancel,
    )
    for record in written:
        await journal.write(record)
    records = await journal.records(KEY)
    assert [job.job for job in records.jobs] == [JOB, SECOND]
    first, second = records.jobs
    assert first.outcomes == (outcome(2), outcome(10), outcome(1, round_=2))
    assert first.deads == (dead(1), dead(2))
    assert (first.round, first.dead) == (2, dead(2))
    assert (second.kept, records.cancel) == (kept, cancel)


async def test_the_records_of_another_video_stay_its_own(journal: Journal) -> None:
    await journal.write(outcome(1, key=OTHER))
    assert (await journal.records(KEY)).jobs == ()


async def test_a_record_is_written_once(journal: Journal) -> None:
    await journal.write(outcome(1))
    with pytest.raises(PreconditionFailed):
        await journal.write(replace(outcome(1), code="other"))
    assert (await journal.records(KEY)).job(JOB).outcomes == (outcome(1),)


async def test_a_record_is_read_once(journal: Journal, calls: Calls) -> None:
    await journal.write(outcome(1))
    for _ in range(3):
        assert (await journal.records(KEY)).job(JOB).outcomes == (outcome(1),)
    assert (calls.made["objects.get"], calls.made["objects.list"]) == (1, 3)
    await journal.write(outcome(2))
    assert (await journal.records(KEY)).job(JOB).outcomes == (outcome(1), outcome(2))
    assert calls.made["objects.get"] == 2


async def test_a_read_that_fails_is_told_as_it_is_and_ends_the_others(journal: Journal, objects: MemoryObjects) -> None:
    await journal.write(outcome(1))
    await journal.write(outcome(2))
    waits, ended = asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def one_fails(operation: str) -> AsyncIterator[None]:
        if operation == "objects.get" and waits.is_set():
            raise Unavailable("no answer")
        if operation == "objects.get":
            waits.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()
        yield

    with pytest.raises(Unavailable):
        await Journal(objects.through(one_fails)).records(KEY)

    assert ended.is_set()


async def test_the_oldest_read_is_forgotten_first(objects: MemoryObjects, calls: Calls) -> None:
    journal = Journal(objects, capacity=1)
    for key in (KEY, OTHER):
        await journal.write(outcome(1, key=key))
    for key in (KEY, OTHER, OTHER, KEY):
        assert (await journal.records(key)).job(JOB).outcomes == (outcome(1, key=key),)
    assert calls.made["objects.get"] == 3


async def test_a_record_of_another_version_is_named_and_asked_again(objects: MemoryObjects, journal: Journal) -> None:
    await journal.write(outcome(1))
    newer = layout.record_key(KEY, RecordName("result", JOB, 1, 1))
    unknown = layout.record_key(KEY, RecordName("omen", JOB))
    objects.put(newer, b'{"v": 2, "kind": "result"}')
    objects.put(unknown, b'{"v": 1, "kind": "omen"}')
    objects.put(f"{layout.records_prefix(KEY)}notes.txt", b"")
    for _ in range(2):
        records = await journal.records(KEY)
        assert records.unreadable == tuple(sorted((newer, unknown, f"{layout.records_prefix(KEY)}notes.txt")))
        assert records.job(JOB).outcomes == (outcome(1),)


async def test_a_broken_record_is_named_and_hides_no_other(objects: MemoryObjects, journal: Journal) -> None:
    await journal.write(outcome(1))
    broken = layout.record_key(KEY, RecordName("outcome", JOB, 1, 2))
    objects.put(broken, b"{broken")
    records = await journal.records(KEY)
    assert records.unreadable == (broken,)
    assert records.job(JOB).outcomes == (outcome(1),)


async def test_there_is_no_manifest_before_the_publication(journal: Journal) -> None:
    assert await journal.manifest(KEY) is None


async def test_one_publication_wins(journal: Journal, objects: MemoryObjects) -> None:
    await journal.publish(MANIFEST, replacing=None)
    with pytest.raises(PreconditionFailed):
        await journal.publish(replace(MANIFEST, job=SECOND), replacing=None)
    stat = objects.stat(layout.manifest_key(KEY))
    assert stat is not None
    assert stat.content_type == JSON
    assert await journal.manifest(KEY) == Published(manifest=MANIFEST, etag=stat.etag)


async def test_a_later_publication_replaces_the_one_that_it_saw(journal: Journal) -> None:
    await journal.publish(MANIFEST, replacing=None)
    seen = await journal.manifest(KEY)
    assert seen is not None
    later = replace(MANIFEST, job=SECOND)
    await journal.publish(later, replacing=seen.etag)
    with pytest.raises(PreconditionFailed):
        await journal.publish(MANIFEST, replacing=seen.etag)
    found = await journal.manifest(KEY)
    assert found is not None
    assert found.manifest == later


async def test_a_publication_that_is_gone_cannot_be_replaced(journal: Journal, objects: MemoryObjects) -> None:
    await journal.publish(MANIFEST, replacing=None)
    seen = await journal.manifest(KEY)
    assert seen is not None
    objects.remove(layout.manifest_key(KEY))
    with pytest.raises(PreconditionFailed):
        await journal.publish(MANIFEST, replacing=seen.etag)
    assert await journal.manifest(KEY) is None


async def test_a_manifest_of_another_version_is_not_guessed(journal: Journal, objects: MemoryObjects) -> None:
    objects.put(layout.manifest_key(KEY), codec.encode(MANIFEST).replace(b'"v": 1', b'"v": 2'))
    with pytest.raises(UnknownVersion):
        await journal.manifest(KEY)
