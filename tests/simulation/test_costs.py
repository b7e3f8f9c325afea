"""What a job costs: no more calls when many run at once than when one does, and none that grows without bound."""

from __future__ import annotations

import pytest

from tests.simulation.costs import Cost, measure

ONCE = {"objects.delete": 1, "objects.create": 3, "objects.read_range": 1}
"""A job writes Intent, Outcome and manifest, looks into its raw object and deletes it: once each, however many look."""
MOST = {1: 166.0, 300: 100.0}
"""Calls of a job with three replicas, two thirds of which only look; measured 149 and 92."""


@pytest.mark.parametrize("jobs", MOST)
def test_a_job_costs_a_bounded_number_of_calls(jobs: int) -> None:
    cost = measure(jobs)
    assert cost.per_job() <= MOST[jobs]
    assert {name: round(cost.calls[name] / cost.jobs) for name in ONCE} == ONCE
    assert _launches(cost) < 2


def _launches(cost: Cost) -> float:
    """Return the RunTask calls of a job: one that starts it, and at times one of a second replica that finds it."""
    return cost.calls["tasks.run"] / cost.jobs
