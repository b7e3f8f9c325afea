"""``make bench-worker``: the worker against ffmpeg by hand, alternated in one run, medians of CPU and wall time.

Every figure is a ratio of two things that were run in turns: on a machine that others use a time alone says nothing.
The store is in memory and as fast as RATE bytes a second, for both sides; by hand means download, one ffmpeg command
that decodes once, upload, one after the other.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.media import program
from tests.workbench import Bench
from tests.world.objects import MemoryObjects
from vidctl.worker.ffmpeg import command
from vidctl.worker.ffmpeg.confinement import Confinement
from vidctl.worker.probe import Probe
from vidctl.worker.recipes import recipe
from vidctl.worker.recipes.ladder import Rendition
from vidctl.worker.recipes.profile import Profile, parse

RATE = 50_000_000
"""Bytes a second from and to the store."""

LADDER = parse("{copy_fitting: false, audio: {loudness: null}}")
COPY = parse("{stream: null, storyboard: null, audio_only: false, subtitles: false}")


@dataclass
class Cost:
    """What one run took, in seconds; ``first`` until the first segment could be played."""

    cpu: float
    wall: float
    first: float = 0.0


@dataclass
class Side:
    """One of the two that are compared."""

    name: str
    run: Callable[[], Awaitable[float]]
    costs: list[Cost] = field(default_factory=list)

    def median(self, of: str) -> float:
        """Return the median of one cost."""
        return float(statistics.median(getattr(cost, of) for cost in self.costs))


class SlowObjects(MemoryObjects):
    """A bucket in memory behind a wire of RATE bytes a second. ``first_segment`` is when the first was there."""

    first_segment: float | None = None

    async def read_range(self, key: str, *, start: int, end: int, if_match: str) -> bytes:
        """Take the time of the wire."""
        await asyncio.sleep((end - start) / RATE)
        return await super().read_range(key, start=start, end=end, if_match=if_match)

    async def upload(self, key: str, body: bytes, *, content_type: str, sha256: str, cache_control: str = "") -> str:
        """Take the time of the wire."""
        await asyncio.sleep(len(body) / RATE)
        if self.first_segment is None and key.endswith(".m4s"):
            self.first_segment = time.monotonic()
        return await super().upload(key, body, content_type=content_type, sha256=sha256, cache_control=cache_control)

    async def upload_file(
        self, key: str, path: Path, *, content_type: str, sha256: str, cache_control: str = ""
    ) -> str:
        """Take the time of the wire."""
        await asyncio.sleep(path.stat().st_size / RATE)
        return await super().upload_file(
            key, path, content_type=content_type, sha256=sha256, cache_control=cache_control
        )


async def alternate(sides: tuple[Side, ...], rounds: int) -> None:
    """Run all sides in turns."""
    for _ in range(rounds):
        for side in sides:
            before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
            own = time.process_time()
            first = await side.run()
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime + time.process_time() - own
            side.costs.append(Cost(cpu=cpu, wall=time.monotonic() - began, first=first))


def clip(target: Path, seconds: int, *, fitting: bool) -> None:
    """Make a source of 1080p that is hard enough to compress: fractal, noise, sound."""
    picture = f"mandelbrot=s=1920x1080:r=30,noise=alls=6:allf=t,trim=duration={seconds}"
    rate = ("-b:v", "5M", "-maxrate", "5.5M", "-bufsize", "6M") if fitting else ("-b:v", "13M")
    sound = ("-f", "lavfi", "-i", f"anoisesrc=d={seconds}:c=pink:a=0.2")
    coded = ("-c:v", "libx264", "-preset", "veryfast", *rate, "-g", "60", "-pix_fmt", "yuv420p", "-c:a", "aac")
    ffmpeg(*("-f", "lavfi", "-i", picture), *sound, *coded, "-ac", "2", "-b:a", "128k", str(target))


def ffmpeg(*arguments: str) -> None:
    """Run ffmpeg."""
    subprocess.run([program("ffmpeg"), "-nostdin", "-loglevel", "error", "-y", *arguments], check=True)


def worked_out(source: Path, profile: Profile) -> recipe.Recipe:
    """Return the worker's recipe for a source."""
    confinement = Confinement(mode="off", memory_bytes=None, file_bytes=2**40)
    minute = timedelta(minutes=1)
    probe = Probe(ffprobe=program("ffprobe"), confinement=confinement, deadline=minute, stop_grace=minute)
    found = asyncio.run(probe.inspect(source))
    return recipe.write(found, profile, cube_path=None, loudness=())


