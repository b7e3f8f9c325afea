"""A client of the API that sends a film in parts, and can be cut off in the middle of one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from io import BytesIO
from typing import Any

from aiohttp import ClientConnectionError, ClientSession
from yarl import URL

from tests.big.film import Film
from vidctl.groups import TaskGroup

AT_ONCE = 4
NOT_NOW = 503
"""As when storage takes longer to put the parts together than a request may."""


class Sender:
    """Speaks to the API as one user; ``sent`` are the numbers of the parts that it has brought to the end."""

    def __init__(self, *, api: ClientSession, s3: ClientSession) -> None:
        self._api, self._s3 = api, s3
        self._room = asyncio.Semaphore(AT_ONCE)
        self.sent: list[int] = []

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        """Return the API's answer, which must be one of success; what is to be repeated is."""
        while True:
            async with self._api.request(method, path, json=body) as answer:
                if answer.status == NOT_NOW:
                    await asyncio.sleep(int(answer.headers["Retry-After"]))
                    continue
                if not answer.ok:
                    raise RuntimeError(f"{method} {path}: {answer.status} {await answer.text()}")
                return await answer.json()

    async def send(self, video_id: str, film: Film, numbers: Iterable[int]) -> None:
        """Send these parts, a few at a time."""
        async with TaskGroup() as group:
            for number in numbers:
                group.create_task(self._send(video_id, film, number))

    async def break_off(self, video_id: str, film: Film, number: int) -> None:
        """Send the first half of a part, and hang up."""
        signed = await self._signed(video_id, number)
        content = await asyncio.to_thread(film.part, number)

        async def half() -> AsyncIterator[bytes]:
            yield content[: len(content) // 2]
            raise ConnectionAbortedError("the client is gone")

        url, headers = URL(signed["url"], encoded=True), {**signed["headers"], "content-length": str(len(content))}
        try:
            async with self._s3.put(url, data=half(), headers=headers) as answer:
                raise RuntimeError(f"half a part was answered with {answer.status}")
        except (ClientConnectionError, ConnectionAbortedError):
            return

    async def _send(self, video_id: str, film: Film, number: int) -> None:
        async with self._room:
            signed = await self._signed(video_id, number)
            data = BytesIO(await asyncio.to_thread(film.part, number))
            async with self._s3.put(URL(signed["url"], encoded=True), data=data, headers=signed["headers"]) as answer:
                answer.raise_for_status()
        self.sent.append(number)

    async def _signed(self, video_id: str, number: int) -> Any:
        answer = await self.call("POST", f"/v1/uploads/{video_id}/parts", {"parts": [number]})
        return answer["parts"][0]


@asynccontextmanager
async def sender(url: str, token: str) -> AsyncIterator[Sender]:
    """Open a client that knows nothing of others of the same user."""
    async with (
        ClientSession(url, headers={"Authorization": f"Bearer {token}"}) as api,
        ClientSession(skip_auto_headers=("content-type",)) as s3,
    ):
        yield Sender(api=api, s3=s3)
