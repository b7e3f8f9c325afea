"""One video and what is true around it, of which a pass sees a part."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from datetime import datetime

from tests import builders as b
from vidctl import layout
from vidctl.model import AttemptNumber, Delivery, Source, Task
from vidctl.reconciler.glance import Glance, Sight
from vidctl.reconciler.observation import LaunchGate, Observation, OutputSeen, Refusal
from vidctl.reconciler.plan import claims
from vidctl.reconciler.policy import Policy
from vidctl.reconciler.wants import wants_glance
from vidctl.records import (
    Cancel,
    Dead,
    DeadLetterSent,
    Intent,
    Kept,
    Manifest,
    Notice,
    NoticePosted,
    OfVideo,
    Outcome,
    Record,
    Result,
    Round,
    VideoRecords,
    gathered,
)

OTHER_ETAG = "f" * 32
"""Of another upload under the same key."""
OTHER_JOB = layout.job_id(b.RAW, layout.raw_key(b.KEY), OTHER_ETAG)


OPEN = LaunchGate()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """The truth. ``copies`` are the kept ones that exist, ``store`` the outputs that do, whoever made them.

    ``sight`` is what a glance shows of whatever can be read; None: a pass that decides without one.
    """

    now: datetime = b.NOW
    raw: Source | None = None
    copies: tuple[Source, ...] = ()
    records: tuple[Record, ...] = ()
    unreadable: tuple[str, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    tasks: tuple[Task, ...] = ()
    manifest: Manifest | None = None
    store: tuple[OutputSeen, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    gate: LaunchGate = OPEN
    sight: Sight | None = None
    others_succeeded_at: datetime | None = None
    policy: Policy = b.POLICY

    def seen(self) -> Observation:
        """Return what a pass sees: as ``observe`` does it, copies only without raw, and of outputs the claimed."""
        records = gathered(b.KEY, self.records, unreadable=self.unreadable)
        seen = Observation(
            key=b.KEY,
            read_at=self.now,
            tasks_read_at=self.now,
            raw_bucket=b.RAW,
            deliveries=self.deliveries,
            raw=self.raw,
            kept=self._kept(records) if self.raw is None else (),
            records=records,
            manifest=self.manifest,
            manifest_etag=None if self.manifest is None else str(self.manifest.number),
            tasks=self.tasks,
            refusals=self.refusals,
            gate=self.gate,
            others_succeeded_at=self.others_succeeded_at,
        )
        source = None if self.sight is None else wants_glance(seen, self.policy, self.now)
        if source is not None and self.sight is not None:
            seen = replace(seen, glance=Glance(source=source, sight=self.sight))
        if records.cancel is not None:
            return replace(seen, leftovers=tuple(output.key for output in self.store))
        if not self.store:
            return seen
        claimed = {output.key for output in claims(seen)}
        return replace(seen, outputs=tuple(output for output in self.store if output.key in claimed))

    def _kept(self, records: VideoRecords) -> tuple[Source, ...]:
        named = {job.kept.source.key for job in records.jobs if job.kept is not None}
        return tuple(copy for copy in self.copies if copy.key in named)

    @property
    def identity(self) -> Hashable:
        """Everything that a decision can depend on: scenes with the same identity have the same future."""
        return (
            self.now,
            self.raw,
            self.copies,
            frozenset(map(mark, self.records)),
            self.unreadable,
            tuple((delivery.upload.etag, delivery.redrive) for delivery in self.deliveries),
            frozenset(task_mark(task) for task in self.tasks),
            self.manifest and (self.manifest.job, self.manifest.number, self.manifest.uploaded_at),
            frozenset(self.store),
            self.refusals,
            self.gate,
            self.sight,
            self.others_succeeded_at,
            self.policy.telling.receivers,
        )


def mark(record: Record) -> Hashable:
    """Name a record and what it says, without its sentences."""
    match record:
        case Intent():
            return ("intent", record.job, record.number, record.created_at)
        case Result():
            return ("result", record.job, record.number, record.failure, len(record.outputs))
        case Outcome():
            return ("outcome", record.job, record.number, record.failure, record.code, record.at)
        case Dead() | DeadLetterSent() | Round():
            return (type(record).__name__, record.job, record.round)
        case Kept():
            return ("kept", record.job, record.source)
        case Cancel():
            return "cancel"
        case Notice():
            return ("notice", record.n, record.about, record.job, record.fact_at)
        case NoticePosted():
            return ("posted", record.n)


def task_mark(task: Task) -> Hashable:
    """Name a task and its state."""
    return (task.arn, task.status, task.created_at, task.started_at, task.stop_code, task.stopped_reason)


def own(record: Record, job: str) -> bool:
    """Whether the record is one of this job."""
    return not isinstance(record, OfVideo) and record.job == job


def attempt_of(task: Task) -> tuple[str, AttemptNumber]:
    """Return job and number of a task of ours: a pass is shown no other."""
    assert task.spec is not None
    return task.spec.job, task.spec.number
