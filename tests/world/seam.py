"""Where faults enter the in-memory world, and where a witness sees who changes what.

Every call to a port happens inside an ``Around``; every change is told to a ``Witness`` just before it takes effect.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.world.queue import Queued
    from vidctl.dispatch import Event

Around = Callable[[str], AbstractAsyncContextManager[None]]
"""Surrounds one call, named as ``objects.create``.

What it raises on entering refuses the call before any effect; what it raises on leaving loses the reply of a call that
took effect; where it sleeps, time passes.
"""


@asynccontextmanager
async def undisturbed(_operation: str) -> AsyncIterator[None]:
    """Let the call through, after everybody else had a turn, as over a network."""
    await asyncio.sleep(0)
    yield


@asynccontextmanager
async def at_once(_operation: str) -> AsyncIterator[None]:
    """Let the call through: the way to the world is somebody else's business."""
    yield


# --- who acts -----------------------------------------------------------------------------------------------------


class Role(StrEnum):
    """Who may change something in the world."""

    USER = "user"
    AWS = "aws"
    REPLICA = "replica"
    WORKER = "worker"


@dataclass(frozen=True, slots=True)
class Actor:
    """One of them, by name."""

    role: Role
    name: str


ANYBODY = Actor(Role.USER, "a user")
ACTOR: ContextVar[Actor] = ContextVar("actor", default=ANYBODY)
"""Who acts: tasks inherit it from whoever starts them, as the threads of a process have its rights."""


@contextmanager
def acting(role: Role, name: str) -> Iterator[None]:
    """Let the block, and the tasks that it starts, act as somebody."""
    token = ACTOR.set(Actor(role, name))
    try:
        yield
    finally:
        ACTOR.reset(token)


class Witness:
    """Is told of every change before it takes effect; what it raises prevents the change. This one minds nothing."""

    def writing(self, bucket: str, key: str, body: bytes) -> None:
        """Somebody writes an object."""

    def deleting(self, bucket: str, key: str) -> None:
        """Somebody deletes an object that is there."""

    def launching(self, token: str) -> None:
        """A task is started for a launch token."""

    def stopping(self, arn: str) -> None:
        """Somebody asks a task to stop."""

    def sending(self, queue: str, body: str, attributes: dict[str, str]) -> None:
        """Somebody puts a message on a queue."""

    def telling(self, receiver: str, told: Event) -> None:
        """Somebody tells a receiver."""

    def acknowledging(self, queue: str, message: Queued) -> None:
        """Somebody deletes a message that is there."""


BLIND = Witness()
