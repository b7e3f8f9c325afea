"""The service is killed between publishing and telling: whoever is to be told is, once it is back."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.e2e.machine import ROOT
from tests.e2e.studio import PATIENCE, Studio, eventually
from vidctl.outbox import Outbox, Waiting

pytestmark = pytest.mark.asyncio(loop_scope="session")

SECRET = "a-secret-of-the-test-s-own-and-long-enough"


@dataclass(frozen=True, slots=True)
class Post:
    """What a receiver got."""

    signature: str
    body: bytes


class Hook:
    """A receiver on this machine, which hears everything and answers nothing until it is told to."""

    def __init__(self) -> None:
        self.got: asyncio.Queue[Post] = asyncio.Queue()
        self.answers = asyncio.Event()

    async def take(self, request: web.Request) -> web.Response:
        self.got.put_nowait(Post(request.headers["Vidctl-Signature"], await request.read()))
        await self.answers.wait()
        return web.Response(status=204)

    async def heard(self) -> Post:
        """Wait for the next event."""
        async with asyncio.timeout(PATIENCE.total_seconds()):
            return await self.got.get()

    def forget(self) -> None:
        """Take what came until now for heard."""
        while not self.got.empty():
            self.got.get_nowait()


@asynccontextmanager
async def listening(studio: Studio) -> AsyncIterator[Hook]:
    """Let the service, which is started anew, tell a hook as long as the block lasts."""
    hook, app = Hook(), web.Application()
    app.router.add_post("/hook", hook.take)
    services = studio.world.services
    before = services.environment
    async with TestServer(app, host="127.0.0.1") as server:
        services.environment = {
            **before,
            "VIDCTL_NOTICES_WEBHOOKS": f"http://127.0.0.1:{server.port}/hook",
            "VIDCTL_NOTICES_SECRETS": SECRET,
            "VIDCTL_NOTICES_ALLOW_HTTP": "true",
            "VIDCTL_NOTICES_ALLOWED_NETWORKS": "127.0.0.0/8",
        }
        await studio.kill_service()
        await studio.world.serve()
        try:
            yield hook
        finally:
            hook.answers.set()
            services.environment = before
            await studio.kill_service()
            await studio.world.serve()


def verifier() -> Callable[[str, bytes, bytes], bool]:
    """Return the verifier that the documents give to receivers."""
    (printed,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "webhooks.md").read_text(), flags=re.DOTALL)
    place: dict[str, Any] = {}
    exec(printed, place)  # noqa: S102 - the page is ours
    found: Callable[[str, bytes, bytes], bool] = place["verify"]
    return found


async def waiting(studio: Studio) -> list[Waiting]:
    """Return what lies in the outbox."""
    outbox = Outbox(studio.final)
    found = [await outbox.get(name) async for name in outbox.names()]
    return [dispatch for dispatch in found if dispatch is not None]


async def leases_end(studio: Studio) -> None:
    """Let the leases of a killed process end, without the minute that they last."""
    for found in await waiting(studio):
        due = replace(found.dispatch, not_before=found.dispatch.notice.at)
        await Outbox(studio.final).change(found, due)


async def test_what_was_published_is_told_though_the_service_was_killed_before_it_and_in_the_middle(
    studio: Studio,
) -> None:
    async with listening(studio) as hook:
        video_id = await studio.upload("good")

        async def published() -> bool:
            return await studio.journal.manifest(studio.key(video_id)) is not None

        await eventually(published)
        await studio.kill_service()
        hook.forget()
        await leases_end(studio)

        await studio.world.serve()
        unanswered = await hook.heard()
        await studio.kill_service()
        (dispatch,) = await waiting(studio)
        assert dispatch.dispatch.attempts >= 1
        hook.forget()
        await leases_end(studio)

        hook.answers.set()
        await studio.world.serve()
        told = await hook.heard()

        async def nothing_waits() -> bool:
            return not await waiting(studio)

        await eventually(nothing_waits)
        assert told.body == unanswered.body
        event = json.loads(told.body)
        assert (event["type"], event["video_id"]) == ("video.published", video_id)
        assert all(verifier()(post.signature, post.body, SECRET.encode()) for post in (unanswered, told))
        assert not verifier()(told.signature, told.body + b" ", SECRET.encode())
