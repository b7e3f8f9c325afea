"""What containers do in the in-memory world: the job as the worker does it, and every way of not doing it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.world.ledger import Folder
from tests.world.loop import clock
from vidctl import layout
from vidctl.folders import CONTENT_TYPE, Entry, fold
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
FOLDER = "stream/"
SEGMENTS = ("a1/00001.m4s", "v720/00001.m4s", "v720/init.mp4")
"""The objects of the folder."""


async def transcode(world: Simulation, job: JobSpec) -> int:
    """Do the job as the worker does: read the raw object, write the outputs, say so last; fenced from first to last."""
    if not await work(world, job, seconds=world.transcode_seconds):
        return SUPERSEDED
    stat = world.raw.stat(job.source.key)
    if stat is None or stat.etag != job.source.etag:
        return await report(world, job, FailureClass.INFRASTRUCTURE, "source_changed", 75)
    return await succeed(world, job, write_outputs(world, job))


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


def write_outputs(world: Simulation, job: JobSpec) -> tuple[Output, ...]:
    """Write all that an attempt publishes: two files and a folder."""
    return (*(write_output(world, job, name) for name in OUTPUTS), write_folder(world, job, segments(job)))


def segments(job: JobSpec) -> dict[str, bytes]:
    """Return the objects of an attempt's folder, by their names in it."""
    return {name: f"{job.number}:{name}".encode() for name in SEGMENTS}


def write_folder(world: Simulation, job: JobSpec, written: Mapping[str, bytes]) -> Output:
    """Write objects into the folder; return what a Result says of it, which is ``segments``, whatever was written.

    The watch is told what is true of it, apart from the digest by which the reconciler judges.
    """
    key, told = layout.attempt_prefix(job.key, job.job, job.number) + FOLDER, segments(job)
    for name, body in written.items():
        world.final.put(key + name, body, content_type="video/mp4")
    folded = fold(Entry(name=name, size_bytes=len(body), etag=world.final.etag_of(body)) for name, body in told.items())
    output = Output(name=FOLDER, key=key, content_type=CONTENT_TYPE, size_bytes=folded.size_bytes, sha256=folded.sha256)
    world.watch.ledger.folders[key] = Folder(output, {key + name: body for name, body in told.items()})
    return output


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
    write_outputs(world, job)
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


async def lose_a_segment(world: Simulation, job: JobSpec) -> int:
    """Report a folder of which one object was never written."""
    lost = SEGMENTS[1]
    return await _leave(world, job, {name: body for name, body in segments(job).items() if name != lost})


async def cut_a_segment(world: Simulation, job: JobSpec) -> int:
    """Leave an object of a folder that is shorter than what was reported."""
    return await _leave(world, job, segments(job) | {SEGMENTS[1]: b"sho"})


async def swap_a_segment(world: Simulation, job: JobSpec) -> int:
    """Leave other bytes of the same number in an object of a folder: only its ETag tells."""
    return await _leave(world, job, segments(job) | {SEGMENTS[1]: bytes(len(segments(job)[SEGMENTS[1]]))})


async def add_a_segment(world: Simulation, job: JobSpec) -> int:
    """Leave an object in a folder that was not reported."""
    return await _leave(world, job, segments(job) | {"v720/00002.m4s": b"one too many"})


async def _leave(world: Simulation, job: JobSpec, written: Mapping[str, bytes]) -> int:
    """Report the folder as it should be, whatever was written into it."""
    files = tuple(write_output(world, job, name) for name in OUTPUTS)
    return await succeed(world, job, (*files, write_folder(world, job, written)))


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
    return await succeed(world, job, write_outputs(world, job))
