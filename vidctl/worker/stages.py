"""The stages of one attempt, in their order, in a directory of their own.

Local files are removed on every path out but SIGKILL; then a task's disk goes with the task.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from vidctl import tracing
from vidctl.model import JobSpec
from vidctl.ports import Objects
from vidctl.records import Output
from vidctl.settings import WorkerSettings
from vidctl.worker import media
from vidctl.worker.command import Encoding
from vidctl.worker.confinement import Confinement, unavailable
from vidctl.worker.encode import Encoder
from vidctl.worker.failure import meaning, misconfigured
from vidctl.worker.fetch import Fetch
from vidctl.worker.ladder import Rendition, ladder
from vidctl.worker.media import Limits, Media
from vidctl.worker.probe import Probe
from vidctl.worker.progress import Advance
from vidctl.worker.publish import Publish
from vidctl.worker.report import Report
from vidctl.worker.retry import Patience


class Stages:
    """Download, probe, encode, verify, upload. ``media`` and ``seconds`` say how far it came, also after a failure."""

    def __init__(
        self,
        *,
        job: JobSpec,
        raw: Objects,
        final: Objects,
        settings: WorkerSettings,
        report: Report,
        patience: Patience,
    ) -> None:
        self.media: Media | None = None
        self.seconds: dict[str, float] = {}
        self._job = job
        self._settings = settings
        self._report = report
        self._fetch = Fetch(raw=raw, parts=settings.download_parts, part_bytes=settings.part_bytes, patience=patience)
        self._publish = Publish(final=final, job=job, patience=patience)
        # A quarter for ffmpeg to end leaves the rest for the Result.
        self._stop_grace = settings.grace / 4
        self._confinement = Confinement(
            mode=settings.confine, memory_bytes=settings.max_memory, file_bytes=settings.max_file
        )
        self._probe = Probe(
            ffprobe=settings.ffprobe,
            confinement=self._confinement,
            deadline=settings.deadline,
            stop_grace=self._stop_grace,
        )

    async def work(self) -> tuple[Output, ...]:
        """Go through the stages; raises ``Failed``, or what the store or the disk raise."""
        self._confinement.check(unavailable())
        async with _directory(self._settings.directory) as directory:
            source = directory / "source"
            with self._stage("download"):
                await self._download(source)
            with self._stage("probe"):
                self.media = found = await self._probe.inspect(source)
                media.check(found, self._limits())
            encoder = self._encoder(found, source, directory)
            renditions = ladder(found, max_short_side=self._settings.max_short_side)
            with self._stage("encode"):
                await encoder.encode(renditions, on_advance=self._advance)
            with self._stage("verify"):
                for rendition in renditions:
                    await encoder.verify(rendition)
                # Not before: of a source without a single frame it would fail first, as if that were the app's fault.
                poster = await encoder.poster(renditions[0])
            with self._stage("upload"):
                return await self._upload(directory, renditions, poster)

    async def _download(self, path: Path) -> None:
        source = self._job.source

        def note(done_bytes: int) -> None:
            self._report.note("download", done_bytes / source.size_bytes)

        await self._fetch(source, path, on_bytes=note)

    def _limits(self) -> Limits:
        return Limits(
            duration_seconds=self._settings.max_duration.total_seconds(),
            pixels=self._settings.max_pixels,
            streams=self._settings.max_streams,
            frames_per_second=self._settings.max_frame_rate,
        )

    def _encoder(self, found: Media, source: Path, directory: Path) -> Encoder:
        settings = self._settings
        return Encoder(
            ffmpeg=settings.ffmpeg,
            probe=self._probe,
            confinement=self._confinement,
            encoding=Encoding(preset=settings.preset, crf=settings.crf, audio_bitrate=settings.audio_bitrate),
            deadline=settings.deadline,
            stall=settings.stall,
            stop_grace=self._stop_grace,
            source=source,
            media=found,
            directory=directory,
        )

    def _advance(self, advance: Advance) -> None:
        duration = self.media.duration_seconds if self.media else 0.0
        self._report.note("encode", advance.ratio(duration), speed=advance.speed)

    async def _upload(self, directory: Path, renditions: tuple[Rendition, ...], poster: Path) -> tuple[Output, ...]:
        paths = (*(directory / rendition.name for rendition in renditions), poster)
        outputs: list[Output] = []
        for path in paths:
            outputs.append(await self._publish(path))
            self._report.note("upload", len(outputs) / len(paths))
        return tuple(outputs)

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        self._report.note(name, 0.0)
        with tracing.span(f"worker.{name}"):
            try:
                yield
            finally:
                self.seconds[name] = round(loop.time() - began, 3)


@asynccontextmanager
async def _directory(parent: str | None) -> AsyncIterator[Path]:
    directory = await asyncio.to_thread(_make_directory, parent)
    try:
        yield Path(directory.name)
    finally:
        await asyncio.to_thread(directory.cleanup)


def _make_directory(parent: str | None) -> tempfile.TemporaryDirectory[str]:
    try:
        if parent is not None:
            Path(parent).mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(prefix="vidctl-", dir=parent)
    except OSError as error:
        detail = f"no local directory can be made: {error}; VIDCTL_WORKER_DIRECTORY names another place"
        raise meaning(error) or misconfigured("no_directory", detail) from error
