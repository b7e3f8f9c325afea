"""A world in which nothing goes wrong any more: what becomes of a scene when plans are followed in it.

What is broken stays broken (an output that is not as published, a task that hangs), but every call works, every task
that starts now succeeds, and whoever is asked to stop stops. Acting takes no time; waiting takes what the plan says.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import assert_never

from tests import builders as b
from tests.planner import dimensions as d
from tests.planner.scene import Scene, attempt_of
from vidctl import layout
from vidctl.model import Task
from vidctl.reconciler.actions import (
    Action,
    CreateIntent,
    CreateNotice,
    DeclareDead,
    DeleteDeliveries,
    DeleteRaw,
    KeepRaw,
    OpenRound,
    Plan,
    PostNotice,
    Publish,
    Raise,
    RecordOutcome,
    Redate,
    RemoveKept,
    RemoveManifest,
    RemoveOutputs,
    RunTask,
    SendDeadLetter,
    StopTasks,
)
from vidctl.reconciler.observation import LaunchGate, Observation
from vidctl.reconciler.plan import plan
from vidctl.reconciler.rules import Rule
from vidctl.records import DeadLetterSent, Intent, Kept, NoticePosted, Result, gathered
from vidctl.worker.fence import superseded

STEP = timedelta(seconds=20)
"""A task starts, and a transcode ends, within this time."""
ALARMS = {Rule.UNREADABLE_RECORD, Rule.PUBLISHED_BROKEN}
"""Rules that wait for a person."""
HOPELESS = 60
"""Passes after which a scene is taken to have no end."""


@dataclass(frozen=True, slots=True)
class End:
    """How a scene ends: passes that change something, passes that wait, the last rule, and the last scene."""

    acts: int
    waits: int
    rule: Rule
    scene: Scene


class Future:
    """Follows scenes to their ends, and remembers where it has been.

    ``hold`` judges every plan on the way, ``rest`` each end.
    """

    def __init__(self, hold: Callable[[Scene, Observation, Plan], None], rest: Callable[[End], None]) -> None:
        self._hold = hold
        self._rest = rest
        self._known: dict[Hashable, End] = {}

    def of(self, scene: Scene) -> End:
        """Return the end of a scene; fails if there is none."""
        path: list[tuple[Hashable, Plan]] = []
        end: End | None = None
        while end is None:
            assert len(path) < HOPELESS, [decided.rule.value for _, decided in path]
            here = scene.identity
            end = self._known.get(here)
            if end is None:
                decided, after = self._next(scene)
                path.append((here, decided))
                end = self._end(scene, decided) if after is None else None
                scene = after or scene
        for here, decided in reversed(path):
            end = _one_pass_before(end, decided)
            self._known[here] = end
        return end

    def _next(self, scene: Scene) -> tuple[Plan, Scene | None]:
        seen = scene.seen()
        decided = plan(seen, scene.policy, scene.now)
        self._hold(scene, seen, decided)
        return decided, follow(scene, decided)

    def _end(self, scene: Scene, decided: Plan) -> End:
        end = End(0, 0, decided.rule, scene)
        self._rest(end)
        return end


def _one_pass_before(end: End, decided: Plan) -> End:
    if decided.acts:
        return replace(end, acts=end.acts + 1)
    return end if decided.rule is end.rule else replace(end, waits=end.waits + 1)


def follow(scene: Scene, decided: Plan) -> Scene | None:
    """Return the scene in which the next pass finds itself; None: this is the end, or a person is called for."""
    if decided.requeue_after is None or decided.rule in ALARMS:
        return None
    for action in decided.actions:
        scene = done(action, scene)
    return later(scene, decided.requeue_after) if decided.requeue_after else scene


def done(action: Action, scene: Scene) -> Scene:  # noqa: C901, PLR0911, PLR0912 - one case for each action
    """Return the scene after the action."""
    match action:
        case (
            CreateIntent(record)
            | RecordOutcome(record)
            | DeclareDead(record)
            | OpenRound(record)
            | CreateNotice(record)
        ):
            return replace(scene, records=(*scene.records, record))
        case RunTask(intent):
            return replace(scene, tasks=(*scene.tasks, _pending(intent, scene)))
        case StopTasks(arns, reason):
            known = {"status": "STOPPED", "stop_code": "UserInitiated", "stopped_reason": reason, "exit_code": 143}
            return replace(
                scene,
                tasks=tuple(replace(t, **known) if t.arn in arns else t for t in scene.tasks),  # type: ignore[arg-type]
            )
        case Publish(manifest, _) | Redate(manifest, _):
            return replace(scene, manifest=manifest)
        case DeleteRaw():
            return replace(scene, raw=None)
        case KeepRaw(job, source):
            copy = replace(source, key=layout.kept_key(b.KEY, job), etag="copy")
            kept = Kept(key=b.KEY, job=job, at=scene.now, source=copy)
            return replace(scene, copies=(*scene.copies, copy), records=(*scene.records, kept))
        case SendDeadLetter(dead, _):
            sent = DeadLetterSent(key=b.KEY, job=dead.job, round=dead.round, at=scene.now)
            return replace(scene, records=(*scene.records, sent))
        case PostNotice(notice):
            posted = NoticePosted(key=b.KEY, n=notice.n, at=scene.now)
            return replace(scene, records=(*scene.records, posted))
        case RemoveManifest():
            return replace(scene, manifest=None)
        case RemoveOutputs(keys):
            return replace(scene, store=tuple(output for output in scene.store if output.key not in keys))
        case RemoveKept(sources):
            return replace(scene, copies=tuple(copy for copy in scene.copies if copy not in sources))
        case DeleteDeliveries(deliveries):
            return replace(scene, deliveries=tuple(d for d in scene.deliveries if d not in deliveries))
        case Raise():
            return scene
        case _:
            assert_never(action)


def _pending(intent: Intent, scene: Scene) -> Task:
    task = d.task(intent.number, status="PENDING", created_at=scene.now, started_at=None)
    assert task.spec is not None
    return replace(task, arn=f"{intent.job}/{task.arn}", spec=replace(task.spec, job=intent.job, source=intent.source))


def later(scene: Scene, time: timedelta) -> Scene:
    """Return the scene after a wait: tasks went on, slots, tokens and breaker are free again."""
    scene = replace(scene, now=scene.now + time, gate=LaunchGate())
    for task in scene.tasks:
        if task.alive:
            scene = _went_on(task, scene)
    return scene


def a_day_later(scene: Scene) -> Scene:
    """Return what becomes of a scene that nobody looks at: what still ran has ended."""
    for _ in range(3):
        scene = later(scene, timedelta(hours=8))
    return scene


def _went_on(task: Task, scene: Scene) -> Scene:
    if not _wanted(task, scene):
        return _with(scene, replace(task, status="STOPPED", stop_code="EssentialContainerExited", exit_code=75))
    if _hangs(task):
        return scene
    if task.started_at is None:
        return _with(scene, replace(task, status="RUNNING", started_at=scene.now))
    if scene.now - task.started_at < STEP:
        return scene
    scene = _with(scene, replace(task, status="STOPPED", stop_code="EssentialContainerExited", exit_code=0))
    return _succeeded(task, scene)


def _hangs(task: Task) -> bool:
    """Whether the task had not started, or not ended, in time when the world became well: it never will."""
    began, patience = (
        (task.created_at, b.POLICY.start_deadline)
        if task.started_at is None
        else (task.started_at, b.POLICY.run_deadline)
    )
    return began is not None and b.NOW - began > patience


def _wanted(task: Task, scene: Scene) -> bool:
    """Whether the worker goes on: its fence looks at its start and every minute. What hangs does not look."""
    assert task.spec is not None
    return _hangs(task) or superseded(task.spec, gathered(b.KEY, scene.records), scene.manifest) is None


def _succeeded(task: Task, scene: Scene) -> Scene:
    job, number = attempt_of(task)
    outputs = d.outputs(number, job)
    told = Result(key=b.KEY, job=job, number=number, at=scene.now, failure=None, code="ok", outputs=outputs)
    if any(isinstance(known, Result) and (known.job, known.number) == (job, number) for known in scene.records):
        return scene
    made = tuple(b.seen_as(output) for output in outputs)
    return replace(scene, records=(*scene.records, told), store=(*scene.store, *made))


def _with(scene: Scene, task: Task) -> Scene:
    return replace(scene, tasks=tuple(task if known.arn == task.arn else known for known in scene.tasks))
