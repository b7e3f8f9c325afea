"""The web application: routes, and what happens around every request; and the server that it runs in."""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Protocol, runtime_checkable

from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler, Middleware

from vidctl import layout, logs, tracing
from vidctl.errors import InvalidSettings, PortInUse
from vidctl.http.cors import Cors, single_slashes
from vidctl.http.limits.limiter import Limiter, announce
from vidctl.http.problems import deadline, problems, route_of
from vidctl.http.silence import Silence
from vidctl.http.stalls import Stalls
from vidctl.metrics import Metrics
from vidctl.settings import HttpSettings

SHUTDOWN = timedelta(seconds=8)
"""Time for open requests when the process ends: within the 25 s of the whole shutdown."""

SILENCE = timedelta(seconds=15)
"""Time for the first request of a connection."""

STALL = timedelta(seconds=30)
"""Time in which some of an answer must be taken."""

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
# What the API answers is nothing to render; a page brings a policy of its own.
API_POLICY = "default-src 'none'; frame-ancestors 'none'"
QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
"""Routes that are asked every few seconds: logged only when they fail."""

log = logs.get(__name__)


class Routes(Protocol):
    """A class that owns some routes."""

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""


@runtime_checkable
class Endless(Protocol):
    """Routes whose answers end only when they are asked to."""

    async def close(self, app: web.Application) -> None:
        """End them: the server is about to wait for its requests."""


def create_app(
    *, routes: Iterable[Routes], metrics: Metrics, settings: HttpSettings, limiter: Limiter
) -> web.Application:
    """Put the application together, the outermost middleware first."""
    cors = Cors(settings.origins)
    app = web.Application(
        middlewares=[
            observed(metrics),
            cors.preflights(),
            problems(),
            deadline(settings.request_timeout),
            limiter.around(),
            single_slashes(),
        ],
        client_max_size=settings.body_limit,
    )
    for owner in routes:
        app.add_routes(owner.routes())
        if isinstance(owner, Endless):
            app.on_shutdown.append(owner.close)
    app.on_response_prepare.extend((_protect, announce, cors.announce))
    return app


def observed(metrics: Metrics) -> Middleware:
    """Count, time, trace and log every request, by its route: a path names a video, a query may hold a token."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        route, method = route_of(request), request.method if request.method in hdrs.METH_ALL else "other"
        time = asyncio.get_running_loop().time
        began, status = time(), 499  # the client went away, as nginx writes it
        attributes = {"http.route": route, "http.request.method": method}
        try:
            with tracing.span(f"{method} {route}", **attributes) as span:
                response = await handler(request)
                status = response.status
                span.set_attribute("http.response.status_code", status)
                return response
        finally:
            seconds = time() - began
            metrics.http_requests.labels(route, method, str(status)).inc()
            metrics.http_seconds.labels(route).observe(seconds)
            write = log.debug if route in QUIET and status < 400 else log.info  # noqa: PLR2004 - HTTP's own number
            write("request", route=route, method=method, status=status, seconds=round(seconds, 4), **_video(request))

    return middleware


def _video(request: web.Request) -> dict[str, str]:
    """Return the video that a request names: what is no id is not repeated in a log."""
    video_id = request.match_info.get("video_id", "")
    return {"video_id": video_id} if layout.is_video_id(video_id) else {}


async def _protect(_request: web.Request, response: web.StreamResponse) -> None:
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Content-Security-Policy", API_POLICY)
    # Answers hold signed URLs, and a path can be written in more than one way: what may be kept says so itself.
    response.headers.setdefault(hdrs.CACHE_CONTROL, "no-store")


@asynccontextmanager
async def serving(
    app: web.Application,
    *,
    host: str,
    port: int,
    shutdown: timedelta = SHUTDOWN,
    silence: timedelta = SILENCE,
    stall: timedelta = STALL,
) -> AsyncIterator[int]:
    """Serve while the block runs; gives the port, which for port 0 is a free one.

    A connection that brings no request within ``silence`` is closed, and one that takes no answer in ``stall``.

    At the end no connection is accepted, idle ones are closed and open requests have ``shutdown`` to finish.

    Raises:
        PortInUse: somebody else listens there.
        InvalidSettings: this machine cannot listen there.

    """
    server_log = logging.getLogger("vidctl.http.server")
    server_log.addFilter(_is_about_us)
    # Our own line for each request has no query string, and the signals belong to the process.
    runner = web.AppRunner(
        app,
        access_log=None,
        logger=server_log,
        handle_signals=False,
        # Nobody reads the answer of a request whose client went away.
        handler_cancellation=True,
        shutdown_timeout=shutdown.total_seconds(),
    )
    watch = Silence(limit=silence)
    app.middlewares.insert(0, watch.noting())
    await runner.setup()
    watches = (watch.end, Stalls(patience=stall).end)
    watching = [asyncio.ensure_future(end(runner.server)) for end in watches if runner.server is not None]
    try:
        await _listen(runner, host, port)
        yield int(runner.addresses[0][1])
    finally:
        for each in watching:
            each.cancel()
        await runner.cleanup()


async def _listen(runner: web.AppRunner, host: str, port: int) -> None:
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            reason = error.strerror or error
            raise InvalidSettings(
                f"VIDCTL_HTTP_HOST, VIDCTL_HTTP_PORT: no listening on {host}:{port}: {reason}"
            ) from error
        raise PortInUse(f"port {port} on {host} is in use: free it, or choose another with VIDCTL_HTTP_PORT") from error


def _is_about_us(record: logging.LogRecord) -> bool:
    """Leave out what clients send that is no HTTP: it would be quoted as it came, tokens and all, as our error."""
    fault = record.exc_info[1] if record.exc_info else None
    return not isinstance(fault, HttpProcessingError | web.RequestPayloadError | ConnectionError)
