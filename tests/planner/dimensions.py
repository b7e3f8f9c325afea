"""What may be the case around one video, dimension by dimension, each value under its name.

Values that no sound history leads to (two open attempts, a Result without its Intent …) are among them: plan has an
answer for those too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from tests import builders as b
from tests.planner.scene import OTHER_ETAG, OTHER_JOB
from vidctl import layout
from vidctl.model import AttemptNumber, Delivery, FailureClass, Kind, Redrive, Source, Task
from vidctl.reconciler.classify import STOPPED_AS_SUPERSEDED, STOPPED_FOR_DEADLINE, STOPPED_FOR_START
from vidctl.reconciler.glance import Hopeless, Sight, Unknown
from vidctl.reconciler.observation import LaunchGate, OutputSeen, Refusal
from vidctl.records import Intent, Manifest, Outcome, Output, Record, Result

OF_ATTEMPT = Callable[[AttemptNumber], object]
LOST = (FailureClass.INFRASTRUCTURE, "lost")
CRASHED = (FailureClass.APP, "crashed")

RAW: dict[str, Source | None] = {
    "none": None,
    "young": b.source(),
    "expiring": b.source(at=b.ago(hours=41)),
    "empty": b.source(size_bytes=0),
    "too large": b.source(size_bytes=6 * 1024**3),
    "another": b.source(etag=OTHER_ETAG, at=b.ago(minutes=2)),
}

KEPT = ("none", "copied", "copy gone")

DELIVERIES: dict[str, Callable[[int], tuple[Delivery, ...]]] = {
    "none": lambda _: (),
    "plain": lambda _: (b.delivery(),),
    "redrive": lambda round_: (b.delivery(redrive=Redrive(job=b.JOB, round=round_)),),
    "stale redrive": lambda round_: (b.delivery(redrive=Redrive(job=b.JOB, round=round_ + 5)),),
    "another": lambda _: (b.delivery(etag=OTHER_ETAG),),
    "three": lambda round_: (
        b.delivery(),
        b.delivery(etag=OTHER_ETAG),
        b.delivery(redrive=Redrive(job=b.JOB, round=round_)),
    ),
}

# --- attempts -------------------------------------------------------------------------------------------------------


def begun(n: int, age: timedelta) -> Callable[[int], Intent]:
    return lambda round_: b.intent(n, round_=round_, at=b.NOW - age)


def ended(
    n: int, failure: FailureClass | None, code: str, age: timedelta = timedelta(hours=1)
) -> Callable[[int], Outcome]:
    return lambda round_: b.outcome(n, failure, code, round_=round_, at=b.NOW - age)


def failures(times: int, failure: FailureClass, code: str, age: timedelta) -> tuple[Callable[[int], Record], ...]:
    """Return attempts that all ended so, the first of them at that age."""
    numbers = range(1, times + 1)
    return tuple(made for n in numbers for made in (begun(n, age + timedelta(hours=1)), ended(n, failure, code, age)))


MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
ONCE = begun(1, 2 * HOUR)

ATTEMPTS: dict[str, tuple[Callable[[int], Record], ...]] = {
    "none": (),
    "open": (begun(1, 5 * MINUTE),),
    "open, too old to launch": (begun(1, 50 * MINUTE),),
    "open, older than any task": (begun(1, HOUR),),
    "crashed just now": (ONCE, ended(1, *CRASHED, timedelta(seconds=1))),
    "crashed": (ONCE, ended(1, *CRASHED)),
    "lost": (ONCE, ended(1, *LOST)),
    "no room": (ONCE, ended(1, FailureClass.CAPACITY, "no_capacity")),
    "throttled": (ONCE, ended(1, FailureClass.THROTTLE, "throttled")),
    "misconfigured": (ONCE, ended(1, FailureClass.CONFIGURATION, "cannot_start")),
    "refused by the worker": (ONCE, ended(1, FailureClass.PERMANENT, "corrupt")),
    "outputs refuted": (ONCE, ended(1, FailureClass.APP, "verify_failed")),
    "superseded": (ONCE, ended(1, None, "superseded")),
    "published": (ONCE, ended(1, None, "published")),
    "source gone": (ONCE, ended(1, None, "source_gone")),
    "lost, then open": (ONCE, ended(1, *LOST), begun(2, 5 * MINUTE)),
    "lost, then open, older than any task": (ONCE, ended(1, *LOST), begun(2, HOUR)),
    "crashed twice": failures(2, *CRASHED, HOUR),
    "crashed three times": failures(3, *CRASHED, HOUR),
    "lost twenty times in two days": failures(20, *LOST, 48 * HOUR),
    "lost twenty times in a day": failures(20, *LOST, 20 * HOUR),
    "two open": (begun(1, 10 * MINUTE), begun(2, 5 * MINUTE)),
    "an outcome alone": (ended(1, *CRASHED),),
}

# --- what the attempts did ------------------------------------------------------------------------------------------


def before(number: AttemptNumber) -> AttemptNumber:
    """Return another attempt of the round: the one before, or for the first the one that may come."""
    return replace(number, n=number.n - 1 if number.n > 1 else 2)


def outputs(number: AttemptNumber, job: str = b.JOB) -> tuple[Output, ...]:
    prefix = layout.attempt_prefix(b.KEY, job, number)
    return tuple(replace(b.output(name), key=prefix + name) for name in ("video.mp4", "poster.jpg"))


def success(number: AttemptNumber) -> Result:
    return replace(b.result(), number=number, outputs=outputs(number))


def said(failure: FailureClass) -> Callable[[AttemptNumber], tuple[Result, ...]]:
    return lambda number: (replace(b.result(failure=failure, code="said"), number=number),)


RESULTS: dict[str, Callable[[AttemptNumber], tuple[Result, ...]]] = {
    "none": lambda _: (),
    "success": lambda number: (success(number),),
    "success without outputs": lambda number: (replace(success(number), outputs=()),),
    "success of another attempt": lambda number: (success(before(number)),),
    "success of two": lambda number: (success(before(number)), success(number)),
    **{failure.value: said(failure) for failure in FailureClass if failure is not FailureClass.BAD_MESSAGE},
}


def there(output: Output) -> OutputSeen:
    return b.seen_as(output)


STORES: dict[str, Callable[[tuple[Output, ...]], tuple[OutputSeen, ...]]] = {
    "as said": lambda claimed: tuple(map(there, claimed)),
    "one missing": lambda claimed: tuple(map(there, claimed[1:])),
    "a size wrong": lambda claimed: tuple(replace(there(output), size_bytes=9) for output in claimed),
    "a checksum wrong": lambda claimed: tuple(replace(there(output), sha256="cd" * 32) for output in claimed),
    "no checksum": lambda claimed: tuple(replace(there(output), sha256=None) for output in claimed),
    "unclaimed ones too": lambda claimed: (*map(there, claimed), *map(there, outputs(b.number(7)))),
}


def task(number: AttemptNumber, **known: object) -> Task:
    arn = f"arn:aws:ecs:eu-central-1:123456789012:task/vidctl/{number}"
    spec = replace(b.job_spec(), number=number)
    settled: dict[str, object] = {"status": "RUNNING", "created_at": b.ago(minutes=4), "started_at": b.ago(minutes=3)}
    return replace(b.task(), arn=arn, spec=spec, **(settled | known))  # type: ignore[arg-type]


def stopped(code: str, reason: str = "", exit_code: int | None = None) -> Callable[[AttemptNumber], tuple[Task, ...]]:
    known = {"status": "STOPPED", "stop_code": code, "stopped_reason": reason, "exit_code": exit_code}
    return lambda number: (task(number, **known),)


def starting(at: datetime) -> Callable[[AttemptNumber], tuple[Task, ...]]:
    return lambda number: (task(number, status="PENDING", created_at=at, started_at=None),)


def running(at: datetime) -> Callable[[AttemptNumber], tuple[Task, ...]]:
    return lambda number: (task(number, started_at=at),)


TASKS: dict[str, Callable[[AttemptNumber], tuple[Task, ...]]] = {
    "none": lambda _: (),
    "starting": starting(b.ago(minutes=4)),
    "starting late": starting(b.ago(minutes=16)),
    "running": running(b.ago(minutes=3)),
    "running late": running(b.ago(hours=14)),
    "exited 0": stopped("EssentialContainerExited", exit_code=0),
    "exited 1": stopped("EssentialContainerExited", exit_code=1),
    "exited 65": stopped("EssentialContainerExited", exit_code=65),
    "exited 75": stopped("EssentialContainerExited", exit_code=75),
    "exited 78": stopped("EssentialContainerExited", exit_code=78),
    "exited 137": stopped("EssentialContainerExited", exit_code=137),
    "no exit code": stopped("EssentialContainerExited"),
    "out of memory": stopped("EssentialContainerExited", "OutOfMemoryError: killed", 137),
    "interrupted by Spot": stopped("SpotInterruption"),
    "terminated with its host": stopped("TerminationNotice"),
    "failed to start": stopped("TaskFailedToStart", "timeout"),
    "failed to start for capacity": stopped("TaskFailedToStart", "RESOURCE:MEMORY"),
    "failed to start for throttling": stopped("TaskFailedToStart", "Rate exceeded"),
    "failed to start for its image": stopped("TaskFailedToStart", "CannotPullContainerError"),
    "stopped for its deadline": stopped("UserInitiated", STOPPED_FOR_DEADLINE),
    "stopped for its start": stopped("UserInitiated", STOPPED_FOR_START),
    "stopped as superseded": stopped("UserInitiated", STOPPED_AS_SUPERSEDED),
    "stopped by a code unheard of": stopped("Unheard"),
    "another's running": lambda number: running(b.ago(minutes=30))(before(number)),
    "another's running late": lambda number: running(b.ago(hours=14))(before(number)),
    "both running": lambda number: (*running(b.ago(hours=1))(before(number)), *running(b.ago(minutes=3))(number)),
    "another's running, own stopped": lambda number: (
        *running(b.ago(hours=1))(before(number)),
        *stopped("SpotInterruption")(number),
    ),
}

# --- publication, and what all videos share -------------------------------------------------------------------------


def manifest(number: AttemptNumber, *, job: str = b.JOB, uploaded_at: datetime | None = None) -> Manifest:
    told = b.manifest(job=job, uploaded_at=uploaded_at)
    return replace(told, number=number, outputs=outputs(number, job))


MANIFESTS: dict[str, Callable[[AttemptNumber], Manifest | None]] = {
    "none": lambda _: None,
    "of this attempt": manifest,
    "of another attempt": lambda number: manifest(before(number)),
    "of this file, uploaded before": lambda number: manifest(number, uploaded_at=b.ago(hours=50)),
    "of an older upload": lambda _: manifest(b.number(), job=OTHER_JOB, uploaded_at=b.ago(hours=50)),
    "of a later upload": lambda _: manifest(b.number(), job=OTHER_JOB, uploaded_at=b.ago(minutes=1)),
}

ENDS: dict[str, tuple[Record, ...]] = {
    "none": (),
    "dead, not told": (b.dead(),),
    "dead, told": (b.dead(), b.dead_letter()),
    "reopened": (b.dead(), b.dead_letter(), b.opened()),
    "dead again": (b.dead(), b.dead_letter(), b.opened(), b.dead(2)),
    "dead again, told": (b.dead(), b.dead_letter(), b.opened(), b.dead(2), b.dead_letter(2)),
}

CANCELS: dict[str, tuple[Record, ...]] = {"none": (), "cancelled": (b.cancel(),)}

UNREADABLE: dict[str, tuple[str, ...]] = {"none": (), "one": ("jobs/x.v9.json",)}

SIGHTS: dict[str, Sight | None] = {
    "none": None,
    "seen": b.seen_inside(),
    "hopeless": Hopeless(code="no_video_stream", detail="only: audio"),
    "unknown": Unknown(why="the file ends without an index"),
}

GATES = {
    "open": LaunchGate(),
    "no slot": LaunchGate(begin=False),
    "no token": LaunchGate(launch=False),
    "paused": LaunchGate(begin=False, launch=False, paused="access_denied"),
    "probing": LaunchGate(paused="access_denied"),
}

REFUSALS: dict[str, Callable[[AttemptNumber], tuple[Refusal, ...]]] = {
    "none": lambda _: (),
    "just now": lambda number: (replace(b.refusal(at=b.ago(minutes=1)), number=number),),
    "settled": lambda number: (replace(b.refusal(at=b.ago(minutes=9)), number=number),),
    "misconfigured": lambda number: (
        replace(b.refusal(at=b.ago(minutes=9)), number=number, reasons=("not authorized",)),
    ),
    "of another attempt": lambda number: (replace(b.refusal(at=b.ago(minutes=9)), number=before(number)),),
}

OTHERS_SUCCEEDED = {"none": None, "an hour ago": b.ago(hours=1), "long ago": b.ago(days=9)}

POLICIES = {
    "off": b.POLICY,
    "on": b.TELLING,
    "failures only": replace(b.POLICY, telling=replace(b.TELLING.telling, kinds=(Kind.FAILED,))),
}

NOTED: dict[str, Callable[[AttemptNumber], tuple[Record, ...]]] = {
    "none": lambda _: (),
    "the publication": lambda _: (b.notice(),),
    "the publication, posted": lambda _: (b.notice(), b.posted()),
    "the failure, posted": lambda _: (b.notice(about=Kind.FAILED, fact_at=b.dead().at), b.posted()),
    "the deletion": lambda _: (b.notice(about=Kind.DELETED, fact_at=b.cancel().at, job=None),),
}
