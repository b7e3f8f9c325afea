"""Control records: small JSON objects, each written once and never changed, from which all state is derived.

They live in the final bucket under ``jobs/{user}/{video}/{job}/`` (see ``layout``); ``journal`` reads and writes them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from vidctl.model import AttemptNumber, FailureClass, Kind, Source, TaskSpec, VideoKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What an attempt publishes under one name: a file, or a folder of files, whose name and key end in ``/``.

    A file's ``sha256`` is lower-case hex of the whole object. ``etag`` is what S3 answered to its upload (no quotes;
    None from workers that did not note it): all there is to compare where S3 keeps no SHA-256 of the whole, as of an
    object that came in parts.

    A folder's ``size_bytes`` is the sum of its objects, its ``sha256`` the digest of their listing (``folders.fold``),
    its ``content_type`` that of ``folders``; it has no ``etag``.
    """

    name: str
    key: str
    content_type: str
    size_bytes: int
    sha256: str
    etag: str | None = None

    @property
    def is_folder(self) -> bool:
        """Whether it is every object whose key begins with ``key``."""
        return self.key.endswith("/")


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaInfo:
    """What the probe found in the source. ``duration_seconds`` is the container's claim."""

    container: str
    duration_seconds: float
    video_codec: str
    width: int
    height: int
    frames_per_second: float
    rotation_degrees: int = 0
    audio_codec: str | None = None
    audio_channels: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """The decision to run attempt ``number``, written before RunTask. ``size`` indexes the ladder of task sizes."""

    key: VideoKey
    job: str
    number: AttemptNumber
    created_at: datetime
    source: Source
    size: int
    task: TaskSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What the worker says of its attempt, its last act. ``failure`` is None for a success.

    ``code`` is one word (``ok``, ``not_a_video``, ``interrupted`` …), ``detail`` a sentence for a person,
    ``stage_seconds`` the wall time of each stage.
    """

    key: VideoKey
    job: str
    number: AttemptNumber
    at: datetime
    failure: FailureClass | None
    code: str
    detail: str = ""
    outputs: tuple[Output, ...] = ()
    media: MediaInfo | None = None
    stderr_tail: str = ""
    stage_seconds: dict[str, float] = field(default_factory=dict)
    started_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How attempt ``number`` ended, as judged by the reconciler and counted once. ``failure`` None: nothing failed.

    ``code`` then is ``published``, ``superseded``, ``cancelled`` or ``source_gone``.
    """

    key: VideoKey
    job: str
    number: AttemptNumber
    at: datetime
    failure: FailureClass | None
    code: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dead:
    """Round ``round`` of the job was given up. ``attempts`` are those made in it."""

    key: VideoKey
    job: str
    round: int
    at: datetime
    failure: FailureClass
    code: str
    detail: str
    attempts: int
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterSent:
    """The dead-letter message of round ``round`` was accepted by the queue."""

    key: VideoKey
    job: str
    round: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """Round ``round`` was opened by a redrive or a retry of the dead round before it, with fresh budgets."""

    key: VideoKey
    job: str
    round: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The raw object was copied out of the reach of its lifecycle rule; ``source`` reads the copy."""

    key: VideoKey
    job: str
    at: datetime
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """The owner wants the video gone."""

    key: VideoKey
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Everybody is to be told this of the video: its ``n``-th notice, from 1.

    ``fact_at`` is the time of the record that it tells of, and with ``about`` and ``job`` names it; ``at`` is later
    than in every notice before, whatever the clocks say. ``outputs`` belong to a publication; ``code``, ``detail`` and
    ``failure`` (None: the upload vanished) to a failure.
    """

    key: VideoKey
    n: int
    at: datetime
    about: Kind
    fact_at: datetime
    job: str | None = None
    outputs: tuple[Output, ...] = ()
    failure: FailureClass | None = None
    code: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticePosted:
    """Notice ``n`` lies in the outbox of everybody who is to be told."""

    key: VideoKey
    n: int
    at: datetime


