"""``POST /v1/uploads/sign``: the signer of Uppy 6 (``signRequest``), whose browser then speaks to S3 itself.

The key is ours, whatever the client asks for; its own is where a new file's name is read from. The client completes its
upload at S3 without us, so what has come by then is looked at before the call is signed, and again by the reconciler.
"""

from __future__ import annotations

import mimetypes
import re
from dataclasses import replace
from typing import Annotated, Any, Literal

from aiohttp import hdrs, web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vidctl import layout
from vidctl.http.access.auth import Authenticator, Permission
from vidctl.http.uploads.beginning import Beginning
from vidctl.http.uploads.grants import Grant, UploadNotFound
from vidctl.http.uploads.intake import Intake
from vidctl.http.uploads.request import Fault, InvalidRequest, UploadRequest, json_object, parse_file
from vidctl.http.uploads.uppy import ticket_of
from vidctl.ports import SignedUrl
from vidctl.settings import UploadSettings
from vidctl.uploads import Call

FIX = '{"method": "PUT", "key": "clip.mp4", "contentType": "video/mp4"}, as signRequest of Uppy 6 gives it'
CALLS = {"GET": Call.LIST, "POST": Call.COMPLETE, "DELETE": Call.ABORT}
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-")


class _Asked(BaseModel):
    model_config = ConfigDict(strict=True)

    method: Literal["GET", "PUT", "POST", "DELETE"]
    key: Annotated[str, Field(min_length=1, max_length=1024)]
    upload_id: Annotated[str | None, Field(alias="uploadId", min_length=1, max_length=1024)] = None
    part_number: Annotated[int | None, Field(alias="partNumber")] = None
    content_type: Annotated[str | None, Field(alias="contentType")] = None


class SignRoutes:
    """Signs single calls to S3 for whoever has a valid token."""

    def __init__(
        self, *, authenticator: Authenticator, beginning: Beginning, intake: Intake, settings: UploadSettings
    ) -> None:
        self._authenticator = authenticator
        self._beginning = beginning
        self._intake = intake
        self._settings = settings

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.post("/v1/uploads/sign", self.sign)]

    async def sign(self, request: web.Request) -> web.Response:
        """Answer with what ``signRequest`` returns."""
        caller = await self._authenticator.caller(request.headers.getall(hdrs.AUTHORIZATION, ()), Permission.UPLOAD)
        grant = Grant(user_id=caller.user_id, max_bytes=self._settings.max_bytes)
        body = await request.read()
        asked = _asked(body)
        if asked.upload_id is not None:
            return web.json_response(await self._next(grant, asked, asked.upload_id))
        if asked.method not in ("PUT", "POST"):
            raise _invalid("uploadId", "is missing")
        wanted = self._wanted(asked)
        key = await self._beginning.video(request, grant.user_id, body=body, size_bytes=None)
        return web.json_response(await self._first(replace(grant, video_ids=(key.video_id,)), asked, wanted))

    def _wanted(self, asked: _Asked) -> UploadRequest:
        name = _UUID.sub("", asked.key.rpartition("/")[2], count=1)
        type_ = asked.content_type or mimetypes.guess_type(name)[0] or self._settings.content_types[0]
        return parse_file(name, type_, None, self._settings)

    async def _first(self, grant: Grant, asked: _Asked, wanted: UploadRequest) -> dict[str, Any]:
        if asked.method == "POST":
            ticket = await self._intake.begin_elsewhere(grant, wanted)
            key = layout.raw_key(ticket.key)
            return _answer(key, await self._intake.sign_call(ticket, Call.BEGIN, ""))
        if asked.content_type is None:  # Uppy before 6.3, which knows no form
            ticket, signed = await self._intake.plain_put(grant, wanted)
            return _answer(layout.raw_key(ticket.key), signed)
        ticket, form = await self._intake.form(grant, wanted)
        return {"key": layout.raw_key(ticket.key), "url": form.url, "fields": form.fields}

    async def _next(self, grant: Grant, asked: _Asked, upload_id: str) -> dict[str, Any]:
        ticket = await ticket_of(self._intake, grant, asked.key)
        if ticket.upload_id not in (None, upload_id):
            raise UploadNotFound("You have no such upload in parts.")
        if asked.method == "PUT":
            if asked.part_number is None:
                raise _invalid("partNumber", "is missing")
            return _answer(asked.key, await self._intake.sign_part(ticket, upload_id, asked.part_number))
        if asked.method == "POST":
            standing = await self._intake.standing(ticket, upload_id)
            if standing.etag is None:
                await self._intake.checked(ticket, upload_id, standing.parts, None)
        return _answer(asked.key, await self._intake.sign_call(ticket, CALLS[asked.method], upload_id))


def _asked(body: bytes) -> _Asked:
    try:
        return _Asked.model_validate(json_object(body, fix=FIX))
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise _invalid(str(fault["loc"][0]), fault["msg"]) from error


def _invalid(field: str, detail: str) -> InvalidRequest:
    return InvalidRequest((Fault(field=field, detail=detail, fix=FIX),))


def _answer(key: str, signed: SignedUrl) -> dict[str, Any]:
    headers = {name: value for name, value in signed.headers.items() if name != "content-length"}
    return {"key": key, "url": signed.url, **({"headers": headers} if headers else {})}
