"""Which pages of other origins may call the API (CORS), and the double slash that some of their clients make.

Preflights are answered here for every path, and the headers stand on every answer, errors too: a page cannot read what
went wrong otherwise. No cookie is asked for, so that no credentials are allowed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

METHODS = "GET, POST, DELETE, OPTIONS"
ALLOWED = (
    "authorization, content-type, accept, idempotency-key, last-event-id, uppy-auth-token, uppy-credentials-params"
)
EXPOSED = "Location, Retry-After, RateLimit, RateLimit-Policy, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset"
READERS = web.RequestKey("readers", Sequence[str])
"""Which pages may read this answer, where its handler knows better than the API's own list."""

MAX_AGE = "600"
"""Seconds for which a browser remembers a preflight (Chromium: at most 7200)."""


def is_allowed(origin: str, allowed: Sequence[str]) -> bool:
    """Whether a page may call us: its origin is listed, or listed with any port (``http://localhost:*``), or ``*``."""
    return any(
        entry in ("*", origin)
        or (entry.endswith(":*") and re.fullmatch(re.escape(entry[:-1]) + r"[0-9]{1,5}", origin) is not None)
        for entry in allowed
    )


class Cors:
    """Lets pages of the ``allowed`` origins call us."""

    def __init__(self, allowed: Sequence[str]) -> None:
        self._allowed = allowed

    def preflights(self) -> Middleware:
        """Answer the question of a browser whether it may ask."""

        @web.middleware
        async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
            asks = request.method == hdrs.METH_OPTIONS and hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers
            # What is for every page, as playlists are, answers for itself.
            if not asks or request.match_info.http_exception is None:
                return await handler(request)
            headers = {
                hdrs.ACCESS_CONTROL_ALLOW_METHODS: METHODS,
                hdrs.ACCESS_CONTROL_ALLOW_HEADERS: ALLOWED,
                hdrs.ACCESS_CONTROL_MAX_AGE: MAX_AGE,
            }
            return web.Response(status=204, headers=headers if _comes_from(request, self._allowed) else None)

        return middleware

    async def announce(self, request: web.Request, response: web.StreamResponse) -> None:
        """Say on an answer which page may read it: the one that asks, if it may."""
        allowed = request.get(READERS, self._allowed)
        if not allowed or hdrs.ACCESS_CONTROL_ALLOW_ORIGIN in response.headers:
            return
        vary = response.headers.get(hdrs.VARY)
        response.headers[hdrs.VARY] = f"{vary}, {hdrs.ORIGIN}" if vary else hdrs.ORIGIN
        if _comes_from(request, allowed):
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = request.headers[hdrs.ORIGIN]
            response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = EXPOSED


def _comes_from(request: web.Request, allowed: Sequence[str]) -> bool:
    origin = request.headers.get(hdrs.ORIGIN)
    return origin is not None and is_allowed(origin, allowed)


def single_slashes() -> Middleware:
    """Find the route of a path with a double slash: Uppy 6 puts ``/s3`` after an endpoint, however that ends.

    A redirect would end a preflight.
    """

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.match_info.http_exception is None or "//" not in request.path:
            return await handler(request)
        path, mark, query = request.raw_path.partition("?")
        again = request.clone(rel_url=re.sub("/{2,}", "/", path) + mark + query)
        match = await request.app.router.resolve(again)
        if match.http_exception is not None:
            return await handler(request)
        match.add_app(request.app)
        again._match_info = match  # noqa: SLF001 - as aiohttp itself does when it has found a route
        return await match.handler(again)

    return middleware
