"""``GET /v1/videos/{video_id}``: tells the owner of a video what became of it."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

from aiohttp import hdrs, web

from vidctl import codec, history, layout, logs
from vidctl.errors import Malformed, VidctlError
from vidctl.groups import TaskGroup, first_error
from vidctl.history import Attempt, History, State
from vidctl.http.auth import Authenticator, Permission
from vidctl.journal import Journal
from vidctl.model import VideoKey
from vidctl.ports import Clock, Objects
from vidctl.progress import Progress
from vidctl.records import Output
from vidctl.timeline import Arrival, Event, Evidence

UPLOAD_GRACE = timedelta(hours=6)
"""How long a PUT may go on that began just before its URL expired: S3 checks the expiry only at its beginning, and
5 GiB over 2 Mbit/s take 6 h."""

log = logs.get(__name__)


class VideoNotFound(VidctlError):
    """There is no such video of this user: unknown, malformed, expired and somebody else's are all the same."""

    code = "video_not_found"


class VideoRoutes:
    """Reads what the raw and the final bucket say of a video. ``upload_expiry`` is the life of an upload URL."""

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        raw: Objects,
        raw_bucket: str,
        final: Objects,
        journal: Journal,
        upload_expiry: timedelta,
        playback_expiry: timedelta,
        clock: Clock,
    ) -> None:
        self._authenticator = authenticator
        self._raw = raw
        self._raw_bucket = raw_bucket
        self._final = final
        self._journal = journal
        self._awaited = upload_expiry + UPLOAD_GRACE
        self._playback_expiry = playback_expiry
        self._clock = clock

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.get("/v1/videos/{video_id}", self.show)]

    async def show(self, request: web.Request) -> web.Response:
        """Answer with state, timeline, attempts, progress and outputs of the caller's own video, or of ``?user=``'s."""
        authorization, user = request.headers.getall(hdrs.AUTHORIZATION, ()), request.query.get("user")
        owner = await self._authenticator.owner(authorization, Permission.READ, user=user)
        video_id = request.match_info["video_id"]
        if not layout.is_video_id(video_id):
            raise VideoNotFound("You have no such video.")
        told = await self.history(VideoKey(user_id=owner, video_id=video_id))
        urls = await asyncio.gather(*(self._sign(output) for output in told.outputs))
        return web.json_response(_video(video_id, told, urls))

    async def history(self, key: VideoKey) -> History:
        """Read what became of a video.

        Raises:
            VideoNotFound: nothing is there, and nothing can arrive any more.
            WorldError: the buckets do not answer.

        """
        evidence = await self._evidence(key)
        told = history.tell(evidence, progress=await self._progress(evidence))
        if told.state is State.AWAITING_UPLOAD and not self._may_arrive(evidence.issued_at):
            raise VideoNotFound("You have no such video.")
        return told

    async def _evidence(self, key: VideoKey) -> Evidence:
        with first_error():
            async with TaskGroup() as reads:
                arrival = reads.create_task(self._arrival(key))
                records = reads.create_task(self._journal.records(key))
                published = reads.create_task(self._journal.manifest(key))
        found = published.result()
        return Evidence(
            records=records.result(),
            manifest=None if found is None else found.manifest,
            arrival=arrival.result(),
            issued_at=layout.issued_at(key.user_id, key.video_id),
        )

    async def _arrival(self, key: VideoKey) -> Arrival | None:
        raw_key = layout.raw_key(key)
        stat = await self._raw.head(raw_key)
        if stat is None:
            return None
        return Arrival(job=layout.job_id(self._raw_bucket, raw_key, stat.etag), at=stat.last_modified)

    async def _progress(self, evidence: Evidence) -> Progress | None:
        intent = history.open_attempt(evidence)
        if intent is None:
            return None
        key = layout.progress_key(intent.key, intent.job, intent.number)
        stored = await self._final.get(key)
        if stored is None:
            return None
        try:
            return codec.decode(Progress, stored.body)
        except Malformed as error:
            # Progress is a courtesy: a version that this one cannot read must not hide the rest.
            log.warning("progress_unreadable", key=key, error=str(error))
            return None

    def _may_arrive(self, issued_at: datetime | None) -> bool:
        return issued_at is not None and self._clock() < issued_at + self._awaited

    async def _sign(self, output: Output) -> str | None:
        if output.is_folder:
            return None  # it is no object: nobody could read it
        return await self._final.sign_get(output.key, expires_in=self._playback_expiry)


# --- the answer ---------------------------------------------------------------------------------------------------


def _video(video_id: str, told: History, urls: list[str | None]) -> dict[str, Any]:
    return {
        "video_id": video_id,
        "state": told.state,
        "timeline": [_event(event) for event in told.timeline],
        "attempts": [_attempt(attempt) for attempt in told.attempts],
        "progress": told.progress,
        "remaining_seconds": told.remaining_seconds,
        "outputs": [_output(output, url) for output, url in zip(told.outputs, urls, strict=True)],
    }


def _event(event: Event) -> dict[str, Any]:
    return {"event": event.name, "at": event.at.isoformat(), "reason": event.reason}


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "number": str(attempt.number),
        "state": attempt.state,
        "launched_at": attempt.launched_at.isoformat(),
        "started_at": None if attempt.started_at is None else attempt.started_at.isoformat(),
        "ended_at": None if attempt.ended_at is None else attempt.ended_at.isoformat(),
        "class": attempt.failure,
        "code": attempt.code,
        "detail": attempt.detail,
    }


def _output(output: Output, url: str | None) -> dict[str, Any]:
    return {
        "name": output.name,
        "key": output.key,
        "content_type": output.content_type,
        "size": output.size_bytes,
        "sha256": output.sha256,
        "url": url,
    }
