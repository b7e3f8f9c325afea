"""Reads the raw object into a local file: several ranges at once, all of the one version that the job names."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from vidctl.disk import SPARE_BYTES
from vidctl.errors import NotFound, PreconditionFailed, Unavailable
from vidctl.groups import TaskGroup
from vidctl.model import Source
from vidctl.ports import Objects
from vidctl.worker.failure import DISK_FULL, failed, temporary
from vidctl.worker.retry import Patience


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """Reads ``parts`` ranges of ``part_bytes`` at once, which is also what it needs of memory."""

    raw: Objects
    parts: int
    part_bytes: int
    patience: Patience

    async def __call__(self, source: Source, path: Path, *, on_bytes: Callable[[int], None]) -> None:
        """Write the source to ``path``, telling ``on_bytes`` how many bytes are there.

        Raises:
            Failed: ``disk_full``, or ``source_changed`` and ``source_gone`` if the raw object no longer is what it was.
            WorldError: the store cannot be read.

        """
        await asyncio.to_thread(_allocate, path, source.size_bytes)
        ranges = iter(tuple(_ranges(source.size_bytes, self.part_bytes)))
        done = 0

        async def read_on() -> None:
            nonlocal done
            for start, end in ranges:
                body = await self.patience(lambda start=start, end=end: self._read(source, start, end))  # type: ignore[misc]
                await asyncio.to_thread(_write, path, body, start)
                done += len(body)
                on_bytes(done)

        async with TaskGroup() as group:
            for _ in range(self.parts):
                group.create_task(read_on())

    async def _read(self, source: Source, start: int, end: int) -> bytes:
        try:
            body = await self.raw.read_range(source.key, start=start, end=end, if_match=source.etag)
        except PreconditionFailed as error:
            raise temporary("source_changed", f"the raw object is no longer the one of ETag {source.etag}") from error
        except NotFound as error:
            raise temporary("source_gone", "the raw object is not there any more") from error
        if len(body) != end - start:
            raise Unavailable(f"{source.key}: {len(body)} bytes came of the range {start} to {end}")
        return body


def _ranges(size_bytes: int, part_bytes: int) -> Iterator[tuple[int, int]]:
    for start in range(0, size_bytes, part_bytes):
        yield start, min(start + part_bytes, size_bytes)


def _allocate(path: Path, size_bytes: int) -> None:
    # What is made of it needs room, too; how much is known once it was looked at.
    needed, free = size_bytes + SPARE_BYTES, shutil.disk_usage(path.parent).free
    if free < needed:
        raise failed(DISK_FULL, f"the source alone needs {needed} bytes of disk, and {free} are free")
    with path.open("wb") as file:
        file.truncate(size_bytes)


def _write(path: Path, body: bytes, start: int) -> None:
    # With a descriptor of its own: a thread outlives the cancellation of who waits for it, and the number of a
    # descriptor that was closed meanwhile may be another file's.
    with path.open("r+b", buffering=0) as file:
        file.seek(start)
        # write(2) may write less than it was given, and does so just before it finds the disk full.
        left = memoryview(body)
        while left:
            left = left[file.write(left) :]
