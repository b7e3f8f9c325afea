"""The filters as text: what is converted, what is tagged, what is left alone."""

from __future__ import annotations

import pytest

from vidctl.worker.recipes.bt709 import escaped, filters
from vidctl.worker.source.media import VideoStream


def chain(*, cube_path: str | None = None, width: int = 1920, height: int = 1080, **claims: str) -> str:
    video = VideoStream(index=0, codec="hevc", width=width, height=height, **claims)  # type: ignore[arg-type]
    return ",".join(filters(video, width=1280, height=720, cube_path=cube_path))


BT709 = "format=yuv420p,setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
KEPT = "scale=1280:720:flags=bicubic:out_range=tv,format=yuv420p,setparams=range=tv"


def test_hdr_goes_through_the_table_as_rgb() -> None:
    assert chain(cube_path="/w/a.cube", matrix="bt2020nc", transfer="smpte2084", primaries="bt2020") == (
        "scale=1280:720:flags=bicubic:in_color_matrix=bt2020,format=gbrp16le,"
        f"lut3d=file=/w/a.cube:interp=tetrahedral,scale=out_color_matrix=bt709:out_range=tv,{BT709},sidedata=mode=delete"
    )


def test_a_wide_picture_that_names_no_matrix_has_that_of_bt_2020() -> None:
    assert ":in_color_matrix=bt2020," in chain(cube_path="a", primaries="bt2020")
    assert "in_color_matrix" not in chain(cube_path="a", matrix="bt709", primaries="smpte432")
    assert "in_color_matrix" not in chain(cube_path="a", matrix="gbr", pixel_format="gbrp10le")


def test_rgb_becomes_bt_709() -> None:
    assert chain(pixel_format="gbrp") == f"scale=1280:720:flags=bicubic:out_color_matrix=bt709:out_range=tv,{BT709}"


def test_what_a_source_says_is_kept() -> None:
    assert chain(matrix="smpte170m", primaries="bt470bg", transfer="smpte170m") == KEPT


@pytest.mark.parametrize(
    ("width", "height", "matrix"),
    [
        (1920, 1080, "bt709"),
        (720, 1280, "bt709"),
        (1280, 544, "bt709"),
        (720, 576, "smpte170m"),
        (640, 480, "smpte170m"),
        (480, 640, "smpte170m"),
    ],
)
def test_what_it_does_not_say_is_said_as_players_guess_it(width: int, height: int, matrix: str) -> None:
    assert chain(width=width, height=height) == f"{KEPT}:colorspace={matrix}:color_primaries=bt709:color_trc=bt709"


def test_a_path_may_hold_what_means_something_to_ffmpeg() -> None:
    assert escaped("/w/a.cube") == "/w/a.cube"
    assert escaped("a:b") == r"a\\:b"
    assert escaped("a,b;c[d]") == r"a\,b\;c\[d\]"
    assert escaped("it's") == r"it\\\'s"
    assert escaped("a\\b") == r"a\\\\b"
