"""Slots, rate and breaker: what all launches of a replica share."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry

from tests import builders as b
from vidctl.metrics import Metrics
from vidctl.model import VideoKey
from vidctl.reconciler.breaker import PROBE_INTERVAL, Fault
from vidctl.reconciler.launches import Launches
from vidctl.reconciler.rate import Rate


class Time:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = b.NOW

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **time: float) -> None:
        self.now += timedelta(**time)


def keys(count: int) -> list[VideoKey]:
    return [VideoKey(user_id="user", video_id=f"00000000-0000-0000-0000-{n:012}") for n in range(count)]


def launches(time: Time, *, slots: int = 2, woken: list[VideoKey] | None = None) -> Launches:
    return Launches(
        slots=slots,
        rate=Rate(per_second=1000, burst=1000, clock=time),
        clock=time,
        metrics=Metrics(CollectorRegistry()),
        wake=(woken if woken is not None else []).append,
    )


def test_a_slot_that_falls_free_goes_to_whoever_asked_first() -> None:
    woken: list[VideoKey] = []
    gate = launches(Time(), slots=1, woken=woken)
    first, second, third = keys(3)
    assert gate.occupy(first)
    gate.wait_for_slot(second)
    gate.wait_for_slot(third)
    assert not gate.gate(second).begin
    gate.seen(first, running_here=False)
    assert woken == [second]
    assert not gate.gate(third).begin
    assert gate.gate(second).begin
    assert gate.occupy(second)
    assert not gate.occupy(third)


def test_a_new_video_does_not_overtake_those_that_wait() -> None:
    gate = launches(Time(), slots=1)
    first, second, late = keys(3)
    gate.occupy(first)
    gate.wait_for_slot(second)
    gate.seen(first, running_here=False)
    assert not gate.gate(late).begin


def test_a_video_that_went_elsewhere_does_not_block_the_line() -> None:
    time = Time()
    gate = launches(time, slots=1)
    first, lost, third = keys(3)
    gate.occupy(first)
    gate.wait_for_slot(lost)
    time.pass_(minutes=3)
    gate.wait_for_slot(third)
    gate.seen(first, running_here=False)
    assert gate.gate(third).begin


def test_open_attempts_found_after_a_restart_occupy_their_slots() -> None:
    gate = launches(Time(), slots=2)
    *found, new = keys(6)
    for key in found:
        gate.seen(key, running_here=True)
    assert all(gate.occupies(key) for key in found)
    assert not gate.gate(new).begin


def test_the_breaker_lets_one_probe_a_minute_through_and_closes_when_it_succeeds() -> None:
    time = Time()
    gate = launches(time)
    key, *_ = keys(1)
    gate.refused("access_denied")
    assert gate.gate(key).paused == "access_denied"
    assert not gate.take()
    time.pass_(seconds=PROBE_INTERVAL.total_seconds())
    assert gate.gate(key).launch
    assert gate.take()
    assert not gate.take(), "one probe a minute"
    gate.accepted()
    assert gate.gate(key).paused is None
    assert gate.take()


def test_one_attempt_is_begun_to_probe_with_whatever_else_is_running() -> None:
    time = Time()
    gate = launches(time, slots=9)
    running, first, second = keys(3)
    gate.seen(running, running_here=True)
    gate.refused("access_denied")
    assert not gate.gate(first).begin
    time.pass_(minutes=2)
    assert gate.gate(first).begin
    assert gate.occupy(first)
    assert not gate.gate(second).begin
    gate.seen(first, running_here=False)
    assert gate.gate(second).begin, "the first came to nothing"


@pytest.mark.parametrize("fault", [Fault.START, Fault.WORK])
def test_one_video_that_fails_again_and_again_opens_no_breaker_but_three_do(fault: Fault) -> None:
    gate = launches(Time())
    first, second, third = keys(3)
    for _ in range(5):
        gate.failed(first, fault, "cannot_start")
    assert gate.gate(first).paused is None
    gate.failed(second, fault, "cannot_start")
    gate.failed(third, fault, "cannot_start")
    assert gate.gate(first).paused == "cannot_start"


def test_a_breaker_that_tasks_could_not_start_closes_when_one_does() -> None:
    time = Time()
    gate = launches(time)
    for key in keys(3):
        gate.failed(key, Fault.START, "cannot_start")
    key, *_ = keys(1)
    gate.accepted()
    gate.started(b.ago(minutes=5))
    assert gate.gate(key).paused == "cannot_start", "neither a launch nor a task from before the trouble says anything"
    time.pass_(minutes=2)
    gate.started(time() - timedelta(minutes=1))
    assert gate.gate(key).paused is None


def test_a_breaker_that_workers_could_not_work_closes_only_with_a_publication() -> None:
    time = Time()
    gate = launches(time)
    for key in keys(3):
        gate.failed(key, Fault.WORK, "access_denied")
    key, *_ = keys(1)
    time.pass_(minutes=2)
    gate.accepted()
    gate.started(time())
    assert gate.gate(key).paused == "access_denied"
    gate.succeeded(key)
    assert gate.gate(key).paused is None


def test_the_evidence_that_others_succeed_is_not_one_s_own() -> None:
    gate = launches(Time())
    first, second, _ = keys(3)
    gate.succeeded(first)
    assert gate.others_succeeded_at(first) is None
    assert gate.others_succeeded_at(second) == b.NOW
    gate.succeeded(second)
    assert gate.others_succeeded_at(first) == b.NOW


def test_the_rate_is_kept_halved_by_throttling_and_given_back_by_success() -> None:
    time = Time()
    rate = Rate(per_second=10, burst=10, clock=time)
    assert sum(rate.take() for _ in range(50)) == 10
    time.pass_(seconds=1)
    assert sum(rate.take() for _ in range(50)) == 10
    rate.slow_down()
    time.pass_(seconds=1)
    assert sum(rate.take() for _ in range(50)) == 5
    for _ in range(20):
        rate.speed_up()
    time.pass_(seconds=1)
    assert sum(rate.take() for _ in range(50)) == 10


def test_a_clock_that_steps_back_takes_no_tokens_away() -> None:
    time = Time()
    rate = Rate(per_second=1, burst=2, clock=time)
    time.pass_(hours=-1)
    assert rate.take()
    assert rate.take()
