"""``GET /v1/videos/{video_id}``: tells the owner of a video what became of it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from aiohttp import hdrs, web

from vidctl import layout
from vidctl.http.access.auth import Authenticator, Permission
from vidctl.http.origin import public_origin
from vidctl.http.playback.offer import Offer
from vidctl.http.videos import telling
from vidctl.http.videos.histories import Histories, VideoNotFound
from vidctl.http.videos.stream_urls import StreamUrls
from vidctl.ledger import Ledger
from vidctl.model import VideoKey
from vidctl.ports import Objects
from vidctl.records import Output


class VideoRoutes:
    """Tells of videos, and signs what reads them."""

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        histories: Histories,
        ledger: Ledger,
        streams: StreamUrls,
        final: Objects,
        offer: Offer,
        public_url: str | None,
        expiry: timedelta,
    ) -> None:
        self._authenticator = authenticator
        self._histories = histories
        self._ledger = ledger
        self._streams = streams
        self._final = final
        self._offer = offer
        self._public_url = public_url
        self._expiry = expiry

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.get("/v1/videos/{video_id}", self.show)]

    async def show(self, request: web.Request) -> web.Response:
        """Answer with all that is known of the caller's own video, or of ``?user=``'s."""
        key = await named_video(request, self._authenticator, Permission.READ)
        told = await self._histories.history(key)
        ticket = await self._ledger.readable(key)
        urls = await asyncio.gather(*(self._sign(output) for output in told.outputs))
        outputs = [_output(output, url) for output, url in zip(told.outputs, urls, strict=True)]
        origin = public_origin(request, self._public_url)
        more = {
            **telling.origin(key, ticket),
            "events_url": self._streams.url(key, origin),
            "outputs": outputs,
            "playback": self._offer.playback(told.outputs, origin=origin),
        }
        return web.json_response(telling.video(key.video_id, told) | more)

    async def _sign(self, output: Output) -> str | None:
        if output.is_folder:
            return None  # it is no object: nobody could read it
        return await self._final.sign_get(output.key, expires_in=self._expiry)


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


def _output(output: Output, url: str | None) -> dict[str, Any]:
    return {
        "name": output.name,
        "key": output.key,
        "content_type": output.content_type,
        "size": output.size_bytes,
        "sha256": output.sha256,
        "url": url,
    }
