"""``make bench-http``: what 2,000 open streams of events cost: latency of uploads, memory, calls to AWS.

Real sockets on loopback, and three processes: the service with its buckets in memory, somebody who holds the streams,
and this one, which asks for uploads and measures. A figure is a ratio of two states of one machine, taken in turns.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, web

from tests.process.http_service import Service, bearer
from vidctl import layout, logs
from vidctl.model import VideoKey
from vidctl.settings import LimitSettings

USER = "ada"
WANTED = {"filename": "clip.mp4", "content_type": "video/mp4", "size": 1000}
UNLIMITED = LimitSettings(reads_per_minute=0, writes_per_minute=0, refusals_per_minute=0, streams=0)
OPENING = 100
"""Streams that are being opened at once."""


# --- the service --------------------------------------------------------------------------------------------------


def resident_bytes() -> int:
    """Return this process's memory (Linux: VmRSS, in KiB)."""
    gc.collect()
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) * 1024


async def serve(videos: int) -> None:
    """Serve with so many queued videos until stdin ends; print the port and their ids."""
    logs.configure(level="error", json=False)
    service, calls = Service(limits=UNLIMITED), Counter[str]()

    @asynccontextmanager
    async def counted(operation: str) -> AsyncIterator[None]:
        calls[operation] += 1
        await asyncio.sleep(0)
        yield

    async def measure(_request: web.Request) -> web.Response:
        return web.json_response({"rss": resident_bytes(), "calls": calls.total()})

    service.raw_port, service.final_port = service.raw.through(counted), service.final.through(counted)
    service.extra = [web.get("/measure", measure)]
    ids = [layout.mint_video_id(USER, service.now, number.to_bytes(4, "big")) for number in range(videos)]
    for video_id in ids:
        service.raw.put(layout.raw_key(VideoKey(user_id=USER, video_id=video_id)), video_id.encode())
    async with service.running():
        _say({"port": service.port, "videos": ids})
        await _end_of_input()


# --- who holds the streams ----------------------------------------------------------------------------------------


