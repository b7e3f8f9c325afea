"""The place of an upload in the line: about how many that arrived earlier still wait.

All that is known is the raw bucket, which also has what is running, and what was given up until it expires. So the line
is listed once for however many ask, and of those in it the oldest are looked up, some at a time: whoever has an
attempt, an end or a wish has left it. A place is therefore too high rather than too low until the line was gone over,
and what is told of one video never grows.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import OrderedDict
from datetime import datetime, timedelta

from vidctl import layout
from vidctl.errors import Malformed
from vidctl.groups import TaskGroup, first_error
from vidctl.model import VideoKey
from vidctl.ports import Clock, Objects, ObjectStat

LOOK = timedelta(seconds=5)
"""Age at which the line is read again, if somebody asks. A long line is read seldom: see ``PER_PAGE``."""

PER_PAGE = timedelta(milliseconds=500)
"""Added to it for each 250 uploads, which are one LIST."""

LOOKED_UP = 20
"""Uploads of the line that are looked up in one reading, one LIST for each."""

STANDS = timedelta(minutes=1)
"""For so long an upload that was found waiting is not looked up again."""

REMEMBERED = 10_000
"""Videos of which it is remembered what was told."""

GONE = frozenset({"intent", "dead", "cancel"})
"""Records of which one says that an upload waits no more."""

Stand = tuple[datetime, str, str]
"""An upload in the line: when it arrived, its key and its ETag."""


class Line:
    """The line as this replica sees it."""

    def __init__(self, *, raw: Objects, raw_bucket: str, final: Objects, clock: Clock) -> None:
        self._raw = raw
        self._bucket = raw_bucket
        self._final = final
        self._clock = clock
        self._reading = asyncio.Lock()
        self._due: datetime | None = None
        self._standing: list[Stand] = []
        self._left: set[Stand] = set()
        self._waited: dict[Stand, datetime] = {}
        self._told: OrderedDict[VideoKey, int] = OrderedDict()

    async def ahead(self, key: VideoKey, arrived_at: datetime) -> int:
        """Return how many uploads that arrived before this one still wait; never more than before.

        Raises:
            WorldError: the line cannot be read.

        """
        async with self._reading:
            if self._due is None or self._clock() >= self._due:
                await self._read()
        place = bisect_left(self._standing, (arrived_at, layout.raw_key(key), ""))
        told = self._told[key] = min(place, self._told.pop(key, place))
        while len(self._told) > REMEMBERED:
            self._told.popitem(last=False)
        return told

    async def _read(self) -> None:
        standing = sorted([_stand(stat) async for stat in self._raw.list(layout.RAW_PREFIX)])
        now = self._clock()
        self._due = now + LOOK + PER_PAGE * (len(standing) // 250)
        self._left &= set(standing)
        waiting = [stand for stand in standing if stand not in self._left]
        self._waited = {stand: self._waited[stand] for stand in waiting if stand in self._waited}
        doubtful = [stand for stand in waiting if stand not in self._waited or now >= self._waited[stand] + STANDS]
        with first_error():
            async with TaskGroup() as looks:
                for stand in doubtful[:LOOKED_UP]:
                    looks.create_task(self._look_up(stand))
        self._standing = [stand for stand in waiting if stand not in self._left]

    async def _look_up(self, stand: Stand) -> None:
        if await self._has_left(stand):
            self._left.add(stand)
        else:
            self._waited[stand] = self._clock()

    async def _has_left(self, stand: Stand) -> bool:
        """Judge by the names of the records: what they say does not matter here."""
        _, raw_key, etag = stand
        try:
            key = layout.parse_raw_key(raw_key)
        except Malformed:
            return True  # somebody else's object, of which nothing will come
        job = layout.job_id(self._bucket, raw_key, etag)
        async for stat in self._final.list(layout.records_prefix(key)):
            name = layout.parse_record_key(stat.key)
            if name is not None and name.kind in GONE and name.job in (None, job):
                return True
        return False


def _stand(stat: ObjectStat) -> Stand:
    return stat.last_modified, stat.key, stat.etag
