"""ministack: emulates S3, SQS, IAM and CloudFormation with checked signatures and policies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import aiohttp

from vidctl.local import process
from vidctl.local.process import LeashedProgram, ProgramFailed, search_path

START = timedelta(seconds=30)
STOP = timedelta(seconds=2)
"""It ignores SIGTERM at times, and has nothing to save."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Emulator:
    """A running emulator and its URL."""

    program: LeashedProgram
    url: str


@asynccontextmanager
async def running(program: str, *, port: int, directory: Path) -> AsyncIterator[Emulator]:
    """Run the emulator on 127.0.0.1 while the block runs. Its log lies in ``directory``.

    Raises:
        ProgramFailed: it did not start.

    """
    environment = {
        "PATH": search_path(),
        "HOME": str(directory),
        "TMPDIR": str(directory),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "AUTH": "true",
        "LOG_LEVEL": "WARNING",
        # It removes containers that look like its own: this machine's Docker is none of its business.
        "DOCKER_HOST": "unix:///nonexistent",
    }
    started = await process.start([program], environment=environment, log=directory / "emulator.log")
    try:
        url = f"http://127.0.0.1:{port}"
        await answering(started, f"{url}/_ministack/ready", within=START)
        yield Emulator(program=started, url=url)
    finally:
        await started.stop(STOP)


async def answering(program: LeashedProgram, url: str, *, within: timedelta) -> None:
    """Wait until ``program`` answers ``url`` with 200.

    Raises:
        ProgramFailed: it ended, or does not answer in time.

    """
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as http:
        try:
            async with asyncio.timeout(within.total_seconds()):
                while not await _answers(http, url):
                    if not program.running:
                        raise ProgramFailed(f"{program.name} ended at its start: {program.tail()}")
                    await asyncio.sleep(0.05)
        except TimeoutError as error:
            raise ProgramFailed(f"{program.name} is not ready after {within}: {program.tail()}") from error


async def _answers(http: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with http.get(url) as answer:
            return answer.status == 200  # noqa: PLR2004 - HTTP's own number
    except (aiohttp.ClientError, TimeoutError):
        return False
