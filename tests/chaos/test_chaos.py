"""A short trial, so that the tool cannot rot: it ends well, and leaves no process behind however it ends."""

from __future__ import annotations

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.e2e.machine import QUICK, ROOT
from tests.processes import descendants, gone

SHORT = ("--seed", "1", "--minutes", "0.2", "--uploads", "8", "--every", "2", "--bound", "60", "--still", "4")


@asynccontextmanager
async def chaos(directory: Path, *arguments: str) -> AsyncIterator[Process]:
    command = (sys.executable, "-P", "-m", "tests.chaos", "--directory", str(directory), *arguments)
    given = QUICK | {"PYTHONPATH": str(ROOT)}
    process = await asyncio.create_subprocess_exec(*command, env=given, stdout=PIPE, stderr=PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def told(process: Process, word: str) -> None:
    """Read what is shown up to the line that has ``word``."""
    assert process.stdout is not None
    async with asyncio.timeout(60):
        while word not in (line := (await process.stdout.readline()).decode()):
            assert line, f"it ended without saying {word}"


async def test_replicas_and_workers_are_killed_and_every_upload_meets_its_fate_once(tmp_path: Path) -> None:
    async with chaos(tmp_path, *SHORT, "--workers", "1") as process:
        await told(process, "ready")
        started = descendants(process.pid)
        shown, errors = await process.communicate()
        assert process.returncode == 0, shown.decode() + errors.decode()
    table = dict(line.strip().rsplit("  ", 1) for line in shown.decode().splitlines() if line.startswith("  "))
    figures = {name.strip(): value for name, value in table.items()}
    assert (figures["uploads"], figures["lost"], figures["doubled"]) == ("8", "0", "0")
    assert int(figures["published"]) + int(figures["dead"]) == 8
    assert int(figures["killed with -9"]) >= 3
    assert len(started) >= 8
    await gone(*started)


@pytest.mark.parametrize(("ended_by", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)], ids=["SIGINT", "SIGKILL"])
async def test_whatever_ends_it_in_the_middle_ends_everything_that_it_started(
    tmp_path: Path, ended_by: int, code: int
) -> None:
    async with chaos(tmp_path, *SHORT) as process:
        await told(process, "upload")
        started = descendants(process.pid)
        process.send_signal(ended_by)
        await process.communicate()
        assert process.returncode == code
    # Some of the replicas may be down at that moment.
    assert len(started) >= 4
    await gone(*started)
