"""What is taken from RunTask's answers, and which calls are never made."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from tests import builders as b
from tests.world.loop import clock, simulate
from tests.world.tasks import Failures
from tests.world.world import Simulation
from vidctl.errors import AccessDenied, CapacityUnavailable, Throttled, Unavailable, WorldError
from vidctl.reconciler.controller import Controller
from vidctl.reconciler.launching import Launcher, Stale
from vidctl.records import Intent


def attempt(n: int = 1, *, age: timedelta = timedelta(), cpu_units: int = 2048) -> Intent:
    """Return an Intent of so long ago, with a task that can tell its job."""
    task = replace(b.task_spec(), environment=(b.job_variable(n),), cpu_units=cpu_units)
    return replace(b.intent(n, at=clock() - age), task=task)


@asynccontextmanager
async def launching() -> AsyncIterator[tuple[Simulation, Controller, Launcher]]:
    async with Simulation() as world:
        controller = world.controller()
        yield world, controller, controller._reconciler._actor._launcher


def test_a_token_is_sent_for_45_minutes_and_no_longer() -> None:
    async def story() -> None:
        async with launching() as (world, _, launcher):
            await launcher.launch(attempt(1, age=timedelta(minutes=44, seconds=59)))
            with pytest.raises(Stale, match="too old to be launched"):
                await launcher.launch(attempt(2, age=timedelta(minutes=45)))
            assert [launched.job for launched in world.tasks.launched] == [b.job_spec(1)]

    simulate(story)


def test_a_task_is_started_as_the_intent_says_whatever_the_policy_says_by_now() -> None:
    async def story() -> None:
        async with launching() as (world, _, launcher):
            await launcher.launch(attempt(cpu_units=16384))
            assert [launched.spec.cpu_units for launched in world.tasks.launched] == [16384]

    simulate(story)


def test_a_repeated_launch_finds_the_task_of_the_first() -> None:
    async def story() -> None:
        async with launching() as (world, controller, launcher):
            intent = attempt()
            await launcher.launch(intent)
            controller.view.forget(b.KEY)
            await asyncio.sleep(1)
            await launcher.launch(intent)
            assert len(world.tasks.launched) == 1
            assert [task.spec for task in controller.view.of(b.KEY)] == [b.job_spec()]

    simulate(story)


def test_the_task_that_has_the_token_with_other_parameters_is_adopted() -> None:
    async def story() -> None:
        async with launching() as (world, controller, launcher):
            await launcher.launch(attempt())
            controller.view.forget(b.KEY)
            await launcher.launch(attempt(cpu_units=16384))
            assert len(world.tasks.launched) == 1
            assert [task.spec for task in controller.view.of(b.KEY)] == [b.job_spec()]
            assert controller.view.refusals(b.KEY) == ()

    simulate(story)


@pytest.mark.parametrize("refusal", [Failures(reasons=("RESOURCE:CPU",)), CapacityUnavailable("RESOURCE:CPU")])
def test_a_lack_of_room_is_remembered_as_an_answer_and_as_an_error(refusal: Failures | CapacityUnavailable) -> None:
    async def story() -> None:
        async with launching() as (world, controller, launcher):
            world.tasks.refusals.append(refusal)
            await launcher.launch(attempt())
            (remembered,) = controller.view.refusals(b.KEY)
            assert (remembered.job, remembered.number, remembered.at) == (b.JOB, b.number(), clock())
            assert remembered.reasons == ("RESOURCE:CPU",)
            assert controller.launches.gate(b.KEY).paused is None

    simulate(story)


@pytest.mark.parametrize("error", [Throttled("Rate exceeded"), Unavailable("no reply"), AccessDenied("not authorized")])
def test_what_is_no_answer_is_raised_and_held_against_no_attempt(error: WorldError) -> None:
    async def story() -> None:
        async with launching() as (world, controller, launcher):
            world.tasks.refusals.append(error)
            with pytest.raises(type(error)):
                await launcher.launch(attempt())
            assert controller.view.refusals(b.KEY) == ()

    simulate(story)


def test_a_throttled_launch_slows_all_launches_down() -> None:
    async def story() -> None:
        async with launching() as (world, controller, launcher):
            assert controller.launches.gate(b.KEY).launch
            world.tasks.refusals.append(Throttled("Rate exceeded"))
            with pytest.raises(Throttled):
                await launcher.launch(attempt())
            assert not controller.launches.gate(b.KEY).launch
            await asyncio.sleep(0.3)
            assert not controller.launches.gate(b.KEY).launch, "half of five a second"
            await asyncio.sleep(0.2)
            assert controller.launches.gate(b.KEY).launch

    simulate(story)


def test_a_forbidden_launch_opens_the_breaker_and_an_accepted_one_closes_it() -> None:
    async def story() -> None:
        async with launching() as (world, controller, launcher):
            world.tasks.refusals.append(AccessDenied("not authorized"))
            with pytest.raises(AccessDenied):
                await launcher.launch(attempt())
            assert controller.launches.gate(b.KEY).paused == "access_denied: not authorized"
            with pytest.raises(Throttled):
                await launcher.launch(attempt())
            assert not world.tasks.launched
            await asyncio.sleep(61)
            await launcher.launch(attempt())
            assert controller.launches.gate(b.KEY).paused is None

    simulate(story)
