"""What an event bus does, as a receiver of notices."""

from __future__ import annotations

import pytest

from tests import builders as b
from tests.contract.worlds import World, heard_on
from vidctl.dispatch import event
from vidctl.model import Kind

pytestmark = pytest.mark.asyncio(loop_scope="session")

EVENTS = (event(b.notice()), event(b.notice(2, about=Kind.DELETED, job=None)))


async def test_what_is_told_is_on_the_bus_with_its_source_and_kind(world: World) -> None:
    bus, heard = await heard_on(world)
    for told in EVENTS:
        await bus.tell(told)
    expected = {(told.about.value, told.body) for told in EVENTS}
    assert await heard(len(EVENTS)) == expected
