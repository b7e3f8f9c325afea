"""Builders of the values that decisions are made of, with defaults that make a story short."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from vidctl import codec, layout
from vidctl.model import (
    JOB_VARIABLE,
    AttemptNumber,
    Delivery,
    FailureClass,
    JobSpec,
    Kind,
    Redrive,
    Source,
    Task,
    TaskSpec,
    Upload,
    VideoKey,
)
from vidctl.reconciler.glance import Seen
from vidctl.reconciler.observation import LaunchGate, Observation, OutputSeen, Refusal
from vidctl.reconciler.policy import Placement, Policy, TaskSize, Telling
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
    VideoRecords,
    gathered,
)

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
KEY = VideoKey(user_id="user", video_id="00000000-0000-0000-0000-000000000001")
RAW, FINAL = "raw", "final"
ETAG = "0123456789abcdef0123456789abcdef"
JOB = layout.job_id(RAW, layout.raw_key(KEY), ETAG)
POLICY = Policy(
    raw_bucket=RAW,
    final_bucket=FINAL,
    placements=(
        Placement(capacity_provider="FARGATE_SPOT", subnets=("subnet-1",)),
        Placement(capacity_provider="FARGATE", subnets=("subnet-1",)),
    ),
    sizes=(
        TaskSize(cpu_units=2048, memory_mib=4096, ephemeral_gib=30),
        TaskSize(cpu_units=4096, memory_mib=8192, ephemeral_gib=60),
    ),
)

TELLING = replace(POLICY, telling=Telling(receivers=("hook", "bus")))
"""The same, but somebody is to be told."""


def ago(**time: float) -> datetime:
    """Return a time before NOW."""
    return NOW - timedelta(**time)


def number(n: int = 1, round_: int = 1) -> AttemptNumber:
    return AttemptNumber(round_, n)


def source(*, size_bytes: int = 1000, at: datetime | None = None, etag: str = ETAG) -> Source:
    at = at or ago(minutes=10)
    return Source(key=layout.raw_key(KEY), etag=etag, size_bytes=size_bytes, last_modified=at, upload_etag=etag)


def job_spec(n: int = 1, round_: int = 1) -> JobSpec:
    return JobSpec(key=KEY, job=JOB, number=number(n, round_), raw_bucket=RAW, final_bucket=FINAL, source=source())


def job_variable(n: int = 1) -> tuple[str, str]:
    """Return the variable in a task's environment that tells its job."""
    return JOB_VARIABLE, codec.encode(job_spec(n)).decode()


def task_spec() -> TaskSpec:
    return POLICY.task(size=0, placement=0, environment=())


def intent(n: int = 1, *, round_: int = 1, at: datetime | None = None) -> Intent:
    return Intent(
        key=KEY,
        job=JOB,
        number=number(n, round_),
        created_at=at or ago(minutes=5),
        source=source(),
        size=0,
        task=task_spec(),
    )


def output(name: str = "video.mp4", n: int = 1) -> Output:
    key = layout.attempt_prefix(KEY, JOB, number(n)) + name
    return Output(name=name, key=key, content_type="video/mp4", size_bytes=10, sha256="ab" * 32)


def seen_as(told: Output) -> OutputSeen:
    return OutputSeen(key=told.key, size_bytes=told.size_bytes, sha256=told.sha256, etag=told.etag)


def result(n: int = 1, *, failure: FailureClass | None = None, code: str = "ok") -> Result:
    outputs = (output(n=n),) if failure is None else ()
    return Result(
        key=KEY, job=JOB, number=number(n), at=ago(minutes=1), failure=failure, code=code, detail=code, outputs=outputs
    )


def outcome(
    n: int = 1,
    failure: FailureClass | None = FailureClass.APP,
    code: str = "crashed",
    *,
    round_: int = 1,
    at: datetime | None = None,
) -> Outcome:
    return Outcome(key=KEY, job=JOB, number=number(n, round_), at=at or ago(hours=1), failure=failure, code=code)


