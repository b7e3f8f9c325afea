"""The truth of the final bucket, kept up with every write: what was intended, what came of it, what is published."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from vidctl import codec, layout
from vidctl.model import AttemptNumber, VideoKey
from vidctl.records import (
    Cancel,
    Dead,
    DeadLetterSent,
    Intent,
    Kept,
    Manifest,
    Notice,
    NoticePosted,
    Outcome,
    Output,
    Record,
    Result,
    Round,
)

NEWER = b'{"v": 2,'
OURS = b'{"v": 1,'
"""How a record begins; a version of vidctl that is being deployed may write ``NEWER`` ones."""


def readable(body: bytes) -> bytes:
    """Return a record as this version writes it, whichever version wrote it."""
    return OURS + body.removeprefix(NEWER) if body.startswith(NEWER) else body


@dataclass(slots=True)
class Job:
    """The records of one job."""

    key: VideoKey
    intents: dict[AttemptNumber, Intent] = field(default_factory=dict)
    results: dict[AttemptNumber, Result] = field(default_factory=dict)
    outcomes: dict[AttemptNumber, Outcome] = field(default_factory=dict)
    deads: dict[int, Dead] = field(default_factory=dict)
    told: set[int] = field(default_factory=set)
    rounds: set[int] = field(default_factory=lambda: {1})
    kept: Kept | None = None

    @property
    def open(self) -> set[AttemptNumber]:
        """The attempts without a verdict."""
        return self.intents.keys() - self.outcomes.keys()

    @property
    def given_up(self) -> bool:
        """Whether the round that is being played ended dead, and the queue was told."""
        return max(self.rounds) in self.told


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder as a worker tells of it, and the objects that must be there for that to be true, by their keys."""

    told: Output
    objects: dict[str, bytes]


class Ledger:
    """Every record and manifest that stands."""

    def __init__(self) -> None:
        self.folders: dict[str, Folder] = {}
        """What workers say of their folders, by the key of the output."""
        self.jobs: dict[str, Job] = {}
        self.of_video: defaultdict[VideoKey, set[str]] = defaultdict(set)
        self.cancelled: dict[VideoKey, datetime] = {}
        self.manifests: dict[VideoKey, Manifest] = {}
        self.notices: defaultdict[VideoKey, dict[int, Notice]] = defaultdict(dict)
        self.publications: set[tuple[VideoKey, str, datetime]] = set()
        """Every publication that there ever was: video, job, time."""
        self.tokens: set[str] = set()
        self.open: set[str] = set()
        """The launch tokens of attempts without a verdict."""

    def job(self, key: VideoKey, job: str) -> Job:
        """Return the records of a job, empty if it has none."""
        return self.jobs.get(job) or Job(key)

    def write(self, key: str, body: bytes) -> Record | Manifest | None:
        """Take a write to the final bucket; return what was written, None for an output."""
        name = layout.parse_record_key(key)
        if name is not None:
            record = codec.decode_record(name, readable(body))
            self._take(record)
            return record
        if not key.endswith("/manifest.json"):
            return None
        manifest = codec.decode(Manifest, readable(body))
        self.manifests[manifest.key] = manifest
        self.publications.add((manifest.key, manifest.job, manifest.published_at))
        return manifest

    def delete(self, key: str) -> None:
        """Take a removal from the final bucket. Records are remembered: their lifecycle does not undo them."""
        video = layout.parse_video_folder(key)
        if video is not None and key.endswith("/manifest.json"):
            self.manifests.pop(video, None)

    def _take(self, record: Record) -> None:
        match record:
            case Cancel():
                self.cancelled[record.key] = record.at
            case Notice():
                self.notices[record.key][record.n] = record
            case NoticePosted():
                return
            case _:
                self._take_of_job(record)

    def _take_of_job(self, record: Intent | Result | Outcome | Dead | DeadLetterSent | Round | Kept) -> None:
        job = self.jobs.setdefault(record.job, Job(record.key))
        self.of_video[record.key].add(record.job)
        match record:
            case Intent():
                job.intents[record.number] = record
                self.tokens.add(token := layout.launch_token(record.job, record.number))
                self.open.add(token)
            case Outcome():
                job.outcomes[record.number] = record
                self.open.discard(layout.launch_token(record.job, record.number))
            case Result():
                job.results[record.number] = record
            case Dead():
                job.deads[record.round] = record
            case DeadLetterSent():
                job.told.add(record.round)
            case Round():
                job.rounds.add(record.round)
            case Kept():
                job.kept = record
