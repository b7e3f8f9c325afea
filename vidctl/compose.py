"""Settings into the values that the reconciler is built of."""

from __future__ import annotations

import random
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_network

from vidctl.clients import Client
from vidctl.eventbridge import EventBus
from vidctl.metrics import Metrics
from vidctl.outbox_keys import receiver_name
from vidctl.ports import Clock, World
from vidctl.receiver import Receiver
from vidctl.reconciler.controller import Controller
from vidctl.reconciler.holds import HoldPolicy
from vidctl.reconciler.limits import Limits
from vidctl.reconciler.policy import InputLimits, Placement, Policy, TaskSize, Telling
from vidctl.settings import (
    NoticeSettings,
    ReconcilerSettings,
    TaskSettings,
    UploadSettings,
    WorkerSettings,
    WorldSettings,
)
from vidctl.webhooks.receiver import Webhook, open_way


def policy(
    place: WorldSettings, task: TaskSettings, loop: ReconcilerSettings, upload: UploadSettings, worker: WorkerSettings
) -> Policy:
    """Return the numbers that decisions use."""
    return Policy(
        raw_bucket=place.raw_bucket,
        final_bucket=place.final_bucket,
        task_definition=task.definition,
        container=task.container,
        security_groups=task.security_groups,
        assign_public_ip=task.assign_public_ip,
        placements=tuple(
            Placement(capacity_provider=provider, subnets=task.subnets)
            for provider in task.capacity_providers or (None,)
        ),
        sizes=tuple(_size(text) for text in task.sizes),
        max_source_bytes=upload.max_bytes,
        input_limits=InputLimits(duration=worker.max_duration, pixels=worker.max_pixels, streams=worker.max_streams),
        app_attempts=loop.app_attempts,
        infrastructure_attempts=loop.infrastructure_attempts,
        infrastructure_patience=loop.infrastructure_patience,
        backoff=loop.backoff,
        backoff_cap=loop.backoff_cap,
        start_deadline=loop.start_deadline,
        run_deadline=loop.run_deadline,
        settle=loop.settle,
        poll=loop.poll,
        keep_after=loop.raw_expiry - loop.keep_before_expiry,
    )


def telling(notices: NoticeSettings) -> Telling:
    """Return who is told, and how patiently."""
    hooks = [receiver_name("webhook", url) for url in notices.urls]
    buses = [receiver_name("bus", notices.bus)] if notices.bus else []
    return Telling(
        receivers=(*hooks, *buses),
        kinds=notices.kinds,
        backoff=notices.backoff,
        backoff_cap=max(notices.backoff_cap, notices.backoff),
        patience=notices.patience,
    )


@asynccontextmanager
async def replica(
    world: World, policy: Policy, loop: ReconcilerSettings, notices: NoticeSettings, events: Client, metrics: Metrics
) -> AsyncIterator[Controller]:
    """Build one replica of the reconciler, and open the way to everybody whom it tells."""
    async with receivers(notices, events=events, clock=world.clock) as told:
        yield Controller(
            world,
            policy=replace(policy, telling=telling(notices)),
            limits=limits(loop),
            metrics=metrics,
            randomness=random.Random(secrets.randbits(64)),  # noqa: S311 - jitter is no secret
            receivers=told,
        )


@asynccontextmanager
async def receivers(notices: NoticeSettings, *, events: Client, clock: Clock) -> AsyncIterator[dict[str, Receiver]]:
    """Open the way to everybody who is told, by the names in ``telling``."""
    keys = [secret.get_secret_value().encode() for secret in notices.secrets]
    allowed = [ip_network(network) for network in notices.allowed_networks]
    async with open_way(within=notices.timeout, allowed=allowed) as way:
        opened: dict[str, Receiver] = {
            receiver_name("webhook", url): Webhook(url, way=way, secrets=keys, clock=clock) for url in notices.urls
        }
        if notices.bus:
            opened[receiver_name("bus", notices.bus)] = EventBus(client=events, name=notices.bus)
        yield opened


def limits(loop: ReconcilerSettings) -> Limits:
    """Return how hard one replica works."""
    return Limits(
        slots=loop.slots,
        slots_per_user=loop.slots_per_user,
        waiting_room=loop.waiting_room,
        passes=loop.passes,
        launches_per_second=loop.launches_per_second,
        describes_per_second=loop.describes_per_second,
        receivers=loop.receivers,
        receive_wait=loop.receive_wait,
        holds=HoldPolicy(visibility=loop.visibility, renew_after=loop.renew_after),
        sweep=loop.sweep,
        sweep_grace=loop.sweep_grace,
        clean_after=loop.clean_after,
        shutdown=loop.shutdown,
    )


def _size(text: str) -> TaskSize:
    cpu_units, memory_mib, ephemeral_gib = (int(part) for part in text.split("/"))
    return TaskSize(cpu_units=cpu_units, memory_mib=memory_mib, ephemeral_gib=ephemeral_gib)


def family(definition: str) -> str:
    """Return the family of a task definition, which may be given as family, family:revision or ARN."""
    return definition.rpartition("/")[2].partition(":")[0]