def dead(round_: int = 1) -> Dead:
    return Dead(
        key=KEY,
        job=JOB,
        round=round_,
        at=ago(minutes=2),
        failure=FailureClass.APP,
        code="crashed",
        detail="exit code 139",
        attempts=3,
        source=source(),
    )


def dead_letter(round_: int = 1) -> DeadLetterSent:
    return DeadLetterSent(key=KEY, job=JOB, round=round_, at=ago(minutes=1))


def seen_inside(seconds: float = 60.0, width: int = 1920, height: int = 1080, **known: object) -> Seen:
    """Return what a glance shows of a video: by default 30 frames a second in H.264, with sound."""
    start: dict[str, object] = {"frames_per_second": 30.0, "codec": "avc1", "streams": 2}
    return Seen(duration_seconds=seconds, width=width, height=height, **(start | known))  # type: ignore[arg-type]


def opened(round_: int = 2) -> Round:
    return Round(key=KEY, job=JOB, round=round_, at=ago(minutes=1))


def kept() -> Kept:
    copy = replace(source(), key=layout.kept_key(KEY, JOB), etag="copy")
    return Kept(key=KEY, job=JOB, at=ago(minutes=1), source=copy)


def cancel() -> Cancel:
    return Cancel(key=KEY, at=ago(minutes=1))


def notice(
    n: int = 1, *, about: Kind = Kind.PUBLISHED, fact_at: datetime | None = None, job: str | None = JOB
) -> Notice:
    """Return a notice: by default that of ``manifest()``."""
    outputs = (output(),) if about is Kind.PUBLISHED else ()
    return Notice(
        key=KEY, n=n, at=ago(seconds=30), about=about, fact_at=fact_at or ago(minutes=1), job=job, outputs=outputs
    )


def posted(n: int = 1) -> NoticePosted:
    return NoticePosted(key=KEY, n=n, at=ago(seconds=20))


def manifest(n: int = 1, *, job: str = JOB, uploaded_at: datetime | None = None) -> Manifest:
    return Manifest(
        key=KEY,
        job=job,
        number=number(n),
        source_etag=ETAG,
        uploaded_at=uploaded_at or ago(minutes=10),
        published_at=ago(minutes=1),
        outputs=(output(n=n),),
    )


def task(
    n: int = 1,
    status: str = "RUNNING",
    *,
    created_at: datetime | None = None,
    started_at: datetime | None = None,
    stop_code: str | None = None,
    stopped_reason: str = "",
    exit_code: int | None = None,
) -> Task:
    began = started_at or (ago(minutes=3) if status in ("RUNNING", "STOPPED") else None)
    return Task(
        arn=f"arn:aws:ecs:eu-central-1:123456789012:task/vidctl/{n}",
        status=status,
        created_at=created_at or ago(minutes=4),
        seen_at=NOW,
        spec=job_spec(n),
        started_at=began,
        stop_code=stop_code,
        stopped_reason=stopped_reason,
        exit_code=exit_code,
    )


def delivery(*, redrive: Redrive | None = None, etag: str = ETAG) -> Delivery:
    return Delivery(
        message_id="message-1",
        receipt="receipt-1",
        body="{}",
        upload=Upload(bucket=RAW, key=KEY, etag=etag, size_bytes=1000),
        redrive=redrive,
        sent_at=ago(minutes=9),
        first_received_at=ago(minutes=8),
        receive_count=1,
    )


def records(*written: Record, unreadable: tuple[str, ...] = ()) -> VideoRecords:
    return gathered(KEY, written, unreadable=unreadable)


def observation(*written: Record, **known: object) -> Observation:
    """Return what a pass sees: by default the raw object, one message, and these records."""
    known.setdefault("raw", source())
    known.setdefault("deliveries", (delivery(),))
    known.setdefault("records", records(*written))
    known.setdefault("gate", LaunchGate())
    return Observation(key=KEY, read_at=NOW, tasks_read_at=NOW, raw_bucket=RAW, **known)  # type: ignore[arg-type]


def refusal(n: int = 1, *, at: datetime) -> Refusal:
    return Refusal(job=JOB, number=number(n), at=at, reasons=("RESOURCE:CPU",))
