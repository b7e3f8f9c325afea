"""What Uppy asks of its Companion (``@uppy/aws-s3`` 5 and 6, unmodified), with a token or through an upload session.

The paths, names and answers are Companion's. Version 5 shows an error's ``message``, version 6 only the reason phrase;
version 6 obeys a form for a whole file and nothing else, sends no header of ours, and says the size of no file unless
its page puts it among the metadata.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from aiohttp import hdrs, web

from vidctl import layout
from vidctl.errors import Malformed
from vidctl.http.access.auth import Authenticator, Permission
from vidctl.http.uploads.beginning import Beginning
from vidctl.http.uploads.grants import Grant, Standing, UploadNotFound
from vidctl.http.uploads.handout import parts_named, read_list
from vidctl.http.uploads.intake import Intake
from vidctl.http.uploads.request import Fault, InvalidRequest, UploadRequest, json_object, parse_file
from vidctl.http.uploads.sessions import Sessions
from vidctl.settings import UploadSettings
from vidctl.tickets import Ticket

TOKEN_PREFIX, SESSION_PREFIX = "/v1/uppy/s3", "/u/{token}/s3"
NAMED = '{"parts": [{"PartNumber": 1, "ETag": "…"}]}'

Opened = Callable[[web.Request], Awaitable[Grant]]


class UppyRoutes:
    """Companion's endpoints for S3, but for those that would hand out credentials."""

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        beginning: Beginning,
        sessions: Sessions,
        intake: Intake,
        settings: UploadSettings,
        raw_bucket: str,
        raw_origin: str,
    ) -> None:
        """``raw_origin`` is where the raw bucket's objects are, for the location that Uppy shows."""
        self._authenticator = authenticator
        self._beginning = beginning
        self._sessions = sessions
        self._intake = intake
        self._settings = settings
        self._bucket = raw_bucket
        self._origin = raw_origin

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            route
            for prefix in (TOKEN_PREFIX, SESSION_PREFIX)
            for route in (
                web.get(f"{prefix}/params", self.params, allow_head=False),
                web.post(f"{prefix}/multipart", self.begin),
                web.get(f"{prefix}/multipart/{{upload_id}}", self.parts, allow_head=False),
                web.get(f"{prefix}/multipart/{{upload_id}}/{{number:(?!complete$)[^/]+}}", self.sign, allow_head=False),
                web.post(f"{prefix}/multipart/{{upload_id}}/complete", self.complete),
                web.delete(f"{prefix}/multipart/{{upload_id}}", self.abort),
            )
        ]

    async def params(self, request: web.Request) -> web.Response:
        """Answer with a form for a whole file."""
        grant, query = await self._grant(request), request.query
        told = {name[9:-1]: value for name, value in query.items() if name.startswith("metadata[")}
        wanted = self._wanted(query.get("filename"), query.get("type"), told)
        # What a POST has in its body, this has in its query: with another, it is another wish.
        grant = await self._beginnings(request, grant, wanted, body=request.query_string.encode())
        ticket, form = await self._intake.form(grant, wanted)
        return web.json_response(
            {
                "method": "POST",
                "url": form.url,
                "fields": form.fields,
                "expires": int(self._settings.parts_expiry.total_seconds()),
                "video_id": ticket.key.video_id,
            }
        )

    async def begin(self, request: web.Request) -> web.Response:
        """Answer with the names of a new upload in parts."""
        grant, body = await self._grant(request), await request.read()
        data = json_object(body, fix='{"filename": "clip.mp4", "type": "video/mp4"}')
        told = data.get("metadata")
        wanted = self._wanted(data.get("filename"), data.get("type"), told if isinstance(told, dict) else {})
        grant = await self._beginnings(request, grant, wanted, body=body)
        ticket = await self._intake.begin(grant, wanted, cut=False)
        return web.json_response(
            {
                "key": layout.raw_key(ticket.key),
                "uploadId": ticket.upload_id,
                "bucket": self._bucket,
                "video_id": ticket.key.video_id,
            }
        )

    async def sign(self, request: web.Request) -> web.Response:
        """Answer with a signed PUT of one part."""
        ticket, upload_id = await self._ticket(request)
        number = request.match_info["number"]
        if not (number.isascii() and number.isdigit()):
            raise InvalidRequest((Fault(field="partNumber", detail="is no number", fix="from 1 to 10000"),))
        signed = await self._intake.sign_part(ticket, upload_id, int(number[:9]))
        expires = int(self._settings.parts_expiry.total_seconds())
        return web.json_response({"url": signed.url, "expires": expires, "method": signed.method})

    async def parts(self, request: web.Request) -> web.Response:
        """Answer with the parts that are there: with all, once they have become a video."""
        ticket, upload_id = await self._ticket(request)
        return web.json_response(_listed(await self._intake.standing(ticket, upload_id)))

    async def complete(self, request: web.Request) -> web.Response:
        """Put the parts together, and answer alike however often it is asked for."""
        ticket, upload_id = await self._ticket(request)
        data = json_object(await read_list(request), fix=NAMED)
        named = parts_named(data, number="PartNumber", etag="ETag", fix=NAMED)
        await self._intake.complete(ticket, upload_id, named)
        key = layout.raw_key(ticket.key)
        return web.json_response(
            {
                "location": f"{self._origin}/{quote(key)}",
                "key": key,
                "bucket": self._bucket,
                "video_id": ticket.key.video_id,
            }
        )

    async def abort(self, request: web.Request) -> web.Response:
        """Give up an upload; version 5 reads the answer as JSON."""
        ticket, upload_id = await self._ticket(request)
        await self._intake.abort(ticket, upload_id)
        return web.json_response({})

    async def _grant(self, request: web.Request) -> Grant:
        token = request.match_info.get("token")
        if token is not None:
            grant = self._sessions.grant(token)
            self._authenticator.admit(grant.user_id)
            return grant
        caller = await self._authenticator.caller(request.headers.getall(hdrs.AUTHORIZATION, ()), Permission.UPLOAD)
        return Grant(user_id=caller.user_id, max_bytes=self._settings.max_bytes)

    async def _beginnings(self, request: web.Request, grant: Grant, wanted: UploadRequest, *, body: bytes) -> Grant:
        """Return the grant with the videos that may be begun, if the user has not too much under way."""
        if grant.session is not None:
            await self._beginning.check(grant.user_id, size_bytes=wanted.size_bytes)
            return grant
        key = await self._beginning.video(request, grant.user_id, body=body, size_bytes=wanted.size_bytes)
        return replace(grant, video_ids=(key.video_id,))

    async def _ticket(self, request: web.Request) -> tuple[Ticket, str]:
        grant = await self._grant(request)
        ticket = await ticket_of(self._intake, grant, request.query.get("key", ""))
        upload_id = request.match_info["upload_id"]
        if ticket.upload_id != upload_id:
            raise UploadNotFound("You have no such upload in parts.")
        return ticket, upload_id

    def _wanted(self, filename: Any, type_: Any, told: dict[str, Any]) -> UploadRequest:
        # Version 6 asks for a key of its own making, and has the file's name among the metadata.
        name = told.get("name") if isinstance(told.get("name"), str) and told.get("name") else filename
        return parse_file(str(name or ""), str(type_ or ""), _size(told.get("size")), self._settings)


