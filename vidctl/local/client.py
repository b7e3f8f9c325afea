"""A client of vidctl's HTTP API, as a user would write one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from json import loads
from pathlib import Path
from typing import Any

import aiohttp
from yarl import URL

from vidctl.errors import VidctlError


class Refused(VidctlError):
    """The API or the storage did not accept a request; ``status`` is HTTP's, the message has the answer."""

    code = "refused"

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class Unreachable(VidctlError):
    """Nobody answered."""

    code = "unreachable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """The leave to put one file."""

    video_id: str
    method: str
    url: str
    headers: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEvent:
    """One thing that happened to a video."""

    event: str
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What is published under one name: a file, or a folder of files, which has no ``url``."""

    name: str
    key: str
    content_type: str
    size_bytes: int
    sha256: str
    url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Video:
    """What the API tells of a video. ``progress`` is from 0 to 1."""

    state: str
    timeline: tuple[TimelineEvent, ...] = ()
    progress: float | None = None
    outputs: tuple[Output, ...] = ()

    def happened(self, event: str) -> bool:
        """Whether the timeline has ``event``."""
        return any(entry.event == event for entry in self.timeline)

    @property
    def failure(self) -> str | None:
        """Why the video will not be published, if it will not."""
        if self.state not in ("failed", "deleting", "deleted"):
            return None
        return next((e.reason or e.event for e in reversed(self.timeline) if e.event == self.state), self.state)


class ApiClient:
    """Uploads videos as one user and follows them."""

    def __init__(self, http: aiohttp.ClientSession, *, url: str, token: str) -> None:
        self._http = http
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"}

    async def request_upload(self, *, size_bytes: int, filename: str = "clip.mp4") -> Upload:
        """Ask for leave to put a file of this size.

        Raises:
            Refused: it was not given. Unreachable.

        """
        wanted = {"filename": filename, "content_type": "video/mp4", "size": size_bytes}
        body = await self._call("POST", "/v1/uploads", expected=201, json=wanted)
        upload = body["upload"]
        return Upload(video_id=body["video_id"], method=upload["method"], url=upload["url"], headers=upload["headers"])

    async def put(self, upload: Upload, content: bytes) -> None:
        """Put the file.

        Raises:
            Refused: the storage did not take it. Unreachable.

        """
        await self._send(upload.method, upload.url, expected=200, data=BytesIO(content), headers=upload.headers)

    async def upload(self, file: Path) -> str:
        """Upload a file; return the id of the video. Raises as the two steps."""
        content = await asyncio.to_thread(file.read_bytes)
        upload = await self.request_upload(size_bytes=len(content), filename=file.name)
        await self.put(upload, content)
        return upload.video_id

    async def video(self, video_id: str) -> Video:
        """Return what became of a video.

        Raises:
            Refused: there is no such video of this user. Unreachable.

        """
        return _video(await self._call("GET", f"/v1/videos/{video_id}", expected=200))

    async def follow(
        self, video_id: str, *, every: timedelta = timedelta(milliseconds=200)
    ) -> AsyncGenerator[Video, None]:
        """Yield what became of a video, again and again; while nobody answers, it waits."""
        while True:
            try:
                video = await self.video(video_id)
            except Unreachable:
                pass
            else:
                yield video
            await asyncio.sleep(every.total_seconds())

    async def _call(self, method: str, path: str, *, expected: int, json: Any = None) -> dict[str, Any]:
        text = await self._send(method, self._url + path, expected=expected, json=json, headers=self._headers)
        body: dict[str, Any] = loads(text)
        return body

    async def _send(self, method: str, url: str, *, expected: int, **request: Any) -> str:
        try:
            async with self._http.request(method, url, **request) as answer:
                if answer.status != expected:
                    text = f"{method} {answer.url.path}: {answer.status} {await answer.text()}"
                    raise Refused(text, status=answer.status)
                return await answer.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unreachable(f"{method} {URL(url).path}: {error or type(error).__name__}") from error


@asynccontextmanager
async def opened(*, url: str, token: str) -> AsyncIterator[ApiClient]:
    """Open a client for the block."""
    async with aiohttp.ClientSession() as http:
        yield ApiClient(http, url=url, token=token)


def _video(body: dict[str, Any]) -> Video:
    return Video(
        state=body["state"],
        timeline=tuple(TimelineEvent(event=entry["event"], reason=entry["reason"]) for entry in body["timeline"]),
        progress=body["progress"],
        outputs=tuple(
            Output(
                name=output["name"],
                key=output["key"],
                content_type=output["content_type"],
                size_bytes=output["size"],
                sha256=output["sha256"],
                url=output["url"],
            )
            for output in body["outputs"]
        ),
    )
