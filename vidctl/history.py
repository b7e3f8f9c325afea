"""What became of a video, as its owner is told: a pure function of the records, the manifest and the upload.

Nothing of it is stored. A video can have several jobs, since its key can be uploaded to again once its raw object is
gone; the newest of them gives the state, and what an older one published stays published until it is replaced.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

from vidctl.model import AttemptNumber, FailureClass
from vidctl.records import Dead, Intent, JobRecords, Manifest, Outcome, Output, Progress, Result, Round, VideoRecords

PUBLISHED = "published"
SOURCE_GONE = "source_gone"

STAGES = {"download": (0.0, 0.1), "probe": (0.1, 0.1), "encode": (0.1, 0.9), "verify": (0.9, 0.9), "upload": (0.9, 1.0)}
"""Which part of an attempt each of the worker's stages is: encoding takes most of the time of all but tiny videos."""


class State(StrEnum):
    """Where a video is on its way."""

    AWAITING_UPLOAD = "awaiting_upload"
    QUEUED = "queued"
    RUNNING = "running"
    VERIFYING = "verifying"
    PUBLISHED = "published"
    FAILED = "failed"
    CANCELLED = "cancelled"


class AttemptState(StrEnum):
    """Where one attempt is. ``stopped`` is an end that is nobody's failure: superseded, cancelled."""

    LAUNCHED = "launched"
    RUNNING = "running"
    VERIFYING = "verifying"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"


class EventName(StrEnum):
    """What can happen to a video. ``launched`` is the decision; ``failed`` ends a round, ``reopened`` begins one."""

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
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """The upload as it stands in the raw bucket: the job that it asks for, and when it was complete."""

    job: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was read of one video. ``issued_at`` is when its id was handed out, if it was."""

    records: VideoRecords
    manifest: Manifest | None = None
    arrival: Arrival | None = None
    issued_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of the timeline; ``reason`` says what a name alone does not."""

    name: EventName
    at: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt as its owner sees it; until the verdict is in, ``failure`` and ``code`` are the worker's word."""

    number: AttemptNumber
    state: AttemptState
    launched_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    failure: FailureClass | None
    code: str | None
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What an owner is told. ``progress`` is from 0 to 1, None where nobody can say."""

    state: State
    timeline: tuple[Event, ...]
    attempts: tuple[Attempt, ...]
    progress: float | None
    outputs: tuple[Output, ...]


def tell(evidence: Evidence, *, progress: Progress | None = None) -> History:
    """Say what became of the video; ``progress`` is that of ``open_attempt``."""
    job = current_job(evidence)
    state = _state(evidence, job, progress)
    published = None if evidence.records.cancel is not None else evidence.manifest
    return History(
        state=state,
        timeline=_timeline(evidence),
        attempts=tuple(_attempt(evidence, job, intent, progress) for intent in job.intents),
        progress=_progress(state, progress),
        outputs=() if published is None else published.outputs,
    )


def open_attempt(evidence: Evidence) -> Intent | None:
    """Return the attempt that is under way, whose progress object says how far it is."""
    return next(reversed(current_job(evidence).open_intents), None)


def current_job(evidence: Evidence) -> JobRecords:
    """Return the job that the state speaks of: that of the upload that is there, else the one heard of last."""
    records, manifest = evidence.records, evidence.manifest
    if evidence.arrival is not None:
        return records.job(evidence.arrival.job)
    heard = [(_last_heard(job), job.job) for job in records.jobs]
    if manifest is not None:
        heard.append((manifest.published_at, manifest.job))
    return records.job(max(heard)[1]) if heard else JobRecords(job="")


def _last_heard(job: JobRecords) -> datetime:
    later: list[Outcome | Dead | Round] = [*job.outcomes, *job.deads, *job.rounds]
    times = [*(intent.created_at for intent in job.intents), *(record.at for record in later)]
    return max(times, default=datetime.min.replace(tzinfo=UTC))


def _state(evidence: Evidence, job: JobRecords, progress: Progress | None) -> State:
    """Return the first that matches."""
    if evidence.records.cancel is not None:
        return State.CANCELLED
    if evidence.manifest is not None and evidence.manifest.job == job.job:
        return State.PUBLISHED
    if job.dead is not None or _lost(evidence, job):
        return State.FAILED
    attempts = {intent.number: _attempt_state(evidence, job, intent, progress) for intent in job.intents}
    if {AttemptState.VERIFYING, AttemptState.SUCCEEDED} & {*attempts.values()}:
        return State.VERIFYING
    if any(attempts[intent.number] is not AttemptState.LAUNCHED for intent in job.open_intents):
        return State.RUNNING
    if job.intents or job.rounds or evidence.arrival is not None:
        return State.QUEUED
    return State.AWAITING_UPLOAD


def _lost(evidence: Evidence, job: JobRecords) -> bool:
    """Whether the upload vanished, unpublished and without a copy, so that nothing can follow."""
    if evidence.arrival is not None or job.kept is not None or job.open_intents:
        return False
    return bool(job.outcomes) and all(outcome.code != PUBLISHED for outcome in job.outcomes)


def _attempt_state(evidence: Evidence, job: JobRecords, intent: Intent, progress: Progress | None) -> AttemptState:
    outcome, result = job.outcome(intent.number), job.result(intent.number)
    if evidence.manifest is not None and (evidence.manifest.job, evidence.manifest.number) == (job.job, intent.number):
        return AttemptState.SUCCEEDED
    if outcome is not None:
        ended = AttemptState.SUCCEEDED if outcome.code == PUBLISHED else AttemptState.STOPPED
        return ended if outcome.failure is None else AttemptState.FAILED
    if result is not None:
        return AttemptState.VERIFYING if result.failure is None else AttemptState.FAILED
    heard = progress is not None and progress.number == intent.number
    return AttemptState.RUNNING if heard else AttemptState.LAUNCHED


def _attempt(evidence: Evidence, job: JobRecords, intent: Intent, progress: Progress | None) -> Attempt:
    outcome, result = job.outcome(intent.number), job.result(intent.number)
    last: Outcome | Result | None = outcome or result
    return Attempt(
        number=intent.number,
        state=_attempt_state(evidence, job, intent, progress),
        launched_at=intent.created_at,
        started_at=None if result is None else result.started_at,
        ended_at=None if last is None else last.at,
        failure=None if last is None else last.failure,
        code=None if last is None else last.code,
        detail="" if last is None else last.detail,
    )


def _progress(state: State, progress: Progress | None) -> float | None:
    if state in (State.VERIFYING, State.PUBLISHED):
        return 1.0
    if state is not State.RUNNING or progress is None:
        return None
    begin, end = STAGES.get(progress.stage, (0.0, 1.0))
    return round(begin + (end - begin) * min(max(progress.ratio, 0.0), 1.0), 4)


# --- the timeline -------------------------------------------------------------------------------------------------


def _timeline(evidence: Evidence) -> tuple[Event, ...]:
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
        events.append(Event(name=EventName.CANCELLED, at=evidence.records.cancel.at))
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
    arrival, manifest = evidence.arrival, evidence.manifest
    if arrival is not None and arrival.job == job.job:
        return arrival.at
    if manifest is not None and manifest.job == job.job:
        return manifest.uploaded_at
    told: list[Intent | Dead] = [*job.intents, *job.deads]
    return min((record.source.last_modified for record in told), default=None)


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
