"""What an owner may ask of a video: that it goes, or that it is tried again.

Either is a record, which is the wish, and then a message that points the reconciler at it. What the message does not
reach, the daily look finds.
"""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from vidctl import events, layout, logs
from vidctl.errors import PreconditionFailed, VidctlError
from vidctl.history import State, current_job, state_of
from vidctl.http.access.auth import Authenticator, Permission
from vidctl.http.videos.histories import Histories
from vidctl.http.videos.show import named_video
from vidctl.journal import Journal
from vidctl.ledger import Ledger
from vidctl.model import Upload, VideoKey
from vidctl.ports import Clock, Objects, Queue
from vidctl.records import Cancel, Dead, JobRecords, Round
from vidctl.timeline import Evidence
from vidctl.uploads import Uploads

NO_UPLOAD = "cancelled"
"""Stands for the ETag in the message about a video of which nothing need be there."""

log = logs.get(__name__)


class NotFailed(VidctlError):
    """Only what failed can be tried again."""

    code = "not_failed"


class SourceExpired(VidctlError):
    """The uploaded file is not kept any more: there is nothing to try again with."""

    code = "source_expired"


class Wishes:
    """Writes wishes. ``look`` asks this replica's reconciler for a pass: a backlog holds messages up, but not that."""

    def __init__(  # noqa: PLR0913 - all that a wish touches
        self,
        *,
        histories: Histories,
        journal: Journal,
        ledger: Ledger,
        raw: Objects,
        raw_uploads: Uploads,
        raw_bucket: str,
        raw_queue: Queue,
        look: Callable[[VideoKey], None],
        clock: Clock,
    ) -> None:
        self._histories = histories
        self._journal = journal
        self._ledger = ledger
        self._raw = raw
        self._uploads = raw_uploads
        self._bucket = raw_bucket
        self._queue = raw_queue
        self._look = look
        self._clock = clock

    async def delete(self, key: VideoKey) -> State:
        """Have a video taken away, whatever its state; return the state that this leaves it in.

        Asking again is harmless.

        Raises:
            VideoNotFound: there is none, nor can there be. WorldError: ask again.

        """
        evidence = await self._histories.evidence(key)
        if evidence.records.cancel is not None and state_of(evidence) is State.DELETED:
            return State.DELETED
        await self._record(Cancel(key=key, at=self._clock()))
        await self._give_up_parts(key)
        await self._point_at(Upload(bucket=self._bucket, key=key, etag=NO_UPLOAD, size_bytes=0))
        log.info("delete_wanted", user_id=key.user_id, video_id=key.video_id)
        return State.DELETING

    async def retry(self, key: VideoKey) -> State:
        """Have a failed video tried again, in a round with fresh budgets; return its state.

        Asking again is harmless.

        Raises:
            VideoNotFound: there is none. NotFailed: it did not fail, or is to be deleted.
            SourceExpired: what was uploaded is gone. WorldError: ask again.

        """
        evidence = await self._histories.evidence(key)
        job, state = current_job(evidence), state_of(evidence)
        if state is not State.FAILED:
            return _already_tried_again(job, state)
        dead = job.dead
        if dead is None or not await self._is_kept(evidence, job):
            raise SourceExpired("The uploaded file is not kept any more: upload it again.")
        await self._record(Round(key=key, job=job.job, round=dead.round + 1, at=self._clock()))
        await self._point_at(_upload(self._bucket, dead))
        log.info("retry_wanted", user_id=key.user_id, video_id=key.video_id, round=dead.round + 1)
        return State.QUEUED

    async def _is_kept(self, evidence: Evidence, job: JobRecords) -> bool:
        """Whether there is what the next attempt would read: the upload itself, or its copy if nothing came later."""
        if evidence.arrival is not None:
            return evidence.arrival.job == job.job
        if job.kept is None:
            return False
        copy = await self._raw.head(job.kept.source.key)
        overtaken = evidence.manifest is not None and evidence.manifest.uploaded_at >= job.kept.source.last_modified
        return copy is not None and copy.etag == job.kept.source.etag and not overtaken

    async def _give_up_parts(self, key: VideoKey) -> None:
        """Give up an upload in parts that vidctl began; after the wish, so that what it becomes is removed as well."""
        ticket = await self._ledger.ticket(key)
        if ticket is not None and ticket.upload_id is not None:
            await self._uploads.abort(layout.raw_key(key), ticket.upload_id)

    async def _record(self, record: Cancel | Round) -> None:
        try:
            await self._journal.write(record)
        except PreconditionFailed:
            return  # wished before

    async def _point_at(self, upload: Upload) -> None:
        await self._queue.send(events.write_upload(upload, layout.raw_key(upload.key)))
        self._look(upload.key)


def _already_tried_again(job: JobRecords, state: State) -> State:
    """Return the state of a video that was asked for before, so that the repetition of a request is answered alike."""
    if job.round == 1 or state in (State.PUBLISHED, State.DELETING, State.DELETED):
        raise NotFailed(f"The video is {state.replace('_', ' ')}: only a failed one can be tried again.")
    return state


def _upload(bucket: str, dead: Dead) -> Upload:
    source = dead.source
    return Upload(bucket=bucket, key=dead.key, etag=source.upload_etag, size_bytes=source.size_bytes)


# --- the routes ---------------------------------------------------------------------------------------------------


class WishRoutes:
    """``DELETE /v1/videos/{video_id}`` and ``POST /v1/videos/{video_id}/retry``."""

    def __init__(self, *, authenticator: Authenticator, wishes: Wishes) -> None:
        self._authenticator = authenticator
        self._wishes = wishes

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.delete("/v1/videos/{video_id}", self.delete),
            web.post("/v1/videos/{video_id}/retry", self.retry),
        ]

    async def delete(self, request: web.Request) -> web.Response:
        """Answer 202: the wish is recorded. How far it is carried out, the video's state tells."""
        key = await named_video(request, self._authenticator, Permission.DELETE)
        return _accepted(key, await self._wishes.delete(key))

    async def retry(self, request: web.Request) -> web.Response:
        """Answer 202: the next round is open."""
        key = await named_video(request, self._authenticator, Permission.UPLOAD)
        return _accepted(key, await self._wishes.retry(key))


def _accepted(key: VideoKey, state: State) -> web.Response:
    return web.json_response({"video_id": key.video_id, "state": state}, status=202)
