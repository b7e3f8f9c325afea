"""``GET /v1/videos/{video_id}``: tells the owner of a video what became of it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from aiohttp import hdrs, web

from vidctl import layout
from vidctl.history import Attempt, History
from vidctl.http.auth import Authenticator, Permission
from vidctl.http.histories import Histories, VideoNotFound
from vidctl.model import VideoKey
from vidctl.ports import Objects
from vidctl.records import Output
from vidctl.timeline import Event


class VideoRoutes:
    """Tells of videos, and signs what reads them."""

    def __init__(
        self, *, authenticator: Authenticator, histories: Histories, final: Objects, playback_expiry: timedelta
    ) -> None:
        self._authenticator = authenticator
        self._histories = histories
        self._final = final
        self._playback_expiry = playback_expiry

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.get("/v1/videos/{video_id}", self.show)]

    async def show(self, request: web.Request) -> web.Response:
        """Answer with state, timeline, attempts, progress and outputs of the caller's own video, or of ``?user=``'s."""
        key = await named_video(request, self._authenticator, Permission.READ)
        told = await self._histories.history(key)
        urls = await asyncio.gather(*(self._sign(output) for output in told.outputs))
        return web.json_response(_video(key.video_id, told, urls))

    async def _sign(self, output: Output) -> str | None:
        if output.is_folder:
            return None  # it is no object: nobody could read it
        return await self._final.sign_get(output.key, expires_in=self._playback_expiry)


async def named_video(request: web.Request, authenticator: Authenticator, permission: Permission) -> VideoKey:
    """Return the video that a request names: the caller's own, or that of ``?user=``.

    Raises:
        VideoNotFound: it names none that could be.
        MissingToken, InvalidToken, InsufficientScope, InvalidUser, KeysUnavailable: the caller may not.

    """
    authorization, user = request.headers.getall(hdrs.AUTHORIZATION, ()), request.query.get("user")
    owner = await authenticator.owner(authorization, permission, user=user)
    video_id = request.match_info["video_id"]
    if not layout.is_video_id(video_id):
        raise VideoNotFound("You have no such video.")
    return VideoKey(user_id=owner, video_id=video_id)


# --- the answer ---------------------------------------------------------------------------------------------------


def _video(video_id: str, told: History, urls: list[str | None]) -> dict[str, Any]:
    return {
        "video_id": video_id,
        "state": told.state,
        "timeline": [_event(event) for event in told.timeline],
        "attempts": [_attempt(attempt) for attempt in told.attempts],
        "progress": told.progress,
        "remaining_seconds": told.remaining_seconds,
        "ahead": told.ahead,
        "outputs": [_output(output, url) for output, url in zip(told.outputs, urls, strict=True)],
    }


def _event(event: Event) -> dict[str, Any]:
    return {"event": event.name, "at": event.at.isoformat(), "reason": event.reason}


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "number": str(attempt.number),
        "state": attempt.state,
        "launched_at": attempt.launched_at.isoformat(),
        "started_at": None if attempt.started_at is None else attempt.started_at.isoformat(),
        "ended_at": None if attempt.ended_at is None else attempt.ended_at.isoformat(),
        "class": attempt.failure,
        "code": attempt.code,
        "detail": attempt.detail,
    }


def _output(output: Output, url: str | None) -> dict[str, Any]:
    return {
        "name": output.name,
        "key": output.key,
        "content_type": output.content_type,
        "size": output.size_bytes,
        "sha256": output.sha256,
        "url": url,
    }
