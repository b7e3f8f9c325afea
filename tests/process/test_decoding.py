"""What is left out of decoding for the proof: the deblocking filter, in which no damage may hide."""

from __future__ import annotations

import random
import re
import subprocess
from pathlib import Path

import pytest

from tests.media import Clips, program
from vidctl.worker.ffmpeg import command

PICTURE = ("-f", "lavfi", "-i", "testsrc2=s=160x90:r=30,noise=alls=20:allf=t,trim=duration=1")
FRAGMENTED = ("-movflags", "+cmaf+delay_moov+default_base_moof+frag_keyframe", "-f", "mp4")
FILTER = ("-skip_loop_filter", "all")
PLACES = 6


@pytest.mark.parametrize(
    "coded",
    [
        ("libx264", "-x264-params", "slices=4"),
        ("libx264", "-profile:v", "baseline"),
        ("libx265", "-preset", "ultrafast"),
    ],
    ids=["h264", "h264-cavlc", "hevc"],
)
def test_no_damage_hides_in_what_is_left_out(coded: tuple[str, ...], tmp_path: Path) -> None:
    path, rng = tmp_path / "clip.mp4", random.Random(coded[0])
    Clips(tmp_path).ffmpeg(*PICTURE, "-pix_fmt", "yuv420p", "-g", "15", "-c:v", *coded, *FRAGMENTED, target=path)
    whole = command.decode_track(program("ffprobe"))
    filtered = tuple(word for word in whole if word not in FILTER)
    assert len(whole) - len(filtered) == len(FILTER)

    seen = []
    for _ in range(PLACES):
        broken = damaged(path.read_bytes(), rng)
        seen.append(decoded(whole, broken))
        assert seen[-1] == decoded(filtered, broken)

    assert any(complaints for _, _, complaints in seen)


def damaged(body: bytes, rng: random.Random) -> bytes:
    """Turn five bits of the first fragment's pictures."""
    begin = body.index(b"mdat") + 8
    end = body.index(b"moof", begin) - 4
    broken = bytearray(body)
    for _ in range(5):
        broken[rng.randrange(begin, end)] ^= 1 << rng.randrange(8)
    return bytes(broken)


def decoded(argv: tuple[str, ...], body: bytes) -> tuple[int, bytes, str]:
    """Return exit code, frames and complaints, these without the addresses in them."""
    ended = subprocess.run(argv, input=body, capture_output=True, check=False)
    return ended.returncode, ended.stdout, re.sub(r"0x[0-9a-f]+", "", ended.stderr.decode(errors="replace"))
