"""Who may upload what, how far an upload is, and what can be wrong with one (P)."""

from __future__ import annotations

from dataclasses import dataclass

from vidctl.errors import VidctlError
from vidctl.uploads import Part


class UploadNotFound(VidctlError):
    """There is no such upload of this caller: unknown, given up, expired and somebody else's are all the same."""

    code = "upload_not_found"


class UploadRefused(VidctlError):
    """S3 does not make a file of what was sent."""

    code = "upload_refused"


class SessionSpent(VidctlError):
    """All uploads of the session were handed out."""

    code = "session_spent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Who may upload, and which videos he may begin: the first that is free, each once.

    ``session``: he may go on only with what was begun in it.
    """

    user_id: str
    max_bytes: int
    session: str | None = None
    video_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How far an upload in parts is: the parts that are there, or the ETag of the object that they have become."""

    parts: tuple[Part, ...]
    etag: str | None = None
