"""For each rule of ``plan`` the simplest video that it decides on: what ``docs/plan.md`` is made from. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from vidctl import layout
from vidctl.model import AttemptNumber, Delivery, FailureClass, JobSpec, Kind, Redrive, Source, Task, Upload, VideoKey
from vidctl.reconciler.glance import NOT_AN_MP4, Glance
from vidctl.reconciler.observation import LaunchGate, Observation, OutputSeen, Refusal
from vidctl.reconciler.policy import Placement, Policy, TaskSize, Telling
from vidctl.reconciler.rules import Rule
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
    gathered,
)

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
POLICY = Policy(
    raw_bucket="raw",
    final_bucket="final",
    placements=(Placement(capacity_provider="FARGATE", subnets=("subnet",)),),
    sizes=(TaskSize(cpu_units=4096, memory_mib=8192, ephemeral_gib=60),),
    telling=Telling(receivers=("webhook",)),
)
KEY = VideoKey(user_id="user", video_id="00000000-0000-0000-0000-000000000001")
ETAG = "0123456789abcdef0123456789abcdef"
JOB = layout.job_id(POLICY.raw_bucket, layout.raw_key(KEY), ETAG)
FIRST, SECOND = AttemptNumber(1, 1), AttemptNumber(1, 2)
MOMENT, DAY = timedelta(seconds=1), timedelta(days=1)


def examples() -> dict[Rule, Observation]:
    """Return an Observation for each rule, on which ``plan`` at ``NOW`` with ``POLICY`` decides by it."""
    return {
        Rule.UNREADABLE_RECORD: replace(_seen(), records=gathered(KEY, (), unreadable=("jobs/x.json",))),
        **_cancelled(),
        **_dead(),
        **_published(),
        **_verifying_and_gone(),
        **_open(),
        **_unseen(),
        **_next(),
        Rule.UNKNOWN: _seen(raw=None, deliveries=()),
    }


def _cancelled() -> dict[Rule, Observation]:
    cancelled, gone = Cancel(key=KEY, at=NOW), {"raw": None}
    noted = _noted(Kind.DELETED, job=None)
    posted: tuple[Record, ...] = (cancelled, noted, _posted())
    cancel: tuple[Record, ...] = (cancelled, noted)
    return {
        Rule.CANCELLED_UNNOTED: _seen(cancelled),
        Rule.CANCELLED_TASK_ALIVE: _seen(*cancel, _intent(), tasks=(_task(),)),
        Rule.CANCELLED_ATTEMPT_OPEN: _seen(*cancel, _intent()),
        Rule.CANCELLED_MANIFEST: _seen(*cancel, manifest=_manifest(), manifest_etag="etag"),
        Rule.CANCELLED_OUTPUTS: _seen(*cancel, leftovers=(_output().key,)),
        Rule.CANCELLED_RAW: _seen(*cancel),
        Rule.CANCELLED_KEPT: _seen(*cancel, _kept(), kept=(_kept().source,), **gone),
        Rule.CANCELLED_UNPOSTED: _seen(*cancel, **gone),
        Rule.CANCELLED_MESSAGE: _seen(*posted, **gone),
        Rule.CANCELLED: _seen(*posted, deliveries=(), **gone),
    }


def _dead() -> dict[Rule, Observation]:
    dead, told = _given_up(), DeadLetterSent(key=KEY, job=JOB, round=1, at=NOW)
    answer = replace(_delivery(), redrive=Redrive(job=JOB, round=1))
    return {
        Rule.DEAD_REDRIVEN: _seen(dead, _kept(), told, deliveries=(answer,)),
        Rule.DEAD_RAW_UNKEPT: _seen(dead),
        Rule.DEAD_UNNOTED: _seen(dead, _kept()),
        Rule.DEAD_UNTOLD: _seen(dead, _kept(), _noted(Kind.FAILED), _posted()),
        Rule.DEAD_TASK_ALIVE: _seen(dead, _kept(), told, tasks=(_task(),)),
        Rule.DEAD_ATTEMPT_OPEN: _seen(dead, _kept(), told, _intent()),
        Rule.DEAD_MESSAGE: _seen(dead, _kept(), told),
        Rule.DEAD: _seen(dead, _kept(), told, deliveries=()),
    }


def _published() -> dict[Rule, Observation]:
    told: dict[str, object] = {"manifest": _manifest(), "manifest_etag": "etag"}
    noted: tuple[Record, ...] = (_noted(Kind.PUBLISHED), _posted())
    late = _task(started_at=NOW - POLICY.run_deadline - MOMENT)
    return {
        Rule.UNPOSTED: _seen(noted[0], **told),
        Rule.PUBLISHED_UNNOTED: _seen(**told),
        Rule.PUBLISHED_TASK_ALIVE: _seen(*noted, _intent(), tasks=(_task(SECOND),), **told),
        Rule.PUBLISHED_TASK_LATE: _seen(*noted, _intent(), tasks=(late,), **told),
        Rule.PUBLISHED_ATTEMPT_OPEN: _seen(*noted, _intent(), **told),
        Rule.PUBLISHED_OTHER_OPEN: _seen(*noted, _intent(SECOND), **told),
        Rule.PUBLISHED_BROKEN_EXPIRING: _seen(*noted, raw=_expiring(), **told),
        Rule.PUBLISHED_BROKEN: _seen(*noted, **told),
        Rule.PUBLISHED_AGAIN: _seen(*noted, outputs=(_as_said(),), raw=_uploaded_again(), **told),
        Rule.PUBLISHED_RAW: _seen(*noted, outputs=(_as_said(),), **told),
        Rule.PUBLISHED_MESSAGE: _seen(*noted, raw=None, **told),
        Rule.PUBLISHED: _seen(*noted, _intent(), _outcome(), raw=None, deliveries=(), **told),
    }


def _verifying_and_gone() -> dict[Rule, Observation]:
    return {
        Rule.OUTPUTS_VERIFIED: _seen(_intent(), _success(), outputs=(_as_said(),)),
        Rule.OUTPUTS_WRONG: _seen(_intent(), _success()),
        Rule.GONE_TASK_ALIVE: _seen(_intent(), raw=None, tasks=(_task(),)),
        Rule.GONE_UNNOTED: _seen(_intent(), raw=None),
        Rule.GONE_ATTEMPT_OPEN: _seen(
            _intent(), _noted(Kind.FAILED, fact_at=_intent().created_at), _posted(), raw=None
        ),
        Rule.GONE_MESSAGE: _seen(raw=None),
        Rule.GONE: _seen(_intent(), _outcome(), raw=None, deliveries=()),
        Rule.RAW_EXPIRING: _seen(raw=_expiring()),
    }


def _open() -> dict[Rule, Observation]:
    pending = replace(_task(), status="PENDING", started_at=None)
    unstarted = replace(pending, created_at=NOW - POLICY.start_deadline - MOMENT)
    late = _task(started_at=NOW - POLICY.run_deadline - MOMENT)
    stopped = replace(_task(), status="STOPPED", stop_code="SpotInterruption")
    return {
        Rule.TASK_STOPPED: _seen(_intent(), tasks=(stopped,)),
        Rule.STARTING_LATE: _seen(_intent(), tasks=(unstarted,)),
        Rule.STARTING: _seen(_intent(), tasks=(pending,)),
        Rule.RUNNING_LATE: _seen(_intent(), tasks=(late,)),
        Rule.RUNNING: _seen(_intent(), tasks=(_task(),)),
        Rule.EARLIER_TASK_LATE: _seen(_intent(), _outcome(), tasks=(late,)),
        Rule.EARLIER_TASK_ALIVE: _seen(_intent(), _outcome(), tasks=(_task(),)),
    }


def _unseen() -> dict[Rule, Observation]:
    failed = replace(_success(), failure=FailureClass.PERMANENT, code="not_a_video", outputs=())
    refusal = Refusal(job=JOB, number=FIRST, at=NOW, reasons=("RESOURCE:CPU",))
    old, aged = _intent(age=POLICY.lost_after), _intent(age=POLICY.relaunch_until)
    return {
        Rule.UNSEEN_RESULT: _seen(_intent(), failed),
        Rule.REFUSAL_SETTLING: _seen(_intent(), refusals=(refusal,)),
        Rule.REFUSED: _seen(_intent(), refusals=(replace(refusal, at=NOW - POLICY.settle),)),
        Rule.NEVER_LAUNCHED: _seen(old, gate=LaunchGate(launch=False, paused="access_denied")),
        Rule.LOST: _seen(old),
        Rule.TOKEN_TOO_OLD: _seen(aged),
        Rule.LAUNCH_PAUSED: _seen(_intent(), gate=LaunchGate(launch=False, paused="access_denied")),
        Rule.LAUNCH_WAITING: _seen(_intent(), gate=LaunchGate(launch=False)),
        Rule.LAUNCH: _seen(_intent()),
    }


def _next() -> dict[Rule, Observation]:
    refused = replace(_outcome(), failure=FailureClass.PERMANENT, code="not_a_video")
    return {
        Rule.UNFIT: _seen(raw=replace(_raw(), size_bytes=0)),
        Rule.BUDGET_SPENT: _seen(_intent(), refused),
        Rule.BACKING_OFF: _seen(_intent(), replace(_outcome(), at=NOW)),
        Rule.BEGIN_PAUSED: _seen(gate=LaunchGate(begin=False, paused="access_denied")),
        Rule.BEGIN_WAITING: _seen(gate=LaunchGate(begin=False)),
        Rule.HOPELESS: _seen(glance=Glance(source=_raw(), sight=NOT_AN_MP4)),
        Rule.BEGIN: _seen(),
    }


# --- what they are made of ------------------------------------------------------------------------------------------


def _seen(*written: Record, **known: object) -> Observation:
    """Return a video with raw object, message and these records, unless something else is known."""
    start: dict[str, object] = {"raw": _raw(), "deliveries": (_delivery(),), "records": gathered(KEY, written)}
    return Observation(
        key=KEY,
        read_at=NOW,
        tasks_read_at=NOW,
        raw_bucket=POLICY.raw_bucket,
        **(start | known),  # type: ignore[arg-type]
    )


def _raw() -> Source:
    at = NOW - timedelta(minutes=10)
    return Source(key=layout.raw_key(KEY), etag=ETAG, size_bytes=1000, last_modified=at, upload_etag=ETAG)


def _uploaded_again() -> Source:
    return replace(_raw(), last_modified=_raw().last_modified + MOMENT)


def _expiring() -> Source:
    return replace(_raw(), last_modified=NOW - POLICY.keep_after - MOMENT)


def _kept() -> Kept:
    return Kept(key=KEY, job=JOB, at=NOW, source=replace(_raw(), key=layout.kept_key(KEY, JOB), etag="copy"))


def _delivery() -> Delivery:
    return Delivery(
        message_id="message",
        receipt="receipt",
        body="{}",
        upload=Upload(bucket=POLICY.raw_bucket, key=KEY, etag=ETAG, size_bytes=1000),
        redrive=None,
        sent_at=NOW,
        first_received_at=NOW,
        receive_count=1,
    )


def _intent(number: AttemptNumber = FIRST, *, age: timedelta = timedelta(minutes=5)) -> Intent:
    task = POLICY.task(size=0, placement=0, environment=())
    return Intent(key=KEY, job=JOB, number=number, created_at=NOW - age, source=_raw(), size=0, task=task)


def _task(number: AttemptNumber = FIRST, *, started_at: datetime = NOW) -> Task:
    spec = JobSpec(key=KEY, job=JOB, number=number, raw_bucket="raw", final_bucket="final", source=_raw())
    return Task(
        arn=f"task/{number}", status="RUNNING", created_at=started_at, seen_at=NOW, spec=spec, started_at=started_at
    )


def _output() -> Output:
    key = f"{layout.attempt_prefix(KEY, JOB, FIRST)}video.mp4"
    return Output(name="video.mp4", key=key, content_type="video/mp4", size_bytes=10, sha256="ab" * 32)


def _as_said() -> OutputSeen:
    return OutputSeen(key=_output().key, size_bytes=_output().size_bytes, sha256=_output().sha256)


def _success() -> Result:
    return Result(key=KEY, job=JOB, number=FIRST, at=NOW, failure=None, code="ok", outputs=(_output(),))


def _outcome() -> Outcome:
    lost = FailureClass.INFRASTRUCTURE
    return Outcome(key=KEY, job=JOB, number=FIRST, at=NOW - DAY, failure=lost, code="lost")


def _manifest() -> Manifest:
    return Manifest(
        key=KEY,
        job=JOB,
        number=FIRST,
        source_etag=ETAG,
        uploaded_at=_raw().last_modified,
        published_at=NOW,
        outputs=(_output(),),
    )


def _given_up() -> Dead:
    return Dead(
        key=KEY,
        job=JOB,
        round=1,
        at=NOW,
        failure=FailureClass.PERMANENT,
        code="not_a_video",
        detail="",
        attempts=1,
        source=_raw(),
    )


def _noted(about: Kind, *, job: str | None = JOB, fact_at: datetime = NOW) -> Notice:
    return Notice(key=KEY, n=1, at=NOW, about=about, fact_at=fact_at, job=job)


def _posted() -> NoticePosted:
    return NoticePosted(key=KEY, n=1, at=NOW)
