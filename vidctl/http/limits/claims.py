"""``Idempotency-Key``: whoever repeats a request gets the same video (draft-ietf-httpapi-idempotency-key-header-07).

A key is claimed by writing its record once, if there is none: of any number of requests with the same key, at whatever
replicas, one decides which video it is, and all others find that. What follows (the ticket, the signature) comes out
alike for the same video, so that a repetition finishes what a crash left half done, and nobody waits for anybody.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from vidctl import codec, layout
from vidctl.errors import PreconditionFailed, VidctlError
from vidctl.ports import Objects
from vidctl.tickets import Claim

JSON = "application/json"


class InvalidIdempotencyKey(VidctlError):
    """The header does not hold one key."""

    code = "invalid_idempotency_key"


class IdempotencyKeyReused(VidctlError):
    """The key came before, with another body."""

    code = "idempotency_key_reused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request that carries a key: ``name`` is that of the claim, of this user and for this route."""

    name: str
    fingerprint: str


def asked(headers: Sequence[str], *, user_id: str, route: str, body: bytes) -> Asked | None:
    """Read the ``Idempotency-Key`` headers of a request; None if it has none.

    The draft puts the key in quotes, most clients do not: both are the same key.

    Raises:
        InvalidIdempotencyKey: there are several, or it is empty, longer than 255 characters or not ASCII.

    """
    if not headers:
        return None
    match = re.fullmatch(r'"?([\x20\x21\x23-\x7e]{1,255}?)"?', headers[0].strip())
    if len(headers) > 1 or match is None:
        raise InvalidIdempotencyKey("Idempotency-Key: must be one key of 1 to 255 ASCII characters, without quotes.")
    return Asked(name=layout.claim_key(user_id, f"{route}|{match[1]}"), fingerprint=hashlib.sha256(body).hexdigest())


class Claims:
    """Claims in the final bucket, which its lifecycle rule removes after a day."""

    def __init__(self, objects: Objects) -> None:
        """Read and write in ``objects``, the final bucket."""
        self._objects = objects

    async def find(self, asked: Asked) -> str | None:
        """Return the id of the video that the key stands for, None if nobody has claimed it.

        Raises:
            IdempotencyKeyReused: it stands for a request with another body.

        """
        stored = await self._objects.get(asked.name)
        if stored is None:
            return None
        claim = codec.decode(Claim, stored.body)
        if claim.fingerprint != asked.fingerprint:
            raise IdempotencyKeyReused("The Idempotency-Key came before, with another body: use a new one.")
        return claim.video_id

    async def claim(self, asked: Asked, video_id: str) -> str:
        """Let the key stand for ``video_id``, or return the id of whoever was first; raises as ``find``."""
        claim = Claim(video_id=video_id, fingerprint=asked.fingerprint)
        try:
            await self._objects.create(asked.name, codec.encode(claim), content_type=JSON)
        except PreconditionFailed:
            return await self.find(asked) or video_id
        return video_id
