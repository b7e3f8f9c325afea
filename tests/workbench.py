"""A worker on the bench: buckets in memory, the real ffmpeg, one job."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.media import program
from tests.world.objects import MemoryObjects
from tests.world.seam import Around, undisturbed
from vidctl import codec, layout
from vidctl.folders import Entry, fold
from vidctl.journal import Journal
from vidctl.model import AttemptNumber, JobSpec, Source, VideoKey
from vidctl.progress import Progress
from vidctl.records import Output, Result
from vidctl.settings import WorkerSettings
from vidctl.worker.recipes.profile import Profile, parse
from vidctl.worker.retry import Patience
from vidctl.worker.run import run

KEY = VideoKey(user_id="alice", video_id="0194fdc2-fa2f-8cc0-81d3-ff12045b73c8")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
QUICK = parse("{video: {preset: ultrafast}, copy_fitting: false}")
"""The default, made in little time; and made, also of a clip that could be taken over as it is."""

SLOW = parse("{video: {preset: veryslow}, copy_fitting: false}")
IMPATIENT = Patience(tries=3, pause=timedelta(0))


def settings(directory: Path, **overrides: Any) -> WorkerSettings:
    """Return settings for tiny clips, with small ranges so that there are several."""
    values: dict[str, Any] = {
        "ffmpeg": program("ffmpeg"),
        "ffprobe": program("ffprobe"),
        "directory": str(directory),
        "part_bytes": 16 * 1024,
        "progress": timedelta(milliseconds=10),
        "grace": timedelta(seconds=4),
        # A shell that stands in for ffmpeg starts programs, as nothing may that is confined.
        "confine": "off" if {"ffmpeg", "ffprobe"} & overrides.keys() else "required",
    }
    return WorkerSettings(**(values | overrides))


@dataclass
class Bench:
    """One raw object, the two buckets, and the worker's directory."""

    directory: Path
    body: bytes
    raw: MemoryObjects = field(init=False)
    final: MemoryObjects = field(init=False)
    job: JobSpec = field(init=False)
    interrupted: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.raw = MemoryObjects("raw", clock=lambda: NOON)
        self.final = MemoryObjects("final", clock=lambda: NOON)
        key = layout.raw_key(KEY)
        etag = self.raw.put(key, self.body)
        self.job = JobSpec(
            key=KEY,
            job=layout.job_id("raw", key, etag),
            number=AttemptNumber(1, 2),
            raw_bucket="raw",
            final_bucket="final",
            source=Source(key=key, etag=etag, size_bytes=len(self.body), last_modified=NOON, upload_etag=etag),
        )

    async def run(
        self, *, raw: Around = undisturbed, final: Around = undisturbed, profile: Profile = QUICK, **overrides: Any
    ) -> int:
        """Let the worker do the job; the faults of ``raw`` and ``final`` meet its calls."""
        return await run(
            self.job,
            raw=self.raw.through(raw),
            final=self.final.through(final),
            settings=settings(self.directory, **overrides),
            profile=profile,
            clock=lambda: NOON,
            interrupted=self.interrupted,
            patience=IMPATIENT,
        )

    @property
    def journal(self) -> Journal:
        """The control records, read without faults."""
        return Journal(self.final)

    async def result(self) -> Result | None:
        """Return what the worker left behind."""
        return (await self.journal.records(KEY)).job(self.job.job).result(self.job.number)

    def progress(self) -> Progress | None:
        """Return the last progress written."""
        body = self.final.body(layout.progress_key(KEY, self.job.job, self.job.number))
        return None if body is None else codec.decode(Progress, body)

    def file(self, output: Output) -> Path:
        """Return a published output as a local file."""
        body = self.final.body(output.key)
        assert body is not None
        path = self.directory.parent / f"published-{output.name}"
        path.write_bytes(body)
        return path

    def holds(self, output: Output) -> bool:
        """Whether the bucket has what was said of an output, as its listing tells of a folder, and HEAD of a file."""
        if not output.name.endswith("/"):
            stat = self.final.stat(output.key)
            told = (output.etag, output.size_bytes, output.content_type, output.sha256)
            return stat is not None and (stat.etag, stat.size_bytes, stat.content_type, stat.sha256) == told
        stats = [stat for key in self.final.keys(output.key) if (stat := self.final.stat(key)) is not None]
        folded = fold(
            Entry(name=stat.key.removeprefix(output.key), size_bytes=stat.size_bytes, etag=stat.etag) for stat in stats
        )
        return (folded.size_bytes, folded.sha256) == (output.size_bytes, output.sha256)

    def uploaded(self) -> dict[str, bytes]:
        """Return what was uploaded of the attempt's outputs, by the names after its prefix."""
        prefix = layout.attempt_prefix(KEY, self.job.job, self.job.number)
        keys = [key for key in self.final.keys(prefix) if not key.endswith("progress.json")]
        return {key.removeprefix(prefix): self.final.body(key) or b"" for key in keys}

    def write(self) -> Path:
        """Write all that was uploaded into a directory, as a player finds it."""
        directory = self.directory.parent / "published"
        for name, body in self.uploaded().items():
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
        return directory

    @property
    def leftovers(self) -> list[str]:
        """The local files that the worker left."""
        return [str(path) for path in self.directory.rglob("*")] if self.directory.exists() else []


def ffprobe(path: Path, *options: str) -> dict[str, Any]:
    """Return all that ffprobe says of a file."""
    command = [program("ffprobe"), "-v", "error", *options, "-show_format", "-show_streams", "-of", "json", str(path)]
    answer: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return answer


def refuse(operation: str, error: Exception, *, times: int = 1_000_000) -> Around:
    """Return a world in which an operation fails so many times, without effect."""
    left = [times]

    @asynccontextmanager
    async def around(name: str) -> AsyncIterator[None]:
        await asyncio.sleep(0)
        if name == operation and left[0] > 0:
            left[0] -= 1
            raise error
        yield

    return around
