"""Who is calling: checks the bearer token of a request (RFC 6750) and names the user.

The algorithms come from the settings and never from the token. No token is ever logged, nor any part of one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import jwt

from vidctl import layout, logs
from vidctl.errors import Malformed, VidctlError
from vidctl.http.access.keys import Keys, KeysUnavailable, UnknownKey
from vidctl.metrics import Metrics
from vidctl.settings import AuthSettings

# RFC 6750, section 2.1; the scheme's case does not matter (RFC 9110, section 11.1).
_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*) *", re.IGNORECASE)

log = logs.get(__name__)


class Permission(StrEnum):
    """What a request wants to do; the settings say which scope each needs."""

    UPLOAD = "upload"
    """Whatever makes work: uploads, retries."""
    READ = "read"
    DELETE = "delete"
    ADMIN = "admin"
    """Using the other permissions on somebody else's videos; it stands beside them and replaces none."""


class MissingToken(VidctlError):
    """The request says nothing about who makes it."""

    code = "unauthorized"


class InvalidToken(VidctlError):
    """The token is not accepted; ``reason`` is the metric's word, the message a sentence for the client."""

    code = "invalid_token"

    def __init__(self, reason: str, message: str) -> None:
        """Keep the reason."""
        super().__init__(message)
        self.reason = reason


class InsufficientScope(VidctlError):
    """The token is accepted, but does not carry the required ``scope`` (None: no token can do this here)."""

    code = "insufficient_scope"

    def __init__(self, scope: str | None) -> None:
        """Keep the scope."""
        super().__init__("No token may do this here." if scope is None else f"The token needs the scope {scope}.")
        self.scope = scope


