"""The whole HTTP side over buckets in memory, for the tests of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from aiohttp import ClientResponse, ClientSession, web
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from tests.process.openapi import Documented
from tests.world.objects import MemoryObjects
from tests.world.queue import MemoryQueue
from tests.world.uploads import MemoryUploads
from vidctl.errors import WorldError
from vidctl.http.access.auth import Authenticator
from vidctl.http.access.keys import FixedKey, Keys
from vidctl.http.app import create_app, serving
from vidctl.http.limits.limiter import Limiter
from vidctl.http.routes import Given, all_routes
from vidctl.metrics import Metrics
from vidctl.model import VideoKey
from vidctl.ports import Objects
from vidctl.settings import AuthSettings, HttpSettings, LimitSettings, PlaybackSettings, UploadSettings

SECRET = "a secret of at least thirty-two bytes"
HTTP = HttpSettings(signing_keys=(SecretStr(SECRET),))
RAW_BUCKET, FINAL_BUCKET = "raw-bucket", "final-bucket"


@dataclass
class Service:
    """The buckets, the clock, and what the two probes say; ``client`` speaks to the running server."""

    now: datetime = datetime(2026, 11, 22, 12, tzinfo=UTC)
    not_alive: str | None = None
    not_ready: str | None = None
    public_url: str | None = None
    auth: AuthSettings = field(default_factory=lambda: AuthSettings(secret=SecretStr(SECRET)))
    uploads: UploadSettings = field(default_factory=UploadSettings)
    http: HttpSettings = HTTP
    playback: PlaybackSettings = field(default_factory=PlaybackSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)
    metrics: Metrics = field(default_factory=lambda: Metrics(CollectorRegistry()))
    keys: Keys = field(default_factory=lambda: FixedKey(SECRET.encode()))
    seed: int = 0

    def __post_init__(self) -> None:
        self.raw = MemoryObjects(RAW_BUCKET, clock=lambda: self.now, versioned=True)
        self.final = MemoryObjects(FINAL_BUCKET, clock=lambda: self.now)
        self.raw_port: Objects = self.raw
        self.raw_uploads = MemoryUploads(self.raw, clock=lambda: self.now)
        self.final_port: Objects = self.final
        self.queue_fault: WorldError | None = None
        self.raw_queue = MemoryQueue("raw", clock=lambda: self.now, around=self._around_queue)
        self.looked_at: list[VideoKey] = []
        self.extra: list[web.RouteDef] = []
        self.client: ClientSession
        self.port = 0

    async def app(self) -> web.Application:
        limiter = Limiter(settings=self.limits, metrics=self.metrics, clock=lambda: self.now)
        given = Given(
            authenticator=Authenticator(settings=self.auth, keys=self.keys, metrics=self.metrics, admit=limiter.admit),
            raw=self.raw_port,
            raw_uploads=self.raw_uploads,
            final=self.final_port,
            raw_bucket=RAW_BUCKET,
            raw_queue=self.raw_queue,
            look=self.looked_at.append,
            uploads=self.uploads,
            limits=self.limits,
            http=self.http.model_copy(update={"public_url": self.public_url}),
            playback=self.playback,
            metrics=self.metrics,
            clock=lambda: self.now,
            ids=self._entropy,
            alive=lambda: self.not_alive,
            ready=lambda: self.not_ready,
        )
        app = create_app(routes=await all_routes(given), metrics=self.metrics, settings=self.http, limiter=limiter)
        app.add_routes(self.extra)
        return app

    @asynccontextmanager
    async def _around_queue(self, _operation: str) -> AsyncIterator[None]:
        if self.queue_fault is not None:
            raise self.queue_fault
        yield

    def _entropy(self, count: int) -> bytes:
        self.seed += 1
        return self.seed.to_bytes(count, "big")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Service]:
        async with (
            serving(await self.app(), host="127.0.0.1", port=0) as self.port,
            ClientSession(f"http://127.0.0.1:{self.port}", response_class=Documented) as self.client,
        ):
            yield self

    def wait(self, time: timedelta) -> None:
        self.now += time

    def counted(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, labels)

    # --- requests -------------------------------------------------------------------------------------------------

    async def post(self, body: Any, *, user: str = "ada", **options: Any) -> ClientResponse:
        given = {"json": body} if not isinstance(body, bytes) else {"data": body}
        return await self.client.post("/v1/uploads", headers=bearer(user), **given, **options)

    async def get(self, video_id: str, *, user: str = "ada") -> ClientResponse:
        return await self.client.get(f"/v1/videos/{video_id}", headers=bearer(user))


def bearer(user: str, **more: str) -> dict[str, str]:
    claims = {"sub": user, "exp": datetime.now(UTC) + timedelta(minutes=5)} | more  # noqa: TID251 - the library's own clock
    return {"Authorization": f"Bearer {jwt.encode(claims, SECRET, 'HS256')}"}


async def problem(response: ClientResponse, status: int, code: str) -> dict[str, Any]:
    """Check that the answer is a problem of this kind; return it."""
    assert response.content_type == "application/problem+json"
    body: dict[str, Any] = await response.json(content_type="application/problem+json")
    assert (response.status, body["status"], body["code"]) == (status, status, code)
    assert body["type"] == f"urn:vidctl:problem:{code}"
    assert body["title"]
    assert body["detail"]
    return body
