"""Asks whether this attempt is still wanted: the last guard against two transcodes of one job side by side."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from vidctl import logs
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
            published = await self.journal.manifest(self.job.key)
        except (WorldError, Malformed) as error:
            log.warning("fence_unknown", code=error.code, error=str(error))
            return
        reason = superseded(self.job, records, published.manifest if published else None)
        if reason is not None:
            raise Superseded(reason)

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
    return f"attempt {later} was begun" if later > job.number else None
