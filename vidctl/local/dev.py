"""``vidctl dev``: builds the local world, sends a sample through it, shows its way, and stays up."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from pathlib import Path

from vidctl.errors import VidctlError
from vidctl.groups import TaskGroup, leaves
from vidctl.local import client, sample, timeline, world
from vidctl.local.client import Video
from vidctl.local.signals import ended_by_signals
from vidctl.local.world import LocalWorld, WorldSetup
from vidctl.ports import Clock, Ids
from vidctl.settings import DevSettings, HttpSettings

DEMO = timedelta(seconds=120)
"""Time that the demo may take in all."""

FAILED = 1
INTERRUPTED = 130
"""Exit status of a program that SIGINT ended, as a shell's."""


class NotPublished(VidctlError):
    """The sample was not published; the message says why."""

    code = "not_published"


async def run(
    settings: DevSettings, http: HttpSettings, *, demo: bool, inherited: Mapping[str, str], clock: Clock, ids: Ids
) -> int:
    """Run until the sample is through (``demo``), or until SIGINT or SIGTERM; return the exit status.

    ``inherited`` is the environment of the programs that are started, but for AWS's part in it.
    """
    setup, code = _setup(settings, http, inherited), 0
    shown = _Shown()
    try:
        with ended_by_signals(lambda: shown.text("\nEnding everything …")):
            async with _serving(setup, shown, clock=clock, ids=ids) as up:
                if demo:
                    await _send_in_time(up, setup.directory, shown)
                else:
                    await _send_and_stay(up, setup.directory, shown)
    except* VidctlError as failures:
        for failure in leaves(failures):
            sys.stderr.write(f"vidctl dev: {failure}\n")
        code = FAILED
    except* asyncio.CancelledError:
        code = INTERRUPTED if demo else 0
    return code


class _Shown:
    """What is shown, each line with the time since the beginning."""

    def __init__(self) -> None:
        self.began = asyncio.get_running_loop().time()

    def line(self, text: str) -> None:
        self.text(timeline.stamped(text, asyncio.get_running_loop().time() - self.began))

    def text(self, text: str) -> None:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


@asynccontextmanager
async def _serving(setup: WorldSetup, shown: _Shown, *, clock: Clock, ids: Ids) -> AsyncIterator[LocalWorld]:
    """Run the world and its service; the end of the service ends the block."""
    async with world.running(setup, clock=clock, ids=ids) as up:
        service = await up.serve()
        shown.text(timeline.welcome(up.facts, setup.directory))
        async with TaskGroup() as group:
            watches = [group.create_task(program.must_run()) for program in (service.program, up.emulator)]
            try:
                yield up
            except VidctlError:
                # A program that ended may be the reason: the end of its log says more than a broken connection does.
                await asyncio.wait(watches, timeout=1)
                raise
            for watch in watches:
                watch.cancel()


async def _send_in_time(up: LocalWorld, directory: Path, shown: _Shown) -> None:
    try:
        async with asyncio.timeout_at(shown.began + DEMO.total_seconds()):
            await _send(up, directory, shown)
    except TimeoutError as error:
        raise NotPublished(f"the sample is not published after {DEMO.seconds} s: see {directory}/serve.log") from error


async def _send_and_stay(up: LocalWorld, directory: Path, shown: _Shown) -> None:
    try:
        await _send(up, directory, shown)
    except NotPublished as error:
        shown.line(str(error))
    shown.text(timeline.invitation(up.facts, directory))
    await asyncio.Event().wait()


async def _send(up: LocalWorld, directory: Path, shown: _Shown) -> None:
    """Send the sample through the public endpoint, and show its way until it is published and its raw object gone."""
    file = directory / "sample.mp4"
    await sample.make(file)
    shown.line(f"{'sample':<12} {file}, {sample.SECONDS} s of {sample.SIZE}")
    async with client.opened(url=up.facts.url, token=up.facts.token) as api:
        video_id = await api.upload(file)
        seen = timeline.NOTHING
        async with aclosing(api.follow(video_id)) as reports:
            async for video in reports:
                for line in timeline.news(seen, video):
                    shown.line(line)
                seen = video
                if _through(video):
                    break
    shown.text(timeline.published(seen))


def _through(video: Video) -> bool:
    """Whether the video is published and its raw object deleted.

    Raises:
        NotPublished: it never will be.

    """
    if video.failure is not None:
        raise NotPublished(f"the sample was not published: {video.failure}")
    return video.state == "published" and video.happened("raw_deleted")


def _setup(settings: DevSettings, http: HttpSettings, inherited: Mapping[str, str]) -> WorldSetup:
    return WorldSetup(
        directory=Path(settings.directory).absolute(),
        template=Path(settings.template),
        ministack=settings.ministack,
        http_port=http.port,
        aws_port=settings.aws_port,
        ecs_port=settings.ecs_port or 0,
        inherited=inherited,
    )
