"""Rate limits: for each user by kind of request, and for each address whose requests carry no accepted token.

Counted in the memory of each replica: with *r* replicas behind a load balancer somebody may make up to *r* times as
many requests. That is what a limit against floods needs; what must be exact is counted elsewhere.

The headers are those of draft-ietf-httpapi-ratelimit-headers-11, ``RateLimit-Policy`` and ``RateLimit``, and the three
of its drafts up to 06, ``RateLimit-Limit``, ``-Remaining`` and ``-Reset`` (seconds), which more clients read.
"""

from __future__ import annotations

import math
from contextvars import ContextVar
from dataclasses import dataclass

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from vidctl.errors import VidctlError
from vidctl.http.access.auth import InvalidToken, MissingToken
from vidctl.http.access.signing import TokenForged
from vidctl.http.limits.address import client_address
from vidctl.http.limits.quota import Meter, Quota, Standing
from vidctl.metrics import Metrics
from vidctl.ports import Clock
from vidctl.settings import LimitSettings

STANDING = web.RequestKey("standing", Standing)


class RateLimited(VidctlError):
    """Somebody makes more requests than he may; ``standing`` says when he may again."""

    code = "rate_limited"

    def __init__(self, standing: Standing) -> None:
        """Keep the standing."""
        quota = standing.quota
        super().__init__(f"At most {quota.requests} {quota.name} requests in {_seconds(quota)} seconds are allowed.")
        self.standing = standing


@dataclass(frozen=True, slots=True)
class _Admission:
    """One request on its way to the handler that will know its user."""

    request: web.Request
    quota: Quota


class Limiter:
    """Counts the requests of users and of strangers."""

    def __init__(self, *, settings: LimitSettings, metrics: Metrics, clock: Clock, meter: Meter | None = None) -> None:
        self._quotas = {
            name: Quota(name=name, requests=requests)
            for name, requests in (
                ("read", settings.reads_per_minute),
                ("write", settings.writes_per_minute),
                ("refused", settings.refusals_per_minute),
            )
            if requests
        }
        self._hops = settings.trusted_proxies
        self._limited = metrics.rate_limited
        self._clock = clock
        self._meter = meter or Meter()
        # A handler knows its user only once it has checked the token: what is then counted belongs to its request.
        self._current: ContextVar[_Admission | None] = ContextVar("admission", default=None)

    def admit(self, user_id: str) -> None:
        """Count the request that is being handled as this user's.

        Raises:
            RateLimited: he has made too many.

        """
        admission = self._current.get()
        # One that is asked twice in the same request is still one request.
        if admission is not None and STANDING not in admission.request:
            self._take(admission.request, admission.quota, user_id)

    def around(self) -> Middleware:
        """Return the middleware: it stands where errors are still errors."""

        @web.middleware
        async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
            quota = self._quotas.get("read" if request.method in (hdrs.METH_GET, hdrs.METH_HEAD) else "write")
            token = self._current.set(None if quota is None else _Admission(request, quota))
            try:
                return await handler(request)
            except (MissingToken, InvalidToken, TokenForged):
                self._stranger(request)
                raise
            finally:
                self._current.reset(token)

        return middleware

    def _stranger(self, request: web.Request) -> None:
        """Count a refusal. Who has an accepted token is never refused for what others do from his address."""
        quota = self._quotas.get("refused")
        if quota is not None:
            forwarded_for = request.headers.getall("X-Forwarded-For", ())
            self._take(request, quota, client_address(request.remote, forwarded_for, hops=self._hops))

    def _take(self, request: web.Request, quota: Quota, who: str) -> None:
        standing = self._meter.take(quota, who, now=self._clock().timestamp())
        request[STANDING] = standing
        if standing.wait:
            self._limited.labels(quota.name).inc()
            raise RateLimited(standing)


async def announce(request: web.Request, response: web.StreamResponse) -> None:
    """Tell in headers how many requests are left."""
    standing = request.get(STANDING)
    if standing is not None:
        response.headers.update(headers(standing))


def headers(standing: Standing) -> dict[str, str]:
    """Return the headers of both generations."""
    quota, reset = standing.quota, math.ceil(standing.wait or standing.full_in)
    return {
        "RateLimit-Policy": f'"{quota.name}";q={quota.requests};w={_seconds(quota)}',
        "RateLimit": f'"{quota.name}";r={standing.remaining};t={reset}',
        "RateLimit-Limit": str(quota.requests),
        "RateLimit-Remaining": str(standing.remaining),
        "RateLimit-Reset": str(reset),
    }


def _seconds(quota: Quota) -> int:
    return int(quota.window.total_seconds())
