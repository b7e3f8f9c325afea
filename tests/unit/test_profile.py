"""What a profile may say, and what one that is wrong is told."""

from __future__ import annotations

import pytest

from vidctl.errors import InvalidSettings
from vidctl.worker import profiles
from vidctl.worker.recipes.profile import Profile, VideoProfile, parse

RUNG = "{short_side: 360, max_bitrate: 800000}"


@pytest.mark.parametrize("name", profiles.names())
def test_every_profile_that_comes_with_vidctl_is_one(name: str) -> None:
    assert isinstance(profiles.load(name), Profile)


@pytest.mark.parametrize("text", ["", "{}", "# nothing but a remark\n", "video: {}"])
def test_what_a_profile_leaves_out_has_the_default(text: str) -> None:
    assert parse(text) == Profile()


def test_the_default_is_the_profile_streaming() -> None:
    assert profiles.load("streaming") == Profile()


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("vidoe: {}", "vidoe"),
        ("video: {codec: vp9}", "video.codec"),
        ("video: {colour: red}", "video.colour"),
        ("video: {preset: 'very fast'}", "video.preset"),
        ("video: {preset: '20'}", "video.preset"),
        ("video: {crf: -1}", "video.crf"),
        ("video: {crf: 64}", "video.crf"),
        ("video: {ladder: []}", "video.ladder"),
        (f"video: {{ladder: [{', '.join([RUNG] * 11)}]}}", "video.ladder"),
        ("video: {ladder: [{short_side: 14, max_bitrate: 800000}]}", "video.ladder.0.short_side"),
        ("video: {ladder: [{short_side: 4322, max_bitrate: 800000}]}", "video.ladder.0.short_side"),
        ("video: {ladder: [{short_side: 361, max_bitrate: 800000}]}", "video.ladder.0.short_side"),
        ("video: {ladder: [{short_side: 360, max_bitrate: 49999}]}", "video.ladder.0.max_bitrate"),
        ("video: {ladder: [{short_side: 360}]}", "video.ladder.0.max_bitrate"),
        ("video: {max_frame_rate: 0.5}", "video.max_frame_rate"),
        ("video: {max_frame_rate: 301}", "video.max_frame_rate"),
        ("video: {keyframe_seconds: 0.4}", "video.keyframe_seconds"),
        ("video: {keyframe_seconds: 11}", "video.keyframe_seconds"),
        ("video: {hdr: always}", "video.hdr"),
        ("audio: {bitrate: 15999}", "audio.bitrate"),
        ("audio: {bitrate: 512001}", "audio.bitrate"),
        ("audio: {max_channels: 6}", "audio.max_channels"),
        ("audio: {max_tracks: 0}", "audio.max_tracks"),
        ("audio: {max_tracks: 33}", "audio.max_tracks"),
        ("audio: {loudness: {target: -41}}", "audio.loudness.target"),
        ("audio: {loudness: {target: -4}}", "audio.loudness.target"),
        ("audio: {loudness: {ceiling: 1}}", "audio.loudness.ceiling"),
        ("audio: {loudness: {ceiling: -10}}", "audio.loudness.ceiling"),
        ("stream: {segment_seconds: 31}", "stream.segment_seconds"),
        ("progressive: {max_short_side: 15}", "progressive.max_short_side"),
        ("storyboard: {seconds: 0.5}", "storyboard.seconds"),
        ("storyboard: {width: 31}", "storyboard.width"),
        ("storyboard: {width: 641}", "storyboard.width"),
        ("storyboard: {columns: 0}", "storyboard.columns"),
        ("storyboard: {rows: 21}", "storyboard.rows"),
        ("poster: perhaps", "poster"),
    ],
)
def test_a_field_that_is_wrong_is_named(text: str, field: str) -> None:
    with pytest.raises(InvalidSettings, match=rf"^profile: {field}: ."):
        parse(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("video: {hdr: keep}", "video: hdr: keep needs codec hevc or av1"),
        (f"video: {{ladder: [{RUNG}, {RUNG}]}}", "video: ladder: every rung must have a shorter short_side"),
        ("video: {preset: '8'}", "video: preset: 8 is not one of h264's: a number for av1, else a word"),
        ("video: {codec: av1, preset: slow}", "video: preset: slow is not one of av1's"),
        ("{stream: null, progressive: null}", "stream and progressive must not both be null"),
        ("{stream: {segment_seconds: 2}, video: {keyframe_seconds: 3}}", "stream.segment_seconds must be at least"),
    ],
)
def test_fields_that_do_not_go_together_are_told_why(text: str, words: str) -> None:
    with pytest.raises(InvalidSettings) as refusal:
        parse(text)

    assert words in str(refusal.value)


def test_every_wrong_field_is_told_at_once() -> None:
    with pytest.raises(InvalidSettings) as refusal:
        parse("{poster: perhaps, audio: {bitrate: 1, max_tracks: 0}}")

    lines = str(refusal.value).splitlines()
    assert [line.split(": ")[1] for line in lines] == ["audio.bitrate", "audio.max_tracks", "poster"]


@pytest.mark.parametrize("text", ["video: [", "a: b: c", "\t"])
def test_what_is_no_yaml_is_told_so(text: str) -> None:
    with pytest.raises(InvalidSettings, match=r"^profile: no YAML: "):
        parse(text)


@pytest.mark.parametrize("text", ["streaming", "[1, 2]", "7"])
def test_yaml_that_has_no_fields_is_no_profile(text: str) -> None:
    with pytest.raises(InvalidSettings, match=r"^profile: "):
        parse(text)


@pytest.mark.parametrize(
    ("video", "speed", "quality"),
    [
        (VideoProfile(), "veryfast", 23),
        (VideoProfile(codec="hevc"), "ultrafast", 26),
        (VideoProfile(codec="av1"), "10", 35),
        (VideoProfile(preset="slow", crf=0), "slow", 0),
    ],
)
def test_each_codec_has_a_speed_and_a_quality_of_its_own(video: VideoProfile, speed: str, quality: int) -> None:
    assert (video.speed, video.quality) == (speed, quality)
