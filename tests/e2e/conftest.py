"""The whole world of ``make dev``, once for the session: emulator, local ECS, ``vidctl serve``, real ffmpeg."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio
from prometheus_client import CollectorRegistry

from tests.e2e.studio import Studio
from tests.media import Clips
from vidctl.clients import Endpoints, open_clients
from vidctl.local import client, world
from vidctl.local.process import search_path
from vidctl.local.world import LocalWorld, WorldSetup
from vidctl.metrics import Metrics

ROOT = Path(__file__).parents[2]

QUICK = {
    "PATH": search_path(),
    "VIDCTL_RECONCILER_SLOTS": "4",
    "VIDCTL_RECONCILER_VISIBILITY": "6",
    "VIDCTL_RECONCILER_POLL": "1",
    "VIDCTL_RECONCILER_RECEIVE_WAIT": "1",
    "VIDCTL_RECONCILER_SWEEP": "3",
    "VIDCTL_RECONCILER_SWEEP_GRACE": "1",
    "VIDCTL_RECONCILER_BACKOFF": "0.2",
    "VIDCTL_WORKER_FENCE": "2",
    "VIDCTL_WORKER_PROGRESS": "0.2",
}


def free_port() -> int:
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - this is the clock


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalWorld]:
    setup = WorldSetup(
        directory=tmp_path_factory.mktemp("world"),
        template=ROOT / "deploy" / "storage.yaml",
        ministack=str(ROOT / ".emulator" / "bin" / "ministack"),
        http_port=free_port(),
        aws_port=free_port(),
        inherited=QUICK,
    )
    async with world.running(setup, clock=now, ids=os.urandom) as up:
        await up.serve()
        yield up


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def studio(running: LocalWorld, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Studio]:
    facts = running.facts
    endpoints = Endpoints(
        aws=facts.aws_endpoint_url,
        ecs=facts.ecs_endpoint_url,
        region=facts.region,
        access_key_id=facts.access_key_id,
        secret_access_key=facts.secret_access_key,
    )
    async with (
        open_clients(Metrics(CollectorRegistry()), endpoints=endpoints) as clients,
        client.opened(url=facts.url, token=running.token("alice")) as api,
    ):
        for url in (facts.raw_queue_url, facts.task_queue_url):
            # Messages that a killed process had received are hidden for so long.
            hidden = {"VisibilityTimeout": QUICK["VIDCTL_RECONCILER_VISIBILITY"]}
            await clients.sqs.call("set_queue_attributes", QueueUrl=url, Attributes=hidden)
        yield Studio(world=running, clients=clients, api=api, clips=Clips(tmp_path_factory.mktemp("clips")), clock=now)
