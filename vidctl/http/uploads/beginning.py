"""What all routes that begin a video have in common: whether the user may, and which video it is."""

from __future__ import annotations

from aiohttp import web

from vidctl import layout
from vidctl.http.limits.allowance import Allowance
from vidctl.http.limits.claims import Claims, asked
from vidctl.model import VideoKey
from vidctl.ports import Clock, Ids

ENTROPY_BYTES = 4
"""What ``layout.mint_video_id`` takes."""


class Beginning:
    """Gives every upload its video: a new one within the user's limits, or that of an earlier try at the same."""

    def __init__(self, *, claims: Claims, allowance: Allowance, clock: Clock, ids: Ids) -> None:
        self._claims = claims
        self._allowance = allowance
        self._clock = clock
        self._ids = ids

    async def check(self, user_id: str, *, size_bytes: int | None) -> None:
        """Return if the user may begin another video, whose id is known already.

        Raises:
            LimitReached: he has too much under way.

        """
        await self._allowance.check(user_id, size_bytes=size_bytes)

    async def video(self, request: web.Request, user_id: str, *, body: bytes, size_bytes: int | None) -> VideoKey:
        """Return the video that the request is to begin. Its ticket's time is ``layout.issued_at``, and nothing else.

        Raises:
            LimitReached: the user has too much under way; a repetition is never refused for it.
            InvalidIdempotencyKey, IdempotencyKeyReused, WorldError.

        """
        route = f"{request.method} {request.path}"
        wish = asked(request.headers.getall("Idempotency-Key", ()), user_id=user_id, route=route, body=body)
        earlier = None if wish is None else await self._claims.find(wish)
        if earlier is not None:
            return VideoKey(user_id=user_id, video_id=earlier)
        await self._allowance.check(user_id, size_bytes=size_bytes)
        video_id = layout.mint_video_id(user_id, self._clock(), self._ids(ENTROPY_BYTES))
        if wish is not None:
            video_id = await self._claims.claim(wish, video_id)
        return VideoKey(user_id=user_id, video_id=video_id)
