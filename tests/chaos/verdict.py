"""The verdict over a scene: everything about it that must not be. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.chaos.scene import Case, Scene
from tests.chaos.trial import BAD
from vidctl import layout
from vidctl.model import FailureClass
from vidctl.ports import QueueDepth
from vidctl.records import JobRecords, Manifest, Outcome

OUTPUTS = {"master.m3u8", "manifest.mpd", "video.mp4", "poster.jpg", "stream/"}
"""Among others: sound alone and a storyboard."""
BUDGET = 3
"""Attempts that may end by the app's fault, of which a killed worker is one."""
PUBLISHED = "published"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The accounting: uploads = published + dead, nothing lost, nothing doubled.

    ``letters`` may be more than ``dead``: one whose sender was killed before it wrote that down is sent again.
    """

    uploads: int
    published: int
    dead: int
    letters: int
    attempts: int
    tasks: int
    lost: int
    doubled: int


def figures(scene: Scene) -> Figures:
    """Count."""
    cases = scene.cases
    return Figures(
        uploads=len(cases),
        published=sum(case.manifest is not None for case in cases),
        dead=sum(case.dead for case in cases),
        letters=sum(len(case.letters) for case in cases),
        attempts=sum(len(job.intents) for case in cases for job in case.records.jobs),
        tasks=sum(len(case.tasks) for case in cases),
        lost=sum(case.manifest is None and not case.dead for case in cases),
        doubled=sum(_doubled(case) for case in cases),
    )


def violations(scene: Scene) -> tuple[str, ...]:
    """Return what must not be, a sentence each."""
    found = [f"{case.sent.clip} {case.sent.video_id}: {what}" for case in scene.cases for what in _of_case(case)]
    found += [f"{name} belongs to no upload" for name in scene.strays]
    found += [f"the {name} queue is not empty: {depth}" for name, depth in scene.queues.items() if _holds(depth)]
    found += [f"{url} still holds {held:.0f} messages" for url, held in scene.held.items() if held]
    return (*found, *(f"a task of {video} still runs" for video in scene.running))


def _holds(depth: QueueDepth) -> bool:
    return bool(depth.visible or depth.in_flight or depth.delayed)


def _doubled(case: Case) -> int:
    """Count the tasks, jobs and publications beyond the first."""
    tasks = len(case.tasks) - len(set(case.tasks))
    publications = [outcome for job in case.records.jobs for outcome in job.outcomes if outcome.code == PUBLISHED]
    beyond = (len(case.records.jobs), len(publications), case.announced, int(case.manifest is not None) + case.dead)
    return tasks + sum(max(0, count - 1) for count in beyond)


def _of_case(case: Case) -> Iterator[str]:
    if case.records.unreadable:
        yield f"unreadable records: {', '.join(case.records.unreadable)}"
    if len(case.records.jobs) != 1:
        yield f"it has {len(case.records.jobs)} jobs, not one"
        return
    if _doubled(case):
        yield f"something was doubled, as tasks {Counter(case.tasks)}, published {case.announced} times by the logs"
    (job,) = case.records.jobs
    yield from _of_attempts(case, job)
    if case.manifest is not None:
        yield from _of_published(case, job, case.manifest)
    elif case.dead:
        yield from _of_dead(case, job)
    else:
        yield "it was neither published nor given up"


def _of_attempts(case: Case, job: JobRecords) -> Iterator[str]:
    intents = sorted(intent.number for intent in job.intents)
    for what, numbers in (
        ("outcomes", sorted(outcome.number for outcome in job.outcomes)),
        ("tasks", sorted(number for _, number in case.tasks)),
    ):
        if numbers != intents:
            yield f"intents {_named(intents)} have {what} {_named(numbers)}"
    for outcome in job.outcomes:
        if outcome.code != PUBLISHED and not _expected(case, outcome):
            yield f"attempt {outcome.number} ended as {outcome.code}: {outcome.detail}"


def _expected(case: Case, outcome: Outcome) -> bool:
    """Whether an attempt may have failed so: its worker was killed, or the clip is no video."""
    if outcome.number in case.killed and outcome.code == "killed":
        return True
    return outcome.failure is FailureClass.PERMANENT and outcome.code == BAD.get(case.sent.clip)


def _of_published(case: Case, job: JobRecords, manifest: Manifest) -> Iterator[str]:
    if case.sent.clip in BAD:
        yield "it is no video, and was published"
    if case.sent.told != PUBLISHED:
        yield f"it was published, and its customer was told {case.sent.told}"
    if [o.number for o in job.outcomes if o.code == PUBLISHED] != [manifest.number] or manifest.job != job.job:
        yield f"its manifest names {manifest.job} {manifest.number}, which has not the outcome"
    if not {output.name for output in manifest.outputs} >= OUTPUTS:
        yield f"its manifest names {[output.name for output in manifest.outputs]}"
    prefix = layout.attempt_prefix(manifest.key, manifest.job, manifest.number)
    for output in manifest.outputs:
        if output.key != prefix + output.name:
            yield f"{output.key} is not of the published attempt"
        stored = case.stored.get(output.key)
        if stored is None or (stored.size_bytes, stored.sha256) != (output.size_bytes, output.sha256):
            yield f"{output.name} is not there as its manifest says: {stored}"
    if case.raw or case.kept or case.letters:
        yield f"it was published, and left raw {case.raw}, kept {case.kept}, dead letters {case.letters}"


def _of_dead(case: Case, job: JobRecords) -> Iterator[str]:
    failed = [outcome for outcome in job.outcomes if outcome.failure is FailureClass.APP]
    if case.sent.clip not in BAD and len(failed) < BUDGET:
        yield f"it is a good video, and was given up after {len(failed)} failures"
    if case.sent.told != "failed":
        yield f"it was given up, and its customer was told {case.sent.told}"
    if not all(dead.detail for dead in job.deads) or not case.letters or not all(case.letters):
        yield f"it was given up without a reason: {job.deads}, {case.letters}"
    if case.kept != (case.sent.size_bytes,):
        yield f"its raw object of {case.sent.size_bytes} bytes was kept as {case.kept}"


def _named(numbers: Iterable[object]) -> str:
    return ", ".join(str(number) for number in numbers) or "none"
