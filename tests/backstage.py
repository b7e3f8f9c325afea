"""An operator's view of a running local world: buckets, queues, control records, tasks, metrics."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import aiohttp
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from vidctl import codec, layout
from vidctl.clients import Clients, Endpoints, open_clients
from vidctl.journal import Journal
from vidctl.local.tasks import LocalTask
from vidctl.local.world import LocalWorld
from vidctl.metrics import Metrics
from vidctl.model import JOB_VARIABLE, JobSpec, VideoKey
from vidctl.ports import Clock
from vidctl.records import VideoRecords
from vidctl.s3 import S3Objects
from vidctl.sqs import SqsQueue

USER = "alice"


class Backstage:
    """The world as its operator sees it, and the videos of one user."""

    def __init__(self, *, world: LocalWorld, clients: Clients, clock: Clock) -> None:
        self.world = world
        facts = world.facts
        self.raw = S3Objects(client=clients.s3, files=clients.files, bucket=facts.raw_bucket, clock=clock)
        self.final = S3Objects(client=clients.s3, files=clients.files, bucket=facts.final_bucket, clock=clock)
        self.raw_queue = SqsQueue(client=clients.sqs, url=facts.raw_queue_url)
        self.task_queue = SqsQueue(client=clients.sqs, url=facts.task_queue_url)
        self.dead_letter_queue = SqsQueue(client=clients.sqs, url=facts.dead_letter_queue_url)
        self.journal = Journal(self.final)
        self._sqs = clients.sqs

    def key(self, video_id: str) -> VideoKey:
        return VideoKey(user_id=USER, video_id=video_id)

    def raw_key(self, video_id: str) -> str:
        return layout.raw_key(self.key(video_id))

    async def records(self, video_id: str) -> VideoRecords:
        return await self.journal.records(self.key(video_id))

    def every_task(self) -> list[tuple[LocalTask, JobSpec]]:
        """Return every task that was ever started, in the order of their starts."""
        return [(task, codec.decode(JobSpec, task.environment[JOB_VARIABLE])) for task in self.world.ecs.cluster.tasks]

    def tasks(self, video_id: str) -> list[tuple[LocalTask, JobSpec]]:
        """Return every task that was ever started for a video, in the order of their starts."""
        return [(task, job) for task, job in self.every_task() if job.key.video_id == video_id]

    async def queues_are_empty(self) -> bool:
        """Whether no message is left but dead letters, held ones included."""
        depths = [await self.raw_queue.depth(), await self.task_queue.depth()]
        return all(depth.visible == depth.in_flight == depth.delayed == 0 for depth in depths)

    async def hide_messages_for(self, time: timedelta) -> None:
        """Let what a killed process had received come back after so long."""
        hidden = {"VisibilityTimeout": str(int(time.total_seconds()))}
        for url in (self.world.facts.raw_queue_url, self.world.facts.task_queue_url):
            await self._sqs.call("set_queue_attributes", QueueUrl=url, Attributes=hidden)


@asynccontextmanager
async def clients_of(world: LocalWorld) -> AsyncIterator[Clients]:
    """Open the operator's clients of a world for the block."""
    facts = world.facts
    endpoints = Endpoints(
        aws=facts.aws_endpoint_url,
        ecs=facts.ecs_endpoint_url,
        region=facts.region,
        access_key_id=facts.access_key_id,
        secret_access_key=facts.secret_access_key,
    )
    async with open_clients(Metrics(CollectorRegistry()), endpoints=endpoints) as clients:
        yield clients


async def metric(url: str, sample_name: str, **labels: str) -> float:
    """Return the value of a sample of a replica's ``/metrics``."""
    async with aiohttp.ClientSession() as http, http.get(f"{url}/metrics") as answer:
        families = text_string_to_metric_families(await answer.text())
    samples = [sample for family in families for sample in family.samples if sample.name == sample_name]
    return next(sample.value for sample in samples if labels.items() <= sample.labels.items())
