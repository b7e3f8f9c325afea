"""The records that a plan proposes to write. Pure."""

from __future__ import annotations

from datetime import datetime

from vidctl import codec
from vidctl.model import JOB_VARIABLE, AttemptNumber, FailureClass, JobSpec, Source
from vidctl.reconciler import budget, sizing
from vidctl.reconciler.classify import Verdict
from vidctl.reconciler.observation import JobView
from vidctl.reconciler.policy import Policy
from vidctl.records import Dead, Intent, Manifest, Outcome, Result


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
