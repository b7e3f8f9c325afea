"""A task group that failed leaves its parent as it was."""

from __future__ import annotations

import asyncio

import pytest

from vidctl.groups import TaskGroup, first_error


async def fail() -> None:
    await asyncio.sleep(0)
    raise LookupError("gone")


async def test_a_parent_whose_group_failed_does_not_count_as_being_cancelled() -> None:
    for _ in range(3):
        with pytest.raises(LookupError), first_error():
            async with TaskGroup() as group:
                group.create_task(fail())
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await asyncio.Event().wait()


async def test_a_failure_inside_the_block_leaves_nothing_either() -> None:
    async def block() -> None:
        async with TaskGroup() as group:
            group.create_task(fail())
            await asyncio.Event().wait()

    with pytest.raises(LookupError), first_error():
        await block()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_a_parent_that_is_cancelled_is_cancelled() -> None:
    async def parent() -> None:
        async with TaskGroup() as group:
            group.create_task(asyncio.Event().wait())

    task = asyncio.ensure_future(parent())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