async def hold(port: int, streams: int, videos: list[str]) -> None:
    """Open streams, as many on each video, and take what they say until stdin ends."""
    turns, opened = asyncio.Semaphore(OPENING), asyncio.Semaphore(0)
    headers = "".join(f"{name}: {value}\r\n" for name, value in bearer(USER).items())

    async def one(video_id: str) -> None:
        async with turns:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(f"GET /v1/videos/{video_id}/events HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode())
            while b"event: snapshot" not in await reader.readline():
                if reader.at_eof():
                    raise ConnectionError("the stream ended before its snapshot")
        opened.release()
        while await reader.read(4096):
            pass

    async with asyncio.TaskGroup() as group:  # noqa: TID251 - whatever fails here ends the process
        held = [group.create_task(one(videos[number % len(videos)])) for number in range(streams)]
        for _ in held:
            await opened.acquire()
        _say({"open": streams})
        await _end_of_input()
        for task in held:
            task.cancel()


# --- who measures -------------------------------------------------------------------------------------------------


@dataclass
class Process:
    """One of the two others."""

    running: asyncio.subprocess.Process
    said: dict[str, Any]


@asynccontextmanager
async def started(*arguments: str) -> AsyncIterator[Process]:
    """Start one of the others, and wait for what it says; its input ends with the block."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "bench.http", *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=2**20,
    )
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("a process was started without pipes")
    try:
        yield Process(process, json.loads(await process.stdout.readline()))
    finally:
        process.stdin.close()
        await process.wait()


@asynccontextmanager
async def holding(service: Process, streams: int) -> AsyncIterator[None]:
    """Keep streams open for the block."""
    port, videos = service.said["port"], service.said["videos"]
    async with started("--hold", str(streams), "--port", str(port), "--ids", ",".join(videos)):
        yield


async def measured(http: ClientSession) -> dict[str, int]:
    """Ask the service for its memory and its calls."""
    async with http.get("/measure") as answer:
        said: dict[str, int] = await answer.json()
        return said


async def p99(http: ClientSession, uploads: int) -> float:
    """Ask for uploads, one after the other; return the 99th percentile in milliseconds."""
    headers, times = bearer(USER), []
    for _ in range(uploads):
        began = time.perf_counter()
        async with http.post("/v1/uploads", json=WANTED, headers=headers) as answer:
            answer.raise_for_status()
            await answer.read()
        times.append((time.perf_counter() - began) * 1000)
    return statistics.quantiles(times, n=100)[98]


async def latency(streams: int, *, rounds: int, uploads: int, videos: int) -> None:
    """Print p99 with and without streams, in turns."""
    async with (
        started("--serve", str(videos)) as service,
        ClientSession(f"http://127.0.0.1:{service.said['port']}") as http,
    ):
        await p99(http, 200)
        sides: dict[int, list[float]] = {0: [], streams: []}
        for _ in range(rounds):
            sides[0].append(await p99(http, uploads))
            async with holding(service, streams):
                sides[streams].append(await p99(http, uploads))
    ratios = [some / none for none, some in zip(*sides.values(), strict=True)]
    for count, figures in sides.items():
        print(f"p99 of POST /v1/uploads, {count:>5} streams: {_spread(figures, 'ms')}")
    print(f"ratio: {_spread(ratios, '')}   goal: at most 1.5")


async def memory(streams: int, *, videos: int) -> None:
    """Print the memory of one stream."""
    async with (
        started("--serve", str(videos)) as service,
        ClientSession(f"http://127.0.0.1:{service.said['port']}") as http,
        holding(service, videos),
    ):
        before = (await measured(http))["rss"]
        async with holding(service, streams):
            after = (await measured(http))["rss"]
    print(f"memory of a stream: {(after - before) / streams / 1024:.1f} KiB   goal: at most 30")


async def calls(streams: int, *, videos: int, seconds: float) -> None:
    """Print the calls to AWS of few and of many watchers of the same videos, from the first stream on."""
    counts = {}
    for count in (videos, streams):
        async with (
            started("--serve", str(videos)) as service,
            ClientSession(f"http://127.0.0.1:{service.said['port']}") as http,
        ):
            before, began = (await measured(http))["calls"], time.monotonic()
            async with holding(service, count):
                await asyncio.sleep(seconds - (time.monotonic() - began))
                counts[count] = (await measured(http))["calls"] - before
    for count, made in counts.items():
        print(f"calls to AWS in {seconds:.0f} s, {count:>5} watchers of {videos} videos: {made}")
    print(f"ratio: {counts[streams] / counts[videos]:.3f}   goal: 1")


def _spread(figures: list[float], unit: str) -> str:
    return f"{statistics.median(figures):.2f} {unit}".strip() + f" ({min(figures):.2f} to {max(figures):.2f})"


def _say(what: dict[str, Any]) -> None:
    print(json.dumps(what), flush=True)


async def _end_of_input() -> None:
    await asyncio.to_thread(sys.stdin.read)


async def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="make bench-http", description=__doc__)
    parser.add_argument("--streams", type=int, default=2000)
    parser.add_argument("--videos", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--uploads", type=int, default=2000, help="in each half of a round")
    parser.add_argument("--seconds", type=float, default=60, help="of counting calls")
    parser.add_argument("--only", choices=("latency", "memory", "calls"))
    for name in ("--serve", "--hold", "--port"):
        parser.add_argument(name, type=int, help=argparse.SUPPRESS)
    parser.add_argument("--ids", default="", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve is not None:
        await serve(asked.serve)
    elif asked.hold is not None:
        await hold(asked.port, asked.hold, asked.ids.split(","))
    else:
        if asked.only in (None, "memory"):
            await memory(asked.streams, videos=asked.videos)
        if asked.only in (None, "calls"):
            await calls(asked.streams, videos=asked.videos, seconds=asked.seconds)
        if asked.only in (None, "latency"):
            await latency(asked.streams, rounds=asked.rounds, uploads=asked.uploads, videos=asked.videos)


if __name__ == "__main__":
    asyncio.run(main())
