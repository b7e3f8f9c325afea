"""A real OpenID Connect provider, from npm, in a process of its own."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
from asyncio.subprocess import PIPE, Process, create_subprocess_exec
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
INSTALLED = HERE.parents[1] / ".oidc"
LIBRARY = INSTALLED / "node_modules" / "oauth2-mock-server" / "dist" / "index.mjs"


class Provider:
    """The provider's process on a port that stays the same: it can be taken down and brought up, with new keys."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port: int = free.getsockname()[1]
        self.issuer = f"http://localhost:{self._port}"
        self._process: Process | None = None

    async def up(self) -> None:
        program = (shutil.which("node") or "node", str(HERE / "provider.mjs"), str(LIBRARY), str(self._port))
        self._process = await create_subprocess_exec(*program, stdin=PIPE, stdout=PIPE)
        assert await self._line() == self.issuer

    async def down(self) -> None:
        if self._process is not None:
            self._process.kill()
            await self._process.wait()
            self._process = None

    async def order(self, text: str) -> str:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(f"{text}\n".encode())
        await self._process.stdin.drain()
        return await self._line()

    async def token(self, **claims: Any) -> str:
        return await self.order(f"token {json.dumps({'sub': 'ada', **claims})}")

    async def _line(self) -> str:
        assert self._process is not None
        assert self._process.stdout is not None
        async with asyncio.timeout(30):
            return (await self._process.stdout.readline()).decode().strip()


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    if shutil.which("node") is None or not (INSTALLED / "ready").is_file():
        pytest.skip("the OpenID provider is not installed: `make test` does it where there is npm")
    provider = Provider()
    yield provider
    await provider.down()
