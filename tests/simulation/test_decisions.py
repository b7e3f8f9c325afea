"""What an operator sees of the decisions: each is counted by its rule, from zero."""

from __future__ import annotations

from datetime import timedelta

from tests.world.loop import simulate
from tests.world.world import Simulation
from vidctl.reconciler.rules import Rule


def test_every_rule_stands_at_zero_before_the_first_decision() -> None:
    async def story() -> None:
        async with Simulation() as world, world.replica():
            assert [world.metric("vidctl_plans_total", rule=rule.value) for rule in Rule] == [0.0] * len(Rule)

    simulate(story)


def test_the_decisions_of_a_good_job_are_counted_those_that_wait_too() -> None:
    async def story() -> None:
        async with Simulation() as world, world.replica():
            world.upload()
            await world.until(world.settled, within=timedelta(hours=1))
            acted = (Rule.BEGIN, Rule.LAUNCH, Rule.OUTPUTS_VERIFIED, Rule.PUBLISHED_ATTEMPT_OPEN, Rule.PUBLISHED_RAW)
            assert [world.metric("vidctl_plans_total", rule=rule.value) for rule in acted] == [1.0] * len(acted)
            # Passes that wait for the task decide by what is remembered, and count as well.
            assert world.metric("vidctl_plans_total", rule=Rule.RUNNING.value) > 1

    simulate(story)