_X264 = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-g", "60", "-sc_threshold", "0")


def one_rendition(source: Path, rendition: Rendition, directory: Path) -> tuple[str, ...]:
    """Return the plain command for one rendition."""
    rate = ("-maxrate", str(rendition.max_bitrate), "-bufsize", str(2 * rendition.max_bitrate))
    scale = ("-vf", f"scale={rendition.width}:{rendition.height}")
    return (
        "-i",
        str(source),
        *scale,
        *_X264,
        *rate,
        "-c:a",
        "aac",
        "-b:a",
        "128k",
        str(directory / f"{rendition.name}.mp4"),
    )


def by_hand(source: Path, made: recipe.Recipe, directory: Path) -> tuple[str, ...]:
    """Return the command that a careful person writes: one decode, split, a scaler for each rendition."""
    names = [rendition.name for rendition in made.renditions]
    split = f"[0:v]split={len(names)}" + "".join(f"[in_{name}]" for name in names)
    chains = [f"[in_{r.name}]scale={r.width}:{r.height}[{r.name}]" for r in made.renditions]
    outputs: tuple[str, ...] = ()
    for r in made.renditions:
        rate = ("-maxrate", str(r.max_bitrate), "-bufsize", str(2 * r.max_bitrate))
        outputs += ("-map", f"[{r.name}]", *_X264, *rate, str(directory / f"{r.name}.mp4"))
    sound = ("-map", "0:a", "-c:a", "aac", "-b:a", "128k", str(directory / "a1.mp4"))
    return ("-i", str(source), "-filter_complex", ";".join([split, *chains]), *outputs, *sound)


class Worker:
    """The whole worker on one source, in a slow store."""

    def __init__(self, source: Path, profile: Profile, directory: Path) -> None:
        self._body = source.read_bytes()
        self._profile = profile
        self._directory = directory
        self.peak_disk = 0

    async def __call__(self) -> float:
        """Do the job; return the seconds until the first segment was there."""
        with tempfile.TemporaryDirectory(dir=self._directory) as name:
            bench = Bench(directory=Path(name), body=self._body)
            slow = SlowObjects("raw", clock=lambda: bench.job.source.last_modified)
            slow.put(bench.job.source.key, self._body)
            bench.raw = slow
            bench.final = final = SlowObjects("final", clock=lambda: bench.job.source.last_modified)
            began = time.monotonic()
            watching = asyncio.get_running_loop().create_task(self._watch(Path(name)))
            try:
                code = await bench.run(profile=self._profile, part_bytes=16 * 1024**2, progress=timedelta(seconds=3))
            finally:
                watching.cancel()
            if code != 0:
                raise SystemExit(f"the worker ended with {code}: {await bench.result()}")
            return (final.first_segment or time.monotonic()) - began

    async def _watch(self, directory: Path) -> None:
        while True:
            sizes = [path.stat().st_size for path in directory.rglob("*") if path.is_file()]
            self.peak_disk = max(self.peak_disk, sum(sizes))
            await asyncio.sleep(0.2)


def shell(*arguments: str) -> Callable[[], Awaitable[float]]:
    """Return a side that runs one ffmpeg command."""

    async def run() -> float:
        await asyncio.to_thread(ffmpeg, *arguments)
        return 0.0

    return run


def in_series(source: Path, arguments: tuple[str, ...], directory: Path) -> Callable[[], Awaitable[float]]:
    """Return a side that downloads, encodes and uploads one after the other."""

    async def run() -> float:
        began = time.monotonic()
        await asyncio.sleep(source.stat().st_size / RATE)
        await asyncio.to_thread(ffmpeg, *arguments)
        await asyncio.sleep(sum(path.stat().st_size for path in directory.glob("*.mp4")) / RATE)
        return time.monotonic() - began

    return run


