"""The whole world of ``make dev``, once for the session: emulator, local ECS, ``vidctl serve``, real ffmpeg."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests import backstage
from tests.backstage import USER
from tests.browser.chromium import launched, require_installed
from tests.e2e.machine import QUICK, ROOT, free_port, now
from tests.e2e.studio import Studio
from tests.media import Clips
from vidctl.local import client, world
from vidctl.local.world import LocalWorld, WorldSetup


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
    api_of_alice = client.opened(url=running.facts.url, token=running.token(USER))
    async with backstage.clients_of(running) as clients, api_of_alice as api:
        clips = Clips(tmp_path_factory.mktemp("clips"))
        studio = Studio(world=running, clients=clients, api=api, clips=clips, clock=now)
        await studio.hide_messages_for(timedelta(seconds=int(QUICK["VIDCTL_RECONCILER_VISIBILITY"])))
        yield studio


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    require_installed()
    async with launched() as browser:
        yield browser
