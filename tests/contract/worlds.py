"""Everything that claims to be AWS: the in-memory world and the emulators, each making the ports over fresh things."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Protocol

from aiobotocore.session import get_session
from aiohttp import ClientSession
from prometheus_client import CollectorRegistry

from tests.world.life import Timing
from tests.world.notifications import notification, s3_test_event
from tests.world.objects import MemoryObjects
from tests.world.queue import MemoryQueue
from tests.world.quota import Quota
from tests.world.receivers import MemoryReceiver
from tests.world.tasks import MemoryTasks
from tests.world.uploads import MemoryUploads, Refused
from vidctl.clients import Client, Clients, Endpoints, open_clients
from vidctl.ecs import EcsTasks
from vidctl.eventbridge import EventBus
from vidctl.local.definition import ClusterName, EcsSetup, Pace, TaskDefinition
from vidctl.local.ecs import serving
from vidctl.local.throttle import Quotas, Rate
from vidctl.metrics import Metrics
from vidctl.model import JobSpec, TaskSpec
from vidctl.multipart import PARTS, Parts
from vidctl.ports import Objects, Queue, SignedUrl, Tasks
from vidctl.receiver import Receiver
from vidctl.s3 import S3Objects
from vidctl.s3_uploads import S3Uploads
from vidctl.sqs import SqsQueue
from vidctl.uploads import Uploads

FAMILY = "vidctl-worker"

EXIT_CODE = "TEST_EXIT_CODE"
CONTAINER = f'if [ -n "${EXIT_CODE}" ]; then exit "${EXIT_CODE}"; fi; exec sleep 600'
"""What runs in the containers: it ends with the exit code that its environment names, or waits to be stopped."""

PLENTIFUL = Quota(per_second=10_000, burst=10_000, clock=lambda: datetime.now(UTC))  # noqa: TID251 - real time
PLENTY = Rate(per_second=10_000, burst=10_000)


def now() -> datetime:
    """Tell the time: emulators follow the real one, and so everybody does here."""
    return datetime.now(UTC)  # noqa: TID251 - this is the clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A cluster and where its tasks may run."""

    tasks: Tasks
    subnets: tuple[str, ...] = ("subnet-1",)
    security_groups: tuple[str, ...] = ("sg-1",)


class World(Protocol):
    """Makes fresh things to test."""

    async def objects(self, *, versioned: bool = False, parts: Parts = PARTS) -> Objects:
        """Make a bucket, to which files above a size go in parts."""

    async def unfinished(self, objects: Objects) -> int:
        """Return how many uploads in parts to a bucket were begun and neither completed nor aborted."""

    def uploads(self, objects: Objects) -> Uploads:
        """Return what clients send to a bucket."""

    async def send(self, uploads: Uploads, signed: SignedUrl, body: bytes) -> str:
        """Send a body as a client does, by the letter of what was signed; return its ETag."""

    async def notified(self, *, prefix: str, suffix: str) -> tuple[str, Objects, Queue]:
        """Make a bucket (its name, itself) and the queue of its events under ``prefix`` that end in ``suffix``."""

    async def queue(self) -> Queue:
        """Make a queue."""

    async def queue_with_dead_letters(self, max_receive_count: int) -> tuple[Queue, Queue]:
        """Make a queue and the queue of what was received too often."""

    async def cluster(self) -> Cluster:
        """Make a cluster that knows the worker's task definition."""


class TaskWorld(Protocol):
    """Makes clusters and nothing else."""

    async def cluster(self) -> Cluster:
        """Make a cluster that knows the worker's task definition."""


