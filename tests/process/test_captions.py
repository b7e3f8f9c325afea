"""Closed captions within the picture come through the whole worker, and players are told of them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.manifests import check_dash
from tests.media import Clips, program
from tests.playlists import check_hls
from tests.workbench import Bench
from vidctl.worker.recipes.profile import Profile, parse

ENCODED = parse("{video: {preset: ultrafast}, copy_fitting: false}")
COPIED = parse("video: {preset: ultrafast}")


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    return Clips(tmp_path_factory.getbasetemp() / "clips")


def text(video: Path) -> str:
    """Return what ffmpeg's decoder of captions reads, without its markup."""
    source = ("-f", "lavfi", "-i", f"movie={video}[out+subcc]", "-map", "0:s")
    shown = subprocess.run(
        [program("ffmpeg"), "-v", "error", *source, "-f", "srt", "-"], check=True, capture_output=True
    )
    return re.sub(r"<[^>]*>|\{[^}]*\}|\\h", "", shown.stdout.decode().splitlines()[2])


@pytest.mark.parametrize("profile", [ENCODED, COPIED], ids=["encoded", "copied"])
async def test_closed_captions_are_kept_and_told_of(profile: Profile, clips: Clips, tmp_path: Path) -> None:
    bench = Bench(directory=tmp_path / "work", body=clips.read("closed_captions"))

    assert await bench.run(profile=profile) == 0

    root = bench.write()
    assert text(root / "video.mp4") == "GOOD EVENING"
    assert 'INSTREAM-ID="CC1"' in (root / "master.m3u8").read_text()
    assert 'cea-608:2015" value="CC1=und"' in (root / "manifest.mpd").read_text()
    assert [str(violation) for violation in (*check_hls(root), *check_dash(root))] == []


async def test_captions_that_say_nothing_are_told_to_be_none(clips: Clips, tmp_path: Path) -> None:
    bench = Bench(directory=tmp_path / "work", body=clips.read("silent_captions"))

    assert await bench.run(profile=ENCODED) == 0

    root = bench.write()
    assert "CLOSED-CAPTIONS=NONE" in (root / "master.m3u8").read_text()
    assert "Accessibility" not in (root / "manifest.mpd").read_text()
