"""What a stream of events has to say next, from what its reader was told and what is now. Pure.

The id of an event says all that its reader knows by then: how many lines of the timeline and their digest, the state,
the progress, the place in the line. So any replica can go on from there, also after a restart, with nothing kept.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from vidctl.history import History, State
from vidctl.http.videos import telling
from vidctl.timeline import Event

FINAL = frozenset({State.PUBLISHED, State.FAILED, State.DELETED})
"""States that nothing follows by itself."""

_ID = re.compile(
    r"(?P<lines>[0-9]{1,5})-(?P<digest>[0-9a-f]{12})-(?P<state>[a-z_]+)-(?P<progress>[0-9]{0,5})-(?P<ahead>[0-9]{0,9})"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the reader of a stream knows. ``progress`` is in ten thousandths."""

    lines: int
    digest: str
    state: str
    progress: int | None
    ahead: int | None

    def __str__(self) -> str:
        """Write the id."""
        progress, ahead = ("" if number is None else number for number in (self.progress, self.ahead))
        return f"{self.lines}-{self.digest}-{self.state}-{progress}-{ahead}"


def read_id(text: str) -> Told | None:
    """Read ``Last-Event-ID``; None if it is none of ours."""
    match = _ID.fullmatch(text)
    if match is None:
        return None
    return Told(
        lines=int(match["lines"]),
        digest=match["digest"],
        state=match["state"],
        progress=int(match["progress"]) if match["progress"] else None,
        ahead=int(match["ahead"]) if match["ahead"] else None,
    )


def is_over(told: Told | None, now: History) -> bool:
    """Whether the reader knows the end, so that he need not come again."""
    return told is not None and now.state in FINAL and told.state == now.state


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One event of the stream, and what its reader knows with it."""

    name: str
    data: dict[str, Any]
    told: Told

    def __bytes__(self) -> bytes:
        """Write it as ``text/event-stream`` (HTML Living Standard, section 9.2). JSON has no line breaks of its own."""
        text = json.dumps(self.data, ensure_ascii=False, separators=(",", ":"))
        return f"event: {self.name}\nid: {self.told}\ndata: {text}\n\n".encode()


def messages(video_id: str, told: Told | None, now: History) -> Iterator[Message]:
    """Yield what is new, the state last: who knows of an end has heard all that led to it.

    A reader of whom nothing is known, or whose timeline was another, gets a snapshot, which replaces all he knows.
    """
    if told is None or told.digest != _digest(now.timeline[: told.lines]) or told.lines > len(now.timeline):
        yield Message(name="snapshot", data=telling.video(video_id, now), told=_all_of(now))
        return
    for line, happened in enumerate(now.timeline[told.lines :], start=told.lines + 1):
        told = replace(told, lines=line, digest=_digest(now.timeline[:line]))
        yield Message(name="timeline", data=telling.event(happened), told=told)
    whole = _all_of(now)
    if (told.progress, told.ahead) != (whole.progress, whole.ahead):
        told = replace(told, progress=whole.progress, ahead=whole.ahead)
        yield Message(name="progress", data=telling.progress(now), told=told)
    if told.state != whole.state:
        yield Message(name="state", data=telling.state(now), told=whole)


def _all_of(now: History) -> Told:
    return Told(
        lines=len(now.timeline),
        digest=_digest(now.timeline),
        state=now.state,
        progress=None if now.progress is None else round(now.progress * 10_000),
        ahead=now.ahead,
    )


def _digest(timeline: tuple[Event, ...]) -> str:
    lines = "\n".join(f"{event.name} {event.at.isoformat()} {event.reason}" for event in timeline)
    return hashlib.sha256(lines.encode()).hexdigest()[:12]
