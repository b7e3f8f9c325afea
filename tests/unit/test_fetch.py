from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.world.objects import MemoryObjects
from tests.world.seam import Around, undisturbed
from vidctl.errors import Throttled, Unavailable, WorldError
from vidctl.model import Source
from vidctl.worker.fetch import Fetch
from vidctl.worker.retry import Patience

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
IMPATIENT = Patience(tries=3, pause=timedelta(0))
BODY = random.Random(7).randbytes(10_000)


def stored(body: bytes, around: Around = undisturbed) -> tuple[MemoryObjects, Source]:
    raw = MemoryObjects("raw", clock=lambda: NOON, around=around)
    etag = raw.put("key", body)
    return raw, Source(key="key", etag=etag, size_bytes=len(body), last_modified=NOON, upload_etag=etag)


@pytest.mark.parametrize("part_bytes", [1, 999, 1000, 10_000, 20_000])
async def test_the_file_is_the_object_whatever_the_ranges(tmp_path: Path, part_bytes: int) -> None:
    body = BODY[:50] if part_bytes == 1 else BODY
    raw, source = stored(body)
    seen: list[int] = []
    fetch = Fetch(raw=raw, parts=4, part_bytes=part_bytes, patience=IMPATIENT)

    await fetch(source, tmp_path / "file", on_bytes=seen.append)

    assert (tmp_path / "file").read_bytes() == body
    assert seen == sorted(seen)
    assert seen[-1] == len(body)


async def test_an_empty_object_is_an_empty_file(tmp_path: Path) -> None:
    raw, source = stored(b"")

    await Fetch(raw=raw, parts=4, part_bytes=10, patience=IMPATIENT)(source, tmp_path / "file", on_bytes=print)

    assert (tmp_path / "file").read_bytes() == b""


async def test_so_many_ranges_are_read_at_once_and_no_more(tmp_path: Path) -> None:
    running, most = 0, 0

    @asynccontextmanager
    async def around(_: str) -> AsyncIterator[None]:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        yield
        running -= 1

    raw, source = stored(BODY, around)

    await Fetch(raw=raw, parts=3, part_bytes=100, patience=IMPATIENT)(source, tmp_path / "file", on_bytes=ignored)

    assert most == 3


def ignored(_: int) -> None:
    pass


class Stingy(MemoryObjects):
    """A store whose connection ends early."""

    async def read_range(self, key: str, *, start: int, end: int, if_match: str) -> bytes:
        return (await super().read_range(key, start=start, end=end, if_match=if_match))[:-1]


async def test_a_range_that_came_short_is_no_range(tmp_path: Path) -> None:
    raw = Stingy("raw", clock=lambda: NOON)
    source = replace(stored(BODY)[1], etag=raw.put("key", BODY))

    with pytest.raises(ExceptionGroup) as raised:
        await Fetch(raw=raw, parts=1, part_bytes=100, patience=IMPATIENT)(source, tmp_path / "file", on_bytes=ignored)

    assert raised.group_contains(Unavailable, match="99 bytes came of the range 0 to 100")


class Gated(ThreadPoolExecutor):
    """Threads that wait at a gate, once it is closed, before they do what they were given."""

    def __init__(self) -> None:
        super().__init__(max_workers=1)
        self.gate, self.waiting = threading.Event(), threading.Event()
        self.gate.set()

    def submit(self, call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        def later() -> Any:
            if not self.gate.is_set():
                self.waiting.set()
                self.gate.wait(10)
            return call(*args, **kwargs)

        return super().submit(later)


async def test_a_write_that_outlives_its_cancellation_meets_no_other_file(tmp_path: Path) -> None:
    threads = Gated()
    asyncio.get_running_loop().set_default_executor(threads)

    @asynccontextmanager
    async def close_the_gate(_: str) -> AsyncIterator[None]:
        await asyncio.sleep(0)
        yield
        threads.gate.clear()

    raw, source = stored(BODY, close_the_gate)
    fetch = Fetch(raw=raw, parts=1, part_bytes=10_000, patience=IMPATIENT)
    running = asyncio.ensure_future(fetch(source, tmp_path / "file", on_bytes=ignored))
    while not threads.waiting.is_set():  # noqa: ASYNC110 - a thread sets it
        await asyncio.sleep(0.001)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    with (tmp_path / "another").open("wb"):
        threads.gate.set()
        threads.shutdown(wait=True)

    assert (tmp_path / "another").read_bytes() == b""


async def test_what_may_pass_is_tried_again_so_often_and_then_raised() -> None:
    tries: list[WorldError] = []

    async def call() -> None:
        error = Unavailable("no answer") if tries else Throttled("slow down")
        tries.append(error)
        raise error

    with pytest.raises(Unavailable):
        await IMPATIENT(call)

    assert len(tries) == 3
