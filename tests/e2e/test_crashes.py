"""Processes are killed in the middle of their work, and events lost: every video is still published once."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta

import pytest

from tests.e2e.studio import Studio

pytestmark = pytest.mark.asyncio(loop_scope="session")

SEED = 20261122
KILLS = 5
LIFE_SECONDS = 2.0
"""About the time from the upload of the shortest clip to its publication."""


async def test_killing_the_service_at_random_moments_publishes_once(studio: Studio) -> None:
    moments = random.Random(SEED)
    videos = [await studio.upload("long")]
    for _ in range(KILLS):
        # One that is new at every kill, so that none of the kills finds everything done.
        videos.append(await studio.upload("good"))
        await asyncio.sleep(moments.uniform(0, LIFE_SECONDS))
        await studio.kill_service()
        await studio.world.serve()
    for video_id in videos:
        video = await studio.published(video_id, within=timedelta(seconds=60))
        assert [entry.event for entry in video.timeline].count("published") == 1

        (job,) = (await studio.records(video_id)).jobs
        # The story is whole: one attempt was begun, outlived the service, and has its verdict; it had one task.
        (intent,), (outcome,) = job.intents, job.outcomes
        assert (outcome.number, outcome.code) == (intent.number, "published")
        assert [spec.number for _, spec in studio.tasks(video_id)] == [intent.number]
        prefixes = {output.key.removesuffix(output.name) for output in video.outputs}
        assert len(prefixes) == 1
    await studio.quiet()


async def test_an_attempt_whose_worker_was_killed_is_counted_and_the_next_publishes(studio: Studio) -> None:
    video_id = await studio.upload("long")
    await studio.kill_worker(video_id, attempt=1)
    video = await studio.published(video_id)
    events = [entry.event for entry in video.timeline]
    assert (events.count("launched"), events.count("attempt_failed")) == (2, 1)
    (job,) = (await studio.records(video_id)).jobs
    assert [outcome.code for outcome in job.outcomes] == ["killed", "published"]


async def test_a_video_whose_worker_dies_three_times_is_given_up_and_kept(studio: Studio) -> None:
    video_id = await studio.upload("long")
    for attempt in (1, 2, 3):
        await studio.kill_worker(video_id, attempt=attempt)
    video = await studio.failed(video_id)
    assert "killed" in (video.failure or "")
    letter = await studio.dead_letter(video_id)
    assert (letter.attributes["vidctl.class"], letter.attributes["vidctl.attempts"]) == ("app", "3")
    assert "137" in letter.attributes["vidctl.reason"]
    assert len(studio.tasks(video_id)) == 3
    kept = [stat async for stat in studio.raw.list(f"kept/{studio.key(video_id)}/")]
    assert [stat.size_bytes for stat in kept] == [len(studio.clips.read("long"))]


async def test_an_upload_whose_event_was_lost_is_found_by_the_sweep(studio: Studio) -> None:
    content = studio.clips.read("good")
    upload = await studio.api.request_upload(size_bytes=len(content))
    await studio.quiet()
    await studio.kill_service()
    await studio.api.put(upload, content)
    # The open poll of the dead service may have taken it: then it is hidden for a while.
    lost = await studio.raw_queue.receive(wait=timedelta(seconds=20))
    assert upload.video_id in lost[0].body
    await studio.raw_queue.delete([message.receipt for message in lost])
    await studio.world.serve()
    await studio.published(upload.video_id)
    assert await studio.metric("vidctl_sweep_found_missed_events_total") >= 1