async def ticket_of(intake: Intake, grant: Grant, key: str) -> Ticket:
    """Return the ticket of an upload in parts by its object's key.

    Raises:
        UploadNotFound: there is none, or it is somebody else's.

    """
    try:
        video = layout.parse_raw_key(key)
    except Malformed as error:
        raise UploadNotFound("You have no such upload in parts.") from error
    if video.user_id != grant.user_id:
        raise UploadNotFound("You have no such upload in parts.")
    return await intake.ticket(grant, video.video_id)


def _size(told: Any) -> int | None:
    """Return the size that a page put among the metadata: it holds, but nobody has to say it."""
    text = json.dumps(told) if isinstance(told, int) and not isinstance(told, bool) else told
    return int(text) if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 16 else None  # noqa: PLR2004


def _listed(standing: Standing) -> list[dict[str, Any]]:
    """Return what ListParts would. Of a finished object S3 tells only how many there were, in its ETag."""
    if standing.etag is None:
        return [
            {"PartNumber": part.number, "ETag": f'"{part.etag}"', "Size": part.size_bytes} for part in standing.parts
        ]
    count = int(standing.etag.rpartition("-")[2]) if "-" in standing.etag else 1
    return [{"PartNumber": number, "ETag": f'"{standing.etag}"'} for number in range(1, count + 1)]
