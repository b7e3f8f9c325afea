"""What is no video ends as failed with a reason, what is no upload in the dead-letter queue, and the next one works."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.e2e.studio import Studio, eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

REFUSED = {
    "text": ("not_a_video", 0),
    "audio_only": ("no_video_stream", 0),
    "cut_moov_last": ("corrupt", 1),
    "cut_moov_first": ("corrupt", 1),
}
"""What is refused, with its reason and after how many attempts: of some a glance is enough, others a worker tries."""


async def test_input_that_is_no_playable_video_fails_at_once_with_its_reason_and_is_kept(studio: Studio) -> None:
    videos = dict(zip(REFUSED, await asyncio.gather(*(studio.upload(clip) for clip in REFUSED)), strict=True))
    for clip, video_id in videos.items():
        video = await studio.failed(video_id)
        assert video.failure is not None
        reason, attempts = REFUSED[clip]
        assert reason in video.failure
        letter = await studio.dead_letter(video_id)
        assert letter.attributes["vidctl.class"] == "permanent"
        assert letter.attributes["vidctl.attempts"] == str(attempts)
        assert letter.attributes["vidctl.reason"]
        assert len(studio.tasks(video_id)) == attempts
        kept = [stat.key async for stat in studio.raw.list(f"kept/{studio.key(video_id)}/")]
        assert len(kept) == 1
    await studio.quiet()


async def test_an_empty_object_fails_with_its_reason(studio: Studio) -> None:
    # The API signs no empty upload: it gets there another way.
    upload = await studio.api.request_upload(size_bytes=1)
    await studio.raw.overwrite(studio.raw_key(upload.video_id), b"", content_type="video/mp4")
    video = await studio.failed(upload.video_id)
    assert "empty" in (video.failure or "")


async def test_a_message_that_is_no_event_is_dead_lettered_as_it_is(studio: Studio) -> None:
    await studio.raw_queue.send("this is no JSON, 4711")
    letter = await studio.dead_letter("4711")
    assert letter.body == "this is no JSON, 4711"
    assert letter.attributes["vidctl.class"] == "bad_message"
    await studio.quiet()


async def test_a_test_event_of_s3_is_dropped(studio: Studio) -> None:
    before = await studio.metric("vidctl_dead_letters_total", **{"class": "bad_message"})
    await studio.raw_queue.send(json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "raw"}))
    await studio.quiet()
    assert await studio.metric("vidctl_dead_letters_total", **{"class": "bad_message"}) == before


async def test_an_object_outside_the_scheme_is_dead_lettered_and_left_alone(studio: Studio) -> None:
    key = "videos/alice/holiday 2026.mp4"
    await studio.raw.overwrite(key, studio.clips.read("good"), content_type="video/mp4")
    letter = await studio.dead_letter("holiday")
    assert "holiday 2026.mp4" in letter.attributes["vidctl.reason"]
    assert await studio.raw.head(key) is not None
    await studio.raw.delete(key)


async def test_after_all_that_a_good_upload_still_works(studio: Studio) -> None:
    await studio.published(await studio.upload("good"))

    async def nothing_held() -> bool:
        return await studio.metric("vidctl_held_messages") == 0

    await eventually(nothing_held)
