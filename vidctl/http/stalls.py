"""Closes connections whose client does not take the answer that it asked for.

aiohttp writes an answer without a limit of time, and what is not taken stays in our memory: a playlist of a thousand
signed segments is 2 MB, for each of however many connections somebody opens and reads nothing from.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from vidctl import logs

INTERVAL = 1.0
"""Most seconds between two looks."""

LEAST_BYTES = 128 * 1024
"""What must have been taken when ``patience`` is over: in half a minute, all that 35 kbit/s carry."""

log = logs.get(__name__)


class Stalls:
    """Watches what waits to be sent: within ``patience`` all of it must be taken, or ``LEAST_BYTES`` of it."""

    def __init__(self, *, patience: timedelta) -> None:
        self._patience = patience.total_seconds()
        self._waiting: dict[RequestHandler, tuple[int, float]] = {}

    async def end(self, server: web.Server) -> None:
        """Cut off whoever takes too little, until cancelled."""
        while True:
            await asyncio.sleep(min(INTERVAL, self._patience))
            self._cut_off(server.connections)

    def _cut_off(self, connections: Sequence[RequestHandler]) -> None:
        now = asyncio.get_running_loop().time()
        sizes = {each: size for each in connections if (size := _waiting(each))}
        self._waiting = {each: self._waiting.get(each, (size, now)) for each, size in sizes.items()}
        late = [each for each, (_, since) in self._waiting.items() if now - since >= self._patience]
        stalled = [each for each in late if sizes[each] > self._waiting[each][0] - LEAST_BYTES]
        self._waiting |= {each: (sizes[each], now) for each in late}
        for each in stalled:
            if each.transport is not None:
                each.transport.abort()  # to close it would wait for what is not taken
        if stalled:
            log.info("stalled_connections_closed", connections=len(stalled))


def _waiting(connection: RequestHandler) -> int:
    """Return how many bytes of answers wait to be taken, besides what the kernel holds."""
    transport = connection.transport
    return transport.get_write_buffer_size() if isinstance(transport, asyncio.WriteTransport) else 0
