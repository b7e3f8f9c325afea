"""The decision: what to do about one video, from what is known and the time. Pure and total; read it to know vidctl.

The first rule that applies decides. A video may have several jobs (another ETag under the same key is another upload);
each is planned by itself, the one of the present raw object last, and the first that has something to do is done.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from vidctl.model import FailureClass, Source, Task
from vidctl.reconciler import budget, drafts, notices
from vidctl.reconciler.actions import (
    CreateIntent,
    DeclareDead,
    DeleteRaw,
    KeepRaw,
    OpenRound,
    Plan,
    Publish,
    Raise,
    Redate,
    RemoveKept,
    RemoveManifest,
    RemoveOutputs,
    RunTask,
    SendDeadLetter,
)
from vidctl.reconciler.classify import (
    STOPPED_FOR_DEADLINE,
    STOPPED_FOR_START,
    Verdict,
    classify,
    classify_result,
    refused,
)
from vidctl.reconciler.glance import Hopeless
from vidctl.reconciler.observation import JobView, Observation
from vidctl.reconciler.policy import Policy
from vidctl.reconciler.results import successes
from vidctl.reconciler.rules import Rule
from vidctl.reconciler.steps import AT_ONCE, acknowledge, act, alarm, close, fail, stop, wait
from vidctl.records import Cancel, Dead, Intent, Manifest, Output, Round


def plan(seen: Observation, policy: Policy, now: datetime) -> Plan:
    """Decide about one video. Never raises; an impossible state is an alarm and a wait."""
    if seen.records.unreadable:
        names = ", ".join(seen.records.unreadable)
        why = "a record is not readable by this version"
        return alarm(Rule.UNREADABLE_RECORD, Raise("unreadable_record", names), policy, why)
    if (unposted := notices.unposted(Rule.UNPOSTED, seen)) is not None:
        return unposted
    if seen.records.cancel is not None:
        return _cancelled(seen, seen.records.cancel, policy, now)
    plans = [_job(seen, seen.job(job), policy, now) for job in seen.jobs]
    for decided in plans:
        if decided.acts:
            return decided
    waits = [decided for decided in plans if decided.requeue_after is not None]
    if not waits:
        return plans[-1] if plans else Plan(rule=Rule.UNKNOWN, why="nothing is known of this video")
    return min(waits, key=lambda decided: (decided.requeue_after, decided.why))


def claims(seen: Observation) -> tuple[Output, ...]:
    """Return the outputs that a decision may depend on, so that the pass looks at them."""
    claimed: list[Output] = []
    for job in map(seen.job, seen.jobs):
        if job.manifest is not None:
            claimed += job.manifest.outputs if job.raw is not None else ()
        else:
            claimed += [output for result in successes(job.records) for output in result.outputs]
    return tuple(dict.fromkeys(claimed))


# --- the rules, in order ------------------------------------------------------------------------------------------


def _job(seen: Observation, job: JobView, policy: Policy, now: datetime) -> Plan:
    if (noted := notices.published(Rule.PUBLISHED_UNNOTED, seen, job, policy, now)) is not None:
        return noted
    if job.records.dead is not None:
        return _dead(seen, job, job.records.dead, policy, now)
    if job.manifest is not None:
        return _published(seen, job, job.manifest, policy, now)
    verified = _verified(seen, job, now)
    if verified is not None:
        return verified
    if job.source is None:
        return _gone(seen, job, policy, now)
    if job.raw is not None and job.records.kept is None and now - job.raw.last_modified > policy.keep_after:
        return act(Rule.RAW_EXPIRING, KeepRaw(job.job, job.raw), "unfinished, and its lifecycle rule comes near")
    if job.records.open_intents:
        return _open(seen, job, job.records.open_intents[0], policy, now)
    if job.live_tasks:
        return _adopted(job.live_tasks, policy, now)
    return _next(seen, job, job.source, policy, now)


def _unnoted(seen: Observation, cancel: Cancel, policy: Policy, now: datetime) -> Plan | None:
    return notices.deleted(Rule.CANCELLED_UNNOTED, seen, cancel, policy, now)


def _removal(seen: Observation, policy: Policy, now: datetime) -> Plan | None:
    """Rule: something is left of a cancelled video. Tasks first, so that nothing is written after the removal."""
    alive = tuple(task for task in seen.tasks if task.alive)
    if alive:
        return stop(Rule.CANCELLED_TASK_ALIVE, alive, policy, "cancelled")
    for job in map(seen.job, seen.jobs):
        if job.records.open_intents:
            open_ = job.records.open_intents[0]
            return close(Rule.CANCELLED_ATTEMPT_OPEN, job, open_, now, code="cancelled", detail="the owner cancelled")
    if seen.manifest_etag is not None:
        return act(Rule.CANCELLED_MANIFEST, RemoveManifest(seen.manifest_etag), "cancelled")
    if seen.leftovers:
        return act(Rule.CANCELLED_OUTPUTS, RemoveOutputs(seen.leftovers), "cancelled")
    if seen.raw is not None:
        return act(Rule.CANCELLED_RAW, DeleteRaw(seen.raw, published=False), "cancelled")
    if seen.kept:
        return act(Rule.CANCELLED_KEPT, RemoveKept(seen.kept), "cancelled")
    return None


def _cancelled(seen: Observation, cancel: Cancel, policy: Policy, now: datetime) -> Plan:
    """Rule: the owner wants the video gone."""
    removal = _removal(seen, policy, now)
    if removal is not None or seen.deliveries:
        removal = _unnoted(seen, cancel, policy, now) or removal
    left = removal or notices.gone_for_good(Rule.CANCELLED_UNPOSTED, seen)
    return left or acknowledge(Rule.CANCELLED_MESSAGE, Rule.CANCELLED, seen.deliveries, "cancelled")


def _dead(seen: Observation, job: JobView, dead: Dead, policy: Policy, now: datetime) -> Plan:
    """Rule: the round was given up. The raw object is kept safe before the queue is told."""
    if job.source is not None and any(d.redrive is not None and d.redrive.round == dead.round for d in job.deliveries):
        opened = Round(key=job.key, job=job.job, round=dead.round + 1, at=now)
        return act(Rule.DEAD_REDRIVEN, OpenRound(opened), "its dead letter was sent back")
    if job.raw is not None and job.records.kept is None:
        return act(Rule.DEAD_RAW_UNKEPT, KeepRaw(job.job, job.raw), "dead: the raw object is kept")
    if not any(sent.round == dead.round for sent in job.records.dead_letters):
        if (noted := notices.dead(Rule.DEAD_UNNOTED, seen, job, dead, policy, now)) is not None:
            return noted
        body = job.deliveries[0].body if job.deliveries else None
        return act(Rule.DEAD_UNTOLD, SendDeadLetter(dead, body), f"dead: {dead.code}")
    if job.live_tasks:
        return stop(Rule.DEAD_TASK_ALIVE, job.live_tasks, policy, "dead")
    if job.records.open_intents:
        open_ = job.records.open_intents[0]
        return close(Rule.DEAD_ATTEMPT_OPEN, job, open_, now, code="superseded", detail="the job is dead")
    return acknowledge(Rule.DEAD_MESSAGE, Rule.DEAD, job.deliveries, f"dead: {dead.code}")


def _won(job: JobView, manifest: Manifest, policy: Policy, now: datetime) -> Plan | None:
    """Rule: this Source is published. First nothing of its attempts is left to do."""
    others = tuple(task for task in job.live_tasks if task.spec is not None and task.spec.number != manifest.number)
    if others:
        return stop(Rule.PUBLISHED_TASK_ALIVE, others, policy, "another attempt was published")
    for task in job.live_tasks:
        reason = _late(task, policy, now)
        if reason is not None:
            return stop(Rule.PUBLISHED_TASK_LATE, (task,), policy, "published, and its task hangs", reason=reason)
    for intent in job.records.open_intents:
        if intent.number == manifest.number:
            return close(Rule.PUBLISHED_ATTEMPT_OPEN, job, intent, now, code="published")
        overtaken = f"attempt {manifest.number} was published"
        return close(Rule.PUBLISHED_OTHER_OPEN, job, intent, now, code="superseded", detail=overtaken)
    return None


def _published(seen: Observation, job: JobView, manifest: Manifest, policy: Policy, now: datetime) -> Plan:
    """Rule: this Source is published. Raw goes only if every output is there now."""
    if (left := _won(job, manifest, policy, now)) is not None:
        return left
    if job.raw is not None:
        wrong = seen.mismatches(manifest.outputs)
        if wrong:
            if job.records.kept is None and now - job.raw.last_modified > policy.keep_after:
                why = "not as published, and its lifecycle rule comes near"
                return act(Rule.PUBLISHED_BROKEN_EXPIRING, KeepRaw(job.job, job.raw), why)
            missing = Raise("published_output_missing", f"{', '.join(wrong)} of attempt {manifest.number}")
            return alarm(Rule.PUBLISHED_BROKEN, missing, policy, "published outputs are not as published")
        if job.raw.last_modified > manifest.uploaded_at:
            # What was uploaded between the two, and is still being worked on, must not be published over this one.
            again = Redate(replace(manifest, uploaded_at=job.raw.last_modified), seen.manifest_etag)
            return act(Rule.PUBLISHED_AGAIN, again, "the same file was uploaded once more")
        return act(Rule.PUBLISHED_RAW, DeleteRaw(job.raw, published=True), "published and verified")
    return acknowledge(Rule.PUBLISHED_MESSAGE, Rule.PUBLISHED, job.deliveries, "published")


def _verified(seen: Observation, job: JobView, now: datetime) -> Plan | None:
    """Rule: a worker says that it succeeded. Publish what is there as said; what is not is a failed attempt."""
    if job.source is None and (seen.raw is not None or seen.manifest is not None):
        return None  # a later upload has taken its place
    for result in successes(job.records):
        wrong = seen.mismatches(result.outputs)
        if not wrong:
            publish = Publish(drafts.manifest(job, result, now), seen.manifest_etag)
            return act(Rule.OUTPUTS_VERIFIED, publish, "outputs verified")
        intent = next((i for i in job.records.open_intents if i.number == result.number), None)
        if intent is not None:
            verdict = Verdict(FailureClass.APP, "verify_failed", f"outputs not as reported: {', '.join(wrong)}")
            return fail(Rule.OUTPUTS_WRONG, job, intent, verdict, now)
    return None


def _gone(seen: Observation, job: JobView, policy: Policy, now: datetime) -> Plan:
    """Rule: there is no raw object of this job, nor a copy."""
    why = "the raw object is gone"
    if job.live_tasks:
        return stop(Rule.GONE_TASK_ALIVE, job.live_tasks, policy, why)
    if job.records.open_intents:
        begun, noted = job.records.open_intents[0], notices.gone(Rule.GONE_UNNOTED, seen, job, why, policy, now)
        return noted or close(Rule.GONE_ATTEMPT_OPEN, job, begun, now, code="source_gone", detail=why)
    return acknowledge(Rule.GONE_MESSAGE, Rule.GONE, job.deliveries, why)


def _open(seen: Observation, job: JobView, intent: Intent, policy: Policy, now: datetime) -> Plan:
    """Rule: an attempt is open."""
    task = job.task(intent.number)
    if task is None:
        return _unseen(seen, job, intent, policy, now)
    if not task.alive:
        return fail(Rule.TASK_STOPPED, job, intent, classify(task, job.records.result(intent.number)), now)
    if task.started_at is None:
        if now - (task.created_at or intent.created_at) > policy.start_deadline:
            return stop(Rule.STARTING_LATE, (task,), policy, "starting", reason=STOPPED_FOR_START)
        return wait(Rule.STARTING, policy.poll, "starting")
    if now - task.started_at > policy.run_deadline:
        return stop(Rule.RUNNING_LATE, (task,), policy, "running too long", reason=STOPPED_FOR_DEADLINE)
    return wait(Rule.RUNNING, policy.poll, "running")


def _unseen(seen: Observation, job: JobView, intent: Intent, policy: Policy, now: datetime) -> Plan:
    """Rule: an attempt is open and nobody sees its task."""
    result = job.records.result(intent.number)
    if result is not None:
        return fail(Rule.UNSEEN_RESULT, job, intent, classify_result(result), now)
    refusal = next((r for r in seen.refusals if (r.job, r.number) == (job.job, intent.number)), None)
    if refusal is not None:
        left = refusal.at + policy.settle - now
        if left > AT_ONCE:
            return wait(Rule.REFUSAL_SETTLING, left, "RunTask found no room; it may start all the same")
        return fail(Rule.REFUSED, job, intent, refused(refusal.reasons), now)
    age = now - intent.created_at
    if age >= policy.lost_after:
        if seen.gate.paused is not None:
            refusing = Verdict(FailureClass.CONFIGURATION, "launch_refused", seen.gate.paused)
            return fail(Rule.NEVER_LAUNCHED, job, intent, refusing, now)
        lost = Verdict(FailureClass.INFRASTRUCTURE, "lost", "no task was seen, nor a result")
        return fail(Rule.LOST, job, intent, lost, now)
    if age >= policy.relaunch_until:
        return wait(Rule.TOKEN_TOO_OLD, policy.lost_after - age, "no task is seen; too late to ask again")
    if not seen.gate.launch:
        if seen.gate.paused is not None:
            return wait(Rule.LAUNCH_PAUSED, policy.slot_interval, seen.gate.paused)
        return wait(Rule.LAUNCH_WAITING, policy.slot_interval, "waiting for a launch token")
    return act(Rule.LAUNCH, RunTask(intent), "attempt open, no task seen")


def _adopted(alive: tuple[Task, ...], policy: Policy, now: datetime) -> Plan:
    """Rule: a task of an earlier attempt is alive. It has the time that any attempt has."""
    for task in alive:
        reason = _late(task, policy, now)
        if reason is not None:
            return stop(Rule.EARLIER_TASK_LATE, (task,), policy, "an earlier attempt hangs", reason=reason)
    return wait(Rule.EARLIER_TASK_ALIVE, policy.poll, "a task of an earlier attempt is still alive")


def _late(task: Task, policy: Policy, now: datetime) -> str | None:
    """Return the reason to stop a task that has not started, or not ended, in time; None for any other."""
    if task.started_at is not None:
        return STOPPED_FOR_DEADLINE if now - task.started_at > policy.run_deadline else None
    late = task.created_at is not None and now - task.created_at > policy.start_deadline
    return STOPPED_FOR_START if late else None


def _next(seen: Observation, job: JobView, source: Source, policy: Policy, now: datetime) -> Plan:
    """Rule: nothing is under way. Give up, wait, or open the next attempt."""
    outcomes = budget.this_round(job.records)
    unfit = budget.unfit(source, policy)
    spent = unfit or budget.spent(outcomes, seen.others_succeeded_at, policy, now)
    if spent is not None:
        rule = Rule.UNFIT if unfit is not None else Rule.BUDGET_SPENT
        return act(rule, DeclareDead(drafts.dead(job, source, spent, len(outcomes), now)), f"given up: {spent.code}")
    if outcomes:
        left = outcomes[-1].at + policy.delay(job.job, outcomes[-1].number, len(outcomes)) - now
        if left > AT_ONCE:
            return wait(Rule.BACKING_OFF, left, f"backing off after {outcomes[-1].code}")
    if not seen.gate.begin:
        rule = Rule.BEGIN_PAUSED if seen.gate.paused is not None else Rule.BEGIN_WAITING
        return replace(wait(rule, policy.slot_interval, seen.gate.paused or "waiting for a slot"), wants_slot=True)
    if isinstance(job.sight, Hopeless):
        refused_at_sight = Verdict(FailureClass.PERMANENT, job.sight.code, job.sight.detail)
        dead = drafts.dead(job, source, refused_at_sight, len(outcomes), now)
        return act(Rule.HOPELESS, DeclareDead(dead), f"given up at a glance: {job.sight.code}")
    number = budget.next_number(job.records)
    return act(Rule.BEGIN, CreateIntent(drafts.intent(job, number, source, policy, now)), f"attempt {number}")
