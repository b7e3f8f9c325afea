"""``/healthz``, ``/readyz`` and ``/metrics``: for load balancers, orchestrators and Prometheus; no token is needed."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.aiohttp import make_aiohttp_handler

Check = Callable[[], str | None]
"""Says why not, or None if all is well."""


class ProbeRoutes:
    """Answers probes. ``alive``: a restart would not help; ``ready``: new requests are welcome."""

    def __init__(self, *, alive: Check, ready: Check, registry: CollectorRegistry) -> None:
        self._alive = alive
        self._ready = ready
        self._metrics = make_aiohttp_handler(registry)

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/healthz", self.health),
            web.get("/readyz", self.readiness),
            web.get("/metrics", self._metrics),
        ]

    async def health(self, _request: web.Request) -> web.Response:
        """Answer 503 with the reason if the process should be started anew."""
        return _answer(self._alive())

    async def readiness(self, _request: web.Request) -> web.Response:
        """Answer 503 with the reason while no requests should be sent here."""
        return _answer(self._ready())


def _answer(reason: str | None) -> web.Response:
    if reason is None:
        return web.json_response({"status": "ok"})
    return web.json_response({"status": "unavailable", "reason": reason}, status=503)
