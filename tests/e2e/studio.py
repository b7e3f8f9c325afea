"""What a test does in the running world, and what it can see there."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from datetime import timedelta

from tests.backstage import Backstage, metric
from tests.media import Clips
from vidctl.clients import Clients
from vidctl.local.client import ApiClient, Video
from vidctl.local.world import LocalWorld
from vidctl.ports import Clock, Message

PATIENCE = timedelta(seconds=60)


async def eventually(holds: Callable[[], Awaitable[bool]], *, within: timedelta = PATIENCE) -> None:
    """Ask until it holds."""
    async with asyncio.timeout(within.total_seconds()):
        while not await holds():  # noqa: ASYNC110 - what another process does comes with no event
            await asyncio.sleep(0.05)


class Studio(Backstage):
    """The world with a user, and behind the scenes."""

    def __init__(self, *, world: LocalWorld, clients: Clients, api: ApiClient, clips: Clips, clock: Clock) -> None:
        super().__init__(world=world, clients=clients, clock=clock)
        self.api, self.clips = api, clips
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
        if service.program.pid is not None:
            os.kill(service.program.pid, signal.SIGKILL)
        assert await service.program.wait() == 137

    async def dead_letter(self, about: str) -> Message:
        """Wait for the dead letter that says ``about`` in its attributes or its body."""

        async def arrived() -> bool:
            self._dead_letters += await self.dead_letter_queue.receive(wait=timedelta(0))
            return any(_says(message, about) for message in self._dead_letters)

        await eventually(arrived)
        return next(message for message in self._dead_letters if _says(message, about))

    async def quiet(self) -> None:
        """Wait until the queues are empty, held messages included."""
        await eventually(self.queues_are_empty)

    async def metric(self, sample_name: str, **labels: str) -> float:
        """Return the value of a sample of ``/metrics``."""
        return await metric(self.world.facts.url, sample_name, **labels)


def _says(message: Message, about: str) -> bool:
    return about in message.body or about in json.dumps(message.attributes)
