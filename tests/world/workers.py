"""What containers do in the in-memory world: the job as the worker does it, and every way of not doing it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.world.loop import clock
from vidctl import layout
from vidctl.groups import TaskGroup
from vidctl.model import FailureClass, JobSpec
from vidctl.records import Output, Result
from vidctl.worker.fence import Fence, Superseded

if TYPE_CHECKING:
    from tests.world.world import Simulation

Behaviour = Callable[["Simulation", JobSpec], Awaitable[int]]
"""What a container does; returns its exit code."""

FENCE = timedelta(seconds=60)
SUPERSEDED = 75
OUTPUTS = ("video.mp4", "poster.jpg")


async def transcode(world: Simulation, job: JobSpec) -> int:
    """Do the job as the worker does: read the raw object, write the outputs, say so last; fenced from first to last."""
    if not await work(world, job, seconds=world.transcode_seconds):
        return SUPERSEDED
    stat = world.raw.stat(job.source.key)
    if stat is None or stat.etag != job.source.etag:
        return await report(world, job, FailureClass.INFRASTRUCTURE, "source_changed", 75)
    return await succeed(world, job, tuple(write_output(world, job, name) for name in OUTPUTS))


async def work(world: Simulation, job: JobSpec, *, seconds: float) -> bool:
    """Work for so long, looking at the fence as the worker does; False if nobody wants it any more."""
    fence = Fence(job=job, journal=world.journal)
    try:
        async with TaskGroup() as group:
            watching = group.create_task(fence.watch(every=FENCE))
            await fence.check()
            await asyncio.sleep(seconds)
            watching.cancel()
    except ExceptionGroup as errors:
        if errors.subgroup(Superseded) is None:
            raise
        return False
    return True


async def succeed(world: Simulation, job: JobSpec, outputs: tuple[Output, ...]) -> int:
    """Say that the attempt succeeded, and end."""
    await world.journal.write(
        Result(key=job.key, job=job.job, number=job.number, at=clock(), failure=None, code="ok", outputs=outputs)
    )
    return 0


async def report(world: Simulation, job: JobSpec, failure: FailureClass, code: str, exit_code: int) -> int:
    """Say that the attempt failed, and end."""
    await world.journal.write(
        Result(key=job.key, job=job.job, number=job.number, at=clock(), failure=failure, code=code, detail=code)
    )
    return exit_code


def write_output(world: Simulation, job: JobSpec, name: str) -> Output:
    """Write one output under the attempt's prefix."""
    key, body = layout.attempt_prefix(job.key, job.job, job.number) + name, f"{job.number}:{name}".encode()
    sha256 = hashlib.sha256(body).hexdigest()
    world.final.put(key, body, content_type="video/mp4", sha256=sha256)
    return Output(name=name, key=key, content_type="video/mp4", size_bytes=len(body), sha256=sha256)


# --- the input's fault --------------------------------------------------------------------------------------------


async def refuse(world: Simulation, job: JobSpec) -> int:
    """Find that the input is no video."""
    return await report(world, job, FailureClass.PERMANENT, "not_a_video", 65)


async def run_out_of_memory(world: Simulation, job: JobSpec) -> int:
    """Say that the task was too small."""
    return await report(world, job, FailureClass.APP, "out_of_memory", 70)


# --- the worker's fault -------------------------------------------------------------------------------------------


async def crash(_world: Simulation, _job: JobSpec) -> int:
    """End without a word."""
    return 139


async def hang(_world: Simulation, _job: JobSpec) -> int:
    """Never end."""
    await asyncio.sleep(10**9)
    return 0


async def say_nothing(world: Simulation, job: JobSpec) -> int:
    """Write the outputs and end well, but leave no Result."""
    for name in OUTPUTS:
        write_output(world, job, name)
    return 0


async def die_before_the_result(world: Simulation, job: JobSpec) -> int:
    """Be killed between the outputs and the Result."""
    await say_nothing(world, job)
    return 137


async def die_after_the_result(world: Simulation, job: JobSpec) -> int:
    """Succeed, and crash on the way out."""
    await transcode(world, job)
    return 139


async def hang_after_the_result(world: Simulation, job: JobSpec) -> int:
    """Succeed, and never end."""
    await transcode(world, job)
    return await hang(world, job)


async def lie(world: Simulation, job: JobSpec) -> int:
    """Report a size that the output does not have."""
    told = write_output(world, job, OUTPUTS[0])
    return await succeed(world, job, (replace(told, size_bytes=told.size_bytes + 1),))


async def truncate(world: Simulation, job: JobSpec) -> int:
    """Leave an output that is shorter than what was reported."""
    told = write_output(world, job, OUTPUTS[0])
    world.final.put(told.key, b"sho", content_type=told.content_type, sha256=hashlib.sha256(b"sho").hexdigest())
    return await succeed(world, job, (told,))


async def forget_an_output(world: Simulation, job: JobSpec) -> int:
    """Report an output that was never written."""
    told = write_output(world, job, OUTPUTS[0])
    return await succeed(world, job, (told, replace(told, name=OUTPUTS[1], key=f"{told.key}.missing")))


# --- nobody's fault -----------------------------------------------------------------------------------------------


async def be_interrupted(world: Simulation, job: JobSpec) -> int:
    """Be told to stop by the host, and say so."""
    return await report(world, job, FailureClass.INFRASTRUCTURE, "interrupted", 75)


async def go_on_unseen(world: Simulation, job: JobSpec) -> int:
    """Work for two hours, looking at the fence, while nobody can see the task."""
    if not await work(world, job, seconds=7200):
        return SUPERSEDED
    return await transcode(world, job)


async def outlive(world: Simulation, job: JobSpec) -> int:
    """Run far beyond the deadline, blind to the fence, and finish after the successor."""
    await asyncio.sleep(4000)
    return await succeed(world, job, tuple(write_output(world, job, name) for name in OUTPUTS))
