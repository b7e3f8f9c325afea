"""A picture that already is what would be made of it is taken over, to the byte; everything else is encoded."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests import playlists
from tests.media import program
from tests.workbench import Bench
from vidctl.worker.recipes.profile import parse

PICTURE = ("-f", "lavfi", "-i", "testsrc2=s=640x360:r=30:d=9")
SOUND = ("-f", "lavfi", "-i", "sine=d=9")
COPYING = parse("video: {preset: ultrafast}")
FITTING = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-g", "60", "-maxrate", "700k")


def clip(path: Path, *arguments: str) -> bytes:
    command = [program("ffmpeg"), "-nostdin", "-loglevel", "error", *PICTURE, *SOUND, *FITTING, "-bufsize", "700k"]
    subprocess.run([*command, *arguments, str(path)], check=True)
    return path.read_bytes()


def packets(path: Path) -> bytes:
    command = [program("ffmpeg"), "-loglevel", "error", "-i", str(path), "-map", "0:v:0", "-c", "copy"]
    return subprocess.run([*command, "-f", "streamhash", "-"], check=True, capture_output=True).stdout


async def published(bench: Bench, root: Path) -> Path:
    result = await bench.result()
    assert result is not None
    assert result.code == "ok", result.detail
    prefix = result.outputs[0].key.removesuffix(result.outputs[0].name)
    for key in bench.final.keys(prefix):
        path = root / key.removeprefix(prefix)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bench.final.body(key) or b"")
    return root


async def test_a_fitting_picture_is_published_packet_by_packet(tmp_path: Path) -> None:
    bench = Bench(directory=tmp_path / "work", body=clip(tmp_path / "source.mp4"))

    assert await bench.run(profile=COPYING) == 0

    root = await published(bench, tmp_path / "published")
    assert packets(root / "video.mp4") == packets(tmp_path / "source.mp4")
    assert playlists.check_hls(root, decode=True) == []


async def test_the_rungs_below_a_copied_picture_have_its_keyframes(tmp_path: Path) -> None:
    body = clip(tmp_path / "source.mp4", "-s", "960x540", "-g", "75", "-maxrate", "1200k", "-bufsize", "1200k")
    bench = Bench(directory=tmp_path / "work", body=body)

    assert await bench.run(profile=COPYING) == 0

    root = await published(bench, tmp_path / "published")
    assert packets(root / "video.mp4") == packets(tmp_path / "source.mp4")
    assert (root / "stream/v540/index.m3u8").read_text() == (root / "stream/v360/index.m3u8").read_text()
    assert playlists.check_hls(root, decode=True) == []


async def test_a_picture_with_too_few_keyframes_is_encoded(tmp_path: Path) -> None:
    bench = Bench(directory=tmp_path / "work", body=clip(tmp_path / "source.mp4", "-g", "999"))

    assert await bench.run(profile=COPYING) == 0

    root = await published(bench, tmp_path / "published")
    assert packets(root / "video.mp4") != packets(tmp_path / "source.mp4")
