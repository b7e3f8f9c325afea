"""Decodes every track while it is made: the bytes that are published, in their order, as a player gets them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from vidctl.groups import TaskGroup
from vidctl.worker.cmaf.segments import Segment
from vidctl.worker.probe import Probe
from vidctl.worker.source.ffprobe import Decoded
from vidctl.worker.tail import Tail

Outcome = tuple[Decoded | None, str]
"""What a track is, None if it is none, and what the decoder complained of."""


class Decoding:
    """One decoder for each track that ``take`` hears of. It waits for the encoder, and costs memory, not time."""

    def __init__(self, probe: Probe, group: TaskGroup) -> None:
        self._probe = probe
        self._group = group
        self._queues: dict[str, asyncio.Queue[Segment | None]] = {}
        self._outcomes: dict[str, asyncio.Task[Outcome]] = {}

    def take(self, tail: Tail, segments: Iterable[Segment]) -> None:
        """Decode the next segments of a track."""
        for segment in segments:
            if tail.name not in self._queues:
                queue = self._queues.setdefault(tail.name, asyncio.Queue())
                task = self._group.create_task(self._probe.decode_track(_content(tail, queue)))
                self._outcomes[tail.name] = task
            self._queues[tail.name].put_nowait(segment)

    def end(self) -> None:
        """Say that no more segments come."""
        for queue in self._queues.values():
            queue.put_nowait(None)

    async def outcome(self, tail: Tail) -> Outcome:
        """Wait until a track is decoded to its end, of which ``end`` was told."""
        task = self._outcomes.get(tail.name)
        return (None, "") if task is None else await task


@asynccontextmanager
async def decoding(probe: Probe) -> AsyncIterator[Decoding]:
    """Decode within; what is not decoded at the end is left. Raises a group of what is raised, and as ``Probe``."""
    async with TaskGroup() as group:
        yield Decoding(probe, group)


async def _content(tail: Tail, queue: asyncio.Queue[Segment | None]) -> AsyncIterator[bytes]:
    yield tail.init.content
    while (segment := await queue.get()) is not None:
        yield await asyncio.to_thread(tail.body, segment)
