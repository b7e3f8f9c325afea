"""A reader of events who takes nothing, over a real socket: what is kept for him is bounded, and so is the patience."""

from __future__ import annotations

import asyncio
import socket
from contextlib import closing
from datetime import UTC, datetime, timedelta

from aiohttp import web
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from tests.process.http_service import SECRET
from vidctl.history import History, State
from vidctl.http.access.auth import Authenticator
from vidctl.http.access.keys import FixedKey
from vidctl.http.app import create_app, serving
from vidctl.http.limits.limiter import Limiter
from vidctl.http.limits.open_streams import OpenStreams
from vidctl.http.videos.histories import Histories
from vidctl.http.videos.stream_urls import StreamUrls
from vidctl.http.videos.streams import StreamRoutes
from vidctl.http.videos.watching import Watches
from vidctl.metrics import Metrics
from vidctl.model import VideoKey
from vidctl.settings import AuthSettings, HttpSettings, LimitSettings
from vidctl.timeline import Event, EventName

LINE = 100_000
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
VIDEO = VideoKey(user_id="ada", video_id="019a5c1e-5a3f-8123-9abc-0123456789ab")


class Talkative(Histories):
    """A video of which there is something else to tell, and much, whenever somebody looks."""

    def __init__(self) -> None:
        self.looks = 0

    async def history(self, key: VideoKey) -> History:
        """Tell it; the argument says nothing."""
        del key
        self.looks += 1
        said = Event(name=EventName.ATTEMPT_FAILED, at=NOW, reason=f"{self.looks} ".ljust(LINE, "."))
        return History(state=State.RUNNING, timeline=(said,), attempts=(), progress=None, outputs=())


async def test_a_reader_who_takes_nothing_is_cut_off_and_little_was_kept_for_him() -> None:
    told, waiting = Talkative(), asyncio.Queue[asyncio.Transport]()

    async def pinch(request: web.Request, _: web.StreamResponse) -> None:
        assert request.transport is not None
        # The kernel would keep megabytes for him.
        request.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        waiting.put_nowait(request.transport)

    metrics = Metrics(CollectorRegistry())
    urls = StreamUrls((SecretStr(SECRET),), life=timedelta(hours=1), clock=lambda: NOW)
    routes = StreamRoutes(
        authenticator=Authenticator(
            settings=AuthSettings(secret=SecretStr(SECRET)), keys=FixedKey(SECRET.encode()), metrics=metrics
        ),
        watches=Watches(histories=told, shortest=timedelta(milliseconds=5), metrics=metrics),
        urls=urls,
        limit=OpenStreams(most=1),
        heartbeat=timedelta(seconds=15),
        patience=timedelta(milliseconds=300),
        life=timedelta(hours=1),
    )
    limiter = Limiter(settings=LimitSettings(), metrics=metrics, clock=lambda: NOW)
    app = create_app(routes=[routes], metrics=metrics, settings=HttpSettings(), limiter=limiter)
    app.on_response_prepare.append(pinch)
    async with asyncio.timeout(20), serving(app, host="127.0.0.1", port=0) as port:
        with closing(await _asked(port, urls.url(VIDEO, "") or "")):
            transport, most = await waiting.get(), 0
            while not transport.is_closing():
                most = max(most, transport.get_write_buffer_size())
                await asyncio.sleep(0)
    assert 0 < most < 2 * LINE
    assert told.looks > 2
    assert metrics.registry.get_sample_value("vidctl_event_streams") == 0


async def _asked(port: int, url: str) -> socket.socket:
    """Return the socket of a reader who has asked, and reads nothing of the answer."""
    reader, loop = socket.socket(), asyncio.get_running_loop()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reader.setblocking(False)
    await loop.sock_connect(reader, ("127.0.0.1", port))
    await loop.sock_sendall(reader, f"GET {url} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return reader
