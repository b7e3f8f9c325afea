"""Every error as ``application/problem+json`` (RFC 9457), from one table of errors and their status."""

from __future__ import annotations

import asyncio
import math
import re
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from vidctl import logs
from vidctl.errors import UnknownVersion, VidctlError, WorldError
from vidctl.http.access.auth import InsufficientScope, InvalidToken, InvalidUser, MissingToken
from vidctl.http.access.keys import KeysUnavailable
from vidctl.http.access.signing import TokenExpired, TokenForged
from vidctl.http.limits.allowance import LimitReached
from vidctl.http.limits.claims import IdempotencyKeyReused, InvalidIdempotencyKey
from vidctl.http.limits.limiter import RateLimited
from vidctl.http.origin import InvalidHost
from vidctl.http.playback.playable import NotPlayable
from vidctl.http.playback.routes import NoCookies
from vidctl.http.uploads.assembly import UploadIncomplete, UploadTooLarge
from vidctl.http.uploads.grants import SessionSpent, UploadNotFound, UploadRefused
from vidctl.http.uploads.request import InvalidRequest, NotJson
from vidctl.http.uploads.sessions import SessionsOff
from vidctl.http.videos.histories import VideoNotFound
from vidctl.http.videos.wishes import NotFailed, SourceExpired

RETRY_AFTER = timedelta(seconds=5)
"""When a client may try again after a fault of ours: past the AWS client's own two tries."""

log = logs.get(__name__)


class RequestTimeout(VidctlError):
    """The client did not send its request in time."""

    code = "request_timeout"


class AnswerTimeout(VidctlError):
    """We did not answer in time."""

    code = "timeout"


@dataclass(frozen=True, slots=True)
class Kind:
    """How an error appears: its status, and a title that is the same every time."""

    status: int
    title: str


# The first that matches, so that a family stands after its members.
KINDS: tuple[tuple[type[VidctlError], Kind], ...] = (
    (MissingToken, Kind(401, "A token is needed")),
    (InvalidToken, Kind(401, "The token is not accepted")),
    (InsufficientScope, Kind(403, "The token does not allow this")),
    (InvalidUser, Kind(422, "No such user can be")),
    (NotPlayable, Kind(404, "Nothing to play")),
    (NoCookies, Kind(409, "Playback needs no cookies here")),
    (TokenForged, Kind(403, "The link is not valid")),
    (TokenExpired, Kind(410, "The link has expired")),
    (RateLimited, Kind(429, "Too many requests")),
    (LimitReached, Kind(429, "A limit of this user is reached")),
    (InvalidIdempotencyKey, Kind(422, "The Idempotency-Key is not valid")),
    (IdempotencyKeyReused, Kind(422, "The Idempotency-Key stands for another request")),
    (NotJson, Kind(400, "The body is not JSON")),
    (InvalidRequest, Kind(422, "The request is not valid")),
    (InvalidHost, Kind(400, "The Host header is not valid")),
    (VideoNotFound, Kind(404, "No such video")),
    (UploadNotFound, Kind(404, "No such upload")),
    (UploadIncomplete, Kind(409, "The upload is not complete")),
    (UploadTooLarge, Kind(413, "The upload is too large")),
    (UploadRefused, Kind(422, "The upload makes no file")),
    (SessionSpent, Kind(403, "The upload session is used up")),
    (SessionsOff, Kind(501, "This deployment is not set up for it")),
    (NotFailed, Kind(409, "The video has not failed")),
    (SourceExpired, Kind(409, "The uploaded file is gone")),
    (RequestTimeout, Kind(408, "The request came too slowly")),
    (AnswerTimeout, Kind(503, "The answer took too long")),
    (KeysUnavailable, Kind(503, "Tokens cannot be checked now")),
    (UnknownVersion, Kind(503, "A newer version is being rolled out")),
    (WorldError, Kind(503, "The storage does not answer now")),
)
UNREADABLE = Kind(400, "The body cannot be read")
UNEXPECTED = Kind(500, "Something went wrong on our side")

# What the client can act on; the other messages name buckets and keys, which are for our log alone.
OPEN = (
    *(MissingToken, InvalidToken, InsufficientScope, InvalidUser, RateLimited),
    *(LimitReached, InvalidIdempotencyKey, IdempotencyKeyReused),
    *(NotJson, InvalidRequest, InvalidHost, VideoNotFound, TokenForged, TokenExpired),
    *(NotPlayable, NoCookies),
    *(NotFailed, SourceExpired),
    *(UploadNotFound, UploadIncomplete, UploadTooLarge, UploadRefused),
    *(SessionSpent, SessionsOff),
)


