"""What is to be told of a video, decided as everything else is. Pure.

A final state is noted while anything is left to do about it, and what is noted is told whatever comes after. So no
crash is too early or too late for it, and what was settled before anybody wanted to be told never is.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from vidctl.model import Kind
from vidctl.reconciler import drafts
from vidctl.reconciler.actions import CreateNotice, Plan, PostNotice
from vidctl.reconciler.observation import JobView, Observation
from vidctl.reconciler.policy import Policy
from vidctl.reconciler.rules import Rule
from vidctl.reconciler.steps import act
from vidctl.records import Cancel, Dead, Notice


def unposted(rule: Rule, seen: Observation) -> Plan | None:
    """Rule: a notice does not lie in every outbox. That of a deletion waits until nothing is left of the video."""
    for notice in seen.records.unposted:
        if notice.about is not Kind.DELETED:
            return act(rule, PostNotice(notice), f"to be told: {notice.about}")
    return None


def published(rule: Rule, seen: Observation, job: JobView, policy: Policy, now: datetime) -> Plan | None:
    """Rule: a publication is not noted, and not settled."""
    manifest = job.manifest
    if manifest is None or (job.raw is None and not job.records.open_intents and not job.deliveries):
        return None
    notice = drafts.notice(seen, Kind.PUBLISHED, manifest.published_at, now)
    return _note(rule, seen, replace(notice, job=job.job, outputs=manifest.outputs), policy)


def dead(rule: Rule, seen: Observation, job: JobView, given_up: Dead, policy: Policy, now: datetime) -> Plan | None:
    """Rule: that the round was given up is not noted. Asked before the dead letter is sent.

    What another replica published at the same moment has not failed.
    """
    if job.manifest is not None:
        return None
    notice = replace(
        drafts.notice(seen, Kind.FAILED, given_up.at, now),
        job=job.job,
        failure=given_up.failure,
        code=given_up.code,
        detail=given_up.detail,
    )
    return _note(rule, seen, notice, policy)


def gone(rule: Rule, seen: Observation, job: JobView, why: str, policy: Policy, now: datetime) -> Plan | None:
    """Rule: the upload vanished while an attempt was open, and no later one took its place. Asked before it closes."""
    if seen.raw is not None:
        return None
    begun = job.records.open_intents[0].created_at
    notice = drafts.notice(seen, Kind.FAILED, begun, now)
    return _note(rule, seen, replace(notice, job=job.job, code="source_gone", detail=why), policy)


def deleted(rule: Rule, seen: Observation, cancel: Cancel, policy: Policy, now: datetime) -> Plan | None:
    """Rule: that the owner had the video removed is not noted. Asked while something is left of it."""
    return _note(rule, seen, drafts.notice(seen, Kind.DELETED, cancel.at, now), policy)


def gone_for_good(rule: Rule, seen: Observation) -> Plan | None:
    """Rule: nothing is left of a deleted video, and its last notice does not lie in every outbox."""
    for notice in seen.records.unposted:
        return act(rule, PostNotice(notice), f"to be told: {notice.about}")
    return None


def _note(rule: Rule, seen: Observation, notice: Notice, policy: Policy) -> Plan | None:
    """Write the notice, unless nobody is to be told or the same is noted already."""
    wanted = bool(policy.telling.receivers) and notice.about in policy.telling.kinds
    if not wanted or any(_fact(noted) == _fact(notice) for noted in seen.records.notices):
        return None
    return act(rule, CreateNotice(notice), f"to be noted: {notice.about}")


def _fact(notice: Notice) -> tuple[Kind, str | None, datetime]:
    return notice.about, notice.job, notice.fact_at
