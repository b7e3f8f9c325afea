"""Task groups whose failure leaves nothing behind, and whose error is told by its type.

asyncio's own, when a task fails while the block is already waiting for its tasks, asks the parent to be cancelled and
does not take it back. The parent then counts as being cancelled for ever, and before Python 3.11.4 (Debian 12 has
3.11.2) every later ``asyncio.timeout`` in it cancels the parent instead of raising TimeoutError: a loop that has met
one such failure dies, without a word, of its next timeout.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self, TypeVar

E = TypeVar("E", bound=BaseException)


class TaskGroup(asyncio.TaskGroup):  # noqa: TID251 - this is the one
    """An ``asyncio.TaskGroup`` that takes back the request to cancel its parent."""

    _cancelling = 0

    async def __aenter__(self) -> Self:
        """Note how often the parent was asked to be cancelled before."""
        self._cancelling = _cancelling()
        await super().__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for the tasks; raise what they raised."""
        try:
            await super().__aexit__(kind, error, trace)
        except BaseExceptionGroup:
            task = asyncio.current_task()
            if task is not None and _cancelling() > self._cancelling:
                task.uncancel()
            raise


@contextmanager
def first_error() -> Iterator[None]:
    """Raise the first error of the group inside, in place of the group: callers tell errors by their types."""
    try:
        yield
    except ExceptionGroup as group:
        # Not from the group: it holds the error itself, and to print it would go round in circles.
        raise group.exceptions[0] from None


def leaves(group: BaseExceptionGroup[E]) -> Iterator[E]:
    """Yield the errors of a group, those of groups within it among them."""
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from leaves(error)
        else:
            yield error


def _cancelling() -> int:
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()
