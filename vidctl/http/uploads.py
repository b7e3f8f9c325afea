"""``POST /v1/uploads``: hands out a signed URL to which exactly one file can be put."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Annotated, Any

from aiohttp import hdrs, web
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from vidctl import layout, logs
from vidctl.errors import VidctlError
from vidctl.http.auth import Authenticator, Permission
from vidctl.http.beginning import Beginning
from vidctl.http.origin import public_origin
from vidctl.ledger import Ledger
from vidctl.metrics import Metrics
from vidctl.ports import Clock, Objects, SignedUrl
from vidctl.settings import UploadSettings
from vidctl.tickets import Ticket, Way

log = logs.get(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong with one field of a request, and what would be right."""

    field: str
    detail: str
    fix: str


class NotJson(VidctlError):
    """The body cannot be read at all."""

    code = "not_json"


class InvalidRequest(VidctlError):
    """Fields of the body do not say what they must; ``faults`` has one entry for each."""

    code = "invalid_request"

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        """Keep the faults."""
        super().__init__("; ".join(f"{fault.field}: {fault.detail}" for fault in faults))
        self.faults = faults


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadRequest:
    """An upload that is allowed: the size that is signed is the size that must be sent."""

    filename: str
    content_type: str
    size_bytes: int


# --- the body -----------------------------------------------------------------------------------------------------


def _whole(value: Any) -> Any:
    """Read a number as JSON Schema does: 3.0 is an integer, true and "3" are none."""
    if isinstance(value, bool):
        return "a boolean"
    return int(value) if isinstance(value, float) and value.is_integer() else value


class _Body(BaseModel):
    model_config = ConfigDict(strict=True)

    filename: Annotated[str, Field(min_length=1, max_length=255)]
    content_type: str
    size: Annotated[int, BeforeValidator(_whole)]


def parse_upload_request(body: bytes, settings: UploadSettings) -> UploadRequest:
    """Read and check the body of an upload request.

    The file's name only has to have an accepted suffix: it is part of no key, and kept for people to read.

    Raises:
        NotJson, InvalidRequest: with every faulty field.

    """
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NotJson("The body is not JSON.") from error
    fixes = _fixes(settings)
    if not isinstance(data, dict):
        raise InvalidRequest((Fault(field="body", detail="must be a JSON object", fix=fixes["body"]),))
    try:
        fields = _Body.model_validate(data)
    except ValidationError as error:
        raise InvalidRequest(tuple(_faults(error, fixes))) from error
    wrong = {
        "filename": _filename_fault(fields.filename, settings),
        "content_type": _content_type_fault(fields.content_type, settings),
        "size": _size_fault(fields.size, settings),
    }
    faults = [Fault(field=name, detail=detail, fix=fixes[name]) for name, detail in wrong.items() if detail]
    if faults:
        raise InvalidRequest(tuple(faults))
    return UploadRequest(filename=fields.filename, content_type=fields.content_type.lower(), size_bytes=fields.size)


def _fixes(settings: UploadSettings) -> dict[str, str]:
    suffixes, types = " or ".join(settings.suffixes), " or ".join(settings.content_types)
    return {
        "body": '{"filename": "clip.mp4", "content_type": "video/mp4", "size": 1234567}',
        "filename": f"the file's name without folders, at most 255 characters, ending in {suffixes}",
        "content_type": f"{types}, as the upload will be sent",
        "size": f"the file's exact size in bytes, a whole number from 1 to {settings.max_bytes}",
    }


def _faults(error: ValidationError, fixes: dict[str, str]) -> list[Fault]:
    found = {}
    for fault in error.errors(include_url=False, include_input=False, include_context=False):
        name = str(fault["loc"][0])
        detail = "is missing" if fault["type"] == "missing" else fault["msg"][:1].lower() + fault["msg"][1:]
        found[name] = Fault(field=name, detail=detail, fix=fixes[name])
    return list(found.values())


def _filename_fault(filename: str, settings: UploadSettings) -> str | None:
    if re.search(r"[/\\\x00-\x1f\x7f]", filename):
        return "must not contain a slash, a backslash or a control character"
    suffix = PurePosixPath(filename).suffix.lower()
    accepted = {word.lower() for word in settings.suffixes}
    return None if suffix in accepted else f"has the suffix {suffix!r}" if suffix else "has no suffix"


def _content_type_fault(content_type: str, settings: UploadSettings) -> str | None:
    accepted = {word.lower() for word in settings.content_types}
    return None if content_type.lower() in accepted else "is not accepted"


def _size_fault(size: int, settings: UploadSettings) -> str | None:
    if size < 1:
        return "must be at least 1"
    return None if size <= settings.max_bytes else f"must be at most {settings.max_bytes}"


# --- the route ----------------------------------------------------------------------------------------------------


class UploadRoutes:
    """Signs uploads to the raw bucket for whoever has a valid token."""

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        raw: Objects,
        ledger: Ledger,
        settings: UploadSettings,
        public_url: str | None,
        metrics: Metrics,
        beginning: Beginning,
        clock: Clock,
    ) -> None:
        self._authenticator = authenticator
        self._raw = raw
        self._ledger = ledger
        self._settings = settings
        self._public_url = public_url
        self._metrics = metrics
        self._beginning = beginning
        self._clock = clock

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.post("/v1/uploads", self.create)]

    async def create(self, request: web.Request) -> web.Response:
        """Answer 201 with the signed URL, and where the video can be followed."""
        caller = await self._authenticator.caller(request.headers.getall(hdrs.AUTHORIZATION, ()), Permission.UPLOAD)
        body = await request.read()
        wanted = parse_upload_request(body, self._settings)
        origin = public_origin(request, self._public_url)
        key = await self._beginning.video(request, caller.user_id, body=body, size_bytes=wanted.size_bytes)
        await self._ledger.note(
            Ticket(
                key=key,
                # A repetition of the request writes the same ticket, to the letter.
                at=layout.issued_at(key.user_id, key.video_id) or self._clock(),
                way=Way.PUT,
                content_type=wanted.content_type,
                filename=wanted.filename,
                size_bytes=wanted.size_bytes,
            )
        )
        signed = await self._raw.sign_put(
            layout.raw_key(key),
            content_type=wanted.content_type,
            size_bytes=wanted.size_bytes,
            expires_in=self._settings.expiry,
        )
        self._metrics.uploads_signed.inc()
        log.info("upload_signed", user_id=key.user_id, video_id=key.video_id, size_bytes=wanted.size_bytes)
        status_url = f"{origin}/v1/videos/{key.video_id}"
        answer = {"video_id": key.video_id, "upload": _upload(signed), "status_url": status_url}
        return web.json_response(answer, status=201, headers={hdrs.LOCATION: status_url})


def _upload(signed: SignedUrl) -> dict[str, Any]:
    return {
        "method": signed.method,
        "url": signed.url,
        "headers": signed.headers,
        "expires_at": signed.expires_at.isoformat(),
    }
