from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.world.calls import Calls
from tests.world.objects import MemoryObjects
from vidctl import codec, layout
from vidctl.errors import PreconditionFailed, UnknownVersion
from vidctl.ledger import JSON, Ledger
from vidctl.model import VideoKey
from vidctl.tickets import Ticket, Way

AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def calls() -> Calls:
    return Calls()


@pytest.fixture
def objects(calls: Calls) -> MemoryObjects:
    return MemoryObjects("final", clock=lambda: AT, around=calls.around)


def ticket(minutes: int, *, user: str = "ada") -> Ticket:
    """Return a ticket that was handed out so long after the first."""
    at = AT + minutes * MINUTE
    key = VideoKey(user_id=user, video_id=layout.mint_video_id(user, at, b"1234"))
    return Ticket(key=key, at=at, way=Way.PUT, content_type="video/mp4", filename="ünï 🎬.mp4", size_bytes=7)


async def noted(objects: MemoryObjects, *tickets: Ticket) -> Ledger:
    """Return a ledger that has read nothing yet, over a store with these tickets."""
    for written in tickets:
        await Ledger(objects).note(written)
    return Ledger(objects)


async def test_a_ticket_is_found_by_its_video_and_read_once(objects: MemoryObjects, calls: Calls) -> None:
    ledger = await noted(objects, ticket(0))
    for _ in range(3):
        assert await ledger.ticket(ticket(0).key) == ticket(0)
    assert calls.made["objects.get"] == 1
    assert await ledger.ticket(ticket(1).key) is None
    assert await ledger.ticket(replace(ticket(0).key, user_id="eve")) is None


async def test_a_users_tickets_are_listed_newest_first_and_nobody_elses(objects: MemoryObjects) -> None:
    mine = [ticket(minutes) for minutes in (0, 1, 59, 60 * 24 * 365)]
    ledger = await noted(objects, *mine, ticket(30, user="ada-2"), ticket(30, user="ad"))
    assert await ledger.recent("ada", limit=10) == tuple(reversed(mine))


async def test_a_listing_goes_on_where_the_last_one_ended(objects: MemoryObjects) -> None:
    ledger = await noted(objects, *map(ticket, range(5)))
    first = await ledger.recent("ada", limit=2)
    assert first == (ticket(4), ticket(3))
    await ledger.note(ticket(9))
    assert await ledger.recent("ada", after=first[-1].key.video_id, limit=2) == (ticket(2), ticket(1))
    assert await ledger.recent("ada", after=ticket(1).key.video_id, limit=2) == (ticket(0),)
    assert await ledger.recent("ada", after=ticket(0).key.video_id, limit=2) == ()


async def test_what_was_handed_out_since_is_told_by_one_listing(objects: MemoryObjects, calls: Calls) -> None:
    ledger = await noted(objects, *map(ticket, range(5)))
    assert await ledger.since("ada", AT + 3 * MINUTE, limit=100) == (ticket(4).key, ticket(3).key)
    assert await ledger.since("ada", AT, limit=2) == (ticket(4).key, ticket(3).key)
    assert (calls.made["objects.list"], calls.made["objects.get"]) == (2, 0)


async def test_a_ticket_is_written_once(objects: MemoryObjects) -> None:
    ledger = await noted(objects, ticket(0))
    with pytest.raises(PreconditionFailed):
        await ledger.note(replace(ticket(0), size_bytes=8))
    assert await Ledger(objects).ticket(ticket(0).key) == ticket(0)


async def test_the_echo_of_the_own_write_is_no_other_ticket(objects: MemoryObjects) -> None:
    ledger = await noted(objects, ticket(0))
    await ledger.note(ticket(0))
    await ledger.note(ticket(0))


async def test_a_ticket_of_a_newer_version_hides_no_other(objects: MemoryObjects) -> None:
    ledger = await noted(objects, ticket(0), ticket(2))
    newer = codec.encode(ticket(1)).replace(b'"v": 1', b'"v": 2')
    await objects.create(layout.ticket_key(ticket(1).key), newer, content_type=JSON)
    await objects.create(layout.tickets_prefix("ada") + "stray.txt", b"", content_type="text/plain")
    assert await ledger.recent("ada", limit=10) == (ticket(2), ticket(0))
    with pytest.raises(UnknownVersion):
        await ledger.ticket(ticket(1).key)


async def test_only_the_last_tickets_are_remembered(objects: MemoryObjects, calls: Calls) -> None:
    await noted(objects, *map(ticket, range(3)))
    ledger = Ledger(objects, capacity=2)
    for minutes in (0, 1, 0, 2):
        await ledger.ticket(ticket(minutes).key)
    assert calls.made["objects.get"] == 3
    await ledger.ticket(ticket(0).key)
    assert calls.made["objects.get"] == 3
    await ledger.ticket(ticket(1).key)
    assert calls.made["objects.get"] == 4
