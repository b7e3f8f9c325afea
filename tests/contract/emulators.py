"""Starts the emulators on free ports of this machine."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from moto.server import ThreadedMotoServer

from vidctl.clients import Endpoints

MINISTACK = Path(__file__).parents[2] / ".emulator" / "bin" / "ministack"
START_SECONDS = 20


@contextmanager
def ministack(home: Path) -> Iterator[Endpoints]:
    """Run ministack with checked signatures until the block ends."""
    port = free_port()
    environment = {
        "PATH": os.defpath,
        "HOME": str(home),
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "AUTH": "true",
        "LOG_LEVEL": "WARNING",
    }
    with (home / "ministack.log").open("wb") as log:
        process = subprocess.Popen([MINISTACK], env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            _await_ready(f"http://127.0.0.1:{port}/_ministack/ready", process)
            yield endpoints_at(port)
        finally:
            _end(process)


@contextmanager
def moto() -> Iterator[Endpoints]:
    """Run moto's server in a thread until the block ends."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        yield endpoints_at(server.get_host_and_port()[1])
    finally:
        server.stop()


def endpoints_at(port: int) -> Endpoints:
    """Return what clients need to speak to an emulator."""
    return Endpoints(
        aws=f"http://127.0.0.1:{port}", region="eu-central-1", access_key_id="test", secret_access_key="test"
    )


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _await_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < end:
        try:
            with urlopen(url, timeout=1) as answer:  # noqa: S310 - our own address
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError(f"ministack did not start within {START_SECONDS} s: see ministack.log in its home")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
