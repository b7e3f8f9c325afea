"""The machine that the tests run on: the checkout, free ports, the time, and settings for impatient people."""

from __future__ import annotations

import socket
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from vidctl.local.process import search_path

ROOT = Path(__file__).parents[2]

QUICK = {
    # Whatever is installed: a checkout tests itself.
    "PYTHONPATH": str(ROOT),
    "PATH": search_path(),
    "VIDCTL_RECONCILER_SLOTS": "4",
    "VIDCTL_RECONCILER_VISIBILITY": "10",
    "VIDCTL_RECONCILER_POLL": "1",
    "VIDCTL_RECONCILER_RECEIVE_WAIT": "1",
    "VIDCTL_RECONCILER_SWEEP": "3",
    "VIDCTL_RECONCILER_SWEEP_GRACE": "1",
    "VIDCTL_RECONCILER_BACKOFF": "0.2",
    "VIDCTL_WORKER_FENCE": "2",
    "VIDCTL_WORKER_PROGRESS": "0.2",
}


def free_port() -> int:
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - this is the clock
