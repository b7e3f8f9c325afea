"""The end of a program in the foreground: Ctrl-C and SIGTERM cancel its task, so that it takes apart what it built."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def ended_by_signals(announce: Callable[[], None]) -> Iterator[None]:
    """While the block runs, let SIGINT and SIGTERM ``announce`` the end and cancel the current task."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def end() -> None:
        announce()
        if task is not None:
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
