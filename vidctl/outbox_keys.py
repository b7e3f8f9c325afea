"""The keys of the outbox, with their parser: the part of ``layout`` that is about telling.

Final bucket::

    outbox/{receiver}/{stamp}-{event}.json         a notice that a receiver is still to be told of, the oldest first
    undelivered/{receiver}/{stamp}-{event}.json    one that was given up
"""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from vidctl.model import VideoKey

OUTBOX_PREFIX = "outbox/"
UNDELIVERED_PREFIX = "undelivered/"

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_DISPATCH = re.compile(r"outbox/(?P<receiver>[a-z0-9-]+)/(?P<stamp>[0-9]{13})-(?P<event>[a-z2-7]{26})\.json")


class DispatchName(NamedTuple):
    """What the key of a dispatch says: who is to be told, which event, and when it was found."""

    receiver: str
    event: str
    at: datetime


def event_id(key: VideoKey, n: int, at: datetime) -> str:
    """Name an event: 26 characters of base32, from its video, its number there, and its time.

    The time is part of it since numbers begin anew when the records of a video have expired.
    """
    digest = hashlib.sha256(f"{key}|{n}|{millis(at)}".encode()).digest()
    return base64.b32encode(digest).decode().lower()[:26]


def receiver_name(kind: str, address: str) -> str:
    """Name a receiver by its kind and a hash of its address, which may have secrets in it."""
    return f"{kind}-{hashlib.sha256(address.encode()).hexdigest()[:12]}"


def dispatch_key(name: DispatchName) -> str:
    """Where a dispatch stands until its receiver was told. Stamps are milliseconds, so that the oldest come first."""
    return f"{OUTBOX_PREFIX}{_dispatch(name)}"


def undelivered_key(name: DispatchName) -> str:
    """Where a dispatch stands that was given up."""
    return f"{UNDELIVERED_PREFIX}{_dispatch(name)}"


def parse_dispatch_key(text: str) -> DispatchName | None:
    """Read the key of a dispatch in the outbox; None for an object that is none."""
    match = _DISPATCH.fullmatch(text)
    if match is None:
        return None
    at = EPOCH + timedelta(milliseconds=int(match["stamp"]))
    return DispatchName(match["receiver"], match["event"], at)


def _dispatch(name: DispatchName) -> str:
    return f"{name.receiver}/{millis(name.at):013}-{name.event}.json"


def millis(at: datetime) -> int:
    """Return a time as whole milliseconds of Unix time."""
    return (at - EPOCH) // timedelta(milliseconds=1)
