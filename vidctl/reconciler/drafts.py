"""The records that a plan proposes to write. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from vidctl import codec
from vidctl.model import JOB_VARIABLE, AttemptNumber, FailureClass, JobSpec, Kind, Source
from vidctl.reconciler import budget, sizing
from vidctl.reconciler.classify import Verdict
from vidctl.reconciler.observation import JobView, Observation
from vidctl.reconciler.policy import Policy
from vidctl.records import Dead, Intent, Manifest, Notice, Outcome, Result


def intent(job: JobView, number: AttemptNumber, source: Source, policy: Policy, now: datetime) -> Intent:
    """Draft attempt ``number`` with every parameter of its RunTask, the worker's whole input among them."""
    spec = JobSpec(
        key=job.key,
        job=job.job,
        number=number,
        raw_bucket=policy.raw_bucket,
        final_bucket=policy.final_bucket,
        source=source,
    )
    size = sizing.size(job.records, source, job.sight, policy)
    task = policy.task(
        size=size,
        placement=budget.placement(budget.this_round(job.records)),
        environment=((JOB_VARIABLE, codec.encode(spec).decode()),),
    )
    return Intent(key=job.key, job=job.job, number=number, created_at=now, source=source, size=size, task=task)


def outcome(
    job: JobView, number: AttemptNumber, failure: FailureClass | None, *, code: str, detail: str, at: datetime
) -> Outcome:
    """Draft the verdict on attempt ``number``."""
    return Outcome(key=job.key, job=job.job, number=number, at=at, failure=failure, code=code, detail=detail)


def manifest(job: JobView, result: Result, now: datetime) -> Manifest:
    """Draft the publication of what ``result`` made."""
    of = next(intent for intent in job.records.intents if intent.number == result.number)
    return Manifest(
        key=job.key,
        job=job.job,
        number=result.number,
        source_etag=of.source.upload_etag,
        uploaded_at=of.source.last_modified,
        published_at=now,
        outputs=result.outputs,
    )


def dead(job: JobView, source: Source, spent: Verdict, attempts: int, now: datetime) -> Dead:
    """Draft the end of the round."""
    return Dead(
        key=job.key,
        job=job.job,
        round=job.records.round,
        at=now,
        failure=spent.failure,
        code=spent.code,
        detail=spent.detail,
        attempts=attempts,
        source=source,
    )


def notice(seen: Observation, about: Kind, fact_at: datetime, now: datetime) -> Notice:
    """Draft the next notice of the video, later than all before it: receivers order by its time."""
    last = seen.records.notices[-1] if seen.records.notices else None
    at = now.replace(microsecond=now.microsecond // 1000 * 1000)
    if last is not None:
        at = max(at, last.at + timedelta(milliseconds=1))
    return Notice(key=seen.key, n=1 if last is None else last.n + 1, at=at, about=about, fact_at=fact_at)
