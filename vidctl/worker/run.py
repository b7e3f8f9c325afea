"""Runs one job, start to finish: download, probe, encode, verify, upload, and the Result as the last act.

What is understood (``failure``) ends in a Result and its exit code. An unexpected exception ends the process with
a traceback and no Result, and the reconciler judges by the exit code (any but 0, 65, 75 and 78 counts as a crash).

An attempt that is no longer wanted writes no Result either, since whoever overtook it has decided already, and exits
with 75: a code that cannot be read as a success, nor be counted against the input.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta

from vidctl import logs, tracing
from vidctl.errors import PreconditionFailed, WorldError
from vidctl.groups import TaskGroup
from vidctl.journal import Journal
from vidctl.model import JobSpec
from vidctl.ports import Clock, Objects
from vidctl.records import Output, Result
from vidctl.settings import WorkerSettings
from vidctl.worker.failure import EXIT_OK, EXIT_TEMPORARY, Failed, Failure, meaning, temporary
from vidctl.worker.fence import Fence, Superseded
from vidctl.worker.recipes.profile import Profile
from vidctl.worker.report import Report
from vidctl.worker.retry import Patience
from vidctl.worker.stages import Stages

log = logs.get(__name__)

PATIENCE = Patience()

RESULT_DEADLINE = timedelta(minutes=10)
"""Time for writing the Result, on which hours of work depend."""


async def run(
    job: JobSpec,
    *,
    raw: Objects,
    final: Objects,
    settings: WorkerSettings,
    profile: Profile,
    clock: Clock,
    interrupted: asyncio.Event,
    patience: Patience = PATIENCE,
) -> int:
    """Do the job and return the exit code; ``interrupted`` is set by SIGTERM.

    From then on at most three quarters of ``settings.grace`` pass: ffmpeg gets a quarter to end before it is killed,
    the Result a half to be written.
    """
    report = Report(final=final, job=job, clock=clock)
    stages = Stages(job=job, raw=raw, final=final, settings=settings, profile=profile, report=report, patience=patience)
    attempt = _Attempt(job=job, journal=Journal(final), stages=stages, report=report, clock=clock, patience=patience)
    named = {"user_id": job.key.user_id, "video_id": job.key.video_id, "attempt": str(job.number)}
    with logs.bind(**named), tracing.span("worker.run"):
        log.info("attempt_started", size_bytes=job.source.size_bytes)
        try:
            outputs = await attempt.supervised(interrupted, settings)
        except Superseded as reason:
            log.warning("attempt_superseded", reason=str(reason))
            return EXIT_TEMPORARY
        except Failed as error:
            failure = error.failure
            log.warning("attempt_failed", failure=failure.failure, code=failure.code, detail=failure.detail)
            within = settings.grace / 2 if interrupted.is_set() else RESULT_DEADLINE
            return await attempt.leave(failure=failure, within=within)
        log.info("attempt_succeeded", outputs=len(outputs))
        return await attempt.leave(failure=None, outputs=outputs, within=RESULT_DEADLINE)


class _Attempt:
    """One attempt at work, and what its Result will say."""

    def __init__(
        self, *, job: JobSpec, journal: Journal, stages: Stages, report: Report, clock: Clock, patience: Patience
    ) -> None:
        self._job = job
        self._journal = journal
        self._stages = stages
        self._report = report
        self._clock = clock
        self._patience = patience
        self._started_at = clock()

    async def supervised(self, interrupted: asyncio.Event, settings: WorkerSettings) -> tuple[Output, ...]:
        """Work until done, interrupted or no longer wanted.

        Raises:
            Failed, Superseded: why there are no outputs.

        """
        fence = Fence(job=self._job, journal=self._journal)
        try:
            async with TaskGroup() as group:
                watchers = (
                    group.create_task(_until(interrupted)),
                    group.create_task(fence.watch(every=settings.fence)),
                    group.create_task(self._report.watch(every=settings.progress)),
                )
                await fence.check()
                outputs = await self._stages.work()
                for watcher in watchers:
                    watcher.cancel()
                return outputs
        except ExceptionGroup as errors:
            reason = _reason(errors)
            if reason is None:
                raise
            raise reason from errors

    async def leave(self, *, failure: Failure | None, outputs: tuple[Output, ...] = (), within: timedelta) -> int:
        """Write the Result; return the exit code, which tells of a success only if a Result is there.

        If an earlier run of this attempt wrote one, that one stays and alone counts; the exit code is that of this run.
        """
        exit_code = failure.exit_code if failure else EXIT_OK
        try:
            async with asyncio.timeout(within.total_seconds()):
                await self._patience(lambda: self._journal.write(self._result(failure, outputs)))
        except PreconditionFailed:
            # A try whose reply was lost, or an earlier run of this attempt, has written it.
            log.info("result_exists")
        except (WorldError, TimeoutError) as error:
            log.exception("result_not_written")
            lost = meaning(error)
            return exit_code or (lost.failure.exit_code if lost else EXIT_TEMPORARY)
        return exit_code

    def _result(self, failure: Failure | None, outputs: tuple[Output, ...]) -> Result:
        return Result(
            key=self._job.key,
            job=self._job.job,
            number=self._job.number,
            at=self._clock(),
            failure=failure.failure if failure else None,
            code=failure.code if failure else "ok",
            detail=failure.detail if failure else "",
            outputs=outputs,
            media=self._stages.media.info() if self._stages.media else None,
            stderr_tail=failure.stderr_tail if failure else "",
            stage_seconds=dict(self._stages.seconds),
            started_at=self._started_at,
        )


async def _until(interrupted: asyncio.Event) -> None:
    await interrupted.wait()
    raise temporary("interrupted", "the worker was told to stop before it was done")


def _reason(group: ExceptionGroup[Exception]) -> Failed | Superseded | None:
    """Return why the attempt ended; None if any part of it is not understood."""
    reasons: list[Failed | Superseded] = []
    for error in _leaves(group):
        reason = meaning(error) if isinstance(error, WorldError | OSError) else error
        if not isinstance(reason, Failed | Superseded):
            return None
        reasons.append(reason)
    # That nobody waits for the attempt outweighs how it failed.
    return next((reason for reason in reasons if isinstance(reason, Superseded)), reasons[0])


def _leaves(group: ExceptionGroup[Exception]) -> Iterator[Exception]:
    for error in group.exceptions:
        if isinstance(error, ExceptionGroup):
            yield from _leaves(error)
        else:
            yield error
