"""``GET /v1/videos``: a user's own videos, the newest first, as far as a list shows them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from aiohttp import hdrs, web

from vidctl import layout, logs
from vidctl.errors import Malformed
from vidctl.groups import TaskGroup, first_error
from vidctl.history import History, State
from vidctl.http.access.auth import Authenticator, Permission
from vidctl.http.origin import public_origin
from vidctl.http.playback.offer import Offer
from vidctl.http.uploads.request import Fault, InvalidRequest
from vidctl.http.videos import telling
from vidctl.http.videos.histories import Histories, VideoNotFound
from vidctl.ledger import Ledger
from vidctl.model import VideoKey
from vidctl.tickets import Ticket

USUAL, MOST = 20, 50
"""Videos of a page. Each takes three calls to S3, one for its ticket, and one for its progress while it runs: 251 at
most, and some more where attempts have failed."""

AT_ONCE = 8
"""Videos of a page that are read at once: 24 of the 100 connections that a client of AWS has."""

log = logs.get(__name__)


class ListRoutes:
    """Reads a page of the upload ledger, and of each video in it what became of it."""

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        ledger: Ledger,
        histories: Histories,
        offer: Offer,
        public_url: str | None,
    ) -> None:
        self._authenticator = authenticator
        self._ledger = ledger
        self._histories = histories
        self._offer = offer
        self._public_url = public_url

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.get("/v1/videos", self.show)]

    async def show(self, request: web.Request) -> web.Response:
        """Answer with a page, and where the next one begins.

        A page may be shorter than was asked for: what was deleted, or never arrived, is left out.
        """
        authorization, user = request.headers.getall(hdrs.AUTHORIZATION, ()), request.query.get("user")
        owner = await self._authenticator.owner(authorization, Permission.READ, user=user)
        limit, after = page_of(request.query.get("limit"), request.query.get("after"))
        # One more than is shown tells whether there is a next page.
        names = [name async for name in self._ledger.names(owner, after=after, limit=limit + 1)]
        shown = await self._shown(names[:limit], public_origin(request, self._public_url))
        return web.json_response({"videos": shown, "next": names[limit - 1].video_id if len(names) > limit else None})

    async def _shown(self, names: Sequence[VideoKey], origin: str) -> list[dict[str, Any]]:
        turns = asyncio.Semaphore(AT_ONCE)
        with first_error():
            async with TaskGroup() as reads:
                entries = [reads.create_task(self._entry(name, turns, origin)) for name in names]
        return [entry for task in entries if (entry := task.result()) is not None]

    async def _entry(self, key: VideoKey, turns: asyncio.Semaphore, origin: str) -> dict[str, Any] | None:
        """Return what is shown of a video; None for one that is not to be listed."""
        async with turns:
            try:
                told = await self._histories.history(key)
            except VideoNotFound:
                return None  # its upload never came
            except Malformed as error:
                # What a newer version wrote of one must not hide the others.
                log.warning("video_unreadable", video_id=key.video_id, error=str(error))
                return None
            if told.state is State.DELETED:
                return None
            ticket = await self._ledger.readable(key)
            return _shown(key, ticket, told, self._offer.poster(told.outputs, origin=origin))


def page_of(limit: str | None, after: str | None) -> tuple[int, str | None]:
    """Read which page is asked for.

    Raises:
        InvalidRequest: with every faulty parameter.

    """
    faults = []
    number = int(limit) if limit is not None and limit.isascii() and limit.isdigit() and len(limit) < len("1000") else 0
    if limit is not None and not 1 <= number <= MOST:
        faults.append(Fault(field="limit", detail="is out of range", fix=f"a whole number from 1 to {MOST}"))
    if after is not None and not layout.is_video_id(after):
        faults.append(Fault(field="after", detail="is no video id", fix="`next` of the page before"))
    if faults:
        raise InvalidRequest(tuple(faults))
    return number or USUAL, after


def _shown(key: VideoKey, ticket: Ticket | None, told: History, poster_url: str | None) -> dict[str, Any]:
    return {
        "video_id": key.video_id,
        **telling.origin(key, ticket),
        "size": None if ticket is None else ticket.size_bytes,
        **telling.state(told),
        **telling.progress(told),
        "duration_seconds": told.duration_seconds,
        "poster_url": poster_url,
    }
