"""The whole reconciler on virtual time: what becomes of an upload when something goes wrong."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.builders import POLICY
from tests.files import moov, mp4, video
from tests.world.life import Timing
from tests.world.loop import clock, simulate
from tests.world.tasks import Failures
from tests.world.workers import (
    Behaviour,
    add_a_segment,
    crash,
    cut_a_segment,
    forget_an_output,
    hang,
    lie,
    lose_a_segment,
    outlive,
    refuse,
    run_out_of_memory,
    swap_a_segment,
    truncate,
)
from tests.world.world import Simulation
from vidctl import layout
from vidctl.errors import AccessDenied, CapacityUnavailable, Throttled, Unavailable
from vidctl.model import VideoKey
from vidctl.reconciler.policy import TaskSize

HOUR = timedelta(hours=1)
LADDER = replace(POLICY, sizes=(*POLICY.sizes, TaskSize(cpu_units=8192, memory_mib=16384, ephemeral_gib=200)))


async def codes(world: Simulation, key: VideoKey) -> list[str]:
    """Return how the attempts of a video ended, in order."""
    return [outcome.code for job in (await world.records(key)).jobs for outcome in job.outcomes]


def test_what_is_no_video_is_dead_lettered_at_once_with_its_reason_and_kept() -> None:
    async def story() -> None:
        async with Simulation() as world, world.replica():
            key = world.upload(b"text")
            world.will(key, refuse)
            await world.until(lambda: bool(world.dead_letters.messages), within=HOUR)
            await world.until(lambda: not world.raw_queue.messages, within=HOUR)
            (letter,) = world.dead_letters.messages
            assert letter.attributes["vidctl.class"] == "permanent"
            assert letter.attributes["vidctl.code"] == "not_a_video"
            assert letter.attributes["vidctl.attempts"] == "1"
            (kept,) = world.raw.keys("kept/")
            assert world.raw.body(kept) == mp4(b"text")
            assert world.raw.keys("videos/"), "only a publication or its owner removes a raw object"

    simulate(story)


def test_an_empty_upload_is_dead_lettered_without_an_attempt() -> None:
    async def story() -> None:
        async with Simulation() as world, world.replica():
            world.upload_file(b"")
            await world.until(lambda: bool(world.dead_letters.messages), within=HOUR)
            assert world.dead_letters.messages[0].attributes["vidctl.code"] == "empty"
            assert not world.tasks.launched

    simulate(story)


@pytest.mark.parametrize("lost_event", [False, True])
def test_a_text_file_is_dead_lettered_and_kept_without_a_single_task(lost_event: bool) -> None:  # noqa: FBT001
    async def story() -> None:
        async with Simulation() as world, world.replica():
            world.events_lost = lost_event
            key = world.upload_file(b"this is no video, whatever its name says")
            await world.until(lambda: bool(world.dead_letters.messages), within=HOUR)
            await world.until(lambda: not world.raw_queue.messages, within=HOUR)
            (letter,) = world.dead_letters.messages
            assert letter.attributes["vidctl.code"] == "not_a_video"
            assert letter.attributes["vidctl.attempts"] == "0"
            assert world.raw.keys("kept/")
            assert not world.tasks.launched
            assert await codes(world, key) == []
            assert world.metric("vidctl_plans_total", rule="hopeless") == 1
            assert world.metric("vidctl_glances_total", sight="hopeless") == 1

    simulate(story)


def test_a_long_large_video_gets_a_large_task_at_once_and_a_short_one_does_not() -> None:
    async def story() -> None:
        async with Simulation(policy=LADDER) as world, world.replica():
            for seconds, shape in ((60.0, (1920, 1080)), (3600.0, (3840, 2160))):
                world.upload(index=moov(seconds, video(seconds, *shape)))
                await world.until(world.settled, within=HOUR)
            assert [task.spec.cpu_units for task in world.tasks.launched] == [2048, 4096]

    simulate(story)


def test_a_lack_of_memory_goes_up_from_the_size_that_the_source_asked_for() -> None:
    async def story() -> None:
        async with Simulation(policy=LADDER) as world, world.replica():
            key = world.upload(index=moov(3600, video(3600, 3840, 2160)))
            world.will(key, run_out_of_memory, crash)
            await world.until(world.settled, within=HOUR)
            assert [task.spec.cpu_units for task in world.tasks.launched] == [4096, 8192, 8192]

    simulate(story)


def test_a_worker_that_dies_once_is_counted_and_the_next_attempt_publishes() -> None:
    async def story() -> None:
        async with Simulation() as world, world.replica():
            key = world.upload()
            world.will(key, crash)
            await world.until(world.settled, within=HOUR)
            assert await codes(world, key) == ["crashed", "published"]
            assert not world.dead_letters.messages

    simulate(story)


def test_a_worker_that_dies_three_times_is_dead_lettered_and_the_raw_object_kept() -> None:
    async def story() -> None:
        async with Simulation() as world, world.replica():
            key = world.upload()
            world.will(key, crash, crash, crash)
            await world.until(lambda: bool(world.dead_letters.messages), within=HOUR)
            assert await codes(world, key) == ["crashed"] * 3
            assert world.dead_letters.messages[0].attributes["vidctl.class"] == "app"
            assert world.raw.keys("kept/")

    simulate(story)


def test_a_lack_of_memory_is_tried_again_on_the_next_size() -> None:
    async def story() -> None:
        async with Simulation() as world, world.replica():
            key = world.upload()
            world.will(key, run_out_of_memory)
            await world.until(world.settled, within=HOUR)
            assert [task.spec.memory_mib for task in world.tasks.launched] == [4096, 8192]

    simulate(story)


@pytest.mark.parametrize(
    "behaviour", [lie, truncate, forget_an_output, lose_a_segment, cut_a_segment, swap_a_segment, add_a_segment]
)
def test_outputs_that_are_not_as_reported_are_never_published(behaviour: Behaviour) -> None:
    async def story() -> None:
        async with Simulation() as world, world.replica():
            key = world.upload()
            world.will(key, behaviour)
            await world.until(world.settled, within=HOUR)
            assert await codes(world, key) == ["verify_failed", "published"]
            manifest = await world.manifest(key)
            assert manifest is not None
            assert manifest.number.n == 2

    simulate(story)


def test_spot_interruptions_blame_nobody_and_move_on_to_the_next_capacity_provider() -> None:
    async def story() -> None:
        async with Simulation() as world, world.replica():
            key = world.upload()
            for n in range(4):
                await world.until(lambda n=n: len(world.tasks.launched) > n, within=HOUR)  # type: ignore[misc]
                await asyncio.sleep(50)
                arn = world.tasks.launched[-1].arn
                world.tasks.kill(arn, exit_code=None, stop_code="SpotInterruption", reason="Spot interruption")
            await world.until(world.settled, within=HOUR)
            assert await codes(world, key) == ["spot_interrupted"] * 4 + ["published"]
            assert [t.spec.capacity_provider for t in world.tasks.launched[:2]] == ["FARGATE_SPOT", "FARGATE"]

    simulate(story)


@pytest.mark.parametrize("starts", [False, True])
def test_failures_of_run_task_are_settled_before_another_attempt(starts: bool) -> None:  # noqa: FBT001 - a case
    async def story() -> None:
        async with Simulation() as world, world.replica():
            world.tasks.refusals.append(Failures(reasons=("RESOURCE:CPU",), starts=starts))
            key = world.upload()
            began = clock()
            await world.until(world.settled, within=HOUR)
            if starts:
                assert await codes(world, key) == ["published"]
                assert len(world.tasks.launched) == 1
            else:
                assert await codes(world, key) == ["no_capacity", "published"]
                assert clock() - began > timedelta(minutes=5)

    simulate(story)


@pytest.mark.parametrize("refusal", [Throttled("Rate exceeded"), Unavailable("no reply")])
def test_a_throttled_or_unanswered_launch_is_repeated_with_the_same_token(refusal: Throttled | Unavailable) -> None:
    async def story() -> None:
        async with Simulation() as world, world.replica():
            world.tasks.refusals.extend([refusal] * 3)
            key = world.upload()
            await world.until(world.settled, within=HOUR)
            assert await codes(world, key) == ["published"]
            assert len(world.tasks.launched) == 1

    simulate(story)


def test_a_quota_that_is_raised_as_an_error_is_a_lack_of_capacity() -> None:
    async def story() -> None:
        async with Simulation() as world, world.replica():
            world.tasks.refusals.append(CapacityUnavailable("limit on the number of vCPUs"))
            key = world.upload()
            await world.until(world.settled, within=HOUR)
            assert await codes(world, key) == ["no_capacity", "published"]

    simulate(story)


def test_a_role_that_may_not_launch_opens_the_breaker_and_no_video_is_blamed() -> None:
    async def story() -> None:
        async with Simulation() as world, world.replica():
            world.tasks.refusals.extend([AccessDenied("not authorized to perform ecs:RunTask")] * 8)
            keys = [world.upload(str(n).encode()) for n in range(6)]
            await asyncio.sleep(90)
            assert world.metric("vidctl_breaker_open") == 1
            assert not world.tasks.launched
            await world.until(world.settled, within=HOUR)
            for key in keys:
                assert await codes(world, key) == ["published"]
            assert world.metric("vidctl_breaker_open") == 0

    simulate(story)


def test_a_task_that_never_starts_is_stopped_and_tried_again() -> None:
    async def story() -> None:
        async with Simulation() as world:
            world.timing = Timing(provisioning=timedelta(hours=5))
            async with world.replica():
                key = world.upload()
                await world.until(lambda: bool(world.tasks.live), within=HOUR)
                world.timing = Timing()
                await world.until(world.settled, within=HOUR)
            assert await codes(world, key) == ["not_started", "published"]

    simulate(story)


def test_a_task_that_runs_past_its_deadline_is_stopped_and_counted_against_the_app() -> None:
    async def story() -> None:
        impatient = replace(POLICY, run_deadline=timedelta(minutes=30))
        async with Simulation(policy=impatient) as world, world.replica():
            key = world.upload()
            world.will(key, hang)
            await world.until(world.settled, within=2 * HOUR)
            assert await codes(world, key) == ["deadline", "published"]

    simulate(story)


def test_an_unfinished_raw_object_near_its_expiry_is_kept_and_published_from_the_copy() -> None:
    async def story() -> None:
        async with Simulation() as world, world.replica():
            # No room for two days: nobody is to blame, and the lifecycle rule must not eat the upload meanwhile.
            world.tasks.refusals.extend([Failures(reasons=("RESOURCE:MEMORY",))] * 300)
            key = world.upload(b"precious")
            await asyncio.sleep(45 * 3600)
            assert world.raw.keys("kept/")
            world.raw.remove(layout.raw_key(key))
            world.tasks.refusals.clear()
            await world.until(lambda: not world.raw_queue.messages and not world.tasks.live, within=2 * HOUR)
            assert await world.manifest(key) is not None

    simulate(story)


@pytest.mark.parametrize("seed", range(12))
def test_a_replica_killed_at_any_moment_publishes_once_with_one_task_for_an_attempt(seed: int) -> None:
    async def story() -> None:
        chance = random.Random(seed)
        async with Simulation(seed=seed) as world:
            key = world.upload()
            for _ in range(5):
                async with world.killed_replica():
                    await asyncio.sleep(chance.uniform(0, 60))
            async with world.replica():
                await world.until(world.settled, within=2 * HOUR)
            tokens = Counter(launched.token for launched in world.tasks.launched)
            assert set(tokens.values()) == {1}
            assert await codes(world, key) == ["published"]

    simulate(story)


@pytest.mark.parametrize("seed", range(6))
def test_three_replicas_share_the_work_without_doubling_it(seed: int) -> None:
    async def story() -> None:
        async with Simulation(seed=seed) as world, world.replica(), world.replica(), world.replica():
            keys = [world.upload(str(n).encode()) for n in range(10)]
            await world.until(world.settled, within=2 * HOUR)
            assert len(world.tasks.launched) == len(keys)
            for key in keys:
                assert await codes(world, key) == ["published"]

    simulate(story)


def test_a_job_survives_ten_deployments() -> None:
    async def story() -> None:
        async with Simulation(transcode_seconds=900) as world:
            key = world.upload()
            for _ in range(10):
                async with world.replica():
                    await asyncio.sleep(60)
            async with world.replica():
                await world.until(world.settled, within=HOUR)
            assert len(world.tasks.launched) == 1
            assert await codes(world, key) == ["published"]

    simulate(story)


def test_a_shutdown_hands_its_messages_back_within_seconds_and_ends_in_time() -> None:
    async def story() -> None:
        async with Simulation(transcode_seconds=900) as world:
            async with world.replica():
                world.upload()
                await asyncio.sleep(45)
                began = clock()
            assert clock() - began < timedelta(seconds=25)
            await asyncio.sleep(6)
            assert (await world.raw_queue.depth()).visible == 1

    simulate(story)


def test_a_task_whose_attempt_everybody_forgot_is_found_before_another_is_started() -> None:
    async def story() -> None:
        patient = replace(POLICY, run_deadline=timedelta(hours=8))
        async with Simulation(policy=patient, transcode_seconds=3 * 3600) as world:
            key = world.upload()
            async with world.killed_replica():
                await asyncio.sleep(60)
            await asyncio.sleep(2 * 3600)
            async with world.replica():
                await world.until(world.settled, within=6 * HOUR)
            assert len(world.tasks.launched) == 1
            assert await codes(world, key) == ["published"]

    simulate(story)


def test_a_zombie_that_finishes_after_its_successor_writes_where_nobody_reads() -> None:
    async def story() -> None:
        async with Simulation() as world, world.replica():
            key = world.upload()
            world.will(key, outlive)
            await world.until(lambda: bool(world.tasks.live), within=HOUR)
            await world.until(world.settled, within=6 * HOUR)
            manifest = await world.manifest(key)
            assert manifest is not None
            prefix = layout.attempt_prefix(key, manifest.job, manifest.number)
            assert all(output.key.startswith(prefix) for output in manifest.outputs)

    simulate(story)
