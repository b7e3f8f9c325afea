"""A dispatch: one notice on its way to one receiver. What a receiver is told is a pure function of the notice."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from vidctl import layout, outbox_keys
from vidctl.model import Kind
from vidctl.outbox_keys import DispatchName
from vidctl.records import Notice, Output


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """Notice, receiver, and the attempts to tell that were begun.

    Nobody is to try before ``not_before``. Whoever begins an attempt moves it on, so that it is the attempt's lease and
    the wait after its failure in one.
    """

    receiver: str
    notice: Notice
    attempts: int = 0
    not_before: datetime

    @property
    def name(self) -> DispatchName:
        """Its name, which is the same whoever posts it."""
        notice = self.notice
        return DispatchName(self.receiver, outbox_keys.event_id(notice.key, notice.n, notice.at), notice.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What a receiver is told. ``body`` is JSON."""

    id: str
    about: Kind
    at: datetime
    body: bytes


def event(notice: Notice) -> Event:
    """Return the event of a notice: the same bytes whenever it is told."""
    name = outbox_keys.event_id(notice.key, notice.n, notice.at)
    told = {
        "id": name,
        "type": notice.about.value,
        "time": _time(notice.at),
        "sequence": outbox_keys.millis(notice.at),
        "user_id": layout.subject(notice.key.user_id),
        "video_id": notice.key.video_id,
        "data": _data(notice),
    }
    body = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
    return Event(id=name, about=notice.about, at=notice.at, body=body)


def _data(notice: Notice) -> dict[str, Any]:
    match notice.about:
        case Kind.PUBLISHED:
            return {"published_at": _time(notice.fact_at), "outputs": [_output(output) for output in notice.outputs]}
        case Kind.FAILED:
            failure = None if notice.failure is None else notice.failure.value
            told = {"class": failure, "code": notice.code, "detail": notice.detail}
            return {"failed_at": _time(notice.fact_at), **told}
        case Kind.DELETED:
            return {"requested_at": _time(notice.fact_at)}


def _output(output: Output) -> dict[str, Any]:
    """Tell what ``GET /v1/videos/{id}`` tells, but for the signed URL, which would have expired."""
    return {
        "name": output.name,
        "key": output.key,
        "content_type": output.content_type,
        "size": output.size_bytes,
        "sha256": output.sha256,
    }


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
