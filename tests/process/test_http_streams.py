"""``GET /v1/videos/{video_id}/events`` over real sockets: what a browser's EventSource meets."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
import structlog
from aiohttp import ClientResponse, ClientSession, ClientTimeout
from pydantic import SecretStr

from tests.process.http_service import Service, bearer, problem
from tests.process.test_http_videos import Video
from vidctl import logs
from vidctl.settings import HttpSettings, PlaybackSettings

KEYS = (SecretStr("k" * 32),)
PUBLIC = PlaybackSettings(mode="public", base_url="https://cdn.example.org")
"""Links of another kind are signed with those keys, too."""


def quick(**settings: Any) -> Service:
    """Return a service that looks after its videos faster than any in production: time is real here."""
    values: dict[str, Any] = {"signing_keys": KEYS, "follow_interval": timedelta(milliseconds=20)} | settings
    return Service(http=HttpSettings(**values))


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with quick().running() as service:
        yield service


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    text, root = io.StringIO(), logging.getLogger()
    handlers, level, before = root.handlers, root.level, structlog.get_config()
    structlog.reset_defaults()  # simulated replicas of the same process are silent
    logs.configure(level="info", json=True, stream=text)
    yield text
    structlog.configure(**before)
    root.handlers = handlers
    root.setLevel(level)


class Source:
    """An EventSource: reads messages, and remembers the last id."""

    def __init__(self, response: ClientResponse, last_id: str | None) -> None:
        self.response = response
        self.last_id = last_id
        self.retry: int | None = None
        self.beats = 0

    async def message(self) -> tuple[str, dict[str, Any]] | None:
        """Return the next message; None at the end."""
        fields: dict[str, str] = {}
        while line := await self.response.content.readline():
            name, _, value = line.decode().rstrip("\n").partition(":")
            if name == "retry":
                self.retry = int(value)
            elif not name and value == "" and line == b":\n":
                self.beats += 1
            elif name:
                fields[name] = value.strip()
            elif "data" in fields:
                self.last_id = fields["id"]
                return fields["event"], json.loads(fields["data"])
        return None

    async def rest(self) -> list[str]:
        """Return the names of all messages to the end."""
        names = []
        while (message := await self.message()) is not None:
            names.append(message[0])
        return names


@asynccontextmanager
async def opened(
    service: Service, url: str, *, last_id: str | None = None, user: str | None = "ada"
) -> AsyncIterator[Source]:
    headers = (bearer(user) if user else {}) | ({"Last-Event-ID": last_id} if last_id else {})
    async with service.client.get(url, headers=headers, timeout=ClientTimeout(total=20)) as response:
        yield Source(response, last_id)


def path(video: Video) -> str:
    return f"/v1/videos/{video.key.video_id}/events"


async def test_a_reader_hears_all_that_happens_until_the_end(service: Service) -> None:
    video = Video(service)
    video.upload()
    async with opened(service, path(video)) as source:
        assert source.response.content_type == "text/event-stream"
        assert source.response.headers["Cache-Control"] == "no-store"
        first = await source.message()
        assert first is not None
        name, data = first
        assert (name, data["state"], data["ahead"]) == ("snapshot", "queued", 0)
        assert source.retry is not None
        await video.launch()
        heard = [await source.message() for _ in range(2)]
        assert [each[0] for each in heard if each] == ["timeline", "progress"]
        await video.progress(0.5)
        heard = [await source.message() for _ in range(2)]
        assert [each[1] for each in heard if each] == [
            {"progress": 0.46, "remaining_seconds": 40.0, "ahead": None},
            {"state": "running", "code": None, "detail": None},
        ]
        await video.encode()
        await video.publish()
        *_, last = await source.rest()
        assert last == "state"
    assert service.counted("vidctl_event_streams") == 0


async def test_a_reader_comes_again_after_a_restart_and_goes_on_from_what_it_knows() -> None:
    service = quick()
    async with ClientSession() as reader:
        # The end of the block would wait for eight seconds for a stream that does not end by itself.
        async with asyncio.timeout(5), service.running():
            video = Video(service)
            video.upload()
            url = f"http://127.0.0.1:{service.port}{path(video)}"
            cut = Source(await reader.get(url, headers=bearer("ada")), None)
            await cut.message()
        assert await cut.rest() == []
    async with service.running():
        await video.launch()
        await video.encode()
        await video.publish()
        async with opened(service, path(video), last_id=cut.last_id) as again:
            assert await again.rest() == ["timeline"] * 4 + ["progress", "state"]
        async with opened(service, path(video), last_id=again.last_id) as done:
            assert (done.response.status, await done.rest()) == (204, [])


async def test_a_video_at_its_end_is_told_once(service: Service) -> None:
    video = Video(service)
    video.upload()
    await video.launch()
    await video.give_up()
    async with opened(service, path(video)) as source:
        assert await source.rest() == ["snapshot"]


async def test_a_stream_outlives_the_time_of_a_request_and_its_line_is_kept_alive() -> None:
    limits = {"request_timeout": timedelta(milliseconds=300), "heartbeat": timedelta(milliseconds=100)}
    async with quick(**limits).running() as service:
        video = Video(service)
        video.upload()
        async with opened(service, path(video)) as source:
            await source.message()
            await asyncio.sleep(0.6)
            await video.launch()
            message = await source.message()
            assert message is not None
            assert message[1]["event"] == "launched"
            assert source.beats >= 3


async def test_a_stream_ends_after_its_life() -> None:
    async with quick(stream_life=timedelta(milliseconds=200)).running() as service:
        video = Video(service)
        video.upload()
        async with opened(service, path(video)) as source:
            assert await source.rest() == ["snapshot"]


# --- who may read -------------------------------------------------------------------------------------------------


async def events_url(video: Video) -> str:
    url = (await video.read())["events_url"]
    assert isinstance(url, str)
    return url


async def test_the_url_of_a_videos_events_needs_no_header_and_is_in_no_log(service: Service, log: io.StringIO) -> None:
    video = Video(service)
    video.upload()
    url = await events_url(video)
    await video.launch()
    await video.give_up()
    async with opened(service, url, user=None) as source:
        assert await source.rest() == ["snapshot"]
    assert "/v1/videos/{video_id}/events" in log.getvalue()
    assert url.partition("token=")[2] not in log.getvalue()


async def test_a_token_is_for_one_video_and_an_hour(service: Service) -> None:
    video = Video(service)
    url = await events_url(video)
    service.wait(timedelta(seconds=1))
    other = Video(service)
    foreign = url.replace(video.key.video_id, other.key.video_id)
    for bad in (foreign, url[:-1], path(video) + "?token="):
        async with opened(service, bad, user=None) as source:
            await problem(source.response, 403, "token_forged")
    service.wait(timedelta(minutes=61))
    async with opened(service, url, user=None) as source:
        await problem(source.response, 410, "token_expired")


async def test_without_keys_there_is_no_such_url_and_no_token() -> None:
    async with Service(http=HttpSettings(), playback=PUBLIC).running() as service:
        video = Video(service)
        assert (await video.read())["events_url"] is None
        async with opened(service, path(video) + "?token=abc", user=None) as source:
            await problem(source.response, 403, "token_forged")


async def test_a_stream_is_for_the_owner_and_of_a_video_that_is(service: Service) -> None:
    video = Video(service)
    video.upload()
    async with opened(service, path(video), user=None) as source:
        await problem(source.response, 401, "unauthorized")
    for user, url in (("eve", path(video)), ("ada", "/v1/videos/nonsense/events")):
        async with opened(service, url, user=user) as source:
            await problem(source.response, 404, "video_not_found")
