"""The words of vidctl as frozen values (see docs/architecture.md, "Words").

Nothing here does I/O or knows the time. Times are aware UTC ``datetime``; a bare number carries its unit in its name.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class VideoKey:
    """One video of one user: the key of the queue, the control records, the tasks and the outputs.

    ``user_id`` is a path segment as made by ``layout.user_segment``; ``video_id`` a UUID in its canonical form.
    """

    user_id: str
    video_id: str

    def __str__(self) -> str:
        """Read as ``user/video``."""
        return f"{self.user_id}/{self.video_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The raw object as seen. Another ETag under the same key is another job of the same video.

    ``key`` is where the bytes are read from and ``etag`` what they must match there. For a raw object moved to
    ``kept/`` both differ from the upload's, whose ETag stays in ``upload_etag`` and names the job.
    """

    key: str
    etag: str
    size_bytes: int
    last_modified: datetime
    upload_etag: str


@dataclass(frozen=True, slots=True, order=True)
class AttemptNumber:
    """Number of an attempt: the round (a redrive opens the next) and the count within it, both from 1."""

    round: int
    n: int

    def __str__(self) -> str:
        """Read as ``1-3``: round 1, attempt 3."""
        return f"{self.round}-{self.n}"


class FailureClass(StrEnum):
    """Whose fault a failure is; the class decides the budget (see docs/architecture.md, "Failure classes")."""

    PERMANENT = "permanent"
    APP = "app"
    INFRASTRUCTURE = "infrastructure"
    CAPACITY = "capacity"
    THROTTLE = "throttle"
    CONFIGURATION = "configuration"
    BAD_MESSAGE = "bad_message"


class Kind(StrEnum):
    """What those who want to know are told of a video: its final states."""

    PUBLISHED = "video.published"
    FAILED = "video.failed"
    DELETED = "video.deleted"


# --- tasks --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSpec:
    """Every parameter of one RunTask, pinned in the Intent so that a repeated call says exactly the same.

    ``cpu_units`` are 1/1024 of a vCPU (AWS: RunTask overrides).
    """

    task_definition: str
    container: str
    cpu_units: int
    memory_mib: int
    ephemeral_gib: int | None
    capacity_provider: str | None
    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]
    assign_public_ip: bool
    environment: tuple[tuple[str, str], ...]


JOB_VARIABLE = "VIDCTL_JOB"
"""The environment variable of a task that carries its JobSpec."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """What one attempt has to do: the worker's whole input, handed over in its environment."""

    key: VideoKey
    job: str
    number: AttemptNumber
    raw_bucket: str
    final_bucket: str
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """An ECS task as last seen. ``spec`` is None for a task that vidctl did not start."""

    arn: str
    status: str
    created_at: datetime | None
    seen_at: datetime
    spec: JobSpec | None = None
    started_at: datetime | None = None
    stop_code: str | None = None
    stopped_reason: str = ""
    container_reason: str = ""
    exit_code: int | None = None

    @property
    def alive(self) -> bool:
        """Whether the task may still do something."""
        return self.status != "STOPPED"


# --- messages -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Redrive:
    """A dead-letter message sent back: it asks for the round after ``round`` of ``job``, and for no other."""

    job: str
    round: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """What one record of an S3 event says: this object was created. ``etag`` has no quotes."""

    bucket: str
    key: VideoKey
    etag: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One receipt of one message: a hint and a soft lease, never the truth."""

    message_id: str
    receipt: str
    body: str
    upload: Upload
    redrive: Redrive | None
    sent_at: datetime
    first_received_at: datetime
    receive_count: int
