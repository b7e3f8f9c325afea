"""Asks whether this attempt is still wanted: the last guard against two transcodes of one job side by side."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from vidctl import layout, logs
from vidctl.errors import Malformed, VidctlError, WorldError
from vidctl.journal import Journal
from vidctl.model import JobSpec
from vidctl.records import Manifest, VideoRecords

log = logs.get(__name__)


class Superseded(VidctlError):
    """Nobody waits for this attempt any more."""

    code = "superseded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """Looks at the records of the job's video."""

    job: JobSpec
    journal: Journal

    async def check(self) -> None:
        """Look once. That the store cannot be asked is no reason to stop: the reconciler may be as blind.

        Raises:
            Superseded: the attempt is not wanted.

        """
        try:
            records = await self.journal.records(self.job.key)
            manifest = await self._manifest()
        except WorldError as error:
            log.warning("fence_unknown", code=error.code, error=str(error))
            return
        reason = superseded(self.job, records, manifest)
        if reason is not None:
            raise Superseded(reason)

    async def _manifest(self) -> Manifest | None:
        try:
            published = await self.journal.manifest(self.job.key)
        except Malformed as error:
            log.warning("fence_unknown", code=error.code, error=str(error))
            return None
        return None if published is None else published.manifest

    async def watch(self, *, every: timedelta) -> None:
        """Look again and again, first after one interval; raises as ``check``."""
        while True:
            await asyncio.sleep(every.total_seconds())
            await self.check()


def superseded(job: JobSpec, records: VideoRecords, manifest: Manifest | None) -> str | None:
    """Return why an attempt is no longer wanted, None if it is.

    Its own Outcome is no reason: an attempt that was given up for lost may still be the first to finish.
    """
    own = records.job(job.job)
    if manifest is not None and manifest.job == job.job:
        return f"attempt {manifest.number} was published"
    if records.cancel is not None:
        return "the owner cancelled the video"
    if any(dead.round >= job.number.round for dead in own.deads):
        return "the job was given up"
    later = max((intent.number for intent in own.intents), default=job.number)
    if later > job.number:
        return f"attempt {later} was begun"
    return _superseded_unread(job, records)


def _superseded_unread(job: JobSpec, records: VideoRecords) -> str | None:
    """Judge by the names of records that a newer version wrote, as in the middle of a deployment: they say enough."""
    for key in records.unreadable:
        name = layout.parse_record_key(key)
        if name is None or name.job not in (None, job.job):
            continue
        if name.kind == "cancel":
            return "the owner cancelled the video"
        if name.kind == "dead" and name.round is not None and name.round >= job.number.round:
            return "the job was given up"
        if name.kind == "intent" and (name.round or 0, name.n or 0) > (job.number.round, job.number.n):
            return f"attempt {name.round}-{name.n} was begun"
    return None
