"""When a job is given up, and what its next attempt does differently, from the outcomes of the round. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from vidctl.model import AttemptNumber, FailureClass, Source
from vidctl.reconciler.classify import DISK_FULL, OUT_OF_MEMORY, Verdict
from vidctl.reconciler.policy import Policy
from vidctl.records import JobRecords, Outcome


def this_round(records: JobRecords) -> tuple[Outcome, ...]:
    """Return the outcomes that count: a redrive begins with fresh budgets."""
    return tuple(outcome for outcome in records.outcomes if outcome.number.round == records.round)


def next_number(records: JobRecords) -> AttemptNumber:
    """Return the number of the next attempt: above every one that was ever written in this round."""
    made = [intent.number for intent in records.intents] + [outcome.number for outcome in records.outcomes]
    return AttemptNumber(records.round, max((n.n for n in made if n.round == records.round), default=0) + 1)


def unfit(source: Source, policy: Policy) -> Verdict | None:
    """Say what no attempt on this source can change, if anything."""
    if source.size_bytes == 0:
        return Verdict(FailureClass.PERMANENT, "empty", "the uploaded file is empty: upload it again")
    if source.size_bytes > policy.max_source_bytes:
        detail = f"{source.size_bytes} bytes are more than the limit of {policy.max_source_bytes}"
        return Verdict(FailureClass.PERMANENT, "over_limits", detail)
    return None


def spent(
    outcomes: tuple[Outcome, ...], others_succeeded_at: datetime | None, policy: Policy, now: datetime
) -> Verdict | None:
    """Say which budget is spent, if one is. Only evidence about this input, or a truly spent budget, gives a job up."""
    for failure in FailureClass:
        failed = tuple(outcome for outcome in outcomes if outcome.failure is failure)
        if failed and _is_spent(failure, failed, others_succeeded_at, policy, now):
            return Verdict(failure, failed[-1].code, failed[-1].detail)
    return None


def _is_spent(
    failure: FailureClass,
    failed: tuple[Outcome, ...],
    others_succeeded_at: datetime | None,
    policy: Policy,
    now: datetime,
) -> bool:
    match failure:
        case FailureClass.PERMANENT:
            return True
        case FailureClass.APP:
            return len(failed) >= policy.app_attempts
        case FailureClass.INFRASTRUCTURE:
            # While no other video succeeds either, it is the fleet's fault and this one is not blamed.
            others = others_succeeded_at is not None and others_succeeded_at > failed[0].at
            patient = now - failed[0].at < policy.infrastructure_patience
            return len(failed) >= policy.infrastructure_attempts and others and not patient
        case FailureClass.CAPACITY | FailureClass.THROTTLE | FailureClass.CONFIGURATION | FailureClass.BAD_MESSAGE:
            return False
        case _:
            assert_never(failure)


def lacks(outcomes: tuple[Outcome, ...]) -> int:
    """Count the lacks that a larger task may cure, each kind once."""
    return len({outcome.code for outcome in outcomes}.intersection((OUT_OF_MEMORY, DISK_FULL)))


def placement(outcomes: tuple[Outcome, ...]) -> int:
    """Index the placements by the attempts that the place had no room for, or that it took back."""
    return sum(o.failure is FailureClass.CAPACITY or o.code == "spot_interrupted" for o in outcomes)
