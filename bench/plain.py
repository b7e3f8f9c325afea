"""What people write for ffmpeg themselves: the commands that the worker is measured against, and the clips for it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.media import program
from vidctl.worker.recipes import recipe
from vidctl.worker.recipes.ladder import Rendition


def clip(target: Path, seconds: int, height: int, *, fitting: bool) -> None:
    """Make a source of 16:9 that is hard enough to compress: fractal, noise, sound."""
    picture = f"mandelbrot=s={height * 16 // 9}x{height}:r=30,noise=alls=6:allf=t,trim=duration={seconds}"
    share = height / 1080
    capped = ("-b:v", f"{5 * share}M", "-maxrate", f"{5.5 * share}M", "-bufsize", f"{6 * share}M")
    rate = capped if fitting else ("-b:v", f"{13 * share}M")
    sound = ("-f", "lavfi", "-i", f"anoisesrc=d={seconds}:c=pink:a=0.2")
    coded = ("-c:v", "libx264", "-preset", "veryfast", *rate, "-g", "60", "-pix_fmt", "yuv420p", "-c:a", "aac")
    run(ffmpeg("-f", "lavfi", "-i", picture, *sound, *coded, "-ac", "2", "-b:a", "128k", str(target)))


def ffmpeg(*arguments: str) -> tuple[str, ...]:
    """Return a command of ffmpeg."""
    return (program("ffmpeg"), "-nostdin", "-loglevel", "error", "-y", *arguments)


def run(*commands: tuple[str, ...]) -> None:
    """Run commands, one after the other."""
    for words in commands:
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


_X264 = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-g", "60", "-sc_threshold", "0")


def one_rendition(source: Path, rendition: Rendition, directory: Path) -> tuple[str, ...]:
    """Return the plain command for one rendition."""
    rate = ("-maxrate", str(rendition.max_bitrate), "-bufsize", str(2 * rendition.max_bitrate))
    scale = ("-vf", f"scale={rendition.width}:{rendition.height}")
    sound = ("-c:a", "aac", "-b:a", "128k")
    return ffmpeg("-i", str(source), *scale, *_X264, *rate, *sound, str(directory / f"{rendition.name}.mp4"))


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
    return ffmpeg("-i", str(source), "-filter_complex", ";".join([split, *chains]), *outputs, *sound)
