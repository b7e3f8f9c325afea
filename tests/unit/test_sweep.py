"""What the sweeps find, which abandoned outputs the daily one removes, and which it never touches."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry

from tests import builders as b
from tests.world.loop import clock, simulate
from tests.world.workers import OUTPUTS, SEGMENTS, die_before_the_result
from tests.world.world import Simulation
from vidctl.layout import AttemptName
from vidctl.metrics import Metrics
from vidctl.model import FailureClass, VideoKey
from vidctl.reconciler.cleaning import Cleaning, abandoned
from vidctl.reconciler.sweep import Sweep
from vidctl.records import Manifest, VideoRecords

FIRST = AttemptName(b.KEY, b.JOB, b.number())
ENDED = b.records(b.intent(), b.outcome())


@pytest.mark.parametrize(
    ("records", "manifest", "expected"),
    [
        (ENDED, None, True),
        (ENDED, b.manifest(2), True),
        (ENDED, b.manifest(1), False),
        (b.records(b.intent()), None, False),
        (b.records(), None, True),
        (b.records(b.intent(), b.outcome(), unreadable=("jobs/x",)), None, False),
    ],
)
def test_outputs_are_abandoned_when_no_manifest_names_them_and_their_attempt_has_ended(
    records: VideoRecords,
    manifest: Manifest | None,
    expected: bool,  # noqa: FBT001 - a column
) -> None:
    assert abandoned(FIRST, records=records, manifest=manifest) is expected


def sweeping(world: Simulation, found: list[VideoKey], *, has_room: Callable[[], bool] = lambda: True) -> Sweep:
    controller = world.controller()
    return Sweep(
        controller._world,
        view=controller.view,
        known=lambda _key: False,
        has_room=has_room,
        add=found.append,
        grace=timedelta(minutes=2),
        metrics=Metrics(CollectorRegistry()),
    )


def test_a_sweep_leaves_an_upload_to_its_event_for_two_minutes() -> None:
    async def story() -> None:
        async with Simulation() as world:
            found: list[VideoKey] = []
            sweep = sweeping(world, found)
            key = world.upload()
            await asyncio.sleep(119)
            await sweep.raw()
            assert found == []
            await asyncio.sleep(1)
            await sweep.raw()
            assert found == [key]

    simulate(story)


def test_a_sweep_that_ran_out_of_room_goes_on_from_there_and_then_begins_anew() -> None:
    async def story() -> None:
        async with Simulation() as world:
            found: list[VideoKey] = []
            sweep = sweeping(world, found, has_room=lambda: len(found) % 2 == 0 or room)
            keys = [world.upload(str(n).encode()) for n in range(3)]
            await asyncio.sleep(120)
            room = False
            await sweep.raw()
            assert found == keys[:1]
            room = True
            await sweep.raw()
            assert found == keys
            await sweep.raw()
            assert found == [*keys, *keys]

    simulate(story)


def test_a_task_that_stopped_while_nobody_looked_is_found_once() -> None:
    async def story() -> None:
        async with Simulation() as world:
            world.events_lost = True
            found: list[VideoKey] = []
            attempt = replace(b.intent(at=clock()), task=replace(b.task_spec(), environment=(b.job_variable(),)))
            await world.controller()._reconciler._actor._launcher.launch(attempt)
            world.tasks.kill(world.tasks.launched[0].arn)
            sweep = sweeping(world, found)
            await sweep.tasks()
            assert found == [b.KEY]
            await sweep.tasks()
            assert found == [b.KEY]

    simulate(story)


def daily_look(world: Simulation, found: list[VideoKey]) -> Cleaning:
    return Cleaning(
        world.controller()._world,
        journal=world.journal,
        add=found.append,
        clean_after=timedelta(days=1),
        metrics=Metrics(CollectorRegistry()),
    )


def test_the_daily_look_finds_open_attempts_and_late_wishes_and_nothing_that_is_settled() -> None:
    async def story() -> None:
        async with Simulation() as world:
            found: list[VideoKey] = []
            cleaning = daily_look(world, found)
            await world.journal.write(b.intent())
            await cleaning.daily()
            assert found == [b.KEY]
            await world.journal.write(b.outcome(1, None, "published"))
            await cleaning.daily()
            assert found == [b.KEY]
            await world.journal.write(b.cancel())
            await cleaning.daily()
            assert found == [b.KEY, b.KEY]

    simulate(story)


def test_the_daily_look_finds_a_round_that_nobody_began() -> None:
    async def story() -> None:
        async with Simulation() as world:
            found: list[VideoKey] = []
            cleaning = daily_look(world, found)
            await world.journal.write(b.dead())
            await cleaning.daily()
            assert found == []
            await world.journal.write(b.opened())
            await cleaning.daily()
            assert found == [b.KEY]
            await world.journal.write(b.dead(2))
            await cleaning.daily()
            assert found == [b.KEY]

    simulate(story)


def test_what_a_failed_attempt_left_is_removed_and_the_publication_stays() -> None:
    async def story() -> None:
        async with Simulation() as world, world.replica():
            key = world.upload()
            world.will(key, die_before_the_result)
            await world.until(world.settled, within=timedelta(hours=1))
            records = await world.records(key)
            assert [o.failure for o in records.jobs[0].outcomes] == [FailureClass.APP, None]
            await asyncio.sleep(timedelta(hours=12).total_seconds())
            assert len(world.final.keys("videos/")) == 2 * (len(OUTPUTS) + len(SEGMENTS)) + 1, (
                "somebody may still look at them"
            )
            await asyncio.sleep(timedelta(days=4).total_seconds())
            manifest = await world.manifest(key)
            assert manifest is not None
            left = set(world.final.keys("videos/"))
            files, folder = manifest.outputs[:-1], manifest.outputs[-1]
            segments = {folder.key + name for name in SEGMENTS}
            assert left == {*(file.key for file in files), *segments, f"videos/{key}/manifest.json"}

    simulate(story)
