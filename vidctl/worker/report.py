"""Writes how far a running attempt is, seldom enough to cost little and never so that it holds anything up."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from vidctl import codec, layout, logs
from vidctl.errors import WorldError
from vidctl.model import JobSpec
from vidctl.ports import Clock, Objects
from vidctl.progress import Progress
from vidctl.worker.progress import Pace

log = logs.get(__name__)


class Report:
    """The progress object of one attempt. ``note`` costs nothing; ``watch`` writes the last note.

    What is told never falls: a note of something earlier than the one before it is ignored.
    """

    def __init__(self, *, final: Objects, job: JobSpec, clock: Clock) -> None:
        self._final = final
        self._job = job
        self._clock = clock
        self._noted: Progress | None = None
        self._pace = Pace(at=clock())

    def note(self, stage: str, ratio: float, *, speed: float | None = None) -> None:
        """Remember where the attempt is: the share, 0 to 1, of this stage's work that is done."""
        told = Progress(number=self._job.number, at=self._clock(), stage=stage, ratio=ratio, speed=speed)
        if told.share < self._pace.share:
            return
        self._pace = self._pace.on(told.share, told.at)
        self._noted = replace(told, remaining_seconds=self._pace.remaining_seconds)

    async def watch(self, *, every: timedelta) -> None:
        """Write what was noted since the last time, at once and then at every interval.

        That it cannot be written is ignored on purpose: somebody sees an older number for a while.
        """
        key = layout.progress_key(self._job.key, self._job.job, self._job.number)
        while True:
            progress, self._noted = self._noted, None
            if progress is not None:
                try:
                    await self._final.overwrite(key, codec.encode(progress), content_type="application/json")
                except WorldError as error:
                    log.info("progress_not_written", code=error.code, error=str(error))
            await asyncio.sleep(every.total_seconds())
