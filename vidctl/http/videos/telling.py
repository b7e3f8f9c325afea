"""What is told of a video, as JSON: the same words in answers, in lists and in streams of events."""

from __future__ import annotations

from typing import Any

from vidctl import layout
from vidctl.history import Attempt, History
from vidctl.model import VideoKey
from vidctl.tickets import Ticket
from vidctl.timeline import Event


def video(video_id: str, told: History) -> dict[str, Any]:
    """Return all but the outputs, whose links are signed for one answer."""
    return {
        "video_id": video_id,
        **state(told),
        "timeline": [event(each) for each in told.timeline],
        "attempts": [attempt(each) for each in told.attempts],
        **progress(told),
    }


def state(told: History) -> dict[str, Any]:
    """Return where the video is, and why it failed if it did."""
    return {"state": told.state, "code": told.code, "detail": told.detail}


def origin(key: VideoKey, ticket: Ticket | None) -> dict[str, Any]:
    """Return what its upload was called and when it was begun: neither ever changes."""
    created = layout.issued_at(key.user_id, key.video_id)
    return {
        "filename": None if ticket is None else ticket.filename,
        "created_at": None if created is None else created.isoformat(),
    }


def progress(told: History) -> dict[str, Any]:
    """Return how far the video is."""
    return {"progress": told.progress, "remaining_seconds": told.remaining_seconds, "ahead": told.ahead}


def event(happened: Event) -> dict[str, Any]:
    """Return one line of the timeline."""
    return {"event": happened.name, "at": happened.at.isoformat(), "reason": happened.reason}


def attempt(made: Attempt) -> dict[str, Any]:
    """Return one attempt."""
    return {
        "number": str(made.number),
        "state": made.state,
        "launched_at": made.launched_at.isoformat(),
        "started_at": None if made.started_at is None else made.started_at.isoformat(),
        "ended_at": None if made.ended_at is None else made.ended_at.isoformat(),
        "class": made.failure,
        "code": made.code,
        "detail": made.detail,
    }
