"""Every input of the corpus through the whole worker, with the real ffmpeg; and the inputs themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.corpus.catalogue import GROUPS, INPUTS
from tests.corpus.pending import PENDING
from tests.corpus.run import run
from tests.media import Clips
from tests.workbench import ffprobe


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    return Clips(tmp_path_factory.getbasetemp() / "clips")


def _awaited(name: str) -> tuple[pytest.MarkDecorator, ...]:
    return (pytest.mark.xfail(reason=PENDING[name], strict=True),) if name in PENDING else ()


@pytest.mark.parametrize("name", [pytest.param(name, marks=_awaited(name)) for name in INPUTS])
async def test_of_every_input_becomes_what_is_intended(name: str, clips: Clips, tmp_path: Path) -> None:
    row = await run(INPUTS[name], clips=clips, directory=tmp_path)

    assert row.differences == (), f"{row.seen}\n{row.seen.result.stderr_tail}"


@pytest.mark.parametrize("group", GROUPS)
def test_an_input_is_the_same_wherever_it_is_made(group: str, clips: Clips, tmp_path: Path) -> None:
    elsewhere, first = Clips(tmp_path), GROUPS[group][0].name

    assert elsewhere.read(first) == clips.read(first)


# Of the first stream, as ffprobe names it: what an encoder may have left out without a word.
SPECIAL: dict[str, dict[str, str | int]] = {
    "ten_bit": {"pix_fmt": "yuv420p10le"},
    "twelve_bit": {"pix_fmt": "yuv422p12le"},
    "half_chroma": {"pix_fmt": "yuv422p10le"},
    "full_chroma": {"pix_fmt": "yuv444p"},
    "rgb": {"pix_fmt": "gbrp", "codec_name": "h264"},
    "rgb_hevc": {"pix_fmt": "gbrp", "codec_name": "hevc"},
    "animation": {"pix_fmt": "argb", "codec_name": "qtrle"},
    "prores_alpha": {"codec_name": "prores", "profile": "4444"},
    "hdr10": {"color_transfer": "smpte2084", "color_primaries": "bt2020", "pix_fmt": "yuv420p10le"},
    "hlg": {"color_transfer": "arib-std-b67", "color_space": "bt2020nc"},
    "full_range": {"color_range": "pc"},
    "smpte240": {"color_space": "smpte240m"},
    "fcc": {"color_space": "fcc"},
    "wrong_colours": {"color_space": "gbr", "pix_fmt": "yuv420p"},
    "wide_pixels": {"sample_aspect_ratio": "4:3"},
    "narrow_pixels": {"sample_aspect_ratio": "10:11"},
    "interlaced": {"field_order": "tt"},
    "lower_field_first": {"field_order": "bb"},
    "interlaced_mpeg2": {"field_order": "tb"},
    "hevc_in_band": {"codec_tag_string": "hev1"},
    "av1": {"codec_name": "av1"},
    "mpeg4": {"codec_name": "mpeg4"},
    "three_gp": {"codec_name": "h263"},
    "negative_timestamps": {"start_time": "0.000000", "nb_frames": "30"},
    "late_video": {"start_time": "0.500000"},
    "eight_hours": {"duration": "28800.000000"},
    "changing_size": {"width": 160},
}


@pytest.mark.parametrize("name", SPECIAL)
def test_what_is_special_about_an_input_is_really_in_it(name: str, clips: Clips) -> None:
    stream = ffprobe(clips.get(name))["streams"][0]

    assert {entry: stream.get(entry) for entry in SPECIAL[name]} == SPECIAL[name]


TRACKS: dict[str, tuple[str, ...]] = {
    "thousand_streams": ("video",) * 1000,
    "two_languages": ("video", "audio", "audio"),
    "subtitled_thrice": ("video", "audio", "subtitle", "subtitle", "subtitle"),
    "chapters": ("video", "audio", "data"),
    "time_code": ("video", "audio", "data"),
    "cover_art": ("video", "audio", "video"),
}


@pytest.mark.parametrize("name", TRACKS)
def test_an_input_has_the_tracks_that_are_said_of_it(name: str, clips: Clips) -> None:
    assert tuple(stream["codec_type"] for stream in ffprobe(clips.get(name))["streams"]) == TRACKS[name]


@pytest.mark.parametrize(
    ("name", "channels"), [("surround", 6), ("surround_7_1", 8), ("hexagonal", 6), ("sixteen_channels", 16)]
)
def test_an_input_has_the_channels_that_are_said_of_it(name: str, channels: int, clips: Clips) -> None:
    assert ffprobe(clips.get(name))["streams"][1]["channels"] == channels
