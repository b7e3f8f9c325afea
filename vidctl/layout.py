"""Every object key, launch token and identifier of vidctl, with its parser. Nothing else builds or takes apart a name.

Raw bucket::

    videos/{user}/{video}.mp4                      the upload
    kept/{user}/{video}/{job}.mp4                  a copy out of the reach of the upload's lifecycle rule

Final bucket::

    videos/{user}/{video}/manifest.json            the publication
    videos/{user}/{video}/{job}-{round}-{n}/…      the outputs of one attempt
    jobs/{user}/{video}/cancel.json                the owner's wish
    jobs/{user}/{video}/notice-{n}.json            what is to be told of it
    jobs/{user}/{video}/{job}/{record}.json        the control records of one job
    uploads/{user}/{stamp}-{video}.json            what was handed out to upload the video with, the newest first
    claims/{user}/{digest}.json                    the video that an Idempotency-Key stands for
    outbox/, undelivered/                          see ``outbox_keys``
"""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote_to_bytes
from uuid import UUID

from vidctl.errors import Malformed
from vidctl.model import AttemptNumber, VideoKey

RAW_PREFIX = "videos/"
KEPT_PREFIX = "kept/"
OUTPUTS_PREFIX = "videos/"
RECORDS_PREFIX = "jobs/"
TICKETS_PREFIX = "uploads/"
CLAIMS_PREFIX = "claims/"

MAX_USER_SEGMENT = 256
"""Characters of an encoded user id: the longest key then stays far below S3's 1,024 bytes."""

_USER = r"(?P<user>(?:[A-Za-z0-9_-]|\.[0-9A-F]{2})+)"
_VIDEO = r"(?P<video>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
_JOB = r"(?P<job>[a-z2-7]{26})"

_YEAR_10000 = 253_402_300_800_000
"""In milliseconds of Unix time."""

_LAST_STAMP = 9_999_999_999_999
"""13 digits, the milliseconds of a time in the year 2286."""

_RAW = re.compile(rf"videos/{_USER}/{_VIDEO}\.mp4")
_VIDEO_FOLDER = re.compile(rf"(?:jobs|videos)/{_USER}/{_VIDEO}/.*", re.DOTALL)
_ATTEMPT = re.compile(rf"videos/{_USER}/{_VIDEO}/{_JOB}-(?P<round>[0-9]+)-(?P<n>[0-9]+)/.+", re.DOTALL)
_TICKET = re.compile(rf"uploads/{_USER}/(?P<stamp>[0-9]{{13}})-{_VIDEO}\.json")
_RECORD = re.compile(
    rf"jobs/{_USER}/{_VIDEO}/(?:{_JOB}/)?(?P<kind>[a-z-]+?)(?:-(?P<round>[0-9]+)(?:-(?P<n>[0-9]+))?)?\.json"
)


# --- users and videos ---------------------------------------------------------------------------------------------


def user_segment(subject: str) -> str:
    """Encode a token's subject as one path segment that no subject can leave and no two subjects share.

    Letters, digits, ``_`` and ``-`` stay; every other byte of the UTF-8 text becomes ``.`` and two hex digits, the dot
    itself included, so that ``..``, ``/`` and control characters cannot occur.

    Raises:
        Malformed: the subject is empty, no Unicode, or longer than 256 characters once encoded.

    """
    plain = re.compile(rb"[A-Za-z0-9_-]")
    try:
        text = subject.encode()
    except UnicodeEncodeError as error:
        # JSON can write half a pair of surrogates. Nobody could be told of a video of such a user.
        raise Malformed("sub: must be Unicode text") from error
    segment = "".join(chr(byte) if plain.fullmatch(bytes([byte])) else f".{byte:02X}" for byte in text)
    if not segment:
        raise Malformed("sub: must not be empty")
    if len(segment) > MAX_USER_SEGMENT:
        raise Malformed(f"sub: must be at most {MAX_USER_SEGMENT} characters once encoded for an object key")
    return segment


