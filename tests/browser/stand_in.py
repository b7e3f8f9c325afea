"""Stands in for the API, so that each state of the page can be shown, and held on to, without waiting for it.

What it answers has the form of the real answers; `tests/e2e/test_page.py` goes through the states with the real ones.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Page, Route

AT = "2026-11-24T09:30:00+00:00"
BUCKET = "https://raw.test"
STORED = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "ETag", "ETag": '"1"'}


def video_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


def video(number: int, state: str, *, name: str = "Sailing.mp4", **told: Any) -> dict[str, Any]:
    """Return what the API tells of a video."""
    happened = {"published": ("accepted", "uploaded", "launched", "encoded", "verified", "published", "raw_deleted")}
    timeline = [{"event": event, "at": AT, "reason": None} for event in happened.get(state, ("accepted", "uploaded"))]
    if state == "failed":
        timeline.append({"event": "failed", "at": AT, "reason": "no_video_stream: the file has no video stream"})
        told = {"code": "no_video_stream", "detail": "the file has no video stream"} | told
    named = {"video_id": video_id(number), "filename": name, "created_at": AT, "state": state}
    return named | {"progress": None, "timeline": timeline, "outputs": []} | told


@dataclass
class StandIn:
    """The API of one user, and the bucket that he uploads to, which takes nothing until ``open`` is set.

    ``older`` are not on the first page of the list; what a list says is on its way until ``heard`` is set.
    """

    videos: list[dict[str, Any]] = field(default_factory=list)
    older: list[dict[str, Any]] = field(default_factory=list)
    problems: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.heard.set()

    async def stand(self, page: Page) -> None:
        """Answer what a page asks of both."""
        await page.route("**/v1/**", self.answer)
        await page.route(f"{BUCKET}/**", self.store)

    async def answer(self, route: Route) -> None:
        """Answer for the API."""
        request, path = route.request, urlsplit(route.request.url).path
        self.asked.append(f"{request.method} {path}")
        if (problem := self.problems.get(self.asked[-1])) is not None:
            body = json.dumps(problem)
            await route.fulfill(status=problem["status"], body=body, content_type="application/problem+json")
        elif path == "/v1/uploads/sign":
            key = f"videos/ada/{video_id(99)}.mp4"
            await route.fulfill(json={"url": f"{BUCKET}/{key}", "key": key})
        elif path == "/v1/videos":
            listed = [_listed(video) for video in self.videos]
            await self.heard.wait()
            await route.fulfill(json={"videos": listed, "next": None})
        elif path.endswith("/events"):
            body = f"event: snapshot\nid: 1\ndata: {json.dumps(self.named(path.split('/')[3]))}\n\n"
            await route.fulfill(body=body, content_type="text/event-stream")
        elif request.method == "DELETE":
            self.videos = [video for video in self.videos if video["video_id"] != path.split("/")[3]]
            await route.fulfill(status=202, json={})
        else:
            await route.fulfill(json=self.named(path.split("/")[3]))

    async def store(self, route: Route) -> None:
        """Answer for the bucket."""
        await self.open.wait()
        await route.fulfill(headers=STORED)

    def named(self, wanted: str) -> dict[str, Any]:
        """Return a video by its id."""
        return next(video for video in self.videos + self.older if video["video_id"] == wanted)


def _listed(video: dict[str, Any]) -> dict[str, Any]:
    """Return what a list tells of a video, which is less."""
    return {name: value for name, value in video.items() if name not in ("timeline", "outputs", "playback")}
