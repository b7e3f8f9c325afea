"""Where faults enter the in-memory world: every call to a port happens inside an ``Around``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

Around = Callable[[str], AbstractAsyncContextManager[None]]
"""Surrounds one call, named as ``objects.create``.

What it raises on entering refuses the call before any effect; what it raises on leaving loses the reply of a call that
took effect; where it sleeps, time passes.
"""


@asynccontextmanager
async def undisturbed(_operation: str) -> AsyncIterator[None]:
    """Let the call through, after everybody else had a turn, as over a network."""
    await asyncio.sleep(0)
    yield
