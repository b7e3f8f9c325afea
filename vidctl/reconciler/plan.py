"""The decision: what to do about one video, from what is known and the time. Pure and total; read it to know vidctl.

The first rule that applies decides. A video may have several jobs (another ETag under the same key is another upload);
each is planned by itself, the one of the present raw object last, and the first that has something to do is done.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from vidctl.model import Delivery, FailureClass, Source
from vidctl.reconciler import budget, drafts
from vidctl.reconciler.actions import (
    Action,
    CreateIntent,
    DeclareDead,
    DeleteDeliveries,
    DeleteRaw,
    KeepRaw,
    OpenRound,
    Plan,
    Publish,
    Raise,
    RecordOutcome,
    RemoveKept,
    RemoveManifest,
    RemoveOutputs,
    RunTask,
    SendDeadLetter,
    StopTasks,
)
from vidctl.reconciler.classify import (
    STOPPED_AS_SUPERSEDED,
    STOPPED_FOR_DEADLINE,
    STOPPED_FOR_START,
    Verdict,
    classify,
    classify_result,
    refused,
)
from vidctl.reconciler.observation import JobView, Observation
from vidctl.reconciler.policy import Policy
from vidctl.records import Dead, Intent, JobRecords, Manifest, Output, Result, Round

NOW = timedelta(0)


def plan(seen: Observation, policy: Policy, now: datetime) -> Plan:
    """Decide about one video. Never raises; an impossible state is an alarm and a wait."""
    if seen.records.unreadable:
        alarm = Raise("unreadable_record", ", ".join(seen.records.unreadable))
        return Plan(actions=(alarm,), requeue_after=policy.recall, why="a record is not readable by this version")
    if seen.records.cancel is not None:
        return _cancelled(seen, policy, now)
    plans = [_job(seen, seen.job(job), policy, now) for job in seen.jobs]
    for decided in plans:
        if decided.acts:
            return decided
    waits = [decided for decided in plans if decided.requeue_after is not None]
    if not waits:
        return plans[-1] if plans else Plan(why="nothing is known of this video")
    return min(waits, key=lambda decided: (decided.requeue_after, decided.why))


def claims(seen: Observation) -> tuple[Output, ...]:
    """Return the outputs that a decision may depend on, so that the pass looks at them."""
    claimed: list[Output] = []
    for job in map(seen.job, seen.jobs):
        if job.manifest is not None:
            claimed += job.manifest.outputs if job.raw is not None else ()
        else:
            claimed += [output for result in _successes(job.records) for output in result.outputs]
    return tuple(dict.fromkeys(claimed))


def wants_tasks(records: JobRecords, policy: Policy, now: datetime) -> bool:
    """Whether ECS must be asked for the tasks of this job.

    Not before its first attempt nor after its end, since nothing can run; nor while the open attempt is young, since
    RunTask with its token is the lookup, and costs no call of the scarce read quota.
    """
    told = records.dead is not None and any(sent.round == records.round for sent in records.dead_letters)
    published = any(outcome.code == "published" for outcome in records.outcomes)
    if not records.intents or ((told or published) and not records.open_intents):
        return False
    return all(now - intent.created_at >= policy.relaunch_until for intent in records.open_intents)


# --- the rules, in order ------------------------------------------------------------------------------------------


def _job(seen: Observation, job: JobView, policy: Policy, now: datetime) -> Plan:
    if job.records.dead is not None:
        return _dead(job, job.records.dead, policy, now)
    if job.manifest is not None:
        return _published(seen, job, job.manifest, policy, now)
    verified = _verified(seen, job, now)
    if verified is not None:
        return verified
    if job.source is None:
        return _gone(job, policy, now)
    if job.raw is not None and job.records.kept is None and now - job.raw.last_modified > policy.keep_after:
        return _act(KeepRaw(job.job, job.raw), "unfinished, and its lifecycle rule comes near")
    if job.records.open_intents:
        return _open(seen, job, job.records.open_intents[0], policy, now)
    if job.live_tasks:
        return _wait(policy.poll, "a task of an earlier attempt is still alive")
    return _next(seen, job, job.source, policy, now)


def _cancelled(seen: Observation, policy: Policy, now: datetime) -> Plan:
    """Rule: the owner wants the video gone. Tasks first, so that nothing is written after the removal."""
    alive = tuple(task.arn for task in seen.tasks if task.alive)
    if alive:
        return _stop(alive, STOPPED_AS_SUPERSEDED, policy, "cancelled")
    for job in map(seen.job, seen.jobs):
        if job.records.open_intents:
            return _close(job, job.records.open_intents[0], None, "cancelled", "the owner cancelled", now)
    if seen.manifest_etag is not None:
        return _act(RemoveManifest(seen.manifest_etag), "cancelled")
    if seen.leftovers:
        return _act(RemoveOutputs(seen.leftovers), "cancelled")
    if seen.raw is not None:
        return _act(DeleteRaw(seen.raw, published=False), "cancelled")
    if seen.kept:
        return _act(RemoveKept(seen.kept), "cancelled")
    return _acknowledge(seen.deliveries, "cancelled")


def _dead(job: JobView, dead: Dead, policy: Policy, now: datetime) -> Plan:
    """Rule: the round was given up. The raw object is kept safe before the queue is told."""
    if job.source is not None and any(d.redrive is not None and d.redrive.round == dead.round for d in job.deliveries):
        opened = Round(key=job.key, job=job.job, round=dead.round + 1, at=now)
        return _act(OpenRound(opened), "its dead letter was sent back")
    if job.raw is not None and job.records.kept is None:
        return _act(KeepRaw(job.job, job.raw), "dead: the raw object is kept")
    if not any(sent.round == dead.round for sent in job.records.dead_letters):
        body = job.deliveries[0].body if job.deliveries else None
        return _act(SendDeadLetter(dead, body), f"dead: {dead.code}")
    if job.live_tasks:
        return _stop(tuple(task.arn for task in job.live_tasks), STOPPED_AS_SUPERSEDED, policy, "dead")
    if job.records.open_intents:
        return _close(job, job.records.open_intents[0], None, "superseded", "the job is dead", now)
    return _acknowledge(job.deliveries, f"dead: {dead.code}")


def _published(seen: Observation, job: JobView, manifest: Manifest, policy: Policy, now: datetime) -> Plan:
    """Rule: this Source is published. Raw goes only if every output is there now."""
    others = tuple(t.arn for t in job.live_tasks if t.spec is not None and t.spec.number != manifest.number)
    if others:
        return _stop(others, STOPPED_AS_SUPERSEDED, policy, "another attempt was published")
    for intent in job.records.open_intents:
        if intent.number == manifest.number:
            return _close(job, intent, None, "published", "", now)
        return _close(job, intent, None, "superseded", f"attempt {manifest.number} was published", now)
    if job.raw is not None:
        wrong = seen.mismatches(manifest.outputs)
        if wrong:
            if job.records.kept is None and now - job.raw.last_modified > policy.keep_after:
                return _act(KeepRaw(job.job, job.raw), "not as published, and its lifecycle rule comes near")
            alarm = Raise("published_output_missing", f"{', '.join(wrong)} of attempt {manifest.number}")
            return Plan(actions=(alarm,), requeue_after=policy.recall, why="published outputs are not as published")
        return _act(DeleteRaw(job.raw, published=True), "published and verified")
    return _acknowledge(job.deliveries, "published")


def _verified(seen: Observation, job: JobView, now: datetime) -> Plan | None:
    """Rule: a worker says that it succeeded. Publish what is there as said; what is not is a failed attempt."""
    if job.source is None and (seen.raw is not None or seen.manifest is not None):
        return None  # a later upload has taken its place
    for result in _successes(job.records):
        wrong = seen.mismatches(result.outputs)
        if not wrong:
            return _act(Publish(drafts.manifest(job, result, now), seen.manifest_etag), "outputs verified")
        intent = next((i for i in job.records.open_intents if i.number == result.number), None)
        if intent is not None:
            detail = f"outputs not as reported: {', '.join(wrong)}"
            return _close(job, intent, FailureClass.APP, "verify_failed", detail, now)
    return None


def _gone(job: JobView, policy: Policy, now: datetime) -> Plan:
    """Rule: there is no raw object of this job, nor a copy."""
    if job.live_tasks:
        return _stop(tuple(t.arn for t in job.live_tasks), STOPPED_AS_SUPERSEDED, policy, "the raw object is gone")
    if job.records.open_intents:
        return _close(job, job.records.open_intents[0], None, "source_gone", "the raw object is gone", now)
    return _acknowledge(job.deliveries, "the raw object is gone")


def _open(seen: Observation, job: JobView, intent: Intent, policy: Policy, now: datetime) -> Plan:
    """Rule: an attempt is open."""
    task = job.task(intent.number)
    if task is None:
        return _unseen(seen, job, intent, policy, now)
    if not task.alive:
        return _fail(job, intent, classify(task, job.records.result(intent.number)), now)
    if task.started_at is None:
        late = now - (task.created_at or intent.created_at) > policy.start_deadline
        return _stop((task.arn,), STOPPED_FOR_START, policy, "starting") if late else _wait(policy.poll, "starting")
    if now - task.started_at > policy.run_deadline:
        return _stop((task.arn,), STOPPED_FOR_DEADLINE, policy, "running too long")
    return _wait(policy.poll, "running")


def _unseen(seen: Observation, job: JobView, intent: Intent, policy: Policy, now: datetime) -> Plan:
    """Rule: an attempt is open and nobody sees its task."""
    result = job.records.result(intent.number)
    if result is not None:
        return _fail(job, intent, classify_result(result), now)
    refusal = next((r for r in seen.refusals if (r.job, r.number) == (job.job, intent.number)), None)
    if refusal is not None:
        left = refusal.at + policy.settle - now
        if left > NOW:
            return _wait(left, "RunTask found no room; it may start all the same")
        return _fail(job, intent, refused(refusal.reasons), now)
    age = now - intent.created_at
    if age >= policy.lost_after:
        if seen.gate.paused is not None:
            verdict = Verdict(FailureClass.CONFIGURATION, "launch_refused", seen.gate.paused)
        else:
            verdict = Verdict(FailureClass.INFRASTRUCTURE, "lost", "no task was seen, nor a result")
        return _fail(job, intent, verdict, now)
    if age >= policy.relaunch_until:
        return _wait(policy.lost_after - age, "no task is seen; too late to ask again")
    if not seen.gate.launch:
        return _wait(policy.slot_interval, seen.gate.paused or "waiting for a launch token")
    return _act(RunTask(intent), "attempt open, no task seen")


def _next(seen: Observation, job: JobView, source: Source, policy: Policy, now: datetime) -> Plan:
    """Rule: nothing is under way. Give up, wait, or open the next attempt."""
    outcomes = budget.this_round(job.records)
    spent = budget.unfit(source, policy) or budget.spent(outcomes, seen.others_succeeded_at, policy, now)
    if spent is not None:
        return _act(DeclareDead(drafts.dead(job, source, spent, len(outcomes), now)), f"given up: {spent.code}")
    if outcomes:
        left = outcomes[-1].at + policy.delay(job.job, outcomes[-1].number, len(outcomes)) - now
        if left > NOW:
            return _wait(left, f"backing off after {outcomes[-1].code}")
    if not seen.gate.begin:
        return replace(_wait(policy.slot_interval, seen.gate.paused or "waiting for a slot"), wants_slot=True)
    number = budget.next_number(job.records)
    return _act(CreateIntent(drafts.intent(job, number, source, policy, now)), f"attempt {number}")


# --- what the records say ------------------------------------------------------------------------------------------


def _successes(records: JobRecords) -> tuple[Result, ...]:
    """Return the results that may be published, the latest first: not those whose outputs were found wanting."""
    refuted = {outcome.number for outcome in records.outcomes if outcome.code == "verify_failed"}
    known = {intent.number for intent in records.intents}.difference(refuted)
    return tuple(r for r in reversed(records.results) if r.failure is None and r.outputs and r.number in known)


# --- small words --------------------------------------------------------------------------------------------------


def _act(action: Action, why: str) -> Plan:
    return Plan(actions=(action,), requeue_after=NOW, why=why)


def _wait(requeue_after: timedelta, why: str) -> Plan:
    return Plan(requeue_after=requeue_after, why=why)


def _stop(arns: tuple[str, ...], reason: str, policy: Policy, why: str) -> Plan:
    return replace(_act(StopTasks(arns, reason), why), requeue_after=policy.stop_interval)


def _fail(job: JobView, intent: Intent, verdict: Verdict, now: datetime) -> Plan:
    return _close(job, intent, verdict.failure, verdict.code, verdict.detail, now)


def _close(job: JobView, intent: Intent, failure: FailureClass | None, code: str, detail: str, now: datetime) -> Plan:
    outcome = drafts.outcome(job, intent.number, failure, code=code, detail=detail, at=now)
    return _act(RecordOutcome(outcome), f"attempt {intent.number} ended: {code}")


def _acknowledge(deliveries: tuple[Delivery, ...], why: str) -> Plan:
    return _act(DeleteDeliveries(deliveries), why) if deliveries else Plan(why=why)
