"""``make bench-worker``: the worker against ffmpeg by hand, alternated in one run, medians of CPU and wall time.

Both sides are whole processes, from start to exit, against one store on loopback (``bench.store``) whose wire carries
RATE bytes a second in each direction. ``bench.hand`` is what is done by hand.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from bench import memory
from bench.plain import by_hand, clip, ffmpeg, one_rendition, run
from bench.rounds import Side, alternate, compared
from bench.store import READY
from tests.media import program
from vidctl import codec, layout
from vidctl.model import AttemptNumber, JobSpec, Source, VideoKey
from vidctl.worker.ffmpeg import command
from vidctl.worker.ffmpeg.confinement import Confinement
from vidctl.worker.probe import Probe
from vidctl.worker.recipes import recipe
from vidctl.worker.recipes.profile import Profile, parse

RATE = 50_000_000
"""Bytes a second from and to the store."""

LADDER = "{copy_fitting: false, audio: {loudness: null}}"
COPY = "{stream: null, storyboard: null, audio_only: false, subtitles: false}"

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SAMPLED = 0.2
"""Seconds between two looks at disk and memory."""


# --- who does it --------------------------------------------------------------------------------------------------


class World:
    """The store, and a directory for what both sides do."""

    def __init__(self, directory: Path, url: str) -> None:
        self.directory = directory
        self.peak_disk_bytes = self.peak_memory_bytes = 0
        self._environment = {
            "AWS_ENDPOINT_URL": url,
            "AWS_REGION": "eu-central-1",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
        }
        self._number = count(1)

    def lay(self, source: Path) -> JobSpec:
        """Lay a source into the store; return the job."""
        key = VideoKey(user_id="bench", video_id=f"0194fdc2-fa2f-8cc0-81d3-{next(self._number):012d}")
        path = self.directory / "store/raw" / layout.raw_key(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.hardlink_to(source)
        size, etag = source.stat().st_size, "laid"
        return JobSpec(
            key=key,
            job=layout.job_id("raw", layout.raw_key(key), etag),
            number=AttemptNumber(1, 1),
            raw_bucket="raw",
            final_bucket="final",
            source=Source(key=layout.raw_key(key), etag=etag, size_bytes=size, last_modified=NOON, upload_etag=etag),
        )

    def work(self, source: Path, profile: str) -> float | None:
        """Let a worker do it; return the seconds until the store had the first segment, None if there are none."""
        job = self.lay(source)
        settings = {
            "VIDCTL_JOB": codec.encode(job).decode(),
            "VIDCTL_WORKER_PROFILE": profile,
            "VIDCTL_WORKER_FFMPEG": program("ffmpeg"),
            "VIDCTL_WORKER_FFPROBE": program("ffprobe"),
            "VIDCTL_LOG_LEVEL": "error",
        }
        outputs = self.directory / "store/final" / layout.attempt_prefix(job.key, job.job, job.number)
        with self._empty() as directory:
            began = _now(self.directory)
            words = (sys.executable, "-P", "-m", "vidctl", "worker")
            worker = self._started(words, settings | {"VIDCTL_WORKER_DIRECTORY": str(directory)})
            with self._watched(worker.pid, directory):
                code = worker.wait()
            if code != 0:
                raise SystemExit(f"the worker ended with {code}")
        stored = [path.stat().st_mtime for path in outputs.glob("stream/v*/*.m4s")]
        return min(stored) - began if stored else None

    def by_hand(self, source: Path, made: recipe.Recipe) -> None:
        """Download, encode by one command, upload."""
        job = self.lay(source)
        with self._empty() as directory:
            target = directory.parent / "by-hand.mp4"
            words = (sys.executable, "-P", "-m", "bench.hand", "--from", job.source.key, "--to", str(target))
            hand = self._started((*words, str(directory), *by_hand(target, made, directory)), {})
            if hand.wait() != 0:
                raise SystemExit("what was done by hand failed")
            target.unlink()

    def _started(self, words: tuple[str, ...], settings: dict[str, str]) -> subprocess.Popen[bytes]:
        environment = self._environment | {"PYTHONPATH": str(Path.cwd())} | settings
        return subprocess.Popen(words, env=environment)

    @contextmanager
    def _empty(self) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(dir=self.directory) as name:
            directory = Path(name) / "work"
            directory.mkdir()
            yield directory

    @contextmanager
    def _watched(self, pid: int, directory: Path) -> Iterator[None]:
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(SAMPLED):
                self.peak_disk_bytes = max(self.peak_disk_bytes, _disk_bytes(directory))
                self.peak_memory_bytes = max(self.peak_memory_bytes, memory.family_bytes(pid))

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()


def _now(directory: Path) -> float:
    """Return the time by the clock that stamps files."""
    (directory / "now").touch()
    return (directory / "now").stat().st_mtime


def _disk_bytes(directory: Path) -> int:
    found = 0
    for path in directory.rglob("*"):
        try:
            found += path.stat().st_blocks * 512
        except FileNotFoundError:  # it was removed meanwhile
            continue
    return found


@contextmanager
def world(directory: Path) -> Iterator[World]:
    """Start the store; stop it at the end."""
    words = (sys.executable, "-P", "-m", "bench.store", str(directory / "store"), "--rate", str(RATE))
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as store:
        if store.stdout is None or store.stdin is None:
            raise TypeError("the store was started without pipes")
        port = int(store.stdout.readline().removeprefix(READY))
        try:
            yield World(directory, f"http://127.0.0.1:{port}")
        finally:
            store.stdin.close()


# --- the table ----------------------------------------------------------------------------------------------------


def worked_out(source: Path, profile: Profile) -> recipe.Recipe:
    """Return the worker's recipe for a source."""
    confinement = Confinement(mode="off", memory_bytes=None, file_bytes=2**40)
    minute = timedelta(minutes=1)
    probe = Probe(ffprobe=program("ffprobe"), confinement=confinement, deadline=minute, stop_grace=minute)
    found = asyncio.run(probe.inspect(source))
    return recipe.write(found, profile, cube_path=None, loudness=())


