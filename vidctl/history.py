"""What became of a video, as its owner is told: a pure function of the records, the manifest and the upload.

Nothing of it is stored. A video can have several jobs, since its key can be uploaded to again once its raw object is
gone; the newest of them gives the state, and what an older one published stays published until it is replaced.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from vidctl.model import AttemptNumber, FailureClass
from vidctl.progress import Progress, overall
from vidctl.records import Dead, Intent, JobRecords, Manifest, Outcome, Output, Result, Round, VideoRecords
from vidctl.timeline import PUBLISHED, Event, Evidence, timeline


class State(StrEnum):
    """Where a video is on its way. ``deleted`` is told for as long as the record of the owner's wish is kept."""

    AWAITING_UPLOAD = "awaiting_upload"
    QUEUED = "queued"
    RUNNING = "running"
    VERIFYING = "verifying"
    PUBLISHED = "published"
    FAILED = "failed"
    DELETING = "deleting"
    DELETED = "deleted"


class AttemptState(StrEnum):
    """Where one attempt is. ``stopped`` is an end that is nobody's failure: superseded, cancelled."""

    LAUNCHED = "launched"
    RUNNING = "running"
    VERIFYING = "verifying"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"


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
    """What an owner is told. ``progress`` is from 0 to 1, over all attempts of the round (see ``overall``).

    ``duration_seconds`` is that of what is published.
    ``remaining_seconds`` is what the worker says of the time left, ``ahead`` how many earlier uploads still wait.
    ``code`` and ``detail`` say why it failed.
    Each is None where nobody can say.
    """

    state: State
    timeline: tuple[Event, ...]
    attempts: tuple[Attempt, ...]
    progress: float | None
    outputs: tuple[Output, ...]
    remaining_seconds: float | None = None
    ahead: int | None = None
    duration_seconds: float | None = None
    code: str | None = None
    detail: str | None = None


def tell(evidence: Evidence, *, progress: Progress | None = None, earlier: Sequence[Progress] = ()) -> History:
    """Say what became of the video; ``progress`` is that of ``open_attempt``, ``earlier`` of ``ended_attempts``."""
    job = current_job(evidence)
    state = _state(evidence, job, progress)
    published = None if evidence.records.cancel is not None else evidence.manifest
    end = _end(job) if state is State.FAILED else None
    return History(
        state=state,
        timeline=timeline(evidence),
        attempts=tuple(_attempt(evidence, job, intent, progress) for intent in job.intents),
        progress=_progress(state, job, (*earlier, progress) if progress is not None else earlier),
        outputs=() if published is None else published.outputs,
        duration_seconds=_duration(evidence.records, published),
        remaining_seconds=progress.remaining_seconds if progress is not None and state is State.RUNNING else None,
        code=None if end is None else end.code,
        detail=None if end is None else end.detail,
    )


def open_attempt(evidence: Evidence) -> Intent | None:
    """Return the attempt that is under way, whose progress object says how far it is."""
    return next(reversed(current_job(evidence).open_intents), None)


def ended_attempts(evidence: Evidence) -> tuple[Intent, ...]:
    """Return the attempts of the round that have ended and may have come some way, which their progress objects tell.

    Not those that found no room or no rights: of them nothing was ever heard.
    """
    job = current_job(evidence)
    unheard = (FailureClass.CAPACITY, FailureClass.THROTTLE, FailureClass.CONFIGURATION)
    ended = [(intent, job.outcome(intent.number)) for intent in _this_round(job)]
    return tuple(intent for intent, outcome in ended if outcome is not None and outcome.failure not in unheard)


UNDER_WAY = frozenset({State.QUEUED, State.RUNNING, State.VERIFYING})
"""States in which attempts have something to tell."""


def state_of(evidence: Evidence) -> State:
    """Return where a video is, for whoever does not care whether its task has said something yet."""
    return _state(evidence, current_job(evidence), None)


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
        return State.DELETING if _remains(evidence) else State.DELETED
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


def _duration(records: VideoRecords, published: Manifest | None) -> float | None:
    result = None if published is None else records.job(published.job).result(published.number)
    return None if result is None or result.media is None else result.media.duration_seconds


def _remains(evidence: Evidence) -> bool:
    """Whether the reconciler still has something to take away, or a task to stop."""
    there = evidence.manifest is not None or evidence.arrival is not None or evidence.leftovers
    return there or any(job.open_intents for job in evidence.records.jobs)


def _lost(evidence: Evidence, job: JobRecords) -> bool:
    """Whether the upload vanished, unpublished and without a copy, so that nothing can follow."""
    if evidence.arrival is not None or job.kept is not None or job.open_intents:
        return False
    return bool(job.outcomes) and all(outcome.code != PUBLISHED for outcome in job.outcomes)


def _end(job: JobRecords) -> Dead | Outcome | None:
    """Return the record that says why a failed job failed."""
    return job.dead or max(job.outcomes, key=lambda outcome: outcome.at, default=None)


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


def _progress(state: State, job: JobRecords, told: Sequence[Progress]) -> float | None:
    if state is State.PUBLISHED:
        return 1.0
    made = [intent.number for intent in _this_round(job)]
    shares = {progress.number: progress.share for progress in told if progress.number in made}
    for number in made:
        result = job.result(number)
        if result is not None and result.failure is None:
            # Also of one that was found wanting: its own last word fell short of what was told once it had ended.
            shares[number] = 1.0
    return overall(shares.values()) if state in UNDER_WAY and shares else None


def _this_round(job: JobRecords) -> tuple[Intent, ...]:
    return tuple(intent for intent in job.intents if intent.number.round == job.round)