class InvalidUser(VidctlError):
    """The user that an administrator names cannot be the subject of any token."""

    code = "invalid_user"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The user behind a request; ``user_id`` is the path segment that ``layout.user_segment`` makes of ``sub``."""

    user_id: str
    scopes: frozenset[str] = frozenset()


class Authenticator:
    """Checks tokens with ``keys`` as the settings ask; ``admit`` is told of each user whose token is accepted."""

    def __init__(
        self, *, settings: AuthSettings, keys: Keys, metrics: Metrics, admit: Callable[[str], None] = lambda _: None
    ) -> None:
        self._settings = settings
        self._keys = keys
        self._metrics = metrics
        self._admit = admit
        # Without a subject nobody owns anything, whatever the settings require.
        self._required = tuple(dict.fromkeys((*settings.required_claims, "sub")))

    async def caller(self, authorization: Sequence[str], permission: Permission) -> Caller:
        """Return the user whom the request's ``Authorization`` headers name, if he may do what he wants to.

        Raises:
            MissingToken: there is no token.
            InvalidToken: it is malformed, expired, not for us, or not signed by whom we trust.
            InsufficientScope: it is not for this.
            KeysUnavailable: the issuer's keys cannot be read.
            Whatever ``admit`` raises.

        """
        with self._counting():
            caller = _identified(await self._claims(_token(authorization)))
            self._admit(caller.user_id)
            self._permit(caller, permission)
            return caller

    def admit(self, user_id: str) -> None:
        """Count a request of a user whom something else than a bearer token names; raises what ``admit`` does."""
        self._admit(user_id)

    async def owner(self, authorization: Sequence[str], permission: Permission, *, user: str | None) -> str:
        """Return the id of the user whose videos the request is about: the caller, unless it names a ``user``.

        ``user`` is a token's subject, as the deployment's own application knows it. Somebody else's needs ADMIN too.

        Raises:
            InvalidUser: no token's subject can be ``user``.
            MissingToken, InvalidToken, InsufficientScope, KeysUnavailable: as ``caller``.

        """
        caller = await self.caller(authorization, permission)
        owner = caller.user_id if user is None else _named(user)
        if owner != caller.user_id:
            with self._counting():
                self._permit(caller, Permission.ADMIN)
            log.info("acts_for_another", user_id=caller.user_id, owner=owner, permission=permission)
        return owner

    def _permit(self, caller: Caller, permission: Permission) -> None:
        scope = self._settings.scopes[permission]
        if scope is None and permission is not Permission.ADMIN:
            return
        if scope is None or scope not in caller.scopes:
            raise InsufficientScope(scope)

    @contextmanager
    def _counting(self) -> Iterator[None]:
        try:
            yield
        except MissingToken:
            self._metrics.auth_refused.labels("missing").inc()
            raise
        except InvalidToken as refusal:
            self._metrics.auth_refused.labels(refusal.reason).inc()
            raise
        except InsufficientScope:
            self._metrics.auth_refused.labels("scope").inc()
            raise
        except KeysUnavailable:
            self._metrics.auth_refused.labels("keys_unavailable").inc()
            raise

    async def _claims(self, token: str) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
        except jwt.InvalidTokenError as error:
            raise InvalidToken("malformed", "The token is not a signed JWT.") from error
        algorithm, key_id = header.get("alg"), header.get("kid")
        if algorithm not in self._settings.accepted_algorithms:
            raise InvalidToken("algorithm", "The token's algorithm is not accepted.")
        try:
            key = await self._keys.key(key_id, algorithm)
        except UnknownKey as error:
            raise InvalidToken("signature", "The token is signed with an unknown key.") from error
        try:
            return jwt.decode(
                token,
                key,
                algorithms=self._settings.accepted_algorithms,
                issuer=self._settings.issuer,
                audience=self._settings.audience,
                leeway=self._settings.leeway,
                options={"require": list(self._required), "enforce_minimum_key_length": True},
            )
        except jwt.PyJWTError as error:
            raise _refusal(error) from error


def _identified(claims: dict[str, Any]) -> Caller:
    try:
        return Caller(user_id=layout.user_segment(claims["sub"]), scopes=_scopes(claims))
    except Malformed as error:
        raise InvalidToken("claims", f"The token's {error}.") from error


def _named(user: str) -> str:
    try:
        return layout.user_segment(user)
    except Malformed as error:
        raise InvalidUser(str(error).replace("sub", "user", 1)) from error


def _token(authorization: Sequence[str]) -> str:
    if not authorization:
        raise MissingToken("The request needs a bearer token.")
    if len(authorization) > 1:
        # Two readers of the request could each believe another one.
        raise InvalidToken("malformed", "The request has more than one Authorization header.")
    match = _BEARER.fullmatch(authorization[0])
    if match is None:
        raise InvalidToken("malformed", "The Authorization header is not of the form: Bearer <token>.")
    return match[1]


def _scopes(claims: dict[str, Any]) -> frozenset[str]:
    """Return the words of ``scope`` (RFC 8693: separated by spaces) and ``scp`` (some issuers: text or list)."""
    words: set[str] = set()
    for value in (claims.get("scope"), claims.get("scp")):
        if isinstance(value, str):
            words.update(value.split())
        elif isinstance(value, list):
            words.update(word for word in value if isinstance(word, str))
    return frozenset(words)


_REFUSALS: tuple[tuple[type[jwt.PyJWTError], str, str], ...] = (
    (jwt.ExpiredSignatureError, "expired", "The token has expired."),
    (jwt.ImmatureSignatureError, "immature", "The token is not valid yet."),
    (jwt.InvalidAudienceError, "audience", "The token is for another audience."),
    (jwt.InvalidIssuerError, "issuer", "The token is from another issuer."),
    (jwt.InvalidAlgorithmError, "algorithm", "The token's algorithm is not accepted."),
    (jwt.InvalidSignatureError, "signature", "The token's signature does not match."),
    (jwt.InvalidKeyError, "algorithm", "The token's algorithm does not fit the key."),
    (jwt.DecodeError, "malformed", "The token is not a signed JWT with valid claims."),
)


def _refusal(error: jwt.PyJWTError) -> InvalidToken:
    """Say what is wrong in our own words: the library's may quote the token."""
    if isinstance(error, jwt.MissingRequiredClaimError):
        return InvalidToken("claims", f"The token has no claim {error.claim}.")
    for type_, reason, message in _REFUSALS:
        if isinstance(error, type_):
            return InvalidToken(reason, message)
    return InvalidToken("claims", "A claim of the token has the wrong type.")