Record = Intent | Result | Outcome | Dead | DeadLetterSent | Round | Kept | Cancel | Notice | NoticePosted
OfVideo = Cancel | Notice | NoticePosted
"""Records that belong to no job."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecords:
    """All records of one job, each kind in the order of its numbers."""

    job: str
    intents: tuple[Intent, ...] = ()
    results: tuple[Result, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    deads: tuple[Dead, ...] = ()
    dead_letters: tuple[DeadLetterSent, ...] = ()
    rounds: tuple[Round, ...] = ()
    kept: Kept | None = None

    @property
    def round(self) -> int:
        """The round that is being played, from 1."""
        return max((record.round for record in self.rounds), default=1)

    def result(self, number: AttemptNumber) -> Result | None:
        """Return the worker's word on attempt ``number``, if it came."""
        return next((result for result in self.results if result.number == number), None)

    def outcome(self, number: AttemptNumber) -> Outcome | None:
        """Return the verdict on attempt ``number``, if there is one."""
        return next((outcome for outcome in self.outcomes if outcome.number == number), None)

    @property
    def open_intents(self) -> tuple[Intent, ...]:
        """The attempts that have no Outcome yet: at most one, but for a defect."""
        return tuple(intent for intent in self.intents if self.outcome(intent.number) is None)

    @property
    def dead(self) -> Dead | None:
        """The Dead of the round that is being played."""
        return next((dead for dead in self.deads if dead.round == self.round), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoRecords:
    """All records of one video. ``unreadable`` are the names written by a version that this one does not know."""

    key: VideoKey
    jobs: tuple[JobRecords, ...] = ()
    cancel: Cancel | None = None
    notices: tuple[Notice, ...] = ()
    posted: frozenset[int] = frozenset()
    unreadable: tuple[str, ...] = ()

    def job(self, job: str) -> JobRecords:
        """Return the records of ``job``, empty if it has none."""
        return next((records for records in self.jobs if records.job == job), JobRecords(job=job))

    @property
    def unposted(self) -> tuple[Notice, ...]:
        """The notices that do not lie in every outbox yet, the earliest first."""
        return tuple(notice for notice in self.notices if notice.n not in self.posted)


def gathered(key: VideoKey, records: Iterable[Record], *, unreadable: tuple[str, ...] = ()) -> VideoRecords:
    """Put the records of one video together."""
    records = tuple(records)
    jobs = sorted({record.job for record in records if not isinstance(record, OfVideo)})
    return VideoRecords(
        key=key,
        jobs=tuple(_job(job, records) for job in jobs),
        cancel=next((record for record in records if isinstance(record, Cancel)), None),
        notices=tuple(sorted((r for r in records if isinstance(r, Notice)), key=lambda r: r.n)),
        posted=frozenset(record.n for record in records if isinstance(record, NoticePosted)),
        unreadable=unreadable,
    )


def _job(job: str, records: Iterable[Record]) -> JobRecords:
    own = [record for record in records if not isinstance(record, OfVideo) and record.job == job]
    return JobRecords(
        job=job,
        intents=tuple(sorted((r for r in own if isinstance(r, Intent)), key=lambda r: r.number)),
        results=tuple(sorted((r for r in own if isinstance(r, Result)), key=lambda r: r.number)),
        outcomes=tuple(sorted((r for r in own if isinstance(r, Outcome)), key=lambda r: r.number)),
        deads=tuple(sorted((r for r in own if isinstance(r, Dead)), key=lambda r: r.round)),
        dead_letters=tuple(sorted((r for r in own if isinstance(r, DeadLetterSent)), key=lambda r: r.round)),
        rounds=tuple(sorted((r for r in own if isinstance(r, Round)), key=lambda r: r.round)),
        kept=next((r for r in own if isinstance(r, Kept)), None),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The publication of a video: the commit point that readers follow."""

    key: VideoKey
    job: str
    number: AttemptNumber
    source_etag: str
    uploaded_at: datetime
    published_at: datetime
    outputs: tuple[Output, ...]
