"""Customers: each uploads clips and follows them, at whichever replica answers, as behind a load balancer."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import aiohttp

from vidctl.local.client import ApiClient, Refused, Unreachable, Upload, Video

PAUSE_SECONDS = 0.2
LOOK_SECONDS = 1.0
TIMEOUT = aiohttp.ClientTimeout(total=20)
SERVERS_FAULT = 500

T = TypeVar("T")


class Customer:
    """Asks one replica after another until one answers. ``retries`` are the answers that never came."""

    def __init__(
        self, http: aiohttp.ClientSession, *, urls: Callable[[], Sequence[str]], token: str, chance: random.Random
    ) -> None:
        self.retries = 0
        self._http = http
        self._urls = urls
        self._token = token
        self._chance = chance

    async def upload(self, content: bytes) -> str:
        """Upload a clip; return the id of the video."""

        async def signed(api: ApiClient) -> Upload:
            return await api.request_upload(size_bytes=len(content))

        upload = await self._somewhere(signed)
        # To the storage, which lives on.
        await self._api("").put(upload, content)
        return upload.video_id

    async def fate(self, video_id: str) -> Video:
        """Wait until a video is published or given up."""

        async def asked(api: ApiClient) -> Video:
            return await api.video(video_id)

        while True:
            video = await self._somewhere(asked)
            if video.state in ("published", "failed", "deleted"):
                return video
            await asyncio.sleep(LOOK_SECONDS)

    async def _somewhere(self, ask: Callable[[ApiClient], Awaitable[T]]) -> T:
        while True:
            urls = self._urls()
            try:
                if urls:
                    return await ask(self._api(self._chance.choice(urls)))
            except Unreachable:
                self.retries += 1
            except Refused as error:
                if error.status < SERVERS_FAULT:
                    raise
                self.retries += 1
            await asyncio.sleep(PAUSE_SECONDS)

    def _api(self, url: str) -> ApiClient:
        return ApiClient(self._http, url=url, token=self._token)
