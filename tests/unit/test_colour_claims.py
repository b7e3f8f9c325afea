"""What a file says of its colours and of its light, and which of it cannot be shown."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vidctl.worker.failure import Failed
from vidctl.worker.source.ffprobe import parse
from vidctl.worker.source.media import VideoStream
from vidctl.worker.source.side_data import first_frame, frame_peak_nits
from vidctl.worker.source.words import bit_depth, is_rgb

HDR10: dict[str, Any] = {
    "index": 0,
    "codec_name": "hevc",
    "codec_type": "video",
    "width": 1920,
    "height": 1080,
    "pix_fmt": "yuv420p10le",
    "color_transfer": "smpte2084",
    "color_primaries": "bt2020",
    "color_space": "bt2020nc",
}
DISPLAY = {"side_data_type": "Mastering display metadata", "max_luminance": "40000000/10000"}
LIGHT = {"side_data_type": "Content light level metadata", "max_content": 800}


def video(**claims: Any) -> VideoStream:
    return parse(json.dumps({"streams": [HDR10 | claims]})).video


def dolby(profile: int, **claims: int) -> list[dict[str, Any]]:
    return [{"side_data_type": "DOVI configuration record", "dv_profile": profile, **claims}]


def test_colours_are_in_the_words_of_the_file() -> None:
    found = video()

    assert (found.transfer, found.primaries, found.matrix) == ("smpte2084", "bt2020", "bt2020nc")
    assert (found.pixel_format, found.bit_depth, found.rgb) == ("yuv420p10le", 10, False)


@pytest.mark.parametrize("word", ["unknown", "unspecified", "reserved", ""])
def test_a_word_for_nothing_is_nothing(word: str) -> None:
    found = video(color_transfer=word, color_primaries=word, color_space=word)

    assert (found.transfer, found.primaries, found.matrix) == ("", "", "")


@pytest.mark.parametrize(
    ("side_data", "nits"),
    [
        ([], None),
        ([DISPLAY], 4000),
        ([DISPLAY, LIGHT], 800),
        ([LIGHT, DISPLAY], 800),
        ([DISPLAY, LIGHT | {"max_content": 0}], 4000),
        ([DISPLAY | {"max_luminance": "0/0"}], None),
        ([DISPLAY, LIGHT | {"max_content": 65535}], 4000),
        ([DISPLAY | {"max_luminance": "4000000000/10000"}], None),
    ],
)
def test_the_brightest_pixel_says_more_than_the_display(side_data: list[dict[str, Any]], nits: float | None) -> None:
    assert video(side_data_list=side_data).peak_nits == nits
    assert frame_peak_nits(json.dumps({"frames": [{"side_data_list": side_data}]})) == nits


@pytest.mark.parametrize("answer", ["", "{}", '{"frames": []}', '{"frames": 1}'])
def test_a_first_frame_that_says_nothing(answer: str) -> None:
    assert frame_peak_nits(answer) is None


def test_only_the_first_packet_is_decoded_for_it() -> None:
    assert first_frame("ffprobe", ("-protocol_whitelist", "file"), "in.mp4", 2) == (
        *("ffprobe", "-hide_banner", "-loglevel", "error", "-protocol_whitelist", "file"),
        *("-select_streams", "2", "-read_intervals", "%+#1", "-show_entries"),
        "frame_side_data=rotation,max_luminance,max_content,dv_profile,dv_bl_signal_compatibility_id",
        *("-of", "json", "in.mp4"),
    )


@pytest.mark.parametrize("profile", [5, 10, 20])
def test_dolby_vision_for_no_other_decoder_is_refused(profile: int) -> None:
    with pytest.raises(Failed, match=f"profile {profile}, which only Dolby's decoders") as raised:
        video(side_data_list=dolby(profile, dv_bl_signal_compatibility_id=0))

    assert raised.value.failure.code == "unsupported_codec"


@pytest.mark.parametrize(("profile", "compatible"), [(7, 6), (7, 0), (8, 1), (8, 4), (10, 1), (20, 4)])
def test_dolby_vision_over_another_picture_is_taken(profile: int, compatible: int) -> None:
    assert video(side_data_list=dolby(profile, dv_bl_signal_compatibility_id=compatible)).codec == "hevc"


@pytest.mark.parametrize("matrix", ["ictcp", "ipt-c2"])
def test_a_matrix_that_would_be_taken_for_another_is_refused(matrix: str) -> None:
    with pytest.raises(Failed, match=f"coded as {matrix}"):
        video(color_space=matrix)


@pytest.mark.parametrize(
    ("bits", "pixel_formats"),
    [
        (8, ("yuv420p", "nv12", "rgb24", "pal8", "")),
        (10, ("yuv422p10le", "p010le", "p210le")),
        (12, ("gbrp12be",)),
        (16, ("gray16le", "rgb48le", "rgba64be")),
    ],
)
def test_bits_of_a_sample(bits: int, pixel_formats: tuple[str, ...]) -> None:
    assert {bit_depth(pixel_format) for pixel_format in pixel_formats} == {bits}


def test_rgb_by_the_name_of_the_format() -> None:
    assert all(map(is_rgb, ("gbrp", "gbrap10le", "rgba", "bgr24", "pal8")))
    assert not any(map(is_rgb, ("yuv444p", "yuva444p12le", "gray", "")))
