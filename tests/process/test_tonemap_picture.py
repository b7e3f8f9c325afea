"""What ffmpeg makes of our table, against the exact conversion."""

from __future__ import annotations

import array
import json
import subprocess
from pathlib import Path

import pytest

from tests.media import program
from vidctl.worker.recipes import colour
from vidctl.worker.recipes.bt709 import filters
from vidctl.worker.recipes.colour import Rgb
from vidctl.worker.recipes.tonemap import Transfer, convert, cube, grade
from vidctl.worker.source.media import VideoStream
from vidctl.worker.source.side_data import first_frame, frame_peak_nits

SIDE = 32
SKIN = (1.0, 0.95, 0.92)
GREY = (1.0, 1.0, 1.0)


def ycbcr(rgb: Rgb, weights: Rgb) -> Rgb:
    red, _, blue = weights
    y = sum(w * c for w, c in zip(weights, rgb, strict=True))
    return (y, (rgb[2] - y) / (2 - 2 * blue), (rgb[0] - y) / (2 - 2 * red))


def flat(signal: Rgb) -> bytes:
    """Return one picture of a colour in 10 bits of limited range, 4:2:0."""
    y, cb, cr = ycbcr(signal, (0.2627, 0.6780, 0.0593))
    planes = [round(64 + 876 * y)] * SIDE * SIDE
    planes += [round(512 + 896 * cb)] * (SIDE * SIDE // 4) + [round(512 + 896 * cr)] * (SIDE * SIDE // 4)
    return array.array("H", planes).tobytes()


def centre(picture: bytes) -> Rgb:
    """Return Y, Cb and Cr in the middle, as codes of 8 bits."""
    middle, quarter = SIDE // 2, SIDE * SIDE // 4
    chroma = SIDE * SIDE + middle // 2 * (SIDE // 2) + middle // 2
    return (picture[middle * SIDE + middle], picture[chroma], picture[chroma + quarter])


@pytest.mark.parametrize("transfer", [Transfer.PQ, Transfer.HLG])
@pytest.mark.parametrize(("tint", "slack"), [(GREY, 1.5), (SKIN, 2.5)])
def test_the_picture_is_the_exact_one_within_two_codes(
    tmp_path: Path, transfer: Transfer, tint: Rgb, slack: float
) -> None:
    video = VideoStream(index=0, codec="hevc", width=SIDE, height=SIDE, transfer=transfer, matrix="bt2020nc")
    source = grade(video)
    assert source is not None
    table = tmp_path / "a table's, of: [light];.cube"
    table.write_text(cube(source))
    signals: list[Rgb] = [(tint[0] * at / 16, tint[1] * at / 16, tint[2] * at / 16) for at in range(1, 17)]

    shown = subprocess.run(
        [
            *(program("ffmpeg"), "-nostdin", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "yuv420p10le"),
            *("-s", f"{SIDE}x{SIDE}", "-color_range", "tv", "-colorspace", "bt2020nc", "-color_primaries", "bt2020"),
            *("-color_trc", transfer, "-i", str(_file(tmp_path, b"".join(map(flat, signals))))),
            *("-vf", ",".join(filters(video, width=SIDE, height=SIDE, cube_path=str(table)))),
            *("-f", "rawvideo", "-"),
        ],
        stdout=subprocess.PIPE,
        check=True,
    ).stdout

    size = SIDE * SIDE * 3 // 2
    assert len(shown) == size * len(signals)
    for at, signal in enumerate(signals):
        y, cb, cr = ycbcr(convert(source, signal), colour.luminance_weights("bt709"))
        expected = (16 + 219 * y, 128 + 224 * cb, 128 + 224 * cr)
        assert centre(shown[at * size : (at + 1) * size]) == pytest.approx(expected, abs=slack)


def test_ffprobe_finds_in_the_first_frame_how_bright_hdr10_gets(tmp_path: Path) -> None:
    clip = tmp_path / "hdr10.mp4"
    display = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(40000000,50)"
    subprocess.run(
        [
            *(program("ffmpeg"), "-nostdin", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc2=s=64x64:d=0.2"),
            *("-c:v", "libx265", "-preset", "ultrafast", "-x265-params"),
            f"log-level=none:transfer=smpte2084:master-display={display}:max-cll=800,400",
            str(clip),
        ],
        check=True,
    )

    answer = subprocess.run(first_frame(program("ffprobe"), (), str(clip), 0), stdout=subprocess.PIPE, check=True)

    assert json.loads(answer.stdout)["frames"]
    assert frame_peak_nits(answer.stdout.decode()) == 800


def _file(directory: Path, content: bytes) -> Path:
    path = directory / "pictures.yuv"
    path.write_bytes(content)
    return path
