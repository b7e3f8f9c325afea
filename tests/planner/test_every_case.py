"""The planner against every case: it answers, it breaks no invariant, and following it comes to an end."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

import pytest

from tests import builders as b
from tests.planner.cases import FAMILIES, cases
from tests.planner.quiet_world import ALARMS, End, Future, a_day_later
from tests.planner.safety import hold
from vidctl.reconciler.plan import plan
from vidctl.reconciler.rules import Rule

ACTS, WAITS = 14, 6
"""Passes that change something, and waits (for a start, an end, a slot …), until a case is at its end.

The longest way to one: a notice of an earlier publication is posted; a round that was given up is noted, posted and
told the queue, its task stopped, its attempt closed, its message deleted; then another upload under the same key is
begun, launched, published, noted, posted and closed, and its raw object deleted. Where nobody is told the longest
takes 11.
"""

SETTLED = {Rule.CANCELLED, Rule.DEAD, Rule.PUBLISHED, Rule.GONE, Rule.UNKNOWN}

EVER = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_case_has_one_answer_at_any_time(family: str) -> None:
    for case in cases(family):
        scene = case.scene()
        seen, policy = scene.seen(), scene.policy
        assert plan(seen, policy, b.NOW) == plan(case.scene().seen(), policy, b.NOW), case
        for now in EVER:
            assert len(plan(seen, policy, now).actions) <= 1, case


@pytest.mark.parametrize("family", FAMILIES)
def test_every_case_comes_safely_to_its_end(family: str) -> None:
    """Hold the invariants against every plan on the way, not only the first."""
    future = Future(hold, nothing_is_left)
    for case in cases(family):
        try:
            end = future.of(case.scene())
        except AssertionError as failure:
            raise AssertionError(f"{case}: {failure}") from failure
        assert end.acts <= ACTS, case
        assert end.waits <= WAITS, case


def nothing_is_left(end: End) -> None:
    """What is settled stays so without another look; anything else is an alarm."""
    if end.rule in ALARMS:
        return
    assert end.rule in SETTLED
    left = a_day_later(end.scene)
    assert not left.deliveries
    assert not any(task.alive for task in left.tasks)
    assert not any(job.open_intents for job in left.seen().records.jobs)
    assert plan(left.seen(), left.policy, left.now).rule is end.rule


def test_every_rule_is_reached() -> None:
    missing = set(Rule)
    # One of each family in turn, since each reaches rules of its own.
    for row in itertools.zip_longest(*map(cases, FAMILIES)):
        scenes = [case.scene() for case in row if case is not None]
        missing -= {plan(scene.seen(), scene.policy, b.NOW).rule for scene in scenes}
        if not missing:
            return
    pytest.fail(f"never reached: {sorted(missing)}")
