"""How much one user may have under way: uploads an hour, open videos, bytes in flight.

Counted from the ledger, for all replicas together: what is handed out stands there before it is signed. Requests that
come at the same moment do not see each other, so that a user may get a few more than the limit says, never many.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime, timedelta

from vidctl import layout
from vidctl.errors import VidctlError
from vidctl.groups import TaskGroup, first_error
from vidctl.history import State, state_of
from vidctl.http.videos.histories import Histories, VideoNotFound
from vidctl.ledger import Ledger
from vidctl.model import VideoKey
from vidctl.ports import Clock
from vidctl.settings import LimitSettings

HOUR = timedelta(hours=1)
OPEN_FOR = timedelta(hours=48)
"""Longest life of a raw object: what was handed out before is open no more, or waits for something of ours."""
LATEST = 1000
"""Most uploads looked at: one LIST."""
LATER = timedelta(minutes=1)
"""When to ask again where nobody knows: an open video ends when it ends."""
ENDED = frozenset({State.PUBLISHED, State.FAILED, State.DELETING, State.DELETED})


class LimitReached(VidctlError):
    """The user has as much as he may; ``limit`` is the end of its setting's name, ``wait`` when to try again."""

    code = "limit_reached"

    def __init__(self, limit: str, value: int, wait: timedelta) -> None:
        """Keep the limit."""
        super().__init__(f"{limit}: {value} is the limit of one user; try again in {wait.total_seconds():.0f} seconds.")
        self.limit = limit
        self.value = value
        self.wait = wait


class Allowance:
    """Holds new uploads against the limits. A limit of 0 is none, and costs nothing."""

    def __init__(
        self,
        *,
        settings: LimitSettings,
        session_life: timedelta,
        ledger: Ledger,
        histories: Histories,
        clock: Clock,
        capacity: int = 50_000,
    ) -> None:
        """``session_life``: how long before its upload an id may have been made."""
        self._settings = settings
        self._session_life = session_life
        self._ledger = ledger
        self._histories = histories
        self._clock = clock
        self._capacity = capacity
        self._ended: OrderedDict[VideoKey, None] = OrderedDict()

    async def check(self, user_id: str, *, size_bytes: int | None) -> None:
        """Return if the user may upload that much more. A size that nobody declared is counted as nothing.

        One LIST for each kind of limit, three reads for each open video, and one for each upload of a session that is
        older than an hour.

        Raises:
            LimitReached: he may not, now. WorldError: nobody knows.

        """
        now, limits = self._clock(), self._settings
        if limits.uploads_per_hour:
            latest = await self._handed_out(user_id, since=now - HOUR)
            wait = until_fewer(latest, limits.uploads_per_hour, now=now)
            if wait is not None:
                raise LimitReached("uploads_per_hour", limits.uploads_per_hour, wait)
        if limits.open_videos or limits.bytes_in_flight:
            await self._check_open(user_id, size_bytes or 0, since=now - OPEN_FOR)

    async def _handed_out(self, user_id: str, *, since: datetime) -> list[datetime]:
        """Return when the user's uploads since then were handed out, the newest first, as many as count.

        An id that was made with an upload session is as old as the session: when it was taken, its ticket says.
        """
        most = self._settings.uploads_per_hour
        # Of each hour that a session lives, no more than the limit were handed out.
        limit = most * (1 + math.ceil(self._session_life / HOUR))
        names = await self._ledger.since(user_id, since - self._session_life, limit=limit)
        times = [
            at for name in names if (at := layout.issued_at(name.user_id, name.video_id)) is not None and at >= since
        ]
        if len(times) < most:
            times += [ticket.at for ticket in await self._ledger.tickets(names[len(times) :]) if ticket.at >= since]
        return sorted(times, reverse=True)[:most]

    async def _check_open(self, user_id: str, size_bytes: int, *, since: datetime) -> None:
        under_way = await self._open(await self._ledger.since(user_id, since, limit=LATEST))
        limit = self._settings.open_videos
        if limit and len(under_way) >= limit:
            raise LimitReached("open_videos", limit, LATER)
        limit = self._settings.bytes_in_flight
        if limit:
            tickets = await self._ledger.tickets(under_way)
            if sum(ticket.size_bytes or 0 for ticket in tickets) + size_bytes > limit:
                raise LimitReached("bytes_in_flight", limit, LATER)

    async def _open(self, keys: Sequence[VideoKey]) -> list[VideoKey]:
        asked = [key for key in keys if key not in self._ended]
        with first_error():
            async with TaskGroup() as reads:
                tasks = [(key, reads.create_task(self._has_ended(key))) for key in asked]
        ended = [key for key, task in tasks if task.result()]
        self._remember(ended)
        return [key for key in asked if key not in self._ended]

    async def _has_ended(self, key: VideoKey) -> bool:
        try:
            return state_of(await self._histories.evidence(key)) in ENDED
        except VideoNotFound:
            return True

    def _remember(self, ended: Sequence[VideoKey]) -> None:
        """Ask no more after what has ended: that a failed one is tried again, or one uploaded anew, is let pass."""
        self._ended.update(dict.fromkeys(ended))
        while len(self._ended) > self._capacity:
            self._ended.popitem(last=False)


def until_fewer(latest: Sequence[datetime], limit: int, *, now: datetime) -> timedelta | None:
    """Return how long until fewer than ``limit`` of these uploads are less than an hour old; None: they are fewer."""
    return None if len(latest) < limit else max(latest[-1] + HOUR - now, timedelta(seconds=1))
