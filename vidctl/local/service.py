"""``vidctl serve`` as processes of the local world: one for ``make dev``, as many as are wanted for a trial."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from vidctl.local import process
from vidctl.local.emulator import answering
from vidctl.local.process import LeashedProgram

READY = timedelta(seconds=30)
GRACE = timedelta(seconds=10)
"""Time for ``vidctl serve`` from SIGTERM to SIGKILL: less than production's, since somebody pressed Ctrl-C."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One process of ``vidctl serve``, and where it listens."""

    program: LeashedProgram
    url: str

    async def ready(self) -> None:
        """Wait until it takes requests.

        Raises:
            ProgramFailed: it ended, or does not get ready.

        """
        await answering(self.program, f"{self.url}/readyz", within=READY)


class Services:
    """Every ``vidctl serve`` of one world. Their logs lie in ``directory``."""

    def __init__(self, environment: Mapping[str, str], *, directory: Path) -> None:
        self.environment = environment
        self._directory = directory
        self._started: list[Service] = []

    async def start(self, *, port: int, log: str = "serve.log") -> Service:
        """Start one more at a port of 127.0.0.1; it is not ready yet."""
        program = await process.start(
            (sys.executable, "-P", "-m", "vidctl", "serve"),
            name="vidctl serve",
            environment={**self.environment, "VIDCTL_HTTP_PORT": str(port)},
            log=self._directory / log,
        )
        service = Service(program=program, url=f"http://127.0.0.1:{port}")
        self._started = [other for other in self._started if other.program.running] + [service]
        return service

    async def end(self) -> None:
        """End all that still run."""
        await asyncio.gather(*(service.program.stop(GRACE) for service in self._started))
