"""``vidctl dev`` as a person runs it: it shows a video's way, and leaves no process behind, however it ends."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.machine import QUICK, ROOT, free_port
from tests.e2e.studio import eventually
from tests.processes import descendants, gone

SHOWN = ["sample", "accepted", "uploaded", "launched", "encoded", "verified", "published", "raw_deleted"]
KEYS = {
    "url",
    "token",
    "aws_endpoint_url",
    "ecs_endpoint_url",
    "region",
    "access_key_id",
    "secret_access_key",
    "raw_bucket",
    "final_bucket",
    "raw_queue_url",
    "dead_letter_queue_url",
    "task_queue_url",
    "cluster",
}


def environment(directory: Path, **changes: str) -> dict[str, str]:
    return QUICK | {
        "VIDCTL_HTTP_PORT": str(free_port()),
        "VIDCTL_DEV_AWS_PORT": str(free_port()),
        "VIDCTL_DEV_DIRECTORY": str(directory / "dev"),
        "VIDCTL_DEV_TEMPLATE": str(ROOT / "deploy" / "storage.yaml"),
        "VIDCTL_DEV_MINISTACK": str(ROOT / ".emulator" / "bin" / "ministack"),
        **changes,
    }


@asynccontextmanager
async def dev(*arguments: str, given: dict[str, str]) -> AsyncIterator[Process]:
    command = (sys.executable, "-P", "-m", "vidctl", "dev", *arguments)
    process = await asyncio.create_subprocess_exec(*command, env=given, stdout=PIPE, stderr=PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def serving(directory: Path) -> dict[str, Any]:
    """Wait for a world whose service is ready; return the content of ``world.json``."""
    file = directory / "dev" / "world.json"

    async def ready() -> bool:
        log = directory / "dev" / "serve.log"
        return file.exists() and log.exists() and '"serving"' in log.read_text()

    await eventually(ready)
    facts: dict[str, Any] = json.loads(file.read_text())
    return facts


async def told(process: Process, word: str) -> None:
    """Read what is shown up to the line that has ``word``."""
    assert process.stdout is not None
    async with asyncio.timeout(30):
        while word.encode() not in await process.stdout.readline():
            pass


async def test_the_demo_shows_the_way_of_the_sample_and_ends_well(tmp_path: Path) -> None:
    async with dev("--demo", given=environment(tmp_path)) as process:
        facts = await serving(tmp_path)
        started = descendants(process.pid)
        shown, errors = await process.communicate()
        assert process.returncode == 0, errors.decode()
    assert set(facts) == KEYS
    words = [line.split(" s  ")[1].split()[0] for line in shown.decode().splitlines() if " s  " in line]
    assert [word for word in words if word != "progress"] == SHOWN
    assert len(started) >= 4
    await gone(*started)


@pytest.mark.parametrize(
    ("ended_by", "code"),
    [(signal.SIGINT, 0), (signal.SIGTERM, 0), (signal.SIGKILL, -9)],
    ids=lambda value: value.name if isinstance(value, signal.Signals) else "",
)
async def test_whatever_ends_it_ends_everything_that_it_started(tmp_path: Path, ended_by: int, code: int) -> None:
    async with dev(given=environment(tmp_path)) as process:
        await serving(tmp_path)
        started = descendants(process.pid)
        process.send_signal(ended_by)
        await process.communicate()
        assert process.returncode == code
    assert len(started) >= 4
    await gone(*started)


async def test_a_service_that_dies_is_reported_with_the_end_of_its_log(tmp_path: Path) -> None:
    async with dev(given=environment(tmp_path)) as process:
        await told(process, "sample")
        service = next(pid for pid in descendants(process.pid) if b"\0vidctl\0serve\0" in command_line(pid))
        os.kill(service, signal.SIGKILL)
        _, errors = await process.communicate()
    assert process.returncode == 1
    assert "vidctl serve ended with status 137; the end of its log:" in errors.decode()
    assert '"event": "serving"' in errors.decode()


def command_line(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


async def test_settings_that_the_service_refuses_are_shown(tmp_path: Path) -> None:
    async with dev("--demo", given=environment(tmp_path, VIDCTL_RECONCILER_SLOTS="0")) as process:
        _, errors = await process.communicate()
    assert process.returncode == 1
    assert "VIDCTL_RECONCILER_SLOTS" in errors.decode()


@pytest.mark.parametrize("variable", ["VIDCTL_HTTP_PORT", "VIDCTL_DEV_AWS_PORT"])
async def test_a_port_in_use_is_named_before_anything_is_started(tmp_path: Path, variable: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with dev("--demo", given=environment(tmp_path, **{variable: str(port)})) as process:
            _, errors = await process.communicate()
    assert process.returncode == 1
    assert f"port {port} is in use" in errors.decode()
    assert variable in errors.decode()
    assert not (tmp_path / "dev").exists()


@pytest.mark.parametrize(
    ("variable", "value"), [("VIDCTL_DEV_TEMPLATE", "no/such.yaml"), ("VIDCTL_DEV_MINISTACK", "no-such-program")]
)
async def test_a_missing_part_is_named_before_anything_is_started(tmp_path: Path, variable: str, value: str) -> None:
    async with dev("--demo", given=environment(tmp_path, **{variable: value})) as process:
        _, errors = await process.communicate()
    assert process.returncode == 1
    assert variable in errors.decode()
    assert value in errors.decode()
    assert not (tmp_path / "dev").exists()


async def test_two_worlds_do_not_share_a_directory(tmp_path: Path) -> None:
    async with dev(given=environment(tmp_path)):
        await serving(tmp_path)
        async with dev("--demo", given=environment(tmp_path)) as second:
            _, errors = await second.communicate()
        assert second.returncode == 1
        assert "VIDCTL_DEV_DIRECTORY" in errors.decode()
        assert (tmp_path / "dev" / "world.json").exists()