def problems() -> Middleware:
    """Turn whatever a handler raises into a problem."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException as error:
            return _of_http(error)
        except VidctlError as error:
            return _of_error(error)
        except (web.RequestPayloadError, ConnectionError):
            # Not what its Content-Encoding says, or cut off because the client went away.
            return _answer(UNREADABLE, code="unreadable_body")
        except Exception:
            # The last resort, and so as broad as can be: a defect costs one request and tells the client nothing.
            log.exception("request_failed_unexpectedly", route=route_of(request))
            return _answer(UNEXPECTED, code="internal")

    return middleware


DEADLINE = web.RequestKey("deadline", asyncio.Timeout)
"""The time that a request has; whoever answers without end takes it off."""


def deadline(limit: timedelta) -> Middleware:
    """Give a request ``limit`` from its headers to its answer."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            async with asyncio.timeout(limit.total_seconds()) as time:
                request[DEADLINE] = time
                return await handler(request)
        except TimeoutError as error:
            if request.body_exists and not request.content.is_eof():
                raise RequestTimeout("The body did not arrive in time.") from error
            raise AnswerTimeout("The answer took too long.") from error

    return middleware


def route_of(request: web.Request) -> str:
    """Return the template of the request's route, the same for all videos."""
    resource = request.match_info.route.resource
    return "unmatched" if resource is None else resource.canonical


def _of_error(error: VidctlError) -> web.Response:
    kind = next((kind for type_, kind in KINDS if isinstance(error, type_)), UNEXPECTED)
    if kind.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.warning("request_failed", code=error.code, error=str(error))
    detail = str(error) if isinstance(error, OPEN) else None
    return _answer(kind, code=error.code, detail=detail, headers=_headers(error, kind), members=_members(error))


def _of_http(error: web.HTTPException) -> web.Response:
    """Keep what aiohttp says in headers (405: Allow), and say the rest our way. A redirect stays one."""
    if error.status < HTTPStatus.BAD_REQUEST:
        raise error
    status = HTTPStatus(error.status)
    kept = {name: value for name, value in error.headers.items() if name.lower() in ("allow", "retry-after")}
    return _answer(Kind(status, status.phrase), code=status.name.lower(), headers=kept)


def _headers(error: VidctlError, kind: Kind) -> dict[str, str]:
    challenge = 'Bearer realm="vidctl"'
    match error:
        case MissingToken():
            return {hdrs.WWW_AUTHENTICATE: challenge}
        case InvalidToken():
            # RFC 6750, section 3: neither quotes nor backslashes; our messages have none.
            return {hdrs.WWW_AUTHENTICATE: f'{challenge}, error="invalid_token", error_description="{error}"'}
        case InsufficientScope():
            text = f'{challenge}, error="insufficient_scope", error_description="{error}"'
            return {hdrs.WWW_AUTHENTICATE: text + (f', scope="{error.scope}"' if error.scope else "")}
        case RateLimited():
            return {hdrs.RETRY_AFTER: str(math.ceil(error.standing.wait))}
        case LimitReached():
            return {hdrs.RETRY_AFTER: str(math.ceil(error.wait.total_seconds()))}
        case RequestTimeout():
            return {hdrs.CONNECTION: "close"}
    if kind.status == HTTPStatus.SERVICE_UNAVAILABLE:
        return {hdrs.RETRY_AFTER: str(int(RETRY_AFTER.total_seconds()))}
    return {}


def _members(error: VidctlError) -> dict[str, Any]:
    """Return what programs can act on: the limit; or the field and the fix of the first fault, and all of them."""
    if isinstance(error, LimitReached):
        return {"limit": error.limit, "value": error.value}
    if not isinstance(error, InvalidRequest):
        return {}
    faults = [{"field": fault.field, "detail": fault.detail, "fix": fault.fix} for fault in error.faults]
    return {"field": faults[0]["field"], "fix": faults[0]["fix"], "errors": faults}


def _answer(
    kind: Kind,
    *,
    code: str,
    detail: str | None = None,
    headers: dict[str, str] | None = None,
    members: dict[str, Any] | None = None,
) -> web.Response:
    body = {"type": f"urn:vidctl:problem:{code}", "title": kind.title, "status": int(kind.status), "code": code}
    text = detail or kind.title + "."
    # Uppy 5 shows the member "message" of an error, Uppy 6 the reason phrase and nothing else.
    body |= {"detail": text, "message": text, **(members or {})}
    reason = text if re.fullmatch(r"[\x20-\x7e]{1,200}", text) else kind.title
    return web.json_response(
        body, status=kind.status, reason=reason, headers=headers, content_type="application/problem+json"
    )
