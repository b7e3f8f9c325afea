"""What happened to a video, in the order of cause and effect: a pure function of what was read of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from vidctl.records import Dead, Intent, JobRecords, Manifest, Outcome, VideoRecords

PUBLISHED = "published"
SOURCE_GONE = "source_gone"
"""Codes of an Outcome that tell of the video and not of the attempt."""


class EventName(StrEnum):
    """What can happen to a video. ``launched`` is the decision; ``failed`` ends a round, ``reopened`` begins one.

    ``deleting`` is the owner's wish.
    """

    ACCEPTED = "accepted"
    UPLOADED = "uploaded"
    LAUNCHED = "launched"
    ENCODED = "encoded"
    ATTEMPT_FAILED = "attempt_failed"
    VERIFIED = "verified"
    PUBLISHED = "published"
    RAW_DELETED = "raw_deleted"
    KEPT = "kept"
    FAILED = "failed"
    REOPENED = "reopened"
    DELETING = "deleting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """The upload as it stands in the raw bucket: the job that it asks for, and when it was complete."""

    job: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was read of one video. ``issued_at`` is when its id was handed out, if it was.

    ``leftovers``: whether an output or a kept copy is still there; looked for only once the owner cancelled.
    """

    records: VideoRecords
    manifest: Manifest | None = None
    arrival: Arrival | None = None
    issued_at: datetime | None = None
    leftovers: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of the timeline; ``reason`` says what a name alone does not."""

    name: EventName
    at: datetime
    reason: str | None = None


def timeline(evidence: Evidence) -> tuple[Event, ...]:
    """Return the events of all jobs by time, and what has the same time in the order of cause and effect."""
    known = {job.job for job in evidence.records.jobs}
    named = {found.job for found in (evidence.arrival, evidence.manifest) if found is not None}
    jobs = [*evidence.records.jobs, *(JobRecords(job=job) for job in sorted(named - known))]
    events = [event for job in jobs for event in _in_order(_job_events(evidence, job), evidence.issued_at)]
    begin = evidence.issued_at or min((event.at for event in events), default=None)
    if begin is not None:
        events.insert(0, Event(name=EventName.ACCEPTED, at=begin))
    events += [Event(name=EventName.KEPT, at=job.kept.at) for job in jobs if job.kept is not None]
    if evidence.records.cancel is not None:
        events.append(Event(name=EventName.DELETING, at=evidence.records.cancel.at))
    return tuple(sorted(events, key=lambda event: event.at))


def _in_order(events: Iterator[Event], begin: datetime | None) -> Iterator[Event]:
    """Let no effect stand before its cause: S3 tells whole seconds, and every machine has a clock of its own."""
    for event in events:
        begin = max(begin or event.at, event.at)
        yield replace(event, at=begin)


def _job_events(evidence: Evidence, job: JobRecords) -> Iterator[Event]:
    """Yield the events of one job in the order of cause and effect."""
    uploaded = _uploaded_at(evidence, job)
    if uploaded is not None:
        yield Event(name=EventName.UPLOADED, at=uploaded)
    opened = {record.round: record.at for record in job.rounds}
    deads = {dead.round: dead for dead in job.deads}
    for number in sorted({1, *opened, *deads, *(intent.number.round for intent in job.intents)}):
        if number in opened:
            yield Event(name=EventName.REOPENED, at=opened[number], reason=f"round {number}")
        for intent in job.intents:
            if intent.number.round == number:
                yield from _attempt_events(job, intent)
        if number in deads:
            yield Event(name=EventName.FAILED, at=deads[number].at, reason=_reason(deads[number]))
    yield from _publication_events(evidence, job)


def _uploaded_at(evidence: Evidence, job: JobRecords) -> datetime | None:
    """Return when the file was uploaded first: its attempts may be older than the upload that was seen last."""
    arrival, manifest = evidence.arrival, evidence.manifest
    told: list[Intent | Dead] = [*job.intents, *job.deads]
    times = [record.source.last_modified for record in told]
    if arrival is not None and arrival.job == job.job:
        times.append(arrival.at)
    if manifest is not None and manifest.job == job.job:
        times.append(manifest.uploaded_at)
    return min(times, default=None)


def _attempt_events(job: JobRecords, intent: Intent) -> Iterator[Event]:
    outcome, result = job.outcome(intent.number), job.result(intent.number)
    yield Event(name=EventName.LAUNCHED, at=intent.created_at, reason=f"attempt {intent.number}")
    failed = outcome is not None and outcome.failure is not None
    # What a task writes after its attempt was counted as lost changes nothing, and is not told.
    late = outcome is not None and result is not None and failed and result.at > outcome.at
    if result is not None and result.failure is None and not late:
        yield Event(name=EventName.ENCODED, at=result.at)
    if outcome is not None and failed:
        yield Event(name=EventName.ATTEMPT_FAILED, at=outcome.at, reason=_reason(outcome))
    if outcome is not None and outcome.code == SOURCE_GONE:
        yield Event(name=EventName.FAILED, at=outcome.at, reason=_reason(outcome))


def _publication_events(evidence: Evidence, job: JobRecords) -> Iterator[Event]:
    """Yield verified and published, which happen in one pass, and raw_deleted.

    No record tells when the raw object was deleted, which is the step right after the Outcome: that record's time, or
    the manifest's, stands for it, and is early by a pass or two.
    """
    verdict = next((outcome for outcome in reversed(job.outcomes) if outcome.code == PUBLISHED), None)
    at = None if verdict is None else verdict.at
    if evidence.manifest is not None and evidence.manifest.job == job.job:
        at = evidence.manifest.published_at
    if at is None:
        return
    yield Event(name=EventName.VERIFIED, at=at)
    yield Event(name=EventName.PUBLISHED, at=at)
    if evidence.arrival is None or evidence.arrival.job != job.job:
        yield Event(name=EventName.RAW_DELETED, at=at if verdict is None else max(at, verdict.at))


def _reason(record: Dead | Outcome) -> str:
    return f"{record.code}: {record.detail}" if record.detail else record.code
