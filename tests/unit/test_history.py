"""What an owner is told, from every kind of record."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from vidctl import history
from vidctl.history import AttemptState, History, State
from vidctl.model import AttemptNumber, FailureClass, Source, TaskSpec, VideoKey
from vidctl.progress import Progress
from vidctl.records import (
    Cancel,
    Dead,
    Intent,
    JobRecords,
    Kept,
    Manifest,
    Outcome,
    Output,
    Result,
    Round,
    VideoRecords,
)
from vidctl.timeline import Arrival, EventName, Evidence

KEY = VideoKey(user_id="ada", video_id="0189a8e6-0000-8000-8000-000000000001")
T0 = datetime(2026, 11, 22, 12, 0, 0, 400_000, tzinfo=UTC)
FIRST, SECOND = "a" * 26, "b" * 26
SPEC = TaskSpec(
    task_definition="worker",
    container="worker",
    cpu_units=2048,
    memory_mib=4096,
    ephemeral_gib=None,
    capacity_provider=None,
    subnets=("subnet-1",),
    security_groups=(),
    assign_public_ip=False,
    environment=(),
)
OUTPUT = Output(name="video.mp4", key="videos/…/video.mp4", content_type="video/mp4", size_bytes=10, sha256="00" * 32)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def number(n: int, round_: int = 1) -> AttemptNumber:
    return AttemptNumber(round_, n)


def source(job: str = FIRST, uploaded: float = 10) -> Source:
    return Source(key="raw", etag=job, size_bytes=1, last_modified=at(uploaded).replace(microsecond=0), upload_etag=job)


def intent(n: int, seconds: float, *, job: str = FIRST, round_: int = 1, uploaded: float = 10) -> Intent:
    return Intent(
        key=KEY,
        job=job,
        number=number(n, round_),
        created_at=at(seconds),
        source=source(job, uploaded),
        size=0,
        task=SPEC,
    )


def result(n: int, seconds: float, *, job: str = FIRST, failure: FailureClass | None = None) -> Result:
    code = "ok" if failure is None else "not_a_video"
    return Result(
        key=KEY,
        job=job,
        number=number(n),
        at=at(seconds),
        failure=failure,
        code=code,
        outputs=(OUTPUT,) if failure is None else (),
        started_at=at(seconds - 5),
    )


def outcome(
    n: int, seconds: float, *, job: str = FIRST, failure: FailureClass | None = None, code: str = "published"
) -> Outcome:
    return Outcome(key=KEY, job=job, number=number(n), at=at(seconds), failure=failure, code=code, detail="because")


def dead(round_: int, seconds: float, *, job: str = FIRST) -> Dead:
    return Dead(
        key=KEY,
        job=job,
        round=round_,
        at=at(seconds),
        failure=FailureClass.PERMANENT,
        code="not_a_video",
        detail="It is a text file.",
        attempts=1,
        source=source(job),
    )


def manifest(seconds: float, *, job: str = FIRST) -> Manifest:
    return Manifest(
        key=KEY,
        job=job,
        number=number(1),
        source_etag=job,
        uploaded_at=source(job).last_modified,
        published_at=at(seconds),
        outputs=(OUTPUT,),
    )


def evidence(
    *jobs: JobRecords,
    arrived: str | None = FIRST,
    arrived_at: float = 10,
    manifest: Manifest | None = None,
    cancel: Cancel | None = None,
    issued: bool = True,
) -> Evidence:
    return Evidence(
        records=VideoRecords(key=KEY, jobs=jobs, cancel=cancel),
        manifest=manifest,
        arrival=None if arrived is None else Arrival(job=arrived, at=at(arrived_at).replace(microsecond=0)),
        issued_at=T0 if issued else None,
    )


def names(told: History) -> list[str]:
    return [str(event.name) for event in told.timeline]


LAUNCHED = JobRecords(job=FIRST, intents=(intent(1, 20),))
ENCODED = replace(LAUNCHED, results=(result(1, 40),))
CLOSED = replace(ENCODED, outcomes=(outcome(1, 50),))
PROGRESS = Progress(number=number(1), at=at(30), stage="encode", ratio=0.5, remaining_seconds=20.0)


# --- the state ----------------------------------------------------------------------------------------------------


def test_an_issued_id_waits_for_its_upload() -> None:
    told = history.tell(evidence(arrived=None))
    assert (told.state, names(told), told.progress) == (State.AWAITING_UPLOAD, ["accepted"], None)


def test_an_upload_is_queued_until_a_worker_speaks() -> None:
    assert history.tell(evidence()).state is State.QUEUED
    told = history.tell(evidence(LAUNCHED))
    assert told.state is State.QUEUED
    assert told.attempts[0].state is AttemptState.LAUNCHED


def test_progress_of_the_open_attempt_makes_it_running() -> None:
    told = history.tell(evidence(LAUNCHED), progress=PROGRESS)
    assert told.state is State.RUNNING
    assert (told.progress, told.remaining_seconds) == (0.46, 20.0)
    assert told.attempts[0].state is AttemptState.RUNNING


def test_progress_of_an_earlier_attempt_says_nothing() -> None:
    assert history.tell(evidence(LAUNCHED), progress=replace(PROGRESS, number=number(7))).state is State.QUEUED


@pytest.mark.parametrize(
    ("stage", "ratio", "told"),
    [("download", 0.5, 0.04), ("encode", 0.0, 0.1), ("encode", 1.0, 0.82), ("finish", 2.0, 0.99), ("odd", 0.3, 0.3)],
)
def test_progress_is_that_of_the_whole_attempt(stage: str, ratio: float, told: float) -> None:
    progress = replace(PROGRESS, stage=stage, ratio=ratio)
    assert history.tell(evidence(LAUNCHED), progress=progress).progress == pytest.approx(told)


def test_progress_never_falls_nor_stands_still_when_attempts_fail() -> None:
    failed = replace(
        LAUNCHED,
        intents=(intent(1, 20), intent(2, 60)),
        outcomes=(outcome(1, 50, failure=FailureClass.INFRASTRUCTURE, code="spot_interrupted"),),
    )
    first, second = replace(PROGRESS, ratio=0.5), replace(PROGRESS, number=number(2), ratio=0.25)
    waiting = evidence(replace(failed, intents=failed.intents[:1]))
    wrong = replace(failed, outcomes=(outcome(1, 50, failure=FailureClass.APP, code="verify_failed"),))
    told = [
        history.tell(evidence(LAUNCHED), progress=first),
        history.tell(waiting, earlier=[first]),
        history.tell(evidence(failed), earlier=[first]),
        history.tell(evidence(failed), earlier=[first], progress=second),
        history.tell(evidence(replace(wrong, results=(result(1, 40),))), earlier=[first], progress=second),
    ]
    assert [each.state for each in told] == ["running", "queued", "queued", "running", "running"]
    assert [each.progress for each in told] == [0.46, 0.46, 0.46, 0.6112, 0.99]


def test_a_new_round_begins_anew() -> None:
    retried = replace(
        LAUNCHED,
        outcomes=(outcome(1, 50, failure=FailureClass.APP, code="crashed"),),
        deads=(dead(1, 55),),
        rounds=(Round(key=KEY, job=FIRST, round=2, at=at(60)),),
    )
    assert history.ended_attempts(evidence(retried)) == ()
    assert history.tell(evidence(retried), earlier=[PROGRESS]).progress is None


def test_attempts_that_found_no_room_have_nothing_to_tell() -> None:
    refused = replace(LAUNCHED, outcomes=(outcome(1, 50, failure=FailureClass.CAPACITY, code="no_capacity"),))
    assert history.ended_attempts(evidence(refused)) == ()
    crashed = replace(LAUNCHED, outcomes=(outcome(1, 50, failure=FailureClass.APP, code="crashed"),))
    assert history.ended_attempts(evidence(crashed)) == LAUNCHED.intents


def test_a_success_without_a_manifest_is_being_verified() -> None:
    told = history.tell(evidence(ENCODED), progress=PROGRESS)
    assert (told.state, told.outputs, told.remaining_seconds) == (State.VERIFYING, (), None)
    assert names(told) == ["accepted", "uploaded", "launched", "encoded"]


def test_a_manifest_publishes_even_while_the_upload_is_there() -> None:
    told = history.tell(evidence(ENCODED, manifest=manifest(50)))
    assert (told.state, told.progress, told.outputs) == (State.PUBLISHED, 1.0, (OUTPUT,))
    assert names(told) == ["accepted", "uploaded", "launched", "encoded", "verified", "published"]
    assert told.attempts[0].state is AttemptState.SUCCEEDED


def test_the_timeline_is_complete_once_the_upload_is_gone() -> None:
    told = history.tell(evidence(CLOSED, arrived=None, manifest=manifest(49)))
    assert names(told) == ["accepted", "uploaded", "launched", "encoded", "verified", "published", "raw_deleted"]
    assert told.timeline[-1].at == at(50)


def test_a_publication_outlives_its_records() -> None:
    told = history.tell(evidence(arrived=None, manifest=manifest(50), issued=False))
    assert told.state is State.PUBLISHED
    assert names(told) == ["accepted", "uploaded", "verified", "published", "raw_deleted"]


def test_a_failed_attempt_is_queued_again_with_its_reason() -> None:
    job = replace(LAUNCHED, outcomes=(outcome(1, 30, failure=FailureClass.APP, code="crashed"),))
    told = history.tell(evidence(job))
    assert told.state is State.QUEUED
    assert told.timeline[-1].name is EventName.ATTEMPT_FAILED
    assert told.timeline[-1].reason == "crashed: because"
    assert (told.attempts[0].failure, told.attempts[0].code) == (FailureClass.APP, "crashed")


def test_a_dead_round_is_failed_with_the_reason() -> None:
    job = replace(
        LAUNCHED,
        results=(result(1, 30, failure=FailureClass.PERMANENT),),
        outcomes=(outcome(1, 31, failure=FailureClass.PERMANENT, code="not_a_video"),),
        deads=(dead(1, 32),),
        kept=Kept(key=KEY, job=FIRST, at=at(33), source=source()),
    )
    told = history.tell(evidence(job))
    assert told.state is State.FAILED
    assert names(told) == ["accepted", "uploaded", "launched", "attempt_failed", "failed", "kept"]
    assert told.timeline[-2].reason == "not_a_video: It is a text file."
    assert (told.code, told.detail) == ("not_a_video", "It is a text file.")


def test_the_next_round_of_a_dead_job_is_queued_again() -> None:
    job = replace(
        LAUNCHED,
        outcomes=(outcome(1, 31, failure=FailureClass.APP, code="crashed"),),
        deads=(dead(1, 32),),
        rounds=(Round(key=KEY, job=FIRST, round=2, at=at(90)),),
        kept=Kept(key=KEY, job=FIRST, at=at(33), source=source()),
    )
    told = history.tell(evidence(job, arrived=None))
    assert (told.state, told.code, told.detail) == (State.QUEUED, None, None)
    assert names(told)[-3:] == ["failed", "kept", "reopened"]


def test_an_upload_that_vanished_unpublished_is_failed() -> None:
    job = replace(LAUNCHED, outcomes=(outcome(1, 30, code="source_gone"),))
    told = history.tell(evidence(job, arrived=None))
    assert (told.state, names(told)[-1], told.code) == (State.FAILED, "failed", "source_gone")


def test_a_failed_attempt_cannot_be_repeated_once_the_upload_is_gone() -> None:
    job = replace(LAUNCHED, outcomes=(outcome(1, 30, failure=FailureClass.APP, code="crashed"),))
    assert history.tell(evidence(job, arrived=None)).state is State.FAILED


def test_a_verdict_read_before_its_manifest_is_being_verified() -> None:
    assert history.tell(evidence(CLOSED, arrived=None)).state is State.VERIFYING


def test_cancelled_comes_before_everything_and_hides_the_outputs() -> None:
    told = history.tell(evidence(CLOSED, manifest=manifest(50), cancel=Cancel(key=KEY, at=at(60))))
    assert (told.state, told.outputs, names(told)[-1]) == (State.DELETING, (), "deleting")


@pytest.mark.parametrize(
    ("job", "left", "state"),
    [
        (CLOSED, {}, State.DELETED),
        (JobRecords(job=FIRST), {}, State.DELETED),
        (LAUNCHED, {}, State.DELETING),
        (CLOSED, {"arrived": FIRST}, State.DELETING),
        (CLOSED, {"manifest": manifest(50)}, State.DELETING),
    ],
)
def test_a_video_is_deleted_once_nothing_of_it_is_left(job: JobRecords, left: dict[str, Any], state: State) -> None:
    seen = evidence(job, **({"arrived": None} | left), cancel=Cancel(key=KEY, at=at(60)))
    assert history.tell(seen).state is state
    assert history.tell(replace(seen, leftovers=True)).state is State.DELETING


# --- several jobs of one video ------------------------------------------------------------------------------------


def test_a_newer_upload_gives_the_state_while_the_older_stays_published() -> None:
    told = history.tell(evidence(CLOSED, arrived=SECOND, arrived_at=100, manifest=manifest(49)))
    assert (told.state, told.outputs, told.attempts) == (State.QUEUED, (OUTPUT,), ())
    assert names(told)[-2:] == ["raw_deleted", "uploaded"]


def test_the_job_heard_of_last_counts_when_no_upload_is_there() -> None:
    second = JobRecords(
        job=SECOND, intents=(intent(1, 120, job=SECOND, uploaded=100),), deads=(dead(1, 130, job=SECOND),)
    )
    told = history.tell(evidence(CLOSED, second, arrived=None, manifest=manifest(49)))
    assert (told.state, told.outputs) == (State.FAILED, (OUTPUT,))


def test_a_replaced_publication_stays_in_the_timeline() -> None:
    second = JobRecords(job=SECOND, intents=(intent(1, 120, job=SECOND, uploaded=100),))
    told = history.tell(evidence(CLOSED, second, arrived=None, manifest=manifest(150, job=SECOND)))
    assert told.state is State.PUBLISHED
    assert names(told).count("published") == 2


# --- times --------------------------------------------------------------------------------------------------------


def test_no_effect_stands_before_its_cause() -> None:
    # S3 tells whole seconds: this upload seems older than the id that it was made with.
    told = history.tell(evidence(replace(CLOSED, results=(result(1, 51),)), arrived=None, manifest=manifest(50)))
    assert names(told) == ["accepted", "uploaded", "launched", "encoded", "verified", "published", "raw_deleted"]
    assert [event.at for event in told.timeline] == sorted(event.at for event in told.timeline)
    early = history.tell(evidence(arrived_at=0))
    assert names(early) == ["accepted", "uploaded"]
    assert early.timeline[1].at == T0


def test_what_a_lost_task_writes_later_is_not_told() -> None:
    lost = outcome(1, 30, failure=FailureClass.INFRASTRUCTURE, code="lost")
    told = history.tell(evidence(replace(LAUNCHED, results=(result(1, 99),), outcomes=(lost,))))
    assert told.state is State.QUEUED
    assert "encoded" not in names(told)


def test_the_open_attempt_is_the_one_to_ask_for_progress() -> None:
    job = replace(LAUNCHED, intents=(intent(1, 20), intent(2, 40)), outcomes=(outcome(1, 30, code="x"),))
    found = history.open_attempt(evidence(job))
    assert found is not None
    assert found.number == number(2)
    assert history.open_attempt(evidence(CLOSED)) is None
