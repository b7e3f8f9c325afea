"""Fixtures of the contract suite: each test runs once in every world."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from prometheus_client import CollectorRegistry

from tests.contract import emulators
from tests.contract.gaps import GAPS
from tests.contract.worlds import (
    Cluster,
    EmulatedWorld,
    LocalWorld,
    MemoryWorld,
    TaskWorld,
    World,
    emulated,
)
from vidctl.clients import Client, Endpoints, open_clients
from vidctl.metrics import Metrics
from vidctl.ports import Objects, Queue


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        reasons = getattr(getattr(item, "function", None), GAPS, {})
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        for world in reasons.keys() & {parameters.get("world"), parameters.get("task_world")}:
            item.add_marker(pytest.mark.xfail(reason=f"{world}: {reasons[world]}", strict=True))


@pytest.fixture(scope="session")
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoints]:
    with emulators.ministack(tmp_path_factory.mktemp("ministack")) as endpoints:
        yield endpoints


@pytest.fixture(scope="session")
def moto() -> Iterator[Endpoints]:
    with emulators.moto() as endpoints:
        yield endpoints


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def ministack_world(ministack: Endpoints) -> AsyncIterator[EmulatedWorld]:
    async with emulated(ministack) as world:
        yield world


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def moto_world(moto: Endpoints) -> AsyncIterator[EmulatedWorld]:
    async with emulated(moto) as world:
        yield world


@pytest_asyncio.fixture(loop_scope="session")
async def memory_world() -> AsyncIterator[MemoryWorld]:
    async with AsyncExitStack() as stack:
        yield MemoryWorld(stack)


@pytest.fixture(scope="session")
def local_endpoints() -> Endpoints:
    return emulators.endpoints_at(emulators.free_port())


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def local_client(local_endpoints: Endpoints) -> AsyncIterator[Client]:
    async with open_clients(Metrics(CollectorRegistry()), endpoints=local_endpoints) as clients:
        yield clients.ecs


@pytest_asyncio.fixture(loop_scope="session")
async def local_world(local_client: Client, local_endpoints: Endpoints, tmp_path: Path) -> AsyncIterator[LocalWorld]:
    port = int(local_endpoints.aws.rpartition(":")[2])
    async with AsyncExitStack() as stack:
        yield LocalWorld(stack, client=local_client, port=port, directory=tmp_path)


@pytest.fixture(params=["memory", "ministack", "moto"])
def world(request: pytest.FixtureRequest) -> World:
    found: World = request.getfixturevalue(f"{request.param}_world")
    return found


@pytest_asyncio.fixture(loop_scope="session")
async def objects(world: World) -> Objects:
    return await world.objects()


@pytest_asyncio.fixture(loop_scope="session")
async def versioned(world: World) -> Objects:
    return await world.objects(versioned=True)


@pytest_asyncio.fixture(loop_scope="session")
async def queue(world: World) -> Queue:
    return await world.queue()


@pytest.fixture(params=["memory", "local", "ministack", "moto"])
def task_world(request: pytest.FixtureRequest) -> TaskWorld:
    found: TaskWorld = request.getfixturevalue(f"{request.param}_world")
    return found


@pytest_asyncio.fixture(loop_scope="session")
async def cluster(task_world: TaskWorld) -> Cluster:
    return await task_world.cluster()
