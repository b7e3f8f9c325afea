"""Tokens that stand in a URL: what vidctl hands out, it believes when it comes back, until its time is over.

A token is base64url (RFC 4648, without padding) of a MAC, the second at which it ends, and what it says, which anybody
can read. Each purpose has keys of its own, so that a token for one thing is none for another.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from vidctl.errors import VidctlError

MAC_BYTES = 16
"""Half of HMAC-SHA256: RFC 2104, section 5, wants at least half of the hash."""

_TIME_BYTES = 5
"""Seconds of Unix time until the year 36812."""


class TokenForged(VidctlError):
    """The token is none of ours, or none for this."""

    code = "token_forged"


class TokenExpired(VidctlError):
    """The token was ours, and its time is over."""

    code = "token_expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """What a token says, and until when."""

    payload: bytes
    expires_at: datetime


class Tokens:
    """Tokens for one ``purpose``. The first of ``keys`` (32 bytes or more) signs, and any of them is believed."""

    def __init__(self, keys: Sequence[bytes], *, purpose: str) -> None:
        # RFC 5869, in one step: each key is as random as what would be extracted from it.
        self._keys = [hmac.digest(key, b"vidctl|" + purpose.encode(), "sha256") for key in keys]

    def issue(self, payload: bytes, *, expires_at: datetime) -> str:
        """Return the token that says ``payload`` until ``expires_at``, which is cut to whole seconds."""
        said = int(expires_at.timestamp()).to_bytes(_TIME_BYTES, "big") + payload
        return _encoded(_mac(self._keys[0], said) + said)

    def read(self, token: str, *, now: datetime) -> Issued:
        """Return what a token says.

        Raises:
            TokenForged: it is none of ours. TokenExpired: its time is over.

        """
        raw = _decoded(token)
        mac, said = raw[:MAC_BYTES], raw[MAC_BYTES:]
        if len(said) < _TIME_BYTES or not any(hmac.compare_digest(mac, _mac(key, said)) for key in self._keys):
            raise TokenForged("The link is not valid: it must be used as it was handed out.")
        expires_at = datetime.fromtimestamp(int.from_bytes(said[:_TIME_BYTES], "big"), tz=UTC)
        if now >= expires_at:
            raise TokenExpired("The link has expired: ask for a new one.")
        return Issued(payload=said[_TIME_BYTES:], expires_at=expires_at)


def _mac(key: bytes, said: bytes) -> bytes:
    return hmac.digest(key, said, "sha256")[:MAC_BYTES]


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decoded(token: str) -> bytes:
    """Read base64url by the letter: each token has one writing. What is none reads as nothing."""
    if re.fullmatch(r"[A-Za-z0-9_-]*", token) is None or len(token) % 4 == 1:
        return b""
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    return raw if _encoded(raw) == token else b""
