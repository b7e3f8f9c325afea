"""The port of what clients send to a bucket themselves: signed for them, and put together once it is there.

Errors are as in ``ports``. The same contract suite runs over every implementation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from vidctl.ports import SignedUrl


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of an upload, as S3 has it or a client names it. ``etag`` has no quotes."""

    number: int
    etag: str
    size_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedForm:
    """A form that its holder may post: every field must be sent, and the file last."""

    url: str
    fields: dict[str, str]
    expires_at: datetime


class Algorithm(StrEnum):
    """How the checksum of a whole file is made."""

    SHA256 = "sha256"
    CRC64NVME = "crc64nvme"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checksum:
    """What a file must have; ``value`` is base64 (RFC 4648), as S3 writes it."""

    algorithm: Algorithm
    value: str


class Call(StrEnum):
    """What a client may do to an upload in parts by itself."""

    BEGIN = "begin"
    LIST = "list"
    COMPLETE = "complete"
    ABORT = "abort"


class Uploads(Protocol):
    """What clients send to one bucket."""

    async def sign_put(
        self,
        key: str,
        *,
        content_type: str | None,
        size_bytes: int | None,
        checksum: Checksum | None = None,
        expires_in: timedelta,
    ) -> SignedUrl:
        """Sign the creation of an object, once, of this type, size and checksum, as far as they are given.

        Without type and size the client need send no header at all, and the object may be written over.
        """

    async def sign_form(self, key: str, *, content_type: str, max_bytes: int, expires_in: timedelta) -> SignedForm:
        """Sign a form that posts an object of this type and of 1 to ``max_bytes`` bytes.

        S3 has no condition for a form by which the second fails: while it is valid it may be posted again.
        """

    async def begin(self, key: str, *, content_type: str, whole: Algorithm | None = None) -> str:
        """Begin an upload in parts; return S3's name of it.

        ``whole`` CRC64NVME: S3 makes the checksum of the whole, to be compared at the end. SHA256 there is none.
        """

    async def sign_part(
        self, key: str, upload_id: str, number: int, *, size_bytes: int | None, expires_in: timedelta
    ) -> SignedUrl:
        """Sign the sending of one part, of exactly this size if it is given. A part may be sent again."""

    async def parts(self, key: str, upload_id: str) -> tuple[Part, ...]:
        """Return all parts that are there, in the order of their numbers.

        Raises:
            NotFound: there is no such upload of this key, or no longer.

        """

    async def complete(self, key: str, upload_id: str, parts: Sequence[Part], *, crc64nvme: str | None = None) -> str:
        """Make one object of the parts, whose sizes are known, if there is none yet (``If-None-Match: *``).

        Return its ETag.

        Raises:
            NotFound: there is no such upload of this key, or no longer.
            PreconditionFailed: there is an object. WriteConflict: try again.
            Misconfigured: S3 does not make one of these parts, or its checksum is another.

        """

    async def abort(self, key: str, upload_id: str) -> None:
        """Give up an upload and remove its parts; giving up one that is over succeeds, and removes no object."""

    async def sign_call(
        self, key: str, call: Call, *, upload_id: str = "", content_type: str | None = None, expires_in: timedelta
    ) -> SignedUrl:
        """Sign a call for a client that speaks to S3 itself. To complete is signed with ``If-None-Match: *``."""
