"""Actions are carried out on fresh readings only, and on nothing but what was looked at."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from tests import builders as b
from tests.world.loop import clock, simulate
from tests.world.world import Simulation
from vidctl import layout
from vidctl.errors import PreconditionFailed, Unavailable
from vidctl.model import VideoKey
from vidctl.reconciler.act import Actor
from vidctl.reconciler.actions import (
    Action,
    CreateIntent,
    CreateNotice,
    DeclareDead,
    DeleteDeliveries,
    DeleteRaw,
    KeepRaw,
    OpenRound,
    PostNotice,
    Publish,
    RecordOutcome,
    RemoveKept,
    RemoveManifest,
    RemoveOutputs,
    RunTask,
    SendDeadLetter,
    StopTasks,
)
from vidctl.reconciler.launching import Stale
from vidctl.reconciler.limits import Limits
from vidctl.reconciler.observation import Observation

FRESH = timedelta(seconds=30)
STALE = timedelta(seconds=31)
ON_TASKS: list[Action] = [CreateIntent(b.intent()), StopTasks(("arn",), "why"), RecordOutcome(b.outcome())]
ON_THE_REST: list[Action] = [
    RunTask(b.intent()),
    Publish(b.manifest(), None),
    DeleteRaw(b.source(), published=True),
    KeepRaw(b.JOB, b.source()),
    DeclareDead(b.dead()),
    SendDeadLetter(b.dead(), None),
    OpenRound(b.opened()),
    CreateNotice(b.notice()),
    PostNotice(b.notice()),
    RemoveManifest("etag"),
    RemoveOutputs(("videos/x",)),
    RemoveKept((b.source(),)),
    DeleteDeliveries((b.delivery(),)),
]


def seen(*, age: timedelta = timedelta(), tasks_age: timedelta | None = None) -> Observation:
    """Return an observation of so long ago."""
    read_at = clock() - age
    tasks_read_at = read_at if tasks_age is None else clock() - tasks_age
    return replace(b.observation(), read_at=read_at, tasks_read_at=tasks_read_at)


@asynccontextmanager
async def acting(*, slots: int = 100) -> AsyncIterator[tuple[Simulation, Actor]]:
    async with Simulation(limits=Limits(slots=slots)) as world:
        yield world, world.controller()._reconciler._actor


@pytest.mark.parametrize("action", [*ON_TASKS, *ON_THE_REST], ids=lambda action: type(action).__name__)
def test_nothing_is_done_on_a_reading_older_than_30_seconds(action: Action) -> None:
    async def story() -> None:
        async with acting() as (world, actor):
            world.raw.put(layout.raw_key(b.KEY), b"a video")
            before = (world.raw.keys(), world.final.keys())
            with pytest.raises(Stale):
                await actor.act(action, seen(age=STALE))
            assert (world.raw.keys(), world.final.keys()) == before
            assert not world.tasks.launched
            assert not world.dead_letters.messages

    simulate(story)


@pytest.mark.parametrize("action", ON_TASKS, ids=lambda action: type(action).__name__)
def test_what_depends_on_the_tasks_needs_a_fresh_look_at_them(action: Action) -> None:
    async def story() -> None:
        async with acting() as (world, actor):
            with pytest.raises(Stale):
                await actor.act(action, seen(age=FRESH, tasks_age=STALE))
            assert not world.final.keys()
            await actor.act(action, seen(age=FRESH, tasks_age=FRESH))

    simulate(story)


def test_what_does_not_depend_on_the_tasks_does_not_wait_for_them() -> None:
    async def story() -> None:
        async with acting() as (world, actor):
            await actor.act(OpenRound(b.opened()), seen(tasks_age=STALE))
            assert (await world.records(b.KEY)).jobs[0].round == 2

    simulate(story)


@pytest.mark.parametrize(
    "action", [DeleteRaw(b.source(), published=True), KeepRaw(b.JOB, b.source())], ids=["deleted", "kept"]
)
def test_another_upload_under_the_key_is_neither_deleted_nor_kept_in_place_of_the_one_seen(action: Action) -> None:
    async def story() -> None:
        async with acting() as (world, actor):
            world.raw.put(layout.raw_key(b.KEY), b"uploaded after the look")
            with pytest.raises(PreconditionFailed):
                await actor.act(action, seen())
            assert world.raw.keys() == (layout.raw_key(b.KEY),)
            assert not world.final.keys()

    simulate(story)


def test_an_attempt_without_a_slot_is_not_begun() -> None:
    async def story() -> None:
        async with acting(slots=1) as (world, actor):
            other = VideoKey(user_id="other", video_id=b.KEY.video_id)
            await actor.act(CreateIntent(replace(b.intent(), key=other)), seen())
            with pytest.raises(PreconditionFailed, match="slot"):
                await actor.act(CreateIntent(b.intent()), seen())
            assert not (await world.records(b.KEY)).jobs

    simulate(story)


def test_a_dead_letter_is_noted_once_it_was_sent() -> None:
    async def story() -> None:
        @asynccontextmanager
        async def unwilling(operation: str) -> AsyncIterator[None]:
            if operation == "queue.send":
                raise Unavailable("no answer")
            yield

        async with Simulation() as world:
            deaf = world.dead_letters.through(unwilling)
            actor = world.controller(lambda whole: replace(whole, dead_letter_queue=deaf))._reconciler._actor
            with pytest.raises(Unavailable):
                await actor.act(SendDeadLetter(b.dead(), "body"), seen())
            assert not world.final.keys()
            await world.controller()._reconciler._actor.act(SendDeadLetter(b.dead(), "body"), seen())
            assert [letter.body for letter in world.dead_letters.messages] == ["body"]
            assert [sent.round for sent in (await world.records(b.KEY)).jobs[0].dead_letters] == [1]

    simulate(story)


@pytest.mark.parametrize("unwritten", ["outbox/hook/", "outbox/bus/", "jobs/"])
def test_that_a_notice_was_posted_is_noted_once_it_lies_in_every_outbox(unwritten: str) -> None:
    async def story() -> None:
        async with Simulation(policy=b.TELLING) as world:
            actor = world.controller()._reconciler._actor
            create = world.final.create

            async def failing(key: str, body: bytes, *, content_type: str) -> str:
                if key.startswith(unwritten):
                    raise Unavailable("no answer")
                return await create(key, body, content_type=content_type)

            world.final.create = failing  # type: ignore[method-assign]
            with pytest.raises(Unavailable):
                await actor.act(PostNotice(b.notice()), seen())
            assert not (await world.records(b.KEY)).posted
            # Whoever looks next does all of it again: what lies there already is no obstacle.
            world.final.create = create  # type: ignore[method-assign]
            await actor.act(PostNotice(b.notice()), seen())
            assert (await world.records(b.KEY)).posted == {1}
            assert [key.split("/")[1] for key in world.final.keys("outbox/")] == ["bus", "hook"]

    simulate(story)
