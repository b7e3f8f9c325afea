"""When a receiver is told, when again, and when it is given up."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests import builders as b
from vidctl.dispatch import Dispatch
from vidctl.reconciler.patience import Begin, Wait, decide, is_spent
from vidctl.reconciler.policy import Telling

TELLING = Telling(receivers=("hook",))
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def dispatch(*, attempts: int = 0, not_before: datetime = b.NOW, n: int = 1) -> Dispatch:
    return Dispatch(receiver="hook", notice=b.notice(n), attempts=attempts, not_before=not_before)


def wait_after(attempts: int, *, n: int = 1, telling: Telling = TELLING) -> timedelta:
    """Return how long the claim of an attempt keeps others away, after so many that failed."""
    decided = decide(dispatch(attempts=attempts, n=n), telling, b.NOW)
    assert isinstance(decided, Begin)
    return decided.claimed.not_before - b.NOW


def test_a_dispatch_is_left_alone_until_its_time_and_begun_at_it() -> None:
    later = dispatch(not_before=b.NOW + timedelta(seconds=7))
    assert decide(later, TELLING, b.NOW) == Wait(timedelta(seconds=7))
    assert isinstance(decide(later, TELLING, later.not_before), Begin)


def test_a_claim_counts_the_attempt_and_changes_nothing_else_but_its_time() -> None:
    before = dispatch(attempts=3)
    decided = decide(before, TELLING, b.NOW)
    assert isinstance(decided, Begin)
    assert decided.claimed.attempts == 4
    assert replace(decided.claimed, attempts=3, not_before=b.NOW) == before


@pytest.mark.parametrize(
    ("failed", "minutes"), [(0, 1), (1, 2), (2, 4), (3, 8), (4, 16), (5, 32), (6, 60), (7, 60), (10**6, 60)]
)
def test_waits_are_doubled_from_a_minute_to_an_hour_and_up_to_half_as_long_again(failed: int, minutes: int) -> None:
    whole = timedelta(minutes=minutes)
    waits = [wait_after(failed, n=n) for n in range(1, 40)]
    assert all(whole <= wait <= whole * 1.5 for wait in waits)
    assert len(set(waits)) > 30, "who failed together comes back together"


def test_a_decision_can_be_repeated() -> None:
    assert wait_after(3) == wait_after(3)


def test_the_least_wait_is_longer_than_an_attempt_may_take() -> None:
    """The wait is the attempt's lease: at 30 s an attempt is given up, and half a minute is left to clocks."""
    assert min(wait_after(0, n=n) for n in range(1, 40)) >= timedelta(seconds=60)


@pytest.mark.parametrize(("age", "spent"), [(HOUR, False), (DAY, False), (DAY + timedelta(seconds=1), True)])
def test_a_receiver_is_given_up_for_the_age_of_the_notice_and_not_for_its_failures(
    age: timedelta,
    spent: bool,  # noqa: FBT001 - a column
) -> None:
    found = b.notice().at
    for attempts in (1, 1000):
        assert is_spent(dispatch(attempts=attempts), TELLING, found + age) is spent
