"""The stages of one attempt, in their order, in a directory of their own.

Local files are removed on every path out but SIGKILL; then a task's disk goes with the task.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import replace
from pathlib import Path

from vidctl import tracing
from vidctl.errors import VidctlError
from vidctl.groups import TaskGroup, first_error
from vidctl.model import JobSpec
from vidctl.ports import Objects
from vidctl.records import Output
from vidctl.settings import WorkerSettings
from vidctl.worker import verify
from vidctl.worker.decoding import Decoding, decoding
from vidctl.worker.encode import Encoder
from vidctl.worker.examine import Examiner
from vidctl.worker.failure import DISK_FULL, failed, meaning, misconfigured
from vidctl.worker.fetch import Fetch
from vidctl.worker.ffmpeg.confinement import Confinement, unavailable
from vidctl.worker.finish import Finish
from vidctl.worker.probe import Probe
from vidctl.worker.progress import Advance
from vidctl.worker.publish import Publish
from vidctl.worker.recipes import loudness, recipe, remux, room, tonemap
from vidctl.worker.recipes.profile import Profile
from vidctl.worker.recipes.recipe import Recipe
from vidctl.worker.report import Report
from vidctl.worker.retry import Patience
from vidctl.worker.source import media
from vidctl.worker.source.media import AudioStream, Limits, Media
from vidctl.worker.stream import Stream


class Stages:
    """Download, probe, encode, verify, finish. ``media`` and ``seconds`` say how far it came, also after a failure."""

    def __init__(
        self,
        *,
        job: JobSpec,
        raw: Objects,
        final: Objects,
        settings: WorkerSettings,
        report: Report,
        profile: Profile,
        patience: Patience,
    ) -> None:
        self.media: Media | None = None
        self.seconds: dict[str, float] = {}
        self._job = job
        self._settings = settings
        self._profile = profile
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
            source, encoder = directory / "source", self._encoder(directory)
            with self._stage("download"):
                await self._download(source)
            with self._stage("probe"):
                self.media = found = await self._probe.inspect(source)
                media.check(found, self._limits())
                planned = await self._recipe(found, source, encoder, directory)
                await self._has_room(found, planned, directory)
            uploads = self._settings.upload_parts
            with closing(Stream(planned, directory, publish=self._publish, uploads=uploads)) as stream:
                async with decoding(self._probe) as decoders:
                    with self._stage("encode"):
                        await self._encode(encoder, stream, source, planned, decoders)
                    await self._conclude(encoder, stream, source, planned, decoders)
            return self._publish.outputs

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

    def _encoder(self, directory: Path) -> Encoder:
        settings = self._settings
        return Encoder(
            ffmpeg=settings.ffmpeg,
            probe=self._probe,
            confinement=self._confinement,
            deadline=settings.deadline,
            stall=settings.stall,
            stop_grace=self._stop_grace,
            directory=directory,
        )

    async def _recipe(self, found: Media, source: Path, encoder: Encoder, directory: Path) -> Recipe:
        table = await self._colours(found, source, directory)
        audio = self._profile.audio
        async with TaskGroup() as group:
            fits = group.create_task(self._fits(found, source))
            filters = [await self._loud(encoder, source, stream) for stream in found.audios[: audio.max_tracks]]
        return recipe.write(found, self._profile, cube_path=table, loudness=tuple(filters), copied=fits.result())

    async def _loud(self, encoder: Encoder, source: Path, stream: AudioStream) -> recipe.Filters:
        """Measure a sound track; return the filters that give it the loudness that is wanted."""
        audio = self._profile.audio
        wanted = audio.loudness
        if wanted is None:
            return ()
        loud = await encoder.loudness(source, stream.index, min(stream.channels, audio.max_channels))
        return loudness.normalisation(loud, target_lufs=wanted.target, ceiling_dbtp=wanted.ceiling)

    async def _has_room(self, found: Media, planned: Recipe, directory: Path) -> None:
        """Fail before the work begins if the disk cannot hold it: the next attempt is on a larger one."""
        size_bytes = self._job.source.size_bytes
        needed = room.needed_bytes(planned, found, source_bytes=size_bytes)
        had = (await asyncio.to_thread(shutil.disk_usage, directory)).free + size_bytes
        if self._settings.max_disk is not None:
            had = min(had, self._settings.max_disk)
        if had < needed:
            raise failed(DISK_FULL, f"the job needs {needed} bytes of disk for source and outputs, and has {had}")

    async def _fits(self, found: Media, source: Path) -> bool:
        """Whether the picture already is what the best rendition would be."""
        if not remux.picture_fits(found.video, recipe.chosen(found, self._profile)[0], self._profile):
            return False
        packets = await self._probe.packets(source, found.video.index)
        if packets is None or not remux.packets_fit(packets, found.video, self._profile):
            return False
        # What cannot be decoded whole is encoded anew, which mends what can be mended.
        decoded, complaints = await self._probe.decode(source)
        return decoded is not None and not complaints and not verify.ends_early(decoded)

    async def _colours(self, found: Media, source: Path, directory: Path) -> str | None:
        """Write the table that turns the picture into SDR; return its path, None if it needs none."""
        video = found.video
        if recipe.keeps_hdr(video, self._profile.video):
            return None
        unsaid = video.transfer == tonemap.Transfer.PQ and video.peak_nits is None
        peak = await self._probe.peak_nits(source, video.index) if unsaid else None
        grade = tonemap.grade(video, frame_peak_nits=peak)
        if grade is None:
            return None
        path = directory / grade.name
        await asyncio.to_thread(lambda: path.write_text(tonemap.cube(grade)))
        return str(path)

    async def _encode(
        self, encoder: Encoder, stream: Stream, source: Path, planned: Recipe, decoders: Decoding
    ) -> None:
        ended = asyncio.Event()
        async with TaskGroup() as group:
            group.create_task(stream.follow(ended, decoders))
            await encoder.encode(source, planned, on_advance=self._advance)
            ended.set()
        await stream.finish(decoders)

    async def _conclude(
        self, encoder: Encoder, stream: Stream, source: Path, planned: Recipe, decoders: Decoding
    ) -> None:
        """Verify, and finish beside it. That tracks are wrong outweighs, and explains, that nothing is made of them."""
        verified = asyncio.Event()
        with first_error():
            async with TaskGroup() as group:
                finishing = group.create_task(_fault(self._finish(encoder, stream, verified)))
                with self._stage("verify"):
                    await self._verify(encoder, stream, source, planned, decoders)
                self._report.note("finish", 0.0)
                verified.set()
        if (fault := finishing.result()) is not None:
            raise fault

    async def _verify(
        self, encoder: Encoder, stream: Stream, source: Path, planned: Recipe, decoders: Decoding
    ) -> None:
        found, directory = self.media, encoder.directory
        if found is None:
            raise TypeError("nothing is verified before it was probed")
        examiner = Examiner(
            probe=self._probe,
            decoding=decoders,
            encoder=encoder,
            source=source,
            media=found,
            recipe=planned,
            directory=directory,
        )
        sounds = {sound.stream.index: await examiner.sound(sound, tail) for sound, tail in stream.audios}
        await stream.check()
        heard: list[AudioStream | None] = [sound.stream for sound in planned.sounds] or [None]
        pixels = [rendition.width * rendition.height for rendition, _ in stream.videos]
        for place, (rendition, tail) in enumerate(stream.videos):
            self._report.note("verify", sum(pixels[:place]) / sum(pixels))
            picture = await examiner.picture(rendition, tail)
            for track in heard:
                made = sounds.get(track.index) if track is not None else None
                await examiner.complete(replace(picture, audios=(made,) if made else ()), track)
            # The sound is the same beside every picture.
            heard = heard[:1]

    async def _finish(self, encoder: Encoder, stream: Stream, verified: asyncio.Event) -> None:
        finish = Finish(
            encoder=encoder,
            stream=stream,
            publish=self._publish,
            profile=self._profile,
            directory=encoder.directory,
            verified=verified,
        )
        with self._timed("finish"):
            await finish()

    def _advance(self, advance: Advance) -> None:
        duration = self.media.duration_seconds if self.media else 0.0
        self._report.note("encode", advance.ratio(duration), speed=advance.speed)

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        self._report.note(name, 0.0)
        with self._timed(name):
            yield

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        with tracing.span(f"worker.{name}"):
            try:
                yield
            finally:
                self.seconds[name] = round(loop.time() - began, 3)


async def _fault(work: Coroutine[None, None, None]) -> VidctlError | OSError | None:
    try:
        await work
    except (VidctlError, OSError) as error:
        return error
    return None


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
