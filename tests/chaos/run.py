"""A trial from its beginning to its verdict: the world of ``make dev``, several replicas, customers, and trouble."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import aiohttp

from tests.backstage import USER, Backstage, clients_of
from tests.chaos import trial as script
from tests.chaos.customers import TIMEOUT, Customer
from tests.chaos.fleet import Fleet
from tests.chaos.investigation import Investigation
from tests.chaos.logbook import Logbook
from tests.chaos.report import Report, Voice
from tests.chaos.scene import Sent
from tests.chaos.trial import Order, Trial
from tests.chaos.trouble import Trouble
from tests.chaos.verdict import figures, violations
from tests.e2e.machine import ROOT, free_port, now
from tests.media import Clips
from vidctl.groups import TaskGroup
from vidctl.local import world
from vidctl.local.world import WorldSetup

GLANCE_SECONDS = 0.5


class Chaos:
    """One trial in a running world."""

    def __init__(self, trial: Trial, *, backstage: Backstage, group: TaskGroup, directory: Path, say: Voice) -> None:
        self._trial, self._say, self._directory = trial, say, directory
        self._sent: dict[str, Sent] = {}
        self._world = backstage.world
        self._fleet = Fleet(backstage.world.services, size=trial.replicas, group=group, say=say)
        self._trouble = Trouble(backstage, fleet=self._fleet, say=say)
        self._investigation = Investigation(backstage, fleet=self._fleet, sent=self._sent, killed=self._trouble.killed)

    async def run(self) -> Report:
        """Make trouble, let it settle, and judge."""
        orders = script.orders(self._trial)
        # Those of an earlier trial may be made otherwise.
        await asyncio.to_thread(shutil.rmtree, self._directory / "clips", ignore_errors=True)
        clips = Clips(self._directory / "clips")
        files = {order.clip: await asyncio.to_thread(clips.read, order.clip) for order in orders}
        await self._fleet.ready()
        self._say(f"{'ready':<12} {self._trial.replicas} replicas")
        async with aiohttp.ClientSession(timeout=TIMEOUT) as http, TaskGroup() as shop:
            customer = self._customer(http)
            served = [shop.create_task(self._serve(customer, order, files[order.clip])) for order in orders]
            await self._trouble.make(script.blows(self._trial), until=self._trial.trouble)
            settled = await self._settle()
            for task in served:
                task.cancel()
        return await self._judge(settled, retries=customer.retries)

    async def _serve(self, customer: Customer, order: Order, content: bytes) -> None:
        await asyncio.sleep(order.at.total_seconds())
        time = asyncio.get_running_loop().time
        began = time()
        video_id = await customer.upload(content)
        sent = Sent(video_id=video_id, clip=order.clip, size_bytes=len(content), began=began)
        self._sent[video_id] = sent
        self._say(f"{'upload':<12} {video_id} {order.clip}")
        sent.told, sent.ended = (await customer.fate(video_id)).state, time()
        self._say(f"{sent.told:<12} {video_id} {order.clip}")

    async def _settle(self) -> timedelta | None:
        """Wait until nothing is left to be done; return for how long, None if that was too long."""
        time = asyncio.get_running_loop().time
        began = time()
        self._say(f"{'peace':<12} within {self._trial.bound.total_seconds():.0f} s all must be settled")
        try:
            async with asyncio.timeout(self._trial.bound.total_seconds()):
                await self._fleet.ready()
                while not await self._at_rest():  # noqa: ASYNC110 - what other processes do comes with no event
                    await asyncio.sleep(GLANCE_SECONDS)
        except TimeoutError:
            self._say("not settled")
            return None
        self._say(f"{'settled':<12} and still for {self._trial.still.total_seconds():.0f} s more?")
        return timedelta(seconds=time() - began)

    async def _at_rest(self) -> bool:
        return len(self._sent) == self._trial.uploads and await self._investigation.at_rest()

    async def _judge(self, settled: timedelta | None, *, retries: int) -> Report:
        before = await self._investigation.traces()
        await asyncio.sleep(self._trial.still.total_seconds())
        moved = before ^ await self._investigation.traces()
        scene = await self._investigation.scene(Logbook(self._directory))
        await self._fleet.end()
        logbook = Logbook(self._directory)
        faults = [*violations(scene), *self._fleet.faults, *logbook.faults]
        if settled is None:
            faults.append(f"it was not settled within {self._trial.bound.total_seconds():.0f} s")
        else:
            faults += [f"{name} changed after all was settled" for name, _ in sorted(moved)]
        ended = [sent for sent in self._sent.values() if sent.told is not None]
        return Report(
            seed=self._trial.seed,
            figures=figures(scene),
            fleet=self._fleet.counts,
            events=logbook.events,
            retries=retries,
            struck=sum(any(map(sent.met, self._fleet.struck)) for sent in self._sent.values()),
            slowest=timedelta(seconds=max((sent.ended - sent.began for sent in ended), default=0.0)),
            settled=settled,
            violations=tuple(faults),
        )

    def _customer(self, http: aiohttp.ClientSession) -> Customer:
        chance = random.Random(f"customers {self._trial.seed}")
        return Customer(http, urls=lambda: self._fleet.urls, token=self._world.token(USER), chance=chance)


async def run(trial: Trial, *, directory: Path, inherited: Mapping[str, str], visibility: timedelta) -> Report:
    """Build the world in ``directory`` and run a trial in it; nothing of it runs on, however it ends.

    Raises:
        VidctlError: the world could not be built, or a part of it ended.

    """
    say = Voice()
    say(f"{'seed':<12} {trial.seed}; logs: {directory}")
    setup = WorldSetup(
        directory=directory,
        template=ROOT / "deploy" / "storage.yaml",
        ministack=str(ROOT / ".emulator" / "bin" / "ministack"),
        http_port=free_port(),
        aws_port=free_port(),
        inherited=inherited,
    )
    async with world.running(setup, clock=now, ids=os.urandom) as up, clients_of(up) as clients, TaskGroup() as group:
        backstage = Backstage(world=up, clients=clients, clock=now)
        await backstage.hide_messages_for(visibility)
        watch = group.create_task(up.emulator.must_run())
        report = await Chaos(trial, backstage=backstage, group=group, directory=directory, say=say).run()
        watch.cancel()
    return report
