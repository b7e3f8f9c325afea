"""One machine in place of AWS: emulated storage, a local ECS, and production's ``vidctl serve`` in front of them."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path

import jwt

from vidctl.local import ecs, emulator, environment, ground, provision
from vidctl.local.definition import ClusterName, EcsSetup, Pace, TaskDefinition
from vidctl.local.ecs import LocalEcs
from vidctl.local.emulator import Emulator
from vidctl.local.environment import CLUSTER, CONTAINER, FAMILY, REGION, Endpoint
from vidctl.local.identities import Identities
from vidctl.local.process import LeashedProgram
from vidctl.local.service import Service, Services
from vidctl.local.stack import Storage
from vidctl.ports import Clock, Ids

ACCOUNT = "000000000000"
FACTS = "world.json"
TOKEN_LIFETIME = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldSetup:
    """What a local world is built from. ``inherited`` is the environment that its processes get, but for AWS's part."""

    directory: Path
    template: Path
    ministack: str
    http_port: int
    aws_port: int
    ecs_port: int = 0
    inherited: Mapping[str, str] = field(default_factory=dict)
    pace: Pace = field(default_factory=Pace)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What scripts have to know of a running world: the content of ``world.json``."""

    url: str
    token: str = field(repr=False)
    aws_endpoint_url: str
    ecs_endpoint_url: str
    region: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    raw_bucket: str
    final_bucket: str
    raw_queue_url: str
    dead_letter_queue_url: str
    task_queue_url: str
    cluster: str


class LocalWorld:
    """A running world. ``service`` is None until ``serve`` was called; ``services`` starts others beside it."""

    def __init__(
        self,
        *,
        facts: Facts,
        ecs: LocalEcs,
        emulator: LeashedProgram,
        services: Services,
        port: int,
        secret: str,
        clock: Clock,
    ) -> None:
        self.facts = facts
        self.ecs = ecs
        self.emulator = emulator
        self.services = services
        self.service: Service | None = None
        self._port, self._secret, self._clock = port, secret, clock

    async def serve(self) -> Service:
        """Start ``vidctl serve``, in place of one that ended, and wait until it is ready.

        Raises:
            ProgramFailed: it ended, or does not get ready.

        """
        self.service = await self.services.start(port=self._port)
        await self.service.ready()
        return self.service

    def token(self, subject: str) -> str:
        """Return a bearer token for a user, valid for a day."""
        return mint(subject, secret=self._secret, clock=self._clock)


@asynccontextmanager
async def running(setup: WorldSetup, *, clock: Clock, ids: Ids) -> AsyncIterator[LocalWorld]:
    """Build a world, without ``vidctl serve``, that lives as long as the block, and no process longer.

    Raises:
        PortInUse, InvalidSettings, DirectoryInUse: nothing was started.
        ProgramFailed, StackFailed, WorldError: it could not be built; nothing is left of it.

    """
    for port, variable in ((setup.http_port, "VIDCTL_HTTP_PORT"), (setup.aws_port, "VIDCTL_DEV_AWS_PORT")):
        ground.require_free(port, variable=variable)
    if setup.ecs_port:
        ground.require_free(setup.ecs_port, variable="VIDCTL_DEV_ECS_PORT")
    template = ground.require_file(setup.template, variable="VIDCTL_DEV_TEMPLATE")
    ground.require_file(template.with_name(provision.SERVICE), variable="VIDCTL_DEV_TEMPLATE")
    ministack = ground.require_program(setup.ministack, variable="VIDCTL_DEV_MINISTACK")
    async with AsyncExitStack() as built:
        built.enter_context(ground.claimed(setup.directory, variable="VIDCTL_DEV_DIRECTORY"))
        await asyncio.to_thread(_clear, setup.directory)
        aws = await built.enter_async_context(
            emulator.running(ministack, port=setup.aws_port, directory=setup.directory)
        )
        storage, users = await provision.storage(aws.url, template=template, cluster=CLUSTER, family=FAMILY)
        events = await built.enter_async_context(
            provision.queue(aws.url, key=users.operator, url=storage.task_queue_url)
        )
        local_ecs = await built.enter_async_context(
            ecs.serving(_cluster(setup, aws.url, users), events=events, clock=clock, ids=ids)
        )
        world = _world(setup, aws=aws, ecs=local_ecs, storage=storage, users=users, secret=ids(32).hex(), clock=clock)
        facts = setup.directory / FACTS
        _write(world.facts, facts)
        try:
            yield world
        finally:
            facts.unlink(missing_ok=True)
            await world.services.end()


def mint(subject: str, *, secret: str, clock: Clock) -> str:
    """Return a bearer token that ``vidctl serve`` accepts with the HS256 ``secret``."""
    now = clock()
    return jwt.encode({"sub": subject, "iat": now, "exp": now + TOKEN_LIFETIME}, secret, algorithm="HS256")


def _cluster(setup: WorldSetup, aws: str, users: Identities) -> EcsSetup:
    worker = TaskDefinition(
        family=FAMILY,
        container=CONTAINER,
        command=(sys.executable, "-P", "-m", "vidctl", "worker"),
        environment=tuple(environment.worker(setup.inherited, endpoint=aws, key=users.worker).items()),
    )
    return EcsSetup(
        cluster=ClusterName(name=CLUSTER, region=REGION, account=ACCOUNT),
        definitions=(worker,),
        directory=setup.directory.absolute() / "tasks",
        pace=setup.pace,
        port=setup.ecs_port,
    )


def _world(
    setup: WorldSetup, *, aws: Emulator, ecs: LocalEcs, storage: Storage, users: Identities, secret: str, clock: Clock
) -> LocalWorld:
    facts = Facts(
        url=f"http://127.0.0.1:{setup.http_port}",
        token=mint("demo", secret=secret, clock=clock),
        aws_endpoint_url=aws.url,
        ecs_endpoint_url=ecs.url,
        region=REGION,
        access_key_id=users.operator.access_key_id,
        secret_access_key=users.operator.secret_access_key,
        raw_bucket=storage.raw_bucket,
        final_bucket=storage.final_bucket,
        raw_queue_url=storage.raw_queue_url,
        dead_letter_queue_url=storage.dead_letter_queue_url,
        task_queue_url=storage.task_queue_url,
        cluster=CLUSTER,
    )
    service = environment.service(
        setup.inherited,
        endpoint=Endpoint(aws=aws.url, ecs=ecs.url),
        key=users.service,
        storage=storage,
        secret=secret,
        port=setup.http_port,
    )
    return LocalWorld(
        facts=facts,
        ecs=ecs,
        emulator=aws.program,
        services=Services(service, directory=setup.directory),
        port=setup.http_port,
        secret=secret,
        clock=clock,
    )


def _clear(directory: Path) -> None:
    """Remove what an earlier world left in the directory."""
    shutil.rmtree(directory / "tasks", ignore_errors=True)
    for name in (FACTS, "emulator.log", "serve*.log"):
        for file in directory.glob(name):
            file.unlink()


def _write(facts: Facts, path: Path) -> None:
    path.touch(mode=0o600)  # it holds keys
    path.write_text(json.dumps(asdict(facts), indent=2) + "\n")
