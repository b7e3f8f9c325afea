"""How many requests are let through, whatever their times, and how little is remembered."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidctl.http.limits.quota import Meter, Quota

TEN = Quota(name="read", requests=10, window=timedelta(seconds=60))


def test_a_whole_quota_may_be_spent_at_once_and_then_comes_back_evenly() -> None:
    meter = Meter()
    told = [meter.take(TEN, "ada", now=100.0) for _ in range(11)]
    assert [each.remaining for each in told] == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0]
    assert [each.wait for each in told] == [0.0] * 10 + [pytest.approx(6.0)]
    assert told[-1].full_in == pytest.approx(60.0)
    assert meter.take(TEN, "ada", now=105.9).wait == pytest.approx(0.1)
    assert meter.take(TEN, "ada", now=106.0).wait == 0
    assert meter.take(TEN, "ada", now=106.0).wait == pytest.approx(6.0)


def test_quotas_are_of_one_user_and_one_kind() -> None:
    meter, other = Meter(), Quota(name="write", requests=1)
    for _ in range(10):
        meter.take(TEN, "ada", now=0.0)
    assert meter.take(TEN, "ada", now=0.0).wait
    assert not meter.take(TEN, "eve", now=0.0).wait
    assert not meter.take(other, "ada", now=0.0).wait


@given(
    gaps=st.lists(st.floats(min_value=0, max_value=30), min_size=1, max_size=80),
    requests=st.integers(min_value=1, max_value=12),
)
def test_no_times_get_more_through_than_a_quota_and_what_grows_back(gaps: list[float], requests: int) -> None:
    meter, quota, now, admitted = Meter(), Quota(name="x", requests=requests, window=timedelta(seconds=60)), 0.0, []
    for gap in gaps:
        now += gap
        standing = meter.take(quota, "ada", now=now)
        if standing.wait:
            # What it says is what holds: then, and not before.
            assert meter.take(quota, "ada", now=now + standing.wait * 0.99).wait
        else:
            admitted.append(now)
        for first, begin in enumerate(admitted):
            assert len(admitted) - first <= requests + (now - begin) * requests / 60 + 1e-3


def test_who_is_full_again_is_forgotten() -> None:
    meter = Meter()
    for number in range(1000):
        meter.take(TEN, f"user {number}", now=0.0)
    assert len(meter) == 1000
    meter.take(TEN, "ada", now=6.1)
    assert len(meter) == 1


def test_a_crowd_of_strangers_fills_no_memory_and_costs_the_busy_nothing() -> None:
    meter = Meter(capacity=100)
    for number in range(10_000):
        meter.take(TEN, f"stranger {number}", now=0.0)
        if number % 50 == 0:
            meter.take(TEN, "ada", now=0.0)
    assert len(meter) <= 100
    assert meter.take(TEN, "ada", now=0.0).wait