def subject(segment: str) -> str:
    """Return the subject that ``user_segment`` made this of."""
    encoded = re.sub(r"\.([0-9A-F]{2})", r"%\1", segment)
    return unquote_to_bytes(encoded).decode("utf-8", "replace")


def mint_video_id(user_id: str, at: datetime, entropy: bytes) -> str:
    """Make the id of a new video: a UUID (version 8) that carries its time and a check of its owner.

    The check lets ``issued_at`` tell an id that was handed to this user from any other, without storing that it was.
    It is no secret: somebody who makes up an id for himself has a name under his own prefix, and nothing in it.

    Layout: 48 bits of milliseconds, version, 12 bits and 20 bits of entropy, variant, 42 bits of check.
    """
    millis = int(at.timestamp() * 1000)
    nonce = int.from_bytes(entropy[:4], "big")
    high, low = nonce >> 20, nonce & 0xFFFFF
    check = _owner_check(user_id, millis, nonce)
    return str(UUID(int=(millis << 80) | (8 << 76) | (high << 64) | (2 << 62) | (low << 42) | check))


def issued_at(user_id: str, video_id: str) -> datetime | None:
    """Return when ``video_id`` was handed to ``user_id``, or None if it never was."""
    number = UUID(video_id).int
    millis, version, high = number >> 80, (number >> 76) & 0xF, (number >> 64) & 0xFFF
    variant, low, check = (number >> 62) & 0x3, (number >> 42) & 0xFFFFF, number & (2**42 - 1)
    if (version, variant) != (8, 2) or check != _owner_check(user_id, millis, (high << 20) | low):
        return None
    if millis >= _YEAR_10000:
        return None  # made up: no clock says so, and a datetime cannot
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=millis)


def _owner_check(user_id: str, millis: int, nonce: int) -> int:
    digest = hashlib.sha256(f"vidctl|{user_id}|{millis}|{nonce}".encode()).digest()
    return int.from_bytes(digest[:6], "big") & (2**42 - 1)


def is_video_id(text: str) -> bool:
    """Whether ``text`` is a UUID in its canonical form."""
    return re.fullmatch(_VIDEO, text) is not None


# --- jobs and attempts --------------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)  # a pass asks some ten times for the same one or two
def job_id(bucket: str, key: str, etag: str) -> str:
    """Name the work of publishing one Source: 26 characters of base32, from bucket, key and the upload's ETag.

    LIST and HEAD quote the ETag, events do not: strip the quotes first.
    """
    digest = hashlib.sha256(f"{bucket}|{key}|{etag}".encode()).digest()
    return base64.b32encode(digest).decode().lower()[:26]


def launch_token(job: str, number: AttemptNumber) -> str:
    """Return the RunTask clientToken of an attempt (AWS: RunTask, at most 64 ASCII characters, scope the cluster)."""
    return f"{job}-{number}"


# --- object keys --------------------------------------------------------------------------------------------------


def raw_key(key: VideoKey) -> str:
    """Where the client puts the raw video, in the raw bucket."""
    return f"{RAW_PREFIX}{key}.mp4"


def parse_raw_key(text: str) -> VideoKey:
    """Read a raw object's key.

    Raises:
        Malformed: the key is not ``videos/{user}/{uuid}.mp4``.

    """
    match = _RAW.fullmatch(text)
    if match is None:
        raise Malformed(f"key: {text!r} is not videos/{{user}}/{{uuid}}.mp4")
    return _video_key(match)


def kept_key(key: VideoKey, job: str) -> str:
    """Where a raw object is kept that must outlive its lifecycle rule, in the raw bucket."""
    return f"{KEPT_PREFIX}{key}/{job}.mp4"


def kept_prefix(key: VideoKey) -> str:
    """All kept copies of the video, in the raw bucket."""
    return f"{KEPT_PREFIX}{key}/"


