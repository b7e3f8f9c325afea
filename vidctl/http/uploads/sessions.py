"""``POST /v1/upload-sessions``: a URL that lets whoever holds it upload a few files, for clients that send no header.

The token in the URL says all: whose, how many, how large, until when. The videos' ids follow from it, and each can be
taken once, since a ticket is written once: the count is exact, however many replicas are asked at the same time.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import hdrs, web

from vidctl import layout, logs
from vidctl.errors import VidctlError
from vidctl.http.access.auth import Authenticator, Permission
from vidctl.http.access.signing import TokenForged, Tokens
from vidctl.http.origin import public_origin
from vidctl.http.uploads.beginning import ENTROPY_BYTES
from vidctl.http.uploads.grants import Grant
from vidctl.http.uploads.request import Fault, InvalidRequest, json_object
from vidctl.ports import Clock, Ids
from vidctl.settings import UploadSettings

log = logs.get(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What a session allows. ``at`` (seconds of Unix time) and ``first`` make the ids of its videos."""

    user: str
    count: int
    max_bytes: int
    at: int
    first: int

    def grant(self) -> Grant:
        """Return what its holder may do."""
        at = datetime.fromtimestamp(self.at, tz=UTC)
        nonces = (((self.first + number) % 2**32).to_bytes(ENTROPY_BYTES, "big") for number in range(self.count))
        return Grant(
            user_id=self.user,
            max_bytes=self.max_bytes,
            session=f"{self.at:x}-{self.first:08x}",
            video_ids=tuple(layout.mint_video_id(self.user, at, nonce) for nonce in nonces),
        )


class SessionsOff(VidctlError):
    """The deployment has no keys to sign sessions with."""

    code = "not_set_up"


class Sessions:
    """Makes and reads the tokens of sessions. Without ``keys`` there are none."""

    def __init__(self, *, keys: Sequence[bytes], clock: Clock) -> None:
        self._held = Tokens(keys, purpose="upload session") if keys else None
        self._clock = clock

    @property
    def _tokens(self) -> Tokens:
        if self._held is None:
            raise SessionsOff("There are no upload sessions here: VIDCTL_HTTP_SIGNING_KEYS is not set.")
        return self._held

    def token(self, session: Session, *, expires_at: datetime) -> str:
        """Return the token of a session."""
        return self._tokens.issue(json.dumps(asdict(session)).encode(), expires_at=expires_at)

    def grant(self, token: str) -> Grant:
        """Return what the holder of a token may do.

        Raises:
            TokenForged, TokenExpired: nothing.

        """
        said = self._tokens.read(token, now=self._clock()).payload
        try:
            return Session(**json.loads(said)).grant()
        except (ValueError, TypeError) as error:
            raise TokenForged("The link is not valid: it must be used as it was handed out.") from error


class SessionRoutes:
    """Mints sessions for whoever has a valid token."""

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        sessions: Sessions,
        settings: UploadSettings,
        public_url: str | None,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._authenticator = authenticator
        self._sessions = sessions
        self._settings = settings
        self._public_url = public_url
        self._clock = clock
        self._ids = ids

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.post("/v1/upload-sessions", self.create)]

    async def create(self, request: web.Request) -> web.Response:
        """Answer 201 with a URL for Uppy's ``companionEndpoint``, and the ids that its videos will have."""
        caller = await self._authenticator.caller(request.headers.getall(hdrs.AUTHORIZATION, ()), Permission.UPLOAD)
        body = await request.read()
        count, max_bytes, life = self._asked(json_object(body, fix=self._fixes()["body"]) if body.strip() else {})
        now = self._clock()
        session = Session(
            user=caller.user_id,
            count=count,
            max_bytes=max_bytes,
            at=int(now.timestamp()),
            first=int.from_bytes(self._ids(ENTROPY_BYTES), "big"),
        )
        expires_at = now + timedelta(seconds=life)
        grant, token = session.grant(), self._sessions.token(session, expires_at=expires_at)
        log.info("session_minted", user_id=caller.user_id, session=grant.session, count=count, max_bytes=max_bytes)
        answer = {
            "endpoint": f"{public_origin(request, self._public_url)}/u/{token}",
            "expires_at": expires_at.isoformat(),
            "count": count,
            "max_bytes": max_bytes,
            "video_ids": grant.video_ids,
        }
        return web.json_response(answer, status=201)

    def _asked(self, data: dict[str, Any]) -> tuple[int, int, int]:
        most = {
            "count": self._settings.session_uploads,
            "max_bytes": self._settings.max_bytes,
            "expires_in": int(self._settings.session_expiry.total_seconds()),
        }
        fixes, usual = self._fixes(), {**most, "count": 1}
        values = {name: data.get(name, usual[name]) for name in most}
        faults = tuple(
            Fault(field=name, detail="is out of range", fix=fixes[name])
            for name, value in values.items()
            if type(value) is not int or not 1 <= value <= most[name]
        )
        if faults:
            raise InvalidRequest(faults)
        return values["count"], values["max_bytes"], values["expires_in"]

    def _fixes(self) -> dict[str, str]:
        return {
            "body": '{"count": 1, "max_bytes": 1000000, "expires_in": 600}, or nothing',
            "count": f"how many uploads, from 1 to {self._settings.session_uploads}",
            "max_bytes": f"how large each may be, from 1 to {self._settings.max_bytes} bytes",
            "expires_in": f"from 1 to {int(self._settings.session_expiry.total_seconds())} seconds",
        }
