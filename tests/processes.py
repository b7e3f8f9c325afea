"""Processes of this machine: who started them, and whether they still run."""

from __future__ import annotations

import asyncio
from pathlib import Path

from vidctl.local import leash


def alive(pid: int) -> bool:
    """Whether a process runs; one that nobody has waited for yet does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    # It may end between the opening and the reading.
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


async def gone(*pids: int, seconds: float = 30) -> None:
    """Wait until none of the processes runs."""
    async with asyncio.timeout(seconds):
        while any(alive(pid) for pid in pids):  # noqa: ASYNC110 - the kernel ends them
            await asyncio.sleep(0.01)


def descendants(of: int) -> set[int]:
    """Return the processes that a process started, and those that they did."""
    own = set(leash.children(of))
    return own.union(*(descendants(pid) for pid in own))