def ladder_rows(source: Path, made: recipe.Recipe, directory: Path, rounds: int) -> list[dict[str, Any]]:
    """(a) The ladder against separate commands, and against one written by hand."""
    argv = command.encode(program("ffmpeg"), str(source), made, directory=str(directory))
    separate = [one_rendition(source, rendition, directory) for rendition in made.renditions]
    ours, apart = Side("ours", _running(argv)), Side("separate", _running(*separate))
    hand = Side("by hand", _running(by_hand(source, made, directory)))
    alternate((ours, apart, hand), rounds)
    return [
        compared("a: ladder / separate commands", "<= 0.65", ours, apart, "cpu"),
        compared("a: ladder / separate commands", "<= 0.65", ours, apart, "wall"),
        compared("a: ladder / one command by hand", "<= 1.03", ours, hand, "cpu"),
        compared("a: ladder / one command by hand", "<= 1.03", ours, hand, "wall"),
    ]


def worker_rows(there: World, source: Path, made: recipe.Recipe, rounds: int) -> list[dict[str, Any]]:
    """(b, d, e) The whole worker against download, the command by hand, and upload in series."""
    ours = Side("worker", lambda: there.work(source, LADDER))
    peer = Side("in series", lambda: there.by_hand(source, made))
    alternate((ours, peer), rounds)
    rows = [
        compared("b: worker / download, by hand, upload", "<= 1.0", ours, peer, "wall"),
        compared("b: worker / download, by hand, upload", "", ours, peer, "cpu"),
        compared("d: first segment / all in series", "<= 0.25", ours, peer, "first"),
    ]
    size = source.stat().st_size
    for title, peak in (("disk", there.peak_disk_bytes), ("memory", there.peak_memory_bytes)):
        print(
            f"e: peak {title}: {peak / 1e6:.0f} MB = {peak / size:.2f} x the input of {size / 1e6:.0f} MB", flush=True
        )
        rows.append({"title": f"e: peak {title} / input", "ratio": peak / size, "bytes": peak})
    return rows


def copy_rows(there: World, source: Path, directory: Path, rounds: int) -> list[dict[str, Any]]:
    """(c) Taking over a picture against encoding it as ffmpeg does by default."""
    copied, encoded = str(directory / "copied.mp4"), str(directory / "encoded.mp4")
    bare = Side("copy", _running(ffmpeg("-i", str(source), "-c", "copy", "-movflags", "+faststart", copied)))
    whole = Side("worker", lambda: there.work(source, COPY))
    plain = Side("plain", _running(ffmpeg("-i", str(source), encoded)))
    alternate((bare, whole, plain), rounds)
    return [
        compared("c: copy alone / plain ffmpeg", "<= 0.01", bare, plain, "cpu"),
        compared("c: whole worker, copying / plain ffmpeg", "<= 0.033", whole, plain, "cpu"),
    ]


def _running(*commands: tuple[str, ...]) -> Callable[[], None]:
    return lambda: run(*commands)


def measured(directory: Path, seconds: int, height: int, rounds: int) -> list[dict[str, Any]]:
    """Make the sources, and all of the table."""
    source, fitting, made_in = directory / "source.mp4", directory / "fitting.mp4", directory / "made"
    made_in.mkdir()
    clip(source, seconds, height, fitting=False)
    clip(fitting, seconds, height, fitting=True)
    made = worked_out(source, parse(LADDER))
    with world(directory) as there:
        rows = worker_rows(there, source, made, rounds)
        rows += copy_rows(there, fitting, made_in, rounds)
    return rows + ladder_rows(source, made, made_in, rounds)


def main() -> int:
    """Parse the command line, measure, and write the figures as JSON where that is asked for."""
    parser = argparse.ArgumentParser(prog="bench.worker", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="length of the clip")
    parser.add_argument("--height", type=int, default=1080, help="lines of its picture")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each side")
    parser.add_argument("--json", type=Path, help="file for all figures")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        rows = measured(Path(name), arguments.seconds, arguments.height, arguments.rounds)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
