"""The whole world of ``make dev``, once for the session: emulator, local ECS, ``vidctl serve``, real ffmpeg."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from prometheus_client import CollectorRegistry

from tests.e2e.machine import QUICK, ROOT, free_port, now
from tests.e2e.studio import Studio
from tests.media import Clips
from vidctl.clients import Endpoints, open_clients
from vidctl.local import client, world
from vidctl.local.world import LocalWorld, WorldSetup
from vidctl.metrics import Metrics


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
