"""The place in the line, as it is told to those who wait in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from tests import builders as b
from tests.world.objects import MemoryObjects
from vidctl import layout
from vidctl.errors import Unavailable
from vidctl.http.videos.line import LOOKED_UP, Line
from vidctl.journal import Journal
from vidctl.model import VideoKey
from vidctl.records import Cancel


class Street:
    """Both buckets, a clock, and the line as one replica sees it."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 12, tzinfo=UTC)
        self.calls: Counter[str] = Counter()
        self.down = False
        self.raw = MemoryObjects("raw", clock=lambda: self.now, versioned=True, around=self._around)
        self.final = MemoryObjects("final", clock=lambda: self.now, around=self._around)
        self.line = Line(raw=self.raw, raw_bucket="raw", final=self.final, clock=lambda: self.now)
        self.arrivals: dict[VideoKey, datetime] = {}

    @asynccontextmanager
    async def _around(self, operation: str) -> AsyncIterator[None]:
        if self.down:
            raise Unavailable("no answer")
        self.calls[operation] += 1
        yield

    def arrive(self) -> VideoKey:
        self.now += timedelta(seconds=1)
        key = VideoKey(user_id="ada", video_id=f"00000000-0000-0000-0000-{len(self.arrivals):012}")
        self.raw.put(layout.raw_key(key), str(key).encode())
        self.arrivals[key] = self.now
        return key

    def begin(self, key: VideoKey, kind: str = "intent-01-001") -> None:
        raw_key = layout.raw_key(key)
        stat = self.raw.stat(raw_key)
        assert stat is not None
        self.final.put(f"{layout.records_prefix(key)}{layout.job_id('raw', raw_key, stat.etag)}/{kind}.json", b"{}")

    async def ahead(self, key: VideoKey) -> int:
        return await self.line.ahead(key, self.arrivals[key])

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


async def test_a_place_is_the_number_of_earlier_uploads_that_wait() -> None:
    street = Street()
    videos = [street.arrive() for _ in range(5)]
    street.begin(videos[0])
    street.begin(videos[1], "dead-01")
    await Journal(street.final).write(Cancel(key=videos[2], at=street.now))
    assert [await street.ahead(video) for video in videos[2:]] == [0, 0, 1]


async def test_records_of_an_earlier_upload_under_the_key_say_nothing_of_this_one() -> None:
    street = Street()
    first, last = street.arrive(), street.arrive()
    street.final.put(f"{layout.records_prefix(first)}{b.JOB}/intent-01-001.json", b"{}")
    assert await street.ahead(last) == 1


async def test_the_line_is_read_once_for_however_many_ask() -> None:
    street = Street()
    videos = [street.arrive() for _ in range(10)]
    for video in videos * 3:
        await street.ahead(video)
    assert street.calls["objects.list"] == 1 + 10
    street.wait(6)
    await street.ahead(videos[3])
    assert street.calls["objects.list"] == 2 + 10, "who was found waiting a moment ago is not looked up again"


async def test_a_place_falls_as_the_line_moves_and_never_grows() -> None:
    street = Street()
    videos = [street.arrive() for _ in range(4)]
    told = [await street.ahead(videos[-1])]
    for video in videos[:2]:
        street.begin(video)
    street.wait(61)
    told.append(await street.ahead(videos[-1]))
    street.raw.remove(layout.raw_key(videos[0]))
    street.raw.put(layout.raw_key(VideoKey(user_id="bob", video_id=videos[0].video_id)), b"seen late")
    street.arrivals[videos[-1]] += timedelta(hours=1)
    street.wait(61)
    told.append(await street.ahead(videos[-1]))
    assert told == [3, 1, 1]


async def test_a_long_line_is_gone_over_from_its_front_a_part_at_a_time() -> None:
    street = Street()
    videos = [street.arrive() for _ in range(2 * LOOKED_UP + 1)]
    for video in videos[:-1]:
        street.begin(video)
    assert await street.ahead(videos[-1]) == LOOKED_UP
    street.wait(6)
    assert await street.ahead(videos[-1]) == 0


async def test_a_line_that_cannot_be_read_has_no_places() -> None:
    street = Street()
    video = street.arrive()
    street.down = True
    with pytest.raises(Unavailable):
        await street.ahead(video)
