"""Carry out a plan's actions, in order. Decides nothing; every action may be repeated.

What a call answers is evidence for the next pass: a lost race (412) or an unknown reply is raised, and the pass looks
again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import assert_never

from vidctl import events, layout, logs
from vidctl.errors import PreconditionFailed
from vidctl.journal import Journal
from vidctl.metrics import Metrics
from vidctl.model import FailureClass, Redrive, Upload, VideoKey
from vidctl.outbox import Outbox
from vidctl.outbox_keys import DispatchName
from vidctl.ports import World
from vidctl.reconciler.actions import (
    Action,
    CreateIntent,
    CreateNotice,
    DeclareDead,
    DeleteDeliveries,
    DeleteRaw,
    KeepRaw,
    OpenRound,
    PostNotice,
    Publish,
    Raise,
    RecordOutcome,
    Redate,
    RemoveKept,
    RemoveManifest,
    RemoveOutputs,
    RunTask,
    SendDeadLetter,
    StopTasks,
)
from vidctl.reconciler.breaker import Fault
from vidctl.reconciler.holds import Holds
from vidctl.reconciler.launches import Launches
from vidctl.reconciler.launching import Launcher, Stale
from vidctl.reconciler.observation import Observation
from vidctl.reconciler.policy import Policy
from vidctl.records import Dead, DeadLetterSent, Intent, Kept, Manifest, Notice, NoticePosted, Outcome

log = logs.get(__name__)

ABOUT_TASKS = (CreateIntent, StopTasks, RecordOutcome)
"""Actions that depend on what the tasks are doing, and so on how old that reading is."""

FAULTS = {"launch_refused": Fault.LAUNCH, "cannot_start": Fault.START}
"""Where the configuration fails, by the code of the outcome; any other is the worker's word."""


