"""What a pass knows of one video: frozen, printable, comparable."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from vidctl import layout
from vidctl.model import AttemptNumber, Delivery, Source, Task, VideoKey
from vidctl.reconciler.glance import Glance, Sight
from vidctl.records import JobRecords, Manifest, Output, VideoRecords


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchGate:
    """Whether a launch may happen now, by what all videos of this replica share.

    ``begin``: a new attempt may be opened (a slot is free). ``launch``: RunTask may be called (a token is there).
    ``paused`` says why the breaker is open, if it is.
    """

    begin: bool = True
    launch: bool = True
    paused: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """RunTask answered ``failures[]`` (or a quota) for this attempt; the task may have started all the same."""

    job: str
    number: AttemptNumber
    at: datetime
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputSeen:
    """An output as it stands in the final bucket, in the terms of ``Output``. ``sha256`` is None if S3 tells none."""

    key: str
    size_bytes: int
    sha256: str | None
    etag: str | None = None

    def matches(self, output: Output) -> bool:
        """Whether it is what was said of it."""
        return (self.key, self.size_bytes) == (output.key, output.size_bytes) and self._has_the_bytes_of(output)

    def _has_the_bytes_of(self, output: Output) -> bool:
        if self.sha256 is not None:
            return self.sha256 == output.sha256
        return self.etag is not None and self.etag == output.etag


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """Everything that one pass knows about one video, and how old it is: of all, and of the tasks, the oldest reading.

    ``raw`` is the object under the upload's key, ``kept`` the copies that Kept records name (looked at only without a
    raw object; all that stand when the owner cancelled). ``outputs`` are those that a manifest or a Result claims (see
    ``claims``); ``leftovers`` the keys to remove when the owner cancelled; ``glance`` what a first attempt's source
    shows (see ``wants_glance``).
    """

    key: VideoKey
    read_at: datetime
    tasks_read_at: datetime
    raw_bucket: str
    deliveries: tuple[Delivery, ...] = ()
    raw: Source | None = None
    kept: tuple[Source, ...] = ()
    records: VideoRecords
    manifest: Manifest | None = None
    manifest_etag: str | None = None
    tasks: tuple[Task, ...] = ()
    outputs: tuple[OutputSeen, ...] = ()
    leftovers: tuple[str, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    gate: LaunchGate = LaunchGate()
    glance: Glance | None = None
    others_succeeded_at: datetime | None = None

    @property
    def jobs(self) -> tuple[str, ...]:
        """Every job that this video has or had: by source, record, task or delivery, the current one last."""
        named = {records.job for records in self.records.jobs}
        named |= {task.spec.job for task in self.tasks if task.spec is not None}
        named |= {self.job_of(delivery.upload.etag) for delivery in self.deliveries}
        current = () if self.raw is None else (self.job_of(self.raw.upload_etag),)
        return (*sorted(named.difference(current)), *current)

    def job_of(self, etag: str) -> str:
        """Return the job of an upload with this ETag."""
        return layout.job_id(self.raw_bucket, layout.raw_key(self.key), etag)

    def job(self, job: str) -> JobView:
        """Return what concerns one job."""
        raw = self.raw if self.raw is not None and self.job_of(self.raw.upload_etag) == job else None
        source = raw or self._kept(job)
        return JobView(
            key=self.key,
            job=job,
            raw=raw,
            source=source,
            sight=self.glance.sight if self.glance is not None and self.glance.source == source else None,
            records=self.records.job(job),
            deliveries=tuple(d for d in self.deliveries if self.job_of(d.upload.etag) == job),
            tasks=tuple(task for task in self.tasks if task.spec is not None and task.spec.job == job),
            manifest=self.manifest if self.manifest is not None and self.manifest.job == job else None,
        )

    def _kept(self, job: str) -> Source | None:
        """Return the copy that the job can go on with, unless a later upload has taken its place."""
        if self.raw is not None:
            return None
        copy = next((source for source in self.kept if self.job_of(source.upload_etag) == job), None)
        if copy is None or self.manifest is None or self.manifest.job == job:
            return copy
        return copy if copy.last_modified > self.manifest.uploaded_at else None

    def mismatches(self, outputs: tuple[Output, ...]) -> tuple[str, ...]:
        """Return the names of the outputs that are not there as said."""
        seen = {output.key: output for output in self.outputs}
        return tuple(o.name for o in outputs if o.key not in seen or not seen[o.key].matches(o))


@dataclass(frozen=True, slots=True, kw_only=True)
class JobView:
    """The part of an Observation that concerns one job.

    ``source`` is what its attempts can read: raw, else kept; ``sight`` what a glance at it showed.
    """

    key: VideoKey
    job: str
    raw: Source | None
    source: Source | None
    sight: Sight | None
    records: JobRecords
    deliveries: tuple[Delivery, ...]
    tasks: tuple[Task, ...]
    manifest: Manifest | None

    @property
    def live_tasks(self) -> tuple[Task, ...]:
        """The tasks that may still do something."""
        return tuple(task for task in self.tasks if task.alive)

    def task(self, number: AttemptNumber) -> Task | None:
        """Return the task of an attempt."""
        return next((task for task in self.tasks if task.spec is not None and task.spec.number == number), None)
