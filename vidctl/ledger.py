"""The upload ledger: every upload that was handed out, over any ``Objects``. Nothing else is a register of uploads."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from vidctl import codec, layout, logs
from vidctl.errors import Malformed, PreconditionFailed
from vidctl.groups import TaskGroup, first_error
from vidctl.model import VideoKey
from vidctl.ports import Objects
from vidctl.tickets import Ticket

JSON = "application/json"

log = logs.get(__name__)


class Ledger:
    """Tickets in the final bucket.

    A ticket never changes, so one that was read is remembered (the ``capacity`` last ones).
    """

    def __init__(self, objects: Objects, *, capacity: int = 20_000) -> None:
        """Read and write in ``objects``, the final bucket."""
        self._objects = objects
        self._capacity = capacity
        self._read: OrderedDict[VideoKey, Ticket] = OrderedDict()

    async def note(self, ticket: Ticket) -> None:
        """Write a ticket once, before anything is signed for it.

        Raises:
            PreconditionFailed: another was written for the same video before. WriteConflict: try again.

        """
        try:
            await self._objects.create(layout.ticket_key(ticket.key), codec.encode(ticket), content_type=JSON)
        except PreconditionFailed:
            # The SDK repeats a call that got no answer, so it may be the echo of this very write.
            if await self.ticket(ticket.key) != ticket:
                raise
        self._remember(ticket)

    async def ticket(self, key: VideoKey) -> Ticket | None:
        """Return the ticket of a video, None if none was handed out; raises as ``codec.decode``."""
        if key in self._read:
            self._read.move_to_end(key)
            return self._read[key]
        stored = await self._objects.get(layout.ticket_key(key))
        if stored is None:
            return None
        ticket = codec.decode(Ticket, stored.body)
        self._remember(ticket)
        return ticket

    async def recent(self, user_id: str, *, after: str | None = None, limit: int) -> tuple[Ticket, ...]:
        """Return up to ``limit`` tickets of a user, the newest first, those older than the video id ``after``.

        One LIST, and one GET for each ticket not seen before.
        """
        names = [name async for name in self.names(user_id, after=after, limit=limit)]
        return await self.tickets(names)

    async def since(self, user_id: str, at: datetime, *, limit: int) -> tuple[VideoKey, ...]:
        """Return up to ``limit`` videos that were handed to a user at ``at`` or later, the newest first: one LIST."""
        found: list[VideoKey] = []
        async for name in self.names(user_id, limit=limit):
            issued = layout.issued_at(name.user_id, name.video_id)
            if issued is None or issued < at:
                break
            found.append(name)
        return tuple(found)

    async def names(self, user_id: str, *, after: str | None = None, limit: int) -> AsyncIterator[VideoKey]:
        """Yield the videos of up to ``limit`` tickets, as ``recent`` does."""
        start = "" if after is None else layout.ticket_key(VideoKey(user_id=user_id, video_id=after))
        async for stat in self._objects.list(layout.tickets_prefix(user_id), start_after=start, limit=limit):
            name = layout.parse_ticket_key(stat.key)
            if name is not None:
                yield name

    async def tickets(self, names: Sequence[VideoKey]) -> tuple[Ticket, ...]:
        """Return the tickets of these videos, without those that this version cannot read."""
        with first_error():
            async with TaskGroup() as reads:
                tasks = [reads.create_task(self.readable(name)) for name in names]
        return tuple(ticket for task in tasks if (ticket := task.result()) is not None)

    async def readable(self, key: VideoKey) -> Ticket | None:
        """Return the ticket of a video; None if none was handed out, or this version cannot read it."""
        try:
            return await self.ticket(key)
        except Malformed as error:
            # One that a newer version wrote must not hide the rest.
            log.warning("ticket_unreadable", user_id=key.user_id, video_id=key.video_id, error=str(error))
            return None

    def _remember(self, ticket: Ticket) -> None:
        self._read[ticket.key] = ticket
        while len(self._read) > self._capacity:
            self._read.popitem(last=False)
