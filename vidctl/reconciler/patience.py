"""When a receiver is told, when again, and when it is given up. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from vidctl.dispatch import Dispatch
from vidctl.reconciler.policy import Telling


@dataclass(frozen=True, slots=True)
class Wait:
    """Somebody else tells, or the last attempt failed a moment ago."""

    left: timedelta


@dataclass(frozen=True, slots=True)
class Begin:
    """Claim the attempt by writing this, then tell."""

    claimed: Dispatch


def decide(dispatch: Dispatch, telling: Telling, now: datetime) -> Wait | Begin:
    """Decide about a dispatch as it stands in the outbox."""
    if now < dispatch.not_before:
        return Wait(dispatch.not_before - now)
    begun = replace(dispatch, attempts=dispatch.attempts + 1)
    return Begin(replace(begun, not_before=now + _delay(begun, telling)))


def is_spent(dispatch: Dispatch, telling: Telling, now: datetime) -> bool:
    """Whether a receiver that has just failed again is given up: it had its time."""
    return now - dispatch.notice.at > telling.patience


def _delay(dispatch: Dispatch, telling: Telling) -> timedelta:
    """Return the time until the next attempt: doubled each time, capped, and up to half as much again.

    The jitter comes from the event and the attempt, so that a decision can be repeated. The shortest delay is longer
    than an attempt takes, since it is the attempt's lease as well.
    """
    doublings: int = 2 ** min(dispatch.attempts - 1, 20)
    whole = min(telling.backoff * doublings, telling.backoff_cap)
    share = hashlib.sha256(f"{dispatch.name.event}-{dispatch.attempts}".encode()).digest()[0] / 255
    return whole * (1 + share / 2)
