"""Closes connections whose client opens them and then does not finish a request's headers.

aiohttp times a request only once its headers are there, and limits the pause between two requests of a connection; the
first one may take for ever, and hold a file descriptor that the reconciler needs.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from aiohttp.web_protocol import RequestHandler

from vidctl import logs

INTERVAL = 1.0
"""Most seconds between two looks."""

log = logs.get(__name__)


class Silence:
    """Watches the connections of one server: for ``limit`` one may keep it waiting for its first request."""

    def __init__(self, *, limit: timedelta) -> None:
        self._limit = limit.total_seconds()
        self._heard: set[RequestHandler] = set()
        self._since: dict[RequestHandler, float] = {}

    def noting(self) -> Middleware:
        """Return the outermost middleware, which notes that the headers of a request are whole."""

        @web.middleware
        async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
            self._heard.add(request.protocol)
            return await handler(request)

        return middleware

    async def end(self, server: web.Server) -> None:
        """Close what was silent for too long, until cancelled."""
        while True:
            await asyncio.sleep(min(INTERVAL, self._limit))
            self._close(server.connections)

    def _close(self, connections: list[RequestHandler]) -> None:
        now = asyncio.get_running_loop().time()
        self._heard.intersection_update(connections)
        self._since = {each: self._since.get(each, now) for each in connections if each not in self._heard}
        late = [each for each, since in self._since.items() if now - since >= self._limit]
        for each in late:
            each.force_close()
        if late:
            log.info("silent_connections_closed", connections=len(late))