def manifest_key(key: VideoKey) -> str:
    """Where the publication of the video stands, in the final bucket."""
    return f"{OUTPUTS_PREFIX}{key}/manifest.json"


def outputs_prefix(key: VideoKey) -> str:
    """Everything published or tried for the video, in the final bucket."""
    return f"{OUTPUTS_PREFIX}{key}/"


def attempt_prefix(key: VideoKey, job: str, number: AttemptNumber) -> str:
    """Where one attempt writes, and no other: a zombie writes where nobody reads."""
    return f"{OUTPUTS_PREFIX}{key}/{job}-{number}/"


def progress_key(key: VideoKey, job: str, number: AttemptNumber) -> str:
    """Where a running attempt says how far it is."""
    return f"{attempt_prefix(key, job, number)}progress.json"


class AttemptName(NamedTuple):
    """What the key of an attempt's object says."""

    key: VideoKey
    job: str
    number: AttemptNumber


def parse_attempt_key(text: str) -> AttemptName | None:
    """Read the key of an object under an attempt's prefix; None for any other object."""
    match = _ATTEMPT.fullmatch(text)
    if match is None:
        return None
    return AttemptName(_video_key(match), match["job"], AttemptNumber(int(match["round"]), int(match["n"])))


def parse_video_folder(text: str) -> VideoKey | None:
    """Return the video that an object of the final bucket belongs to, whatever it is; None if it belongs to none."""
    match = _VIDEO_FOLDER.fullmatch(text)
    return None if match is None else _video_key(match)


# --- control records ----------------------------------------------------------------------------------------------


class RecordName(NamedTuple):
    """What the name of a control record says: its kind, and its numbers where the kind has them."""

    kind: str
    job: str | None
    round: int | None = None
    n: int | None = None


def records_prefix(key: VideoKey) -> str:
    """All control records of the video, in the final bucket."""
    return f"{RECORDS_PREFIX}{key}/"


def record_key(key: VideoKey, name: RecordName) -> str:
    """Where a control record stands. Numbers are padded, so that a listing shows them in order."""
    folder = "" if name.job is None else f"{name.job}/"
    number = "" if name.round is None else f"-{name.round:02}"
    count = "" if name.n is None else f"-{name.n:03}"
    return f"{records_prefix(key)}{folder}{name.kind}{number}{count}.json"


def parse_record_key(text: str) -> RecordName | None:
    """Read the key of a control record; None for an object that is none."""
    match = _RECORD.fullmatch(text)
    if match is None:
        return None
    number = None if match["round"] is None else int(match["round"])
    count = None if match["n"] is None else int(match["n"])
    return RecordName(match["kind"], match["job"], number, count)


# --- tickets of uploads -------------------------------------------------------------------------------------------


def tickets_prefix(user_id: str) -> str:
    """All tickets of a user, in the final bucket."""
    return f"{TICKETS_PREFIX}{user_id}/"


def ticket_key(key: VideoKey) -> str:
    """Where the ticket of a video stands: its stamp counts down, so that a listing shows a user's newest first."""
    millis = UUID(key.video_id).int >> 80
    return f"{tickets_prefix(key.user_id)}{max(_LAST_STAMP - millis, 0):013}-{key.video_id}.json"


def parse_ticket_key(text: str) -> VideoKey | None:
    """Return the video of a ticket; None for an object that is none."""
    match = _TICKET.fullmatch(text)
    return None if match is None else _video_key(match)


def claim_key(user_id: str, asked: str) -> str:
    """Where the claim of an Idempotency-Key stands; ``asked`` names route and key, which may be any text."""
    return f"{CLAIMS_PREFIX}{user_id}/{hashlib.sha256(asked.encode()).hexdigest()}.json"


def _video_key(match: re.Match[str]) -> VideoKey:
    return VideoKey(user_id=match["user"], video_id=match["video"])
