"""The upload ledger's one record: what was handed out to upload a video with, before anything was signed for it.

Tickets live in the final bucket under ``uploads/{user}/``, the newest first (see ``layout``); ``ledger`` reads and
writes them. That a ticket exists says nothing of whether its upload ever came.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from vidctl.model import VideoKey


class Way(StrEnum):
    """How the bytes are to come."""

    PUT = "put"
    POST = "post"
    MULTIPART = "multipart"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """An upload that was handed out at ``at``; written once and never changed.

    ``filename`` is what the client calls the file, for people to read: it is part of no key. ``size_bytes`` is None
    where the client did not say it. ``upload_id`` is S3's name of an upload in parts that vidctl began itself, whose
    parts have ``part_bytes`` each, but the last; ``crc64nvme`` the checksum of the whole (base64) that it must have.
    ``max_bytes`` is how large it may become, ``session`` the upload session that it was handed out in.
    """

    key: VideoKey
    at: datetime
    way: Way
    content_type: str
    filename: str | None = None
    size_bytes: int | None = None
    upload_id: str | None = None
    part_bytes: int | None = None
    crc64nvme: str | None = None
    max_bytes: int | None = None
    session: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """An Idempotency-Key stands for this video, if it comes with the body of this ``fingerprint`` (SHA-256)."""

    video_id: str
    fingerprint: str