class Actor:
    """The hands of the reconciler."""

    def __init__(
        self,
        world: World,
        *,
        journal: Journal,
        launcher: Launcher,
        holds: Holds,
        launches: Launches,
        posted: Callable[[Iterable[DispatchName]], None],
        policy: Policy,
        metrics: Metrics,
    ) -> None:
        self._world = world
        self._journal = journal
        self._outbox = Outbox(world.final)
        self._posted = posted
        self._launcher = launcher
        self._holds = holds
        self._launches = launches
        self._policy = policy
        self._metrics = metrics

    async def act(self, action: Action, seen: Observation) -> None:
        """Carry out one action.

        Raises:
            Stale: ``seen`` is too old. WorldError: the call failed; look again.

        """
        read_at = seen.tasks_read_at if isinstance(action, ABOUT_TASKS) else seen.read_at
        if not isinstance(action, Raise) and self._world.clock() - read_at > self._policy.fresh:
            raise Stale(f"{type(action).__name__}: read at {read_at:%H:%M:%S}")
        match action:
            case Raise(reason, detail):
                self._metrics.alarms.labels(reason).inc()
                log.error("alarm", reason=reason, detail=detail)
            case CreateIntent(intent):
                await self._begin(intent, seen)
            case RunTask(intent):
                await self._launcher.launch(intent)
            case StopTasks(arns, reason):
                await self._launcher.stop(arns, reason)
            case RecordOutcome(outcome):
                await self._close(outcome)
            case Publish(manifest, replacing):
                await self._publish(manifest, replacing, seen)
            case Redate(manifest, replacing):
                await self._journal.publish(manifest, replacing=replacing)
                log.info("uploaded_again", uploaded_at=manifest.uploaded_at.isoformat())
            case DeclareDead() | SendDeadLetter() | OpenRound() | CreateNotice() | PostNotice():
                await self._write(action)
            case _:
                await self._remove(action, seen.key)

    async def _write(self, action: DeclareDead | SendDeadLetter | OpenRound | CreateNotice | PostNotice) -> None:
        match action:
            case DeclareDead(dead):
                await self._journal.write(dead)
                self._metrics.dead.labels(dead.failure.value).inc()
                log.warning(
                    "dead", failure=dead.failure.value, code=dead.code, detail=dead.detail, attempts=dead.attempts
                )
            case SendDeadLetter(dead, body):
                await self._tell(dead, body)
            case OpenRound(opened):
                await self._journal.write(opened)
                log.info("round_opened", round=opened.round)
            case CreateNotice(notice):
                await self._journal.write(notice)
                self._metrics.notices.labels(notice.about.value).inc()
                log.info("noted", kind=notice.about.value, notice=notice.n)
            case PostNotice(notice):
                await self._post(notice)
            case _:
                assert_never(action)

    async def _post(self, notice: Notice) -> None:
        """Put the notice into every outbox, and then say so: a crash in between posts it again, under the same name."""
        names = await self._outbox.post(notice, self._policy.telling.receivers)
        await self._journal.write(NoticePosted(key=notice.key, n=notice.n, at=self._world.clock()))
        self._posted(names)
        log.info("posted", kind=notice.about.value, notice=notice.n, receivers=len(names))

    async def _remove(
        self,
        action: DeleteRaw | KeepRaw | RemoveManifest | RemoveOutputs | RemoveKept | DeleteDeliveries,
        key: VideoKey,
    ) -> None:
        match action:
            case DeleteRaw(source, published):
                await self._world.raw.delete(source.key, if_match=source.etag)
                if published:
                    self._metrics.raw_deleted.inc()
                    self._metrics.upload_to_deleted.observe(
                        (self._world.clock() - source.last_modified).total_seconds()
                    )
                log.info("raw_deleted", etag=source.etag, published=published)
            case KeepRaw(job, source):
                copy = await self._world.raw.copy(source.key, layout.kept_key(key, job), if_match=source.etag)
                kept = replace(source, key=copy.key, etag=copy.etag)
                await self._journal.write(Kept(key=key, job=job, at=self._world.clock(), source=kept))
                self._metrics.raw_kept.inc()
                log.info("raw_kept", kept_key=copy.key)
            case RemoveManifest(etag):
                await self._world.final.delete(layout.manifest_key(key), if_match=etag)
                log.info("publication_removed")
            case RemoveOutputs(keys):
                await self._world.final.delete_many(keys)
                log.info("outputs_removed", objects=len(keys))
            case RemoveKept(sources):
                for source in sources:
                    await self._world.raw.delete(source.key, if_match=source.etag)
            case DeleteDeliveries(deliveries):
                await self._holds.delete(deliveries)
                log.info("messages_deleted", messages=len(deliveries))
            case _:
                assert_never(action)

    async def _begin(self, intent: Intent, seen: Observation) -> None:
        if not self._launches.occupy(intent.key):
            raise PreconditionFailed("the slot was taken meanwhile")
        await self._journal.write(intent)
        self._metrics.intents.inc()
        if not seen.deliveries and (intent.number.round, intent.number.n) == (1, 1):
            self._metrics.missed_events.inc()
            log.info("missed_event_found")
        log.info("attempt_begun", attempt=str(intent.number), cpu_units=intent.task.cpu_units)

    async def _close(self, outcome: Outcome) -> None:
        await self._journal.write(outcome)
        failure = outcome.failure
        self._metrics.outcomes.labels(failure.value if failure is not None else "none").inc()
        if failure is FailureClass.CONFIGURATION:
            fault = FAULTS.get(outcome.code, Fault.WORK)
            self._launches.failed(outcome.key, fault, f"{outcome.code}: {outcome.detail}")
        if outcome.code == "verify_failed":
            self._metrics.verify_failures.inc()
        if outcome.code == "source_gone":
            self._metrics.source_gone.inc()
        level = log.info if failure is None else log.warning
        level(
            "attempt_ended",
            attempt=str(outcome.number),
            failure=failure.value if failure is not None else None,
            code=outcome.code,
            detail=outcome.detail,
        )

    async def _publish(self, manifest: Manifest, replacing: str | None, seen: Observation) -> None:
        await self._journal.publish(manifest, replacing=replacing)
        self._launches.succeeded(manifest.key)
        self._metrics.published.inc()
        self._metrics.upload_to_published.observe((self._world.clock() - manifest.uploaded_at).total_seconds())
        result = seen.records.job(manifest.job).result(manifest.number)
        for stage, seconds in (result.stage_seconds if result is not None else {}).items():
            self._metrics.stage_seconds.labels(stage).observe(seconds)
        log.info("published", attempt=str(manifest.number), outputs=len(manifest.outputs))

    async def _tell(self, dead: Dead, body: str | None) -> None:
        upload = Upload(
            bucket=self._policy.raw_bucket,
            key=dead.key,
            etag=dead.source.upload_etag,
            size_bytes=dead.source.size_bytes,
        )
        attributes = {
            **events.redrive_attributes(Redrive(job=dead.job, round=dead.round)),
            "vidctl.video": str(dead.key),
            "vidctl.class": dead.failure.value,
            "vidctl.code": dead.code,
            "vidctl.reason": (dead.detail or dead.code)[:1024],
            "vidctl.attempts": str(dead.attempts),
        }
        await self._world.dead_letter_queue.send(
            body or events.write_upload(upload, layout.raw_key(dead.key)), attributes=attributes
        )
        self._metrics.dead_letters.labels(dead.failure.value).inc()
        sent = DeadLetterSent(key=dead.key, job=dead.job, round=dead.round, at=self._world.clock())
        await self._journal.write(sent)
        log.info("dead_letter_sent", code=dead.code)
