"""Opens clients of the emulator, and makes storage and users in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from prometheus_client import CollectorRegistry

from vidctl.clients import Client, Endpoints, open_client
from vidctl.local import identities, stack
from vidctl.local.environment import REGION
from vidctl.local.identities import AccessKey, Identities
from vidctl.local.stack import Storage
from vidctl.metrics import Metrics
from vidctl.sqs import SqsQueue

STACK = "vidctl"
SERVICE = "service.yaml"
ROOT = AccessKey(access_key_id="test", secret_access_key="test")  # noqa: S106 - the emulator does not check it


async def storage(aws: str, *, template: Path, cluster: str, family: str) -> tuple[Storage, Identities]:
    """Create the stack of the storage template, and the users whom the service template beside it allows to use it.

    Raises:
        StackFailed, WorldError: it could not be done.

    """
    # The emulator speaks no TLS, and enforces a policy that demands it.
    parameters = {"Cluster": cluster, "WorkerFamily": family, "RequireTls": "false"}
    text, rights = await asyncio.to_thread(lambda: (template.read_text(), template.with_name(SERVICE).read_text()))
    async with client("cloudformation", aws, key=ROOT) as cloudformation, client("iam", aws, key=ROOT) as iam:
        made = await stack.create(cloudformation, name=STACK, template=text, parameters=parameters)
        return made, await identities.create(iam, made, template=rights)


@asynccontextmanager
async def queue(aws: str, *, key: AccessKey, url: str) -> AsyncIterator[SqsQueue]:
    """Open a queue for the block."""
    async with client("sqs", aws, key=key) as opened:
        yield SqsQueue(client=opened, url=url)


@asynccontextmanager
async def client(service: str, aws: str, *, key: AccessKey) -> AsyncIterator[Client]:
    """Open a client of the emulator for the block."""
    endpoints = Endpoints(
        aws=aws, region=REGION, access_key_id=key.access_key_id, secret_access_key=key.secret_access_key
    )
    async with open_client(service, Metrics(CollectorRegistry()), endpoints=endpoints) as opened:
        yield opened
