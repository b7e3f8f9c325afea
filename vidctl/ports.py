"""What vidctl needs of the world, in its own words: Objects, Queue, Tasks, a Clock and Ids.

Every method raises the ``WorldError`` family of ``errors`` and nothing of a vendor's. ``Unavailable`` from a mutating
call means that it may have taken effect. The same contract suite (``tests/contract``) runs over every implementation.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from vidctl.model import Task, TaskSpec

Clock = Callable[[], datetime]
"""Tells the time in UTC."""

Ids = Callable[[int], bytes]
"""Gives that many random bytes."""


# --- objects ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectStat:
    """An object without its bytes. ``etag`` has no quotes; ``sha256`` (hex) is None unless stored and asked for.

    ``content_type`` and ``cache_control`` are what readers are told with it; a listing knows neither.
    """

    key: str
    etag: str
    size_bytes: int
    last_modified: datetime
    content_type: str = ""
    cache_control: str = ""
    sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """A small object with its bytes."""

    body: bytes
    etag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedUrl:
    """A request that its holder may make as it stands: the headers are signed and must be sent unchanged."""

    method: str
    url: str
    headers: dict[str, str]
    expires_at: datetime


class Reading(Protocol):
    """Signs reads of one bucket without waiting for anything, thousands of them if need be.

    What it signs works until ``expires_at``, if nothing happens to the credentials that sign.
    """

    @property
    def expires_at(self) -> datetime:
        """Until when: what was asked for, or the end of the credentials if that is sooner."""

    def url(self, key: str, *, method: str = "GET") -> str:
        """Return the URL of an object, which allows this method; whether there is one is not asked."""


MAY_CHANGE = "no-cache"
"""What readers are told of an object that is not an output (RFC 9111: ask again before it is used)."""


class Objects(Protocol):
    """One bucket, strongly consistent. A missing object reads as None.

    What ``create``, ``replace`` and ``overwrite`` write is told of as ``MAY_CHANGE``.
    """

    async def head(self, key: str) -> ObjectStat | None:
        """Return the object's properties, its stored SHA-256 among them."""

    async def get(self, key: str) -> StoredObject | None:
        """Return a small object whole."""

    async def read_range(self, key: str, *, start: int, end: int, if_match: str) -> bytes:
        """Return the bytes from ``start`` up to, not including, ``end``.

        Raises:
            PreconditionFailed: the object has another ETag.
            NotFound: there is no such object.

        """

    async def create(self, key: str, body: bytes, *, content_type: str) -> str:
        """Write an object that does not exist yet (``If-None-Match: *``); return its ETag.

        Raises:
            PreconditionFailed: it exists. WriteConflict: try again.

        """

    async def replace(self, key: str, body: bytes, *, content_type: str, if_match: str) -> str:
        """Write over the object that has the ETag ``if_match``; return the new ETag.

        Raises:
            PreconditionFailed: it has another ETag. NotFound: it is gone. WriteConflict: try again.

        """

    async def overwrite(self, key: str, body: bytes, *, content_type: str) -> None:
        """Write an object whatever was there. For what is not a record: progress."""

    async def upload(self, key: str, body: bytes, *, content_type: str, sha256: str, cache_control: str = "") -> str:
        """Write a small object with its SHA-256 (hex), which the store checks and keeps; return its ETag.

        ``cache_control`` goes with every answer to a reader. Whatever was there is written over, so that doing it
        again is harmless.

        Raises:
            Misconfigured: the body has another SHA-256; nothing was written.

        """

    async def upload_file(
        self, key: str, path: Path, *, content_type: str, sha256: str, cache_control: str = ""
    ) -> str:
        """Write a local file (at most 5 TiB) with its SHA-256 (hex), which is checked; return its ETag.

        ``cache_control`` is as for ``upload``. Whatever was there is written over, so that doing it again is harmless.
        A large file goes in parts: the store
        checks each, but keeps no SHA-256 of the whole. However this ends, no unfinished upload stays behind that could
        be ended within seconds.

        Raises:
            Misconfigured: the file has another SHA-256; nothing was written.

        """

    async def delete(self, key: str, *, if_match: str | None = None) -> None:
        """Remove an object; removing what is absent succeeds.

        Raises:
            PreconditionFailed: it has another ETag than ``if_match``.

        """

    async def delete_many(self, keys: Sequence[str]) -> None:
        """Remove objects, however many, whatever is there; removing what is absent succeeds.

        Raises:
            WorldError: some could not be removed; this is the first reason. All that could be was removed, unless
                a whole call failed.

        """

    async def copy(self, source: str, target: str, *, if_match: str) -> ObjectStat:
        """Copy an object (at most 5 GB) with its types within the bucket, if the source has the ETag ``if_match``.

        Raises:
            PreconditionFailed: it has another. NotFound: it is gone.

        """

    def list(self, prefix: str, *, start_after: str = "", limit: int | None = None) -> AsyncIterator[ObjectStat]:
        """Yield the objects whose keys begin with ``prefix``, in the order of their keys.

        Only those whose keys come after ``start_after``, which need not exist, and at most ``limit`` of them.
        """

    async def sign_get(self, key: str, *, expires_in: timedelta) -> str:
        """Sign reading an object."""

    async def reading(self, *, until: datetime) -> Reading:
        """Return what signs reads, which end at ``until``: at most 6 days from now.

        Within a quarter of an hour, and for the same end, a URL is always the same, so that caches know it.
        """


