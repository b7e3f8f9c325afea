from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from vidctl.worker.recipes import remux
from vidctl.worker.recipes.ladder import Rendition
from vidctl.worker.recipes.profile import AudioProfile, Profile, parse
from vidctl.worker.source.ffprobe import Packets, parse_packets
from vidctl.worker.source.media import AudioStream, VideoStream

TOP = Rendition(name="v720", width=1280, height=720, max_bitrate=3_200_000)
FITTING = VideoStream(
    index=0,
    codec="h264",
    profile="High",
    pixel_format="yuv420p",
    width=1280,
    height=720,
    bit_rate=2_000_000,
    frames_per_second=30.0,
    frames=300,
    duration_seconds=10.0,
)
PACKETS = Packets(count=300, discarded=False, keyframes=(0.0, 4.0, 8.0))
SOUND = AudioStream(
    index=1,
    codec="aac",
    profile="LC",
    channels=2,
    sample_rate=48_000,
    bit_rate=128_000,
    frames=470,
    duration_seconds=10.0,
)


def test_a_picture_that_is_coded_as_its_best_rendition_would_be_fits() -> None:
    assert remux.picture_fits(FITTING, TOP, Profile())


@pytest.mark.parametrize(
    "change",
    [
        {"codec": "hevc"},
        {"profile": "High 4:2:2"},
        {"pixel_format": "yuv422p"},
        {"width": 1282},
        {"sample_aspect": Fraction(4, 3)},
        {"transformed": True},
        {"interlaced": True},
        {"start_seconds": 0.5},
        {"bit_rate": 3_200_001},
        {"bit_rate": 0},
        {"frames_per_second": 120.0},
    ],
)
def test_one_that_differs_in_anything_is_encoded(change: dict[str, Any]) -> None:
    assert not remux.picture_fits(replace(FITTING, **change), TOP, Profile())


def test_a_profile_may_have_everything_encoded() -> None:
    assert not remux.picture_fits(FITTING, TOP, parse("copy_fitting: false"))


def test_keyframes_that_make_segments_of_the_wanted_length_fit() -> None:
    assert remux.packets_fit(PACKETS, FITTING, Profile())


@pytest.mark.parametrize(
    "change",
    [
        {"count": 299},
        {"discarded": True},
        {"keyframes": ()},
        {"keyframes": (0.1, 4.0, 8.0)},
        {"keyframes": (-0.2, 4.0, 8.0)},
        {"keyframes": (0.0, 6.5)},
        {"keyframes": (0.0, 3.9)},
        {"keyframes": (0.0, 0.3, 4.0, 8.0)},
    ],
)
def test_packets_that_are_not_all_shown_or_cannot_be_cut_do_not(change: dict[str, Any]) -> None:
    assert not remux.packets_fit(replace(PACKETS, **change), FITTING, Profile())


def test_keyframes_may_be_further_apart_where_no_segments_are_cut() -> None:
    assert remux.packets_fit(replace(PACKETS, keyframes=(0.0, 9.0)), FITTING, parse("stream: null"))


def test_sound_that_is_coded_as_wanted_fits() -> None:
    assert remux.sound_fits(SOUND, AudioProfile())


@pytest.mark.parametrize(
    "change",
    [
        {"codec": "mp3"},
        {"profile": "HE-AAC"},
        {"channels": 6},
        {"sample_rate": 22_050},
        {"bit_rate": 320_000},
        {"start_seconds": 0.4},
        {"frames": 700},
        {"frames": None},
    ],
)
def test_sound_that_differs_in_anything_is_encoded(change: dict[str, Any]) -> None:
    assert not remux.sound_fits(replace(SOUND, **change), AudioProfile())


def test_packets_are_read_from_ffprobe() -> None:
    lines = ["0.000000,K__", "0.080000,___", "0.040000,_D_", "2.000000,K__", "N/A,___", ""]

    assert parse_packets(lines) == Packets(count=5, discarded=True, keyframes=(0.0, 2.0))
