"""The shapes that a plan can have: one change, a wait, an alarm, or nothing. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from vidctl.model import Delivery, FailureClass, Task
from vidctl.reconciler import drafts
from vidctl.reconciler.actions import Action, DeleteDeliveries, Plan, Raise, RecordOutcome, StopTasks
from vidctl.reconciler.classify import STOPPED_AS_SUPERSEDED, Verdict
from vidctl.reconciler.observation import JobView
from vidctl.reconciler.policy import Policy
from vidctl.reconciler.rules import Rule
from vidctl.records import Intent

AT_ONCE = timedelta(0)


def act(rule: Rule, action: Action, why: str) -> Plan:
    """Change one thing, and look again at once."""
    return Plan(rule=rule, actions=(action,), requeue_after=AT_ONCE, why=why)


def wait(rule: Rule, requeue_after: timedelta, why: str) -> Plan:
    """Change nothing, and look again later."""
    return Plan(rule=rule, requeue_after=requeue_after, why=why)


def alarm(rule: Rule, raised: Raise, policy: Policy, why: str) -> Plan:
    """Call for a person: nothing that vidctl may do would mend it."""
    return Plan(rule=rule, actions=(raised,), requeue_after=policy.recall, why=why)


def stop(rule: Rule, tasks: tuple[Task, ...], policy: Policy, why: str, *, reason: str = STOPPED_AS_SUPERSEDED) -> Plan:
    """Ask tasks to stop, and look whether they did before asking again."""
    request = StopTasks(tuple(task.arn for task in tasks), reason)
    return Plan(rule=rule, actions=(request,), requeue_after=policy.stop_interval, why=why)


def fail(rule: Rule, job: JobView, intent: Intent, verdict: Verdict, now: datetime) -> Plan:
    """Close an attempt that failed."""
    return close(rule, job, intent, now, failure=verdict.failure, code=verdict.code, detail=verdict.detail)


def close(
    rule: Rule,
    job: JobView,
    intent: Intent,
    now: datetime,
    *,
    failure: FailureClass | None = None,
    code: str,
    detail: str = "",
) -> Plan:
    """Close an attempt; ``failure`` None: nothing failed."""
    outcome = drafts.outcome(job, intent.number, failure, code=code, detail=detail, at=now)
    return act(rule, RecordOutcome(outcome), f"attempt {intent.number} ended: {code}")


def acknowledge(some: Rule, none: Rule, deliveries: tuple[Delivery, ...], why: str) -> Plan:
    """Delete the messages that are left (rule ``some``); with none left the video is settled (rule ``none``)."""
    return act(some, DeleteDeliveries(deliveries), why) if deliveries else Plan(rule=none, why=why)
