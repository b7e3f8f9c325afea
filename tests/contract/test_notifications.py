"""What every bucket tells its queue."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.contract.worlds import World
from vidctl import events, layout
from vidctl.model import Upload, VideoKey
from vidctl.ports import Queue, QueueDepth

pytestmark = pytest.mark.asyncio(loop_scope="session")

KEY = VideoKey(user_id=layout.user_segment("alice@example.org"), video_id="0193b5a0-0000-8000-8000-000000000000")


async def told(queue: Queue, condition: Callable[[str], bool]) -> list[str]:
    """Receive, and delete, until there is a body of which ``condition`` holds."""
    bodies: list[str] = []
    async with asyncio.timeout(10):
        while not any(condition(body) for body in bodies):
            messages = await queue.receive(wait=timedelta(seconds=1))
            bodies += [message.body for message in messages]
            await queue.delete([message.receipt for message in messages])
    return bodies


def is_upload(body: str) -> bool:
    return not events.is_test_event(body)


async def test_the_queue_is_tried_with_a_test_event(world: World) -> None:
    _, _, queue = await world.notified(prefix="videos/", suffix=".mp4")
    assert len(await told(queue, events.is_test_event)) == 1


async def test_an_upload_is_told_once_and_reads_back(world: World) -> None:
    bucket, objects, queue = await world.notified(prefix="videos/", suffix=".mp4")
    etag = await objects.create(layout.raw_key(KEY), b"video", content_type="video/mp4")
    (body,) = filter(is_upload, await told(queue, is_upload))
    (record,) = events.event_records(body)
    assert events.parse_upload(record, bucket=bucket) == Upload(bucket=bucket, key=KEY, etag=etag, size_bytes=5)
    assert await queue.depth() == QueueDepth(visible=0, in_flight=0)


async def test_other_keys_and_deletions_are_not_told(world: World) -> None:
    _, objects, queue = await world.notified(prefix="videos/", suffix=".mp4")
    await objects.create(layout.kept_key(KEY, "a" * 26), b"kept", content_type="video/mp4")
    await objects.create("videos/alice/x.txt", b"text", content_type="text/plain")
    await objects.create("videos/alice/other.mp4", b"other", content_type="video/mp4")
    await objects.delete("videos/alice/other.mp4")
    await objects.create(layout.raw_key(KEY), b"video", content_type="video/mp4")
    bodies = await told(queue, lambda body: KEY.video_id in body)
    assert len(list(filter(is_upload, bodies))) == 2
    assert await queue.depth() == QueueDepth(visible=0, in_flight=0)