# --- queues -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One received message. The receipt is that of this receive; a later receive makes it stale."""

    message_id: str
    receipt: str
    body: str
    attributes: dict[str, str] = field(default_factory=dict)
    sent_at: datetime
    first_received_at: datetime
    receive_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueDepth:
    """How many messages wait, are held by somebody, or are delayed: approximate."""

    visible: int
    in_flight: int
    delayed: int = 0


class Queue(Protocol):
    """One standard SQS queue: at least once, unordered."""

    async def receive(self, *, wait: timedelta) -> tuple[Message, ...]:
        """Return up to ten messages, waiting up to ``wait`` (at most 20 s) for the first."""

    async def delete(self, receipts: Sequence[str]) -> tuple[str, ...]:
        """Delete messages; return the receipts for which it failed. A stale receipt may do nothing at all."""

    async def extend(self, receipts: Sequence[str], *, visibility: timedelta) -> tuple[str, ...]:
        """Set the time until the messages are visible again; return the receipts that are lost.

        Raises:
            Throttled, Unavailable: some may not have been extended; doing it again is harmless.

        """

    async def send(self, body: str, *, attributes: dict[str, str] | None = None) -> None:
        """Add a message. An attribute that SQS would refuse the message for is left out or cleaned."""

    async def depth(self) -> QueueDepth:
        """Return the approximate depth."""


# --- tasks --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What RunTask answered: the task, or the reasons of its ``failures[]`` (which may be wrong: it may yet start)."""

    task: Task | None
    failures: tuple[str, ...] = ()


class Tasks(Protocol):
    """The ECS tasks of one cluster. Listing and describing are eventually consistent."""

    async def run(self, spec: TaskSpec, *, token: str, started_by: str) -> Launch:
        """Start one task, or return the one that this token started.

        Raises:
            Throttled, AccessDenied, Misconfigured, CapacityUnavailable: refused, nothing was started.
            LaunchConflict: the token was used with other parameters.
            Unavailable: nobody knows.

        """

    async def describe(self, arns: Sequence[str]) -> tuple[Task, ...]:
        """Return those of the tasks (at most 100) that ECS finds."""

    async def started_by(self, started_by: str) -> tuple[str, ...]:
        """Return the ARNs of the tasks with this ``startedBy`` that are wanted to run.

        AWS goes by the desired status: a task in its grace after a stop is alive, but not listed here.
        """

    async def family(self, *, stopped: bool) -> tuple[str, ...]:
        """Return the ARNs of the worker family's tasks that are wanted to run, or that were stopped in the last hour.

        AWS goes by the desired status: a task in its grace after a stop is listed as stopped.
        """

    async def stop(self, arn: str, *, reason: str) -> None:
        """Ask a task to stop; asking a stopped or vanished one succeeds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The ports of one deployment, and its time."""

    raw: Objects
    final: Objects
    raw_queue: Queue
    dead_letter_queue: Queue
    task_queue: Queue
    tasks: Tasks
    clock: Clock