class MemoryWorld:
    """The in-memory world, on real time."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack
        self._uploads: MemoryUploads | None = None

    async def objects(self, *, versioned: bool = False, parts: Parts = PARTS) -> Objects:
        return MemoryObjects("bucket", clock=now, versioned=versioned, parts=parts)

    async def unfinished(self, objects: Objects) -> int:
        return len(self._uploads.unfinished) if self._uploads is not None else 0

    def uploads(self, objects: Objects) -> Uploads:
        assert isinstance(objects, MemoryObjects)
        self._uploads = MemoryUploads(objects, clock=now)
        return self._uploads

    async def send(self, uploads: Uploads, signed: SignedUrl, body: bytes) -> str:
        assert isinstance(uploads, MemoryUploads)
        return uploads.send(signed.url, body, signed.headers)

    async def notified(self, *, prefix: str, suffix: str) -> tuple[str, Objects, Queue]:
        queue = MemoryQueue("events", clock=now)
        on_created = notification(queue, prefix=prefix, suffix=suffix)
        queue.put(s3_test_event("bucket", now()))
        return "bucket", MemoryObjects("bucket", clock=now, versioned=True, on_created=on_created), queue

    async def queue(self) -> Queue:
        return MemoryQueue("queue", clock=now)

    async def queue_with_dead_letters(self, max_receive_count: int) -> tuple[Queue, Queue]:
        dead = MemoryQueue("dead", clock=now)
        return MemoryQueue("queue", clock=now, dead_letters=dead, max_receive_count=max_receive_count), dead

    async def cluster(self) -> Cluster:
        short = timedelta(milliseconds=5)
        timing = Timing(provisioning=short, pending=short, stopping=short, grace=short)
        tasks = MemoryTasks(
            clock=now, worker=_container, family=FAMILY, timing=lambda _token: timing, launches=PLENTIFUL
        )
        return Cluster(tasks=await self._stack.enter_async_context(tasks))


class EmulatedWorld:
    """An emulator at ``endpoints``, reached through the adapters and the real clients."""

    def __init__(self, clients: Clients, endpoints: Endpoints) -> None:
        self.clients = clients
        self._endpoints = endpoints
        self._numbers = count(1)
        self._subnets: tuple[str, ...] = ()

    async def objects(self, *, versioned: bool = False, parts: Parts = PARTS) -> S3Objects:
        return self._bucket(await self._bucket_name(versioned=versioned), parts=parts)

    async def unfinished(self, objects: Objects) -> int:
        assert isinstance(objects, S3Objects)
        answer = await self.clients.s3.call("list_multipart_uploads", Bucket=objects._bucket)
        return len(answer.get("Uploads", ()))

    def uploads(self, objects: Objects) -> Uploads:
        assert isinstance(objects, S3Objects)
        return S3Uploads(client=self.clients.s3, slow=self.clients.files, bucket=objects._bucket, clock=now)

    async def send(self, uploads: Uploads, signed: SignedUrl, body: bytes) -> str:
        # The client counts the body itself, as a browser does.
        headers = {name: value for name, value in signed.headers.items() if name != "content-length"}
        async with (
            ClientSession(skip_auto_headers=("content-type",)) as http,
            http.put(signed.url, data=BytesIO(body), headers=headers) as answer,
        ):
            if answer.status != 200:
                raise Refused(f"{answer.status}: {await answer.text()}")
            return answer.headers["ETag"].strip('"')

    async def notified(self, *, prefix: str, suffix: str) -> tuple[str, Objects, Queue]:
        bucket = await self._bucket_name(versioned=True)
        url = await self._queue_url({})
        arn = await self._arn(url)
        sends = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage"}
        policy = {"Version": "2012-10-17", "Statement": [{**sends, "Resource": arn}]}
        await self.clients.sqs.call("set_queue_attributes", QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
        rules = [{"Name": "prefix", "Value": prefix}, {"Name": "suffix", "Value": suffix}]
        wanted = {"QueueArn": arn, "Events": ["s3:ObjectCreated:*"], "Filter": {"Key": {"FilterRules": rules}}}
        await self.clients.s3.call(
            "put_bucket_notification_configuration",
            Bucket=bucket,
            NotificationConfiguration={"QueueConfigurations": [wanted]},
        )
        return bucket, self._bucket(bucket), self._at(url)

    async def _bucket_name(self, *, versioned: bool) -> str:
        bucket = self._name("bucket")
        place = {"LocationConstraint": self._endpoints.region}
        await self.clients.s3.call("create_bucket", Bucket=bucket, CreateBucketConfiguration=place)
        if versioned:
            await self.clients.s3.call(
                "put_bucket_versioning", Bucket=bucket, VersioningConfiguration={"Status": "Enabled"}
            )
        return bucket

    def _bucket(self, name: str, *, parts: Parts = PARTS) -> S3Objects:
        return S3Objects(client=self.clients.s3, files=self.clients.files, bucket=name, clock=now, parts=parts)

    async def queue(self) -> Queue:
        return self._at(await self._queue_url({"VisibilityTimeout": "60"}))

    async def queue_with_dead_letters(self, max_receive_count: int) -> tuple[Queue, Queue]:
        dead = await self._queue_url({})
        policy = {"deadLetterTargetArn": await self._arn(dead), "maxReceiveCount": max_receive_count}
        return self._at(await self._queue_url({"RedrivePolicy": json.dumps(policy)})), self._at(dead)

    async def cluster(self) -> Cluster:
        name = self._name("cluster")
        await self.clients.ecs.call("create_cluster", clusterName=name)
        # moto fails without the container's own cpu and memory.
        container = {"name": "worker", "image": "vidctl", "essential": True, "cpu": 1024, "memory": 2048}
        await self.clients.ecs.call(
            "register_task_definition",
            family=FAMILY,
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="1024",
            memory="2048",
            containerDefinitions=[container],
        )
        tasks = EcsTasks(client=self.clients.ecs, cluster=name, family=FAMILY, clock=now)
        return Cluster(tasks=tasks, subnets=await self._existing_subnets())

    async def _existing_subnets(self) -> tuple[str, ...]:
        """Return subnets that exist: moto looks them up."""
        if self._subnets:
            return self._subnets
        client = get_session().create_client(
            "ec2",
            endpoint_url=self._endpoints.aws,
            region_name=self._endpoints.region,
            aws_access_key_id=self._endpoints.access_key_id,
            aws_secret_access_key=self._endpoints.secret_access_key,
        )
        async with client as ec2:
            answer = await ec2.describe_subnets()
        self._subnets = tuple(subnet["SubnetId"] for subnet in answer["Subnets"])[:1]
        return self._subnets

    async def _queue_url(self, attributes: dict[str, str]) -> str:
        answer = await self.clients.sqs.call("create_queue", QueueName=self._name("queue"), Attributes=attributes)
        return str(answer["QueueUrl"])

    async def _arn(self, url: str) -> str:
        answer = await self.clients.sqs.call("get_queue_attributes", QueueUrl=url, AttributeNames=["QueueArn"])
        return str(answer["Attributes"]["QueueArn"])

    def _at(self, url: str) -> SqsQueue:
        return SqsQueue(client=self.clients.sqs, poll=self.clients.poll, url=url)

    def _name(self, kind: str) -> str:
        return f"{kind}-{next(self._numbers)}"


@asynccontextmanager
async def emulated(endpoints: Endpoints) -> AsyncIterator[EmulatedWorld]:
    """Open the clients of an emulator."""
    async with open_clients(Metrics(CollectorRegistry()), endpoints=endpoints) as clients:
        yield EmulatedWorld(clients, endpoints)


class LocalWorld:
    """The local ECS on ``port``, reached through the adapter and the real client."""

    def __init__(self, stack: AsyncExitStack, *, client: Client, port: int, directory: Path) -> None:
        self._stack = stack
        self._client = client
        self._port = port
        self._directory = directory

    async def cluster(self) -> Cluster:
        definition = TaskDefinition(family=FAMILY, container="worker", command=("sh", "-c", CONTAINER))
        setup = EcsSetup(
            cluster=ClusterName(name="vidctl", region="eu-central-1", account="000000000000"),
            definitions=(definition,),
            directory=self._directory,
            pace=Pace(step=timedelta(milliseconds=5)),
            quotas=Quotas(launches=PLENTY, changes=PLENTY, reads=PLENTY),
            port=self._port,
        )
        await self._stack.enter_async_context(serving(setup, events=None, clock=now, ids=os.urandom))
        return Cluster(tasks=EcsTasks(client=self._client, cluster="vidctl", family=FAMILY, clock=now))


async def _container(spec: TaskSpec, _job: JobSpec) -> int:
    """Play ``CONTAINER``."""
    exit_code = dict(spec.environment).get(EXIT_CODE)
    if exit_code is None:
        await asyncio.Event().wait()
    return int(exit_code or 0)


# --- an event bus -------------------------------------------------------------------------------------------------

Heard = Callable[[int], Awaitable[set[tuple[str, bytes]]]]
"""Returns kind and body of so many events that came over a bus, waiting for them."""


async def heard_on(world: World) -> tuple[Receiver, Heard]:
    """Make a bus, and somebody who hears what ``vidctl`` puts on it."""
    if isinstance(world, EmulatedWorld):
        return await _emulated_bus(world)
    receiver = MemoryReceiver("bus")

    async def heard(_number: int) -> set[tuple[str, bytes]]:
        return {(event.about.value, event.body) for event in receiver.told}

    return receiver, heard


async def _emulated_bus(world: EmulatedWorld) -> tuple[Receiver, Heard]:
    name, call = world._name("bus"), world.clients.events.call
    url = await world._queue_url({})
    arn = await world._arn(url)
    await call("create_event_bus", Name=name)
    pattern = json.dumps({"source": ["vidctl"]})
    await call("put_rule", Name=name, EventBusName=name, EventPattern=pattern, State="ENABLED")
    await call("put_targets", Rule=name, EventBusName=name, Targets=[{"Id": "queue", "Arn": arn}])
    queue = world._at(url)

    async def heard(number: int) -> set[tuple[str, bytes]]:
        found: set[tuple[str, bytes]] = set()
        while len(found) < number:
            messages = await queue.receive(wait=timedelta(seconds=5))
            assert messages, f"{len(found)} events of {number} came"
            for body in (json.loads(message.body) for message in messages):
                compact = json.dumps(body["detail"], ensure_ascii=False, separators=(",", ":"))
                found.add((body["detail-type"], compact.encode()))
        return found

    return EventBus(client=world.clients.events, name=name), heard
