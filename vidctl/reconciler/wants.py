"""What a pass has to look at besides the records, because a decision depends on it. Pure."""

from __future__ import annotations

from datetime import datetime

from vidctl.model import Source
from vidctl.reconciler.actions import CreateIntent
from vidctl.reconciler.observation import Observation
from vidctl.reconciler.plan import plan
from vidctl.reconciler.policy import Policy
from vidctl.records import JobRecords


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


def wants_glance(seen: Observation, policy: Policy, now: datetime) -> Source | None:
    """Return the source that is to be looked into first: the one of which the first attempt of a round would be made.

    Not before: while a job waits for a slot it costs nothing. Nor later: the first attempt's size is in its Intent.
    """
    for action in plan(seen, policy, now).actions:
        if isinstance(action, CreateIntent) and action.intent.number.n == 1:
            return action.intent.source
    return None
