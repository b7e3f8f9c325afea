"""``/v1/uploads``: a signed PUT for one file, or an upload in parts that goes on anywhere, from its video's id."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from aiohttp import hdrs, web

from vidctl.http.access.auth import Authenticator, Permission
from vidctl.http.origin import public_origin
from vidctl.http.uploads.beginning import Beginning
from vidctl.http.uploads.grants import Grant
from vidctl.http.uploads.intake import Intake
from vidctl.http.uploads.request import (
    Fault,
    InvalidRequest,
    UploadRequest,
    in_parts,
    json_object,
    parse_upload_request,
)
from vidctl.parts import part_count, size_of
from vidctl.ports import SignedUrl
from vidctl.settings import UploadSettings
from vidctl.tickets import Ticket
from vidctl.uploads import Part

MOST_AT_ONCE = 100
"""Parts that are signed in one request: each takes a fifth of a millisecond, during which the loop stands still."""
LARGEST_LIST = 1024**2
"""Bytes of a request that names 10,000 parts."""
NUMBERS = f'{{"parts": [1, 2, 3]}}, at most {MOST_AT_ONCE} numbers of parts'
NAMED = '{"parts": [{"number": 1, "etag": "…"}]}, or no body at all for all parts that are there'


class UploadRoutes:
    """Hands out uploads to whoever has a valid token, and goes on with those that come in parts."""

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        beginning: Beginning,
        intake: Intake,
        settings: UploadSettings,
        public_url: str | None,
    ) -> None:
        self._authenticator = authenticator
        self._beginning = beginning
        self._intake = intake
        self._settings = settings
        self._public_url = public_url

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.post("/v1/uploads", self.create),
            web.post("/v1/uploads/{video_id}/parts", self.sign),
            web.get("/v1/uploads/{video_id}/parts", self.show, allow_head=False),
            web.post("/v1/uploads/{video_id}/complete", self.complete),
            web.delete("/v1/uploads/{video_id:(?!sign$)[^/]+}", self.abort),
        ]

    async def create(self, request: web.Request) -> web.Response:
        """Answer 201 with all that the upload needs, and where the video can be followed."""
        grant, body = await self._grant(request), await request.read()
        wanted = parse_upload_request(body, self._settings)
        origin = public_origin(request, self._public_url)
        key = await self._beginning.video(request, grant.user_id, body=body, size_bytes=wanted.size_bytes)
        grant = replace(grant, video_ids=(key.video_id,))
        video_id, answer = await self._handed_out(grant, wanted, origin)
        status_url = f"{origin}/v1/videos/{video_id}"
        answer |= {"video_id": video_id, "status_url": status_url}
        return web.json_response(answer, status=201, headers={hdrs.LOCATION: status_url})

    async def _handed_out(self, grant: Grant, wanted: UploadRequest, origin: str) -> tuple[str, dict[str, Any]]:
        if in_parts(wanted, self._settings):
            ticket = await self._intake.begin(grant, wanted, cut=True)
            return ticket.key.video_id, {"multipart": _multipart(ticket, origin)}
        ticket, signed = await self._intake.put(grant, wanted)
        return ticket.key.video_id, {"upload": _signed(signed)}

    async def sign(self, request: web.Request) -> web.Response:
        """Answer with a signed PUT for each part that is asked for."""
        ticket, upload_id = await self._ticket(request)
        numbers = _numbers(json_object(await request.read(), fix=NUMBERS))
        signed = [(number, await self._intake.sign_part(ticket, upload_id, number)) for number in numbers]
        return web.json_response({"parts": [{"number": number, **_signed(url)} for number, url in signed]})

    async def show(self, request: web.Request) -> web.Response:
        """Answer with the parts that are there: with all, once they have become a video."""
        ticket, upload_id = await self._ticket(request)
        standing = await self._intake.standing(ticket, upload_id)
        parts = standing.parts if standing.etag is None else _all_parts(ticket)
        return web.json_response(
            {
                "video_id": ticket.key.video_id,
                "state": "uploading" if standing.etag is None else "complete",
                "size": ticket.size_bytes,
                "part_size": ticket.part_bytes,
                "parts": [_part(part) for part in parts],
            }
        )

    async def complete(self, request: web.Request) -> web.Response:
        """Put the parts together, and answer alike however often it is asked for."""
        ticket, upload_id = await self._ticket(request)
        named = _named(await read_list(request))
        etag = await self._intake.complete(ticket, upload_id, named)
        status_url = f"{public_origin(request, self._public_url)}/v1/videos/{ticket.key.video_id}"
        return web.json_response({"video_id": ticket.key.video_id, "status_url": status_url, "etag": etag})

    async def abort(self, request: web.Request) -> web.Response:
        """Give up an upload, however often; what has become a video stays one."""
        ticket, upload_id = await self._ticket(request)
        await self._intake.abort(ticket, upload_id)
        return web.Response(status=204)

    async def _grant(self, request: web.Request) -> Grant:
        caller = await self._authenticator.caller(request.headers.getall(hdrs.AUTHORIZATION, ()), Permission.UPLOAD)
        return Grant(user_id=caller.user_id, max_bytes=self._settings.max_bytes)

    async def _ticket(self, request: web.Request) -> tuple[Ticket, str]:
        ticket = await self._intake.ticket(await self._grant(request), request.match_info["video_id"])
        return ticket, self._intake.upload_id(ticket)


async def read_list(request: web.Request) -> bytes:
    """Read a body that may name 10,000 parts."""
    return await request.clone(client_max_size=LARGEST_LIST).read()


def parts_named(data: dict[str, Any], *, number: str, etag: str, fix: str) -> dict[int, str]:
    """Return the ETag of each part that a body names under ``parts``.

    Raises:
        InvalidRequest: it names none, or not with a number and an ETag.

    """
    listed = data.get("parts")
    items = listed if isinstance(listed, list) else []
    pairs = [(item.get(number), item.get(etag)) for item in items if isinstance(item, dict)]
    named = {n: text for n, text in pairs if type(n) is int and isinstance(text, str)}
    if not named or len(named) != len(items):
        raise InvalidRequest((Fault(field="parts", detail="must name each part once, by number and ETag", fix=fix),))
    return named


def _named(body: bytes) -> dict[int, str] | None:
    data = json_object(body, fix=NAMED) if body.strip() else {}
    return parts_named(data, number="number", etag="etag", fix=NAMED) if "parts" in data else None


def _numbers(data: dict[str, Any]) -> list[int]:
    listed = data.get("parts")
    numbers = listed if isinstance(listed, list) else []
    if not 1 <= len(numbers) <= MOST_AT_ONCE or any(type(number) is not int for number in numbers):
        raise InvalidRequest((Fault(field="parts", detail="must be a list of numbers", fix=NUMBERS),))
    return numbers


def _multipart(ticket: Ticket, origin: str) -> dict[str, Any]:
    size, part = ticket.size_bytes or 0, ticket.part_bytes or 1
    url = f"{origin}/v1/uploads/{ticket.key.video_id}"
    return {
        "upload_id": ticket.upload_id,
        "part_size": part,
        "part_count": part_count(size, part),
        "parts_url": f"{url}/parts",
        "complete_url": f"{url}/complete",
        "abort_url": url,
    }


def _signed(signed: SignedUrl) -> dict[str, Any]:
    return {
        "method": signed.method,
        "url": signed.url,
        "headers": signed.headers,
        "expires_at": signed.expires_at.isoformat(),
    }


def _all_parts(ticket: Ticket) -> list[Part]:
    """Return the parts that the object was made of: S3 has forgotten them, but we said how to cut."""
    if ticket.size_bytes is None or ticket.part_bytes is None:
        return []
    size, part = ticket.size_bytes, ticket.part_bytes
    numbers = range(1, part_count(size, part) + 1)
    return [Part(number=n, etag="", size_bytes=size_of(n, size_bytes=size, part=part)) for n in numbers]


def _part(part: Part) -> dict[str, Any]:
    return {"number": part.number, "size": part.size_bytes, "etag": part.etag or None}
