"""What a test does in the running world, and what it can see there."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from datetime import timedelta

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from tests.media import Clips
from vidctl import codec, layout
from vidctl.clients import Clients
from vidctl.journal import Journal
from vidctl.local.client import ApiClient, Video
from vidctl.local.tasks import LocalTask
from vidctl.local.world import LocalWorld
from vidctl.model import JOB_VARIABLE, JobSpec, VideoKey
from vidctl.ports import Clock, Message
from vidctl.records import VideoRecords
from vidctl.s3 import S3Objects
from vidctl.sqs import SqsQueue

USER = "alice"
PATIENCE = timedelta(seconds=60)


async def eventually(holds: Callable[[], Awaitable[bool]], *, within: timedelta = PATIENCE) -> None:
    """Ask until it holds."""
    async with asyncio.timeout(within.total_seconds()):
        while not await holds():  # noqa: ASYNC110 - what another process does comes with no event
            await asyncio.sleep(0.05)


class Studio:
    """The world with a user, and an operator's view of buckets, queues, tasks and metrics."""

    def __init__(self, *, world: LocalWorld, clients: Clients, api: ApiClient, clips: Clips, clock: Clock) -> None:
        self.world, self.api, self.clips = world, api, clips
        facts = world.facts
        self.raw = S3Objects(client=clients.s3, files=clients.files, bucket=facts.raw_bucket, clock=clock)
        self.final = S3Objects(client=clients.s3, files=clients.files, bucket=facts.final_bucket, clock=clock)
        self.raw_queue = SqsQueue(client=clients.sqs, url=facts.raw_queue_url)
        self.task_queue = SqsQueue(client=clients.sqs, url=facts.task_queue_url)
        self._dead_letter_queue = SqsQueue(client=clients.sqs, url=facts.dead_letter_queue_url)
        self._dead_letters: list[Message] = []

    # --- as a user ------------------------------------------------------------------------------------------------

    async def upload(self, clip: str) -> str:
        """Upload a clip of ``tests.media``; return the id of the video."""
        return await self.api.upload(await asyncio.to_thread(self.clips.get, clip))

    async def when(self, video_id: str, holds: Callable[[Video], bool], *, within: timedelta = PATIENCE) -> Video:
        """Follow a video until ``holds``."""
        async with asyncio.timeout(within.total_seconds()), aclosing(self.api.follow(video_id)) as reports:
            async for video in reports:
                if holds(video):
                    return video
        raise AssertionError("following never ends by itself")

    async def published(self, video_id: str, *, within: timedelta = PATIENCE) -> Video:
        """Wait until a video is published and its raw object deleted."""
        video = await self.when(
            video_id, lambda video: video.happened("raw_deleted") or video.failure is not None, within=within
        )
        assert video.state == "published", video
        return video

    async def failed(self, video_id: str) -> Video:
        """Wait until a video is given up."""
        video = await self.when(video_id, lambda video: video.state in ("failed", "published"))
        assert video.state == "failed", video
        return video

    # --- as an operator -------------------------------------------------------------------------------------------

    def key(self, video_id: str) -> VideoKey:
        return VideoKey(user_id=USER, video_id=video_id)

    async def records(self, video_id: str) -> VideoRecords:
        return await Journal(self.final).records(self.key(video_id))

    def tasks(self, video_id: str) -> list[tuple[LocalTask, JobSpec]]:
        """Return every task that was ever started for a video, in the order of their starts."""
        found = []
        for task in self.world.ecs.cluster.tasks:
            job = codec.decode(JobSpec, task.environment[JOB_VARIABLE])
            if job.key.video_id == video_id:
                found.append((task, job))
        return found

    async def kill_worker(self, video_id: str, *, attempt: int) -> None:
        """Kill the worker's process of an attempt, as soon as there is one."""

        async def killed() -> bool:
            for task, job in self.tasks(video_id):
                pid = task.program.pid if task.program is not None and job.number.n == attempt else None
                if pid is not None:
                    os.kill(pid, signal.SIGKILL)
                    return True
            return False

        await eventually(killed)

    async def kill_service(self) -> None:
        """Kill ``vidctl serve`` as a failing host would; the tasks go on."""
        service = self.world.service
        assert service is not None
        if service.pid is not None:
            os.kill(service.pid, signal.SIGKILL)
        assert await service.wait() == 137

    async def dead_letter(self, about: str) -> Message:
        """Wait for the dead letter that says ``about`` in its attributes or its body."""

        async def arrived() -> bool:
            self._dead_letters += await self._dead_letter_queue.receive(wait=timedelta(0))
            return any(_says(message, about) for message in self._dead_letters)

        await eventually(arrived)
        return next(message for message in self._dead_letters if _says(message, about))

    async def quiet(self) -> None:
        """Wait until the queues are empty, held messages included."""

        async def empty() -> bool:
            depths = [await self.raw_queue.depth(), await self.task_queue.depth()]
            return all(depth.visible == depth.in_flight == 0 for depth in depths)

        await eventually(empty)

    async def metric(self, sample_name: str, **labels: str) -> float:
        """Return the value of a sample of ``/metrics``."""
        async with aiohttp.ClientSession() as http, http.get(f"{self.world.facts.url}/metrics") as answer:
            families = text_string_to_metric_families(await answer.text())
        samples = [sample for family in families for sample in family.samples if sample.name == sample_name]
        return next(sample.value for sample in samples if labels.items() <= sample.labels.items())

    def raw_key(self, video_id: str) -> str:
        return layout.raw_key(self.key(video_id))


def _says(message: Message, about: str) -> bool:
    return about in message.body or about in json.dumps(message.attributes)
