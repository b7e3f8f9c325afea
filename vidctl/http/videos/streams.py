"""``GET /v1/videos/{video_id}/events``: a video's way as server-sent events, until it ends."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable
from datetime import timedelta

from aiohttp import hdrs, web

from vidctl import layout, logs
from vidctl.history import History
from vidctl.http.access.auth import Authenticator, Permission
from vidctl.http.limits.open_streams import OpenStreams
from vidctl.http.problems import DEADLINE
from vidctl.http.videos.changes import FINAL, Message, Told, is_over, messages, read_id
from vidctl.http.videos.histories import VideoNotFound
from vidctl.http.videos.show import named_video
from vidctl.http.videos.stream_urls import StreamUrls
from vidctl.http.videos.watching import Watch, Watches
from vidctl.model import VideoKey

RETRY = (2_000, 5_000)
"""Milliseconds after which a reader comes again, drawn for each: a restart must not bring all of them at once."""

HEADERS = {hdrs.CONTENT_TYPE: "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no"}

log = logs.get(__name__)


class StreamRoutes:
    """Streams to whoever may read a video: by bearer token, or by the token in the URL.

    None is silent for longer than ``heartbeat``, nor goes on for longer than ``life``: then its reader comes again, and
    must show once more that he may. Who takes nothing for ``patience`` is cut off. Until then aiohttp keeps 64 KiB and
    one message for him; what he missed is not kept, and the newest state would come next.
    """

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        watches: Watches,
        urls: StreamUrls,
        limit: OpenStreams,
        heartbeat: timedelta,
        patience: timedelta,
        life: timedelta,
    ) -> None:
        self._authenticator = authenticator
        self._watches = watches
        self._urls = urls
        self._limit = limit
        self._heartbeat = heartbeat.total_seconds()
        self._patience = patience.total_seconds()
        self._life = life.total_seconds()

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.get("/v1/videos/{video_id}/events", self.follow, allow_head=False)]

    async def close(self, _app: web.Application) -> None:
        """End all streams, before the server waits for its requests to end."""
        self._watches.close()

    async def follow(self, request: web.Request) -> web.StreamResponse:
        """Stream what becomes of a video, or answer 204 to a reader who knows its end: an EventSource then stops."""
        key = await self._video(request)
        with self._limit.one_more(key.user_id):
            return await self._follow(request, key)

    async def _follow(self, request: web.Request, key: VideoKey) -> web.StreamResponse:
        told = read_id(request.headers.get("Last-Event-ID", ""))
        async with self._watches.following(key) as watch:
            latest = await watch.first()
            if is_over(told, latest):
                return web.Response(status=204)
            request[DEADLINE].reschedule(None)
            response = web.StreamResponse(headers=HEADERS)
            await response.prepare(request)
            try:
                async with asyncio.timeout(self._life) as life:
                    await self._stream(response, key.video_id, watch, told)
            except TimeoutError:
                if not life.expired():
                    log.info("reader_too_slow", video_id=key.video_id)
                    _hang_up(request)
            return response

    async def _video(self, request: web.Request) -> VideoKey:
        token, video_id = request.query.get("token"), request.match_info["video_id"]
        if token is None:
            return await named_video(request, self._authenticator, Permission.READ)
        if not layout.is_video_id(video_id):
            raise VideoNotFound("You have no such video.")
        key = self._urls.read(token, video_id)
        self._authenticator.admit(key.user_id)
        return key

    async def _stream(self, response: web.StreamResponse, video_id: str, watch: Watch, told: Told | None) -> None:
        known = await watch.first()
        await self._send(response, b"retry: %d\n\n" % random.randint(*RETRY))  # noqa: S311 - no secret
        while True:
            told = await self._tell(response, messages(video_id, told, known), told)
            if known.state in FINAL or watch.over:
                return
            known = await self._next(response, watch, known)

    async def _next(self, response: web.StreamResponse, watch: Watch, known: History) -> History:
        """Return what follows ``known``, and keep the line alive meanwhile."""
        while watch.latest is known and not watch.over:
            try:
                async with asyncio.timeout(self._heartbeat):
                    await watch.change(known)
            except TimeoutError:
                await self._send(response, b":\n\n")
        return watch.latest or known

    async def _tell(self, response: web.StreamResponse, news: Iterable[Message], told: Told | None) -> Told | None:
        """Send what is new at once; return what the reader then knows."""
        text = b""
        for message in news:
            text, told = text + bytes(message), message.told
        if text:
            await self._send(response, text)
        return told

    async def _send(self, response: web.StreamResponse, text: bytes) -> None:
        async with asyncio.timeout(self._patience):
            await response.write(text)


def _hang_up(request: web.Request) -> None:
    """Close the connection without waiting for what it would not take."""
    if request.transport is not None:
        request.transport.abort()
