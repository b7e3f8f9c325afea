"""The invariants of the design, held against one plan in one scene: against what is true, not only what was seen."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tests import builders as b
from tests.planner.scene import Scene, attempt_of
from vidctl.model import Delivery, FailureClass, Kind, Source, Task
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
from vidctl.reconciler.classify import STOPPED_AS_SUPERSEDED
from vidctl.reconciler.glance import Hopeless
from vidctl.reconciler.observation import JobView, Observation
from vidctl.records import Dead, Intent, Manifest, Notice, Outcome, Output, Round

LONGEST_WAIT = max(b.POLICY.backoff_cap, b.POLICY.lost_after - b.POLICY.relaunch_until, b.POLICY.recall)


def hold(scene: Scene, seen: Observation, plan: Plan) -> None:
    """Fail if the plan breaks an invariant."""
    assert len(plan.actions) <= 1
    if plan.requeue_after is None:
        assert not plan.actions
        nothing_is_forgotten(seen)
    elif not plan.acts:
        assert timedelta(0) < plan.requeue_after <= LONGEST_WAIT
    for action in plan.actions:
        assert isinstance(action, Raise) or not seen.records.unreadable
        allowed(action, scene, seen)


def nothing_is_forgotten(seen: Observation) -> None:
    """A video is left alone only when nothing is open, alive, unanswered, to be published or to be told."""
    assert not seen.deliveries
    assert not seen.records.unposted
    assert seen.records.cancel is None or nothing_remains(seen)
    for job in map(seen.job, seen.jobs):
        assert not job.records.open_intents
        assert all(is_winner(seen.manifest, task) for task in map(attempt_of, job.live_tasks))
        assert job.raw is None or (job.records.dead is not None and job.records.kept is not None)
        assert job.source is None or job.manifest is not None or job.records.dead is not None


def nothing_remains(seen: Observation) -> bool:
    alive = any(task.alive for task in seen.tasks)
    return not (seen.raw or seen.kept or seen.manifest or seen.leftovers or alive)


def is_winner(manifest: Manifest | None, attempt: object) -> bool:
    return manifest is not None and attempt == (manifest.job, manifest.number)


def allowed(action: Action, scene: Scene, seen: Observation) -> None:  # noqa: C901, PLR0912 - one case for each action
    match action:
        case Raise():
            assert seen.records.unreadable or (seen.raw is not None and not whole(scene, scene.manifest))
        case CreateIntent(intent):
            may_begin(intent, scene, seen)
        case RunTask(intent):
            may_launch(intent, scene, seen)
        case StopTasks(arns, reason):
            may_stop(arns, reason, scene, seen)
        case RecordOutcome(outcome):
            may_close(outcome, seen)
        case Publish(manifest, replacing):
            assert replacing == seen.manifest_etag
            may_publish(manifest, scene, seen)
        case Redate(manifest, replacing):
            assert replacing == seen.manifest_etag
            may_redate(manifest, scene, seen)
        case DeleteRaw(source, published):
            assert source == scene.raw
            assert scene.manifest is None or not published or scene.manifest.uploaded_at >= source.last_modified
            named = scene.manifest is not None and scene.manifest.job == seen.job_of(source.upload_etag)
            assert (named and whole(scene, scene.manifest)) if published else seen.records.cancel is not None
        case KeepRaw(job, source):
            may_keep(job, source, scene, seen)
        case DeclareDead(dead):
            may_give_up(dead, scene, seen)
        case SendDeadLetter(dead):
            may_tell(dead, seen)
        case OpenRound(opened):
            may_reopen(opened, seen)
        case CreateNotice(notice):
            may_note(notice, scene, seen)
        case PostNotice(notice):
            may_post(notice, seen)
        case RemoveManifest() | RemoveOutputs() | RemoveKept():
            assert seen.records.cancel is not None
            assert not any(task.alive for task in scene.tasks)
            assert not any(records.open_intents for records in seen.records.jobs)
            assert seen.manifest is None or isinstance(action, RemoveManifest)
        case DeleteDeliveries(deliveries):
            for delivery in deliveries:
                may_acknowledge(delivery, scene, seen)


# --- one action each ------------------------------------------------------------------------------------------------


def whole(scene: Scene, manifest: Manifest | None) -> bool:
    """Whether every output of the manifest truly exists as it says."""
    return manifest is not None and all(exists(scene, output) for output in manifest.outputs)


def exists(scene: Scene, output: Output) -> bool:
    return any(stored.matches(output) for stored in scene.store)


def may_begin(intent: Intent, scene: Scene, seen: Observation) -> None:
    job = seen.job(intent.job)
    assert wanted(job, seen)
    assert not job.records.open_intents
    assert not job.live_tasks
    assert seen.gate.begin
    assert intent.source == job.source
    assert intent.number.round == job.records.round
    ended = [outcome for outcome in job.records.outcomes if outcome.number.round == intent.number.round]
    made = [known.number for known in job.records.intents if known.number.round == intent.number.round]
    assert (
        intent.number.n == max([number.n for number in made] + [outcome.number.n for outcome in ended], default=0) + 1
    )
    assert job.raw is None or job.records.kept is not None or not nears_expiry(job.raw, scene)
    if ended:
        backoff = b.POLICY.delay(job.job, ended[-1].number, len(ended))
        assert scene.now - ended[-1].at >= backoff
    assert sum(outcome.failure is FailureClass.PERMANENT for outcome in ended) == 0
    assert sum(outcome.failure is FailureClass.APP for outcome in ended) < b.POLICY.app_attempts
    assert intent.number.n > 1 or not isinstance(scene.sight, Hopeless)


def wanted(job: JobView, seen: Observation) -> bool:
    """Whether work on the job can still be of use."""
    return job.source is not None and job.manifest is None and job.records.dead is None and seen.records.cancel is None


def may_launch(intent: Intent, scene: Scene, seen: Observation) -> None:
    job = seen.job(intent.job)
    assert wanted(job, seen)
    assert intent in job.records.open_intents
    assert scene.now - intent.created_at < b.POLICY.relaunch_until
    assert job.task(intent.number) is None
    assert job.records.result(intent.number) is None
    assert (intent.job, intent.number) not in {(refusal.job, refusal.number) for refusal in seen.refusals}
    assert seen.gate.launch


def may_stop(arns: tuple[str, ...], reason: str, scene: Scene, seen: Observation) -> None:
    named = [task for task in seen.tasks if task.arn in arns]
    assert arns
    assert [task.arn for task in named] == list(arns)
    for task in named:
        assert task.alive
        job = seen.job(attempt_of(task)[0])
        if reason == STOPPED_AS_SUPERSEDED:
            assert not wanted(job, seen)
            done = seen.records.cancel is not None or job.records.dead is not None
            assert done or not is_winner(seen.manifest, attempt_of(task)), "the winner ends by itself"
        else:
            assert is_late(task, scene)


def is_late(task: Task, scene: Scene) -> bool:
    if task.started_at is not None:
        return scene.now - task.started_at > b.POLICY.run_deadline
    return task.created_at is not None and scene.now - task.created_at > b.POLICY.start_deadline


def may_close(outcome: Outcome, seen: Observation) -> None:
    job = seen.job(outcome.job)
    assert outcome.number in {intent.number for intent in job.records.open_intents}
    task, result = job.task(outcome.number), job.records.result(outcome.number)
    if task is not None and task.alive:
        assert outcome.code in ("published", "verify_failed"), "what may still do something is not over"
    if outcome.code == "published":
        assert is_winner(seen.manifest, (outcome.job, outcome.number))
    if task is None and result is None:
        refused = [r.at for r in seen.refusals if (r.job, r.number) == (outcome.job, outcome.number)]
        assert all(seen.read_at - at >= b.POLICY.settle for at in refused) or outcome.failure is None
    if outcome.failure is None:
        assert not wanted(job, seen)
    elif task is None and result is None and not seen.refusals:
        lost = seen.read_at - b.POLICY.lost_after
        assert all(intent.created_at <= lost for intent in job.records.intents if intent.number == outcome.number)


def may_publish(manifest: Manifest, scene: Scene, seen: Observation) -> None:
    job = seen.job(manifest.job)
    assert whole(scene, manifest)
    assert manifest.outputs
    assert seen.records.cancel is None
    assert job.records.dead is None
    assert job.manifest is None, "one publication for a source"
    assert seen.job_of(manifest.source_etag) == manifest.job
    said = job.records.result(manifest.number)
    assert said is not None
    assert said.failure is None
    assert said.outputs == manifest.outputs
    refuted = job.records.outcome(manifest.number)
    assert refuted is None or refuted.code != "verify_failed"
    assert job.raw is not None or seen.raw is None, "what was uploaded since is not hidden"
    assert seen.manifest is None or seen.manifest.uploaded_at < manifest.uploaded_at or job.raw is not None


def may_redate(manifest: Manifest, scene: Scene, seen: Observation) -> None:
    assert seen.manifest is not None
    assert scene.raw is not None
    assert seen.manifest.uploaded_at < manifest.uploaded_at == scene.raw.last_modified
    assert replace(manifest, uploaded_at=seen.manifest.uploaded_at) == seen.manifest
    assert seen.job_of(scene.raw.upload_etag) == manifest.job
    assert whole(scene, manifest)
    assert seen.records.cancel is None


def may_give_up(dead: Dead, scene: Scene, seen: Observation) -> None:
    job = seen.job(dead.job)
    assert wanted(job, seen)
    assert not job.records.open_intents
    assert not job.live_tasks
    assert dead.round == job.records.round
    ended = [outcome for outcome in job.records.outcomes if outcome.number.round == dead.round]
    own = [outcome for outcome in ended if outcome.failure is dead.failure]
    unfit = dead.source.size_bytes == 0 or dead.source.size_bytes > b.POLICY.max_source_bytes
    hopeless = isinstance(scene.sight, Hopeless) and dead.code == scene.sight.code and dead.attempts == 0
    match dead.failure:
        case FailureClass.PERMANENT:
            assert unfit or own or hopeless
        case FailureClass.APP:
            assert len(own) >= b.POLICY.app_attempts
        case FailureClass.INFRASTRUCTURE:
            assert len(own) >= b.POLICY.infrastructure_attempts
            assert scene.now - own[0].at >= b.POLICY.infrastructure_patience
            assert seen.others_succeeded_at is not None
            assert seen.others_succeeded_at > own[0].at
        case _:
            raise AssertionError(dead.failure)


def may_keep(job: str, source: Source, scene: Scene, seen: Observation) -> None:
    assert source == scene.raw
    assert seen.job_of(source.upload_etag) == job
    assert seen.records.job(job).kept is None
    assert nears_expiry(source, scene) or seen.records.job(job).dead is not None


def nears_expiry(source: Source, scene: Scene) -> bool:
    return scene.now - source.last_modified > b.POLICY.keep_after


def may_tell(dead: Dead, seen: Observation) -> None:
    job = seen.job(dead.job)
    assert job.records.dead == dead
    assert job.raw is None or job.records.kept is not None, "kept safe before anyone is told"
    assert all(sent.round != dead.round for sent in job.records.dead_letters)


def may_reopen(opened: Round, seen: Observation) -> None:
    job = seen.job(opened.job)
    assert job.source is not None
    assert job.records.dead is not None
    assert opened.round == job.records.dead.round + 1
    asked = [delivery.redrive for delivery in job.deliveries if delivery.redrive is not None]
    assert job.records.dead.round in {redrive.round for redrive in asked}


def may_note(notice: Notice, scene: Scene, seen: Observation) -> None:
    """Only what is true, or what the owner asked for, is noted, once, and while something is left to do."""
    assert scene.policy.telling.receivers
    assert notice.about in scene.policy.telling.kinds
    assert notice.n == len(seen.records.notices) + 1
    before = [(known.about, known.job, known.fact_at) for known in seen.records.notices]
    assert (notice.about, notice.job, notice.fact_at) not in before
    assert all(known.at < notice.at for known in seen.records.notices)
    job = None if notice.job is None else seen.job(notice.job)
    match notice.about:
        case Kind.PUBLISHED:
            assert job is not None
            assert job.manifest is not None
            assert (notice.fact_at, notice.outputs) == (job.manifest.published_at, job.manifest.outputs)
            assert job.raw is not None or job.records.open_intents or job.deliveries
        case Kind.FAILED:
            assert job is not None
            assert job.manifest is None
            sent = {letter.round for letter in job.records.dead_letters}
            unsent = job.records.dead is not None and job.records.dead.round not in sent
            assert unsent or (seen.raw is None and job.source is None and job.records.open_intents)
        case Kind.DELETED:
            assert seen.records.cancel is not None
            assert not nothing_remains(seen) or seen.deliveries or any(job.open_intents for job in seen.records.jobs)


def may_post(notice: Notice, seen: Observation) -> None:
    """What is noted is posted once; a deletion when it is true."""
    assert notice in seen.records.unposted
    assert notice.about is not Kind.DELETED or nothing_remains(seen)


def may_acknowledge(delivery: Delivery, scene: Scene, seen: Observation) -> None:
    job = seen.job(seen.job_of(delivery.upload.etag))
    assert not seen.records.unposted
    wanted_kinds = scene.policy.telling.kinds if scene.policy.telling.receivers else ()
    noted = {(notice.about, notice.job, notice.fact_at) for notice in seen.records.notices}
    if seen.records.cancel is not None:
        assert nothing_remains(seen)
        assert Kind.DELETED not in wanted_kinds or (Kind.DELETED, None, seen.records.cancel.at) in noted
        return
    if job.manifest is not None and job.records.dead is None and Kind.PUBLISHED in wanted_kinds:
        assert (Kind.PUBLISHED, job.job, job.manifest.published_at) in noted
    assert not job.records.open_intents
    assert all(is_winner(seen.manifest, task) for task in map(attempt_of, job.live_tasks))
    if job.records.dead is not None:
        assert any(sent.round == job.records.dead.round for sent in job.records.dead_letters)
        assert job.raw is None or job.records.kept is not None
    else:
        assert job.raw is None
        assert job.manifest is not None or job.source is None