def compared(title: str, goal: str, ours: Side, peer: Side, of: str) -> dict[str, Any]:
    """Return one line of the table."""
    ratio = ours.median(of) / peer.median(of)
    spread = [getattr(cost, of) for cost in ours.costs]
    print(
        f"{title:<58} {of:<5} {ours.median(of):8.2f} s / {peer.median(of):8.2f} s = {ratio:6.3f}   goal {goal}",
        flush=True,
    )
    return {
        "title": title,
        "of": of,
        "ratio": ratio,
        "goal": goal,
        "ours": spread,
        "peer": [getattr(c, of) for c in peer.costs],
    }


async def bench_ladder(source: Path, made: recipe.Recipe, directory: Path, rounds: int) -> list[dict[str, Any]]:
    """(a) The ladder against separate commands, and against one written by hand."""
    argv = command.encode(program("ffmpeg"), str(source), made, directory=str(directory))
    separate = [one_rendition(source, rendition, directory) for rendition in made.renditions]

    async def all_separate() -> float:
        for arguments in separate:
            await asyncio.to_thread(ffmpeg, *arguments)
        return 0.0

    ours = Side("ours", shell(*argv[1:]))
    apart, hand = Side("separate", all_separate), Side("by hand", shell(*by_hand(source, made, directory)))
    await alternate((ours, apart, hand), rounds)
    return [
        compared("a: ladder / separate commands", "<= 0.65", ours, apart, "cpu"),
        compared("a: ladder / separate commands", "<= 0.65", ours, apart, "wall"),
        compared("a: ladder / one command by hand", "<= 1.03", ours, hand, "cpu"),
        compared("a: ladder / one command by hand", "<= 1.03", ours, hand, "wall"),
    ]


async def bench_worker(source: Path, made: recipe.Recipe, directory: Path, rounds: int) -> list[dict[str, Any]]:
    """(b, d, e) The whole worker against download, the command by hand, and upload in series."""
    worker = Worker(source, LADDER, directory)
    ours = Side("worker", worker)
    peer = Side("in series", in_series(source, by_hand(source, made, directory), directory))
    await alternate((ours, peer), rounds)
    disk = worker.peak_disk / source.stat().st_size
    print(f"{'e: peak disk / input':<58} {disk:6.2f}", flush=True)
    return [
        compared("b: worker / download + by hand + upload", "<= 1.0", ours, peer, "wall"),
        compared("b: worker / download + by hand + upload", "", ours, peer, "cpu"),
        compared("d: first segment / all in series", "<= 0.25", ours, peer, "first"),
        {"title": "e: peak disk / input", "ratio": disk},
    ]


async def bench_copy(source: Path, directory: Path, rounds: int) -> list[dict[str, Any]]:
    """(c) Taking over a picture against encoding it as ffmpeg does by default."""
    target = str(directory / "copy.mp4")
    bare = Side("copy", shell("-i", str(source), "-c", "copy", "-movflags", "+faststart", target))
    whole = Side("worker", Worker(source, COPY, directory))
    plain = Side("plain", shell("-i", str(source), str(directory / "plain.mp4")))
    await alternate((bare, whole, plain), rounds)
    return [
        compared("c: copy alone / plain ffmpeg", "<= 0.01", bare, plain, "cpu"),
        compared("c: whole worker, copying / plain ffmpeg", "<= 0.033", whole, plain, "cpu"),
    ]


async def measured(
    directory: Path, seconds: int, rounds: int, made: recipe.Recipe, source: Path
) -> list[dict[str, Any]]:
    """Run all of it."""
    fitting = directory / "fitting.mp4"
    clip(fitting, seconds, fitting=True)
    rows = await bench_ladder(source, made, directory, rounds)
    rows += await bench_worker(source, made, directory, rounds)
    rows += await bench_copy(fitting, directory, rounds)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / source.stat().st_size
    print(f"{'e: largest child, resident / input':<58} {peak:6.2f}", flush=True)
    return [*rows, {"title": "e: largest child, resident / input", "ratio": peak}]


def main() -> int:
    """Parse the command line, measure, and write the figures as JSON where that is asked for."""
    parser = argparse.ArgumentParser(prog="bench.worker", description=__doc__)
    parser.add_argument("--seconds", type=int, default=20, help="length of the clip")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each side")
    parser.add_argument("--json", type=Path, help="file for all figures")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        directory, source = Path(name), Path(name) / "source.mp4"
        clip(source, arguments.seconds, fitting=False)
        made = worked_out(source, LADDER)
        rows = asyncio.run(measured(directory, arguments.seconds, arguments.rounds, made, source))
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
