"""ffprobe's JSON, cut down to what is asked for, and what is made of it."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidctl.mp4 import is_mp4, is_photograph
from vidctl.records import MediaInfo
from vidctl.worker.cmaf.boxes import Cut, find_cut
from vidctl.worker.failure import Failed
from vidctl.worker.source.ffprobe import Decoded, parse, parse_track
from vidctl.worker.source.media import AudioStream, Limits, Media, TextStream, VideoStream, check

VIDEO: dict[str, Any] = {
    "index": 0,
    "codec_name": "h264",
    "codec_type": "video",
    "width": 1920,
    "height": 1080,
    "sample_aspect_ratio": "1:1",
    "pix_fmt": "yuv420p",
    "field_order": "progressive",
    "avg_frame_rate": "30000/1001",
    "duration": "2.002000",
    "nb_frames": "60",
    "disposition": {"attached_pic": 0},
    "tags": {},
}
AUDIO: dict[str, Any] = {
    "index": 1,
    "codec_name": "aac",
    "codec_type": "audio",
    "channels": 2,
    "avg_frame_rate": "0/0",
    "duration": "2.000000",
    "nb_frames": "88",
    "disposition": {"attached_pic": 0},
}
COVER = VIDEO | {"index": 2, "codec_name": "mjpeg", "width": 4000, "height": 4000, "disposition": {"attached_pic": 1}}
FORMAT = {"format_name": "mov,mp4,m4a,3gp,3g2,mj2", "duration": "2.002000", "nb_streams": 2}

MEDIA = Media(
    container="mov,mp4,m4a,3gp,3g2,mj2",
    duration_seconds=2.002,
    streams=2,
    video=VideoStream(
        index=0,
        codec="h264",
        width=1920,
        height=1080,
        frames_per_second=29.97,
        duration_seconds=2.002,
        frames=60,
        pixel_format="yuv420p",
    ),
    audios=(AudioStream(index=1, codec="aac", channels=2, duration_seconds=2.0, frames=88),),
)


def answer(*streams: dict[str, Any], **form: Any) -> str:
    return json.dumps({"programs": [], "streams": list(streams), "format": FORMAT | form})


def refusal(text: str) -> str:
    with pytest.raises(Failed) as raised:
        parse(text)
    return raised.value.failure.code


def test_a_video_with_sound() -> None:
    assert parse(answer(VIDEO, AUDIO)) == MEDIA


def test_what_the_result_says_of_it() -> None:
    assert MEDIA.info() == MediaInfo(
        container="mov,mp4,m4a,3gp,3g2,mj2",
        duration_seconds=2.002,
        video_codec="h264",
        width=1920,
        height=1080,
        frames_per_second=29.97,
        audio_codec="aac",
        audio_channels=2,
    )


@pytest.mark.parametrize(
    ("extra", "degrees"),
    [
        ({"side_data_list": [{"rotation": -90}]}, 90),
        ({"side_data_list": [{"rotation": 90}]}, 270),
        ({"side_data_list": [{}, {"rotation": 180}]}, 180),
        ({"side_data_list": [{"rotation": -90}], "tags": {"rotate": "270"}}, 90),
        ({"tags": {"rotate": "90"}}, 90),
        ({"tags": {"rotate": "-90"}}, 270),
        ({"tags": {"rotate": "left"}}, 0),
        ({}, 0),
    ],
)
def test_rotation_is_clockwise_whoever_says_it(extra: dict[str, Any], degrees: int) -> None:
    assert parse(answer(VIDEO | extra)).video.rotation_degrees == degrees


@pytest.mark.parametrize(("text", "aspect"), [("4:3", Fraction(4, 3)), ("0:1", 1), ("N/A", 1), ("1:0", 1), ("", 1)])
def test_pixels_are_square_unless_the_file_says_otherwise(text: str, aspect: Fraction) -> None:
    assert parse(answer(VIDEO | {"sample_aspect_ratio": text})).video.sample_aspect == aspect


def test_cover_art_is_no_video() -> None:
    assert parse(answer(COVER, VIDEO | {"index": 3})).video.index == 3
    assert refusal(answer(COVER, AUDIO)) == "no_video_stream"


def test_of_two_pictures_the_larger_is_taken() -> None:
    assert parse(answer(VIDEO | {"width": 320, "height": 180}, VIDEO | {"index": 4})).video.index == 4


def test_sound_that_no_program_decodes_is_passed_over() -> None:
    spatial = AUDIO | {"index": 1, "codec_name": "unknown", "channels": 4}

    audio = parse(answer(VIDEO, spatial, AUDIO | {"index": 5})).audio

    assert audio is not None
    assert audio.index == 5


def test_of_several_sounds_the_one_that_is_switched_on_is_taken() -> None:
    off, on = {"disposition": {"default": 0}}, {"disposition": {"default": 1}}

    main = parse(answer(VIDEO, AUDIO | off, AUDIO | on | {"index": 2}, AUDIO | on | {"index": 3})).audio
    first = parse(answer(VIDEO, AUDIO | off, AUDIO | off | {"index": 2})).audio

    assert (main and main.index, first and first.index) == (2, 1)


def test_a_video_of_whose_sound_nothing_can_be_decoded_is_refused() -> None:
    assert refusal(answer(VIDEO, AUDIO | {"codec_name": "unknown"})) == "unsupported_codec"


def test_a_sound_track_that_nobody_knows_and_that_is_empty_is_no_loss() -> None:
    empty = {name: value for name, value in AUDIO.items() if name != "nb_frames"}

    assert parse(answer(VIDEO, empty | {"codec_name": "unknown", "channels": 0})).audio is None


def test_every_sound_track_is_there_in_its_order_with_its_words() -> None:
    german = AUDIO | {"index": 2, "tags": {"language": "ger", "title": "Kommentar"}}

    first, second = parse(answer(VIDEO, AUDIO, german)).audios

    assert (first.index, first.language, first.title) == (1, "", "")
    assert (second.index, second.language, second.title) == (2, "ger", "Kommentar")


@pytest.mark.parametrize("said", ["und", "English", "", 'e\n"', "ENG"])
def test_a_language_that_is_no_code_is_none(said: str) -> None:
    (audio,) = parse(answer(VIDEO, AUDIO | {"tags": {"language": said}})).audios

    assert audio.language == ""


def test_subtitles_are_there_unless_they_are_pictures() -> None:
    text = {"index": 2, "codec_type": "subtitle", "codec_name": "mov_text", "tags": {"language": "eng"}}
    forced = text | {"index": 3, "disposition": {"forced": 1}}
    pictures = text | {"index": 4, "codec_name": "dvd_subtitle"}

    assert parse(answer(VIDEO, text, forced, pictures)).texts == (
        TextStream(index=2, codec="mov_text", language="eng"),
        TextStream(index=3, codec="mov_text", language="eng", forced=True),
    )


def test_a_video_whose_codec_is_unknown_is_refused() -> None:
    without_codec = {name: value for name, value in VIDEO.items() if name != "codec_name"}

    assert refusal(answer(without_codec)) == "unsupported_codec"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"streams": [{"index": "x"}]}'])
def test_an_answer_that_is_none_is_a_damaged_file(text: str) -> None:
    assert refusal(text) == "corrupt"


def test_a_file_without_streams_is_refused_with_a_sentence() -> None:
    with pytest.raises(Failed, match="no video stream, only: nothing"):
        parse("{}")


def test_a_fragmented_file_claims_no_frames() -> None:
    without_count = {name: value for name, value in VIDEO.items() if name != "nb_frames"}

    assert parse(answer(without_count)).video.frames is None


def test_tracks_begin_counted_from_where_the_file_does() -> None:
    streams = [VIDEO | {"start_time": "5.500000"}, AUDIO | {"start_time": "5.000000"}]
    found = parse(json.dumps({"streams": streams, "format": FORMAT | {"start_time": "5.000000"}}))
    assert found.audio is not None
    assert (found.video.start_seconds, found.audio.start_seconds) == (0.5, 0.0)


def test_pictures_are_told_apart_by_scan_and_colour() -> None:
    assert parse(answer(VIDEO | {"field_order": "tt"})).video.interlaced
    assert parse(answer(VIDEO | {"pix_fmt": "gbrp"})).video.rgb
    assert not MEDIA.video.interlaced
    assert not MEDIA.video.rgb


# --- one track, decoded -------------------------------------------------------------------------------------------


def test_a_track_that_was_decoded_whole() -> None:
    assert parse_track(answer(VIDEO | {"nb_read_frames": "59"})) == Decoded(
        codec="h264", frames=59, width=1920, height=1080, pixel_format="yuv420p"
    )


def test_a_track_of_which_nothing_can_be_decoded_has_no_frames() -> None:
    found = parse_track(answer(AUDIO))

    assert found is not None
    assert found.frames == 0


@pytest.mark.parametrize("text", ["", "{", "{}", answer(VIDEO, AUDIO)])
def test_anything_but_one_track_is_none(text: str) -> None:
    assert parse_track(text) is None


# --- limits -------------------------------------------------------------------------------------------------------

LIMITS = Limits(duration_seconds=2.002, pixels=1920 * 1080, streams=2, frames_per_second=29.97)


def test_what_just_fits_is_taken() -> None:
    check(MEDIA, LIMITS)


@pytest.mark.parametrize(
    "limits",
    [
        replace(LIMITS, duration_seconds=2.0),
        replace(LIMITS, pixels=1920 * 1080 - 1),
        replace(LIMITS, streams=1),
        replace(LIMITS, frames_per_second=29.96),
    ],
)
def test_what_does_not_fit_is_refused(limits: Limits) -> None:
    with pytest.raises(Failed) as raised:
        check(MEDIA, limits)

    assert raised.value.failure.code == "over_limits"
    assert raised.value.failure.exit_code == 65


def test_a_picture_without_a_size_is_a_damaged_file() -> None:
    with pytest.raises(Failed) as raised:
        check(replace(MEDIA, video=replace(MEDIA.video, width=0)), LIMITS)

    assert raised.value.failure.code == "corrupt"


# --- boxes --------------------------------------------------------------------------------------------------------


def box(kind: bytes, size: int) -> bytes:
    return (8 + size).to_bytes(4, "big") + kind + b"\0" * size


def cut(body: bytes) -> Cut | None:
    return find_cut(io.BytesIO(body), len(body))


@pytest.mark.parametrize(
    ("head", "known"),
    [
        (b"\0\0\0\x18ftypisom", True),
        (b"\0\0\0\x08wide\0\0", True),
        (b"\0\0\x12\x34moov", True),
        (b"#EXTM3U\n#EXT-X", False),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", False),
        (b"\x1a\x45\xdf\xa3\x01\0\0\0", False),
        (b"ftyp", False),
        (b"", False),
    ],
)
def test_an_mp4_is_known_by_its_first_box(head: bytes, known: bool) -> None:  # noqa: FBT001 - the expectation
    assert is_mp4(head) is known


@pytest.mark.parametrize(
    ("head", "still"),
    [
        (b"\0\0\0\x20ftypavif\0\0\0\0", True),
        (b"\0\0\0\x20ftypheic\0\0\0\0", True),
        (b"\0\0\0\x20ftypavis\0\0\0\0", False),
        (b"\0\0\0\x20ftypisom\0\0\0\0", False),
        (b"\0\0\0\x20moovheic", False),
        (b"", False),
    ],
)
def test_a_photograph_in_the_boxes_of_an_mp4_is_told_apart(head: bytes, still: bool) -> None:  # noqa: FBT001 - the expectation
    assert is_photograph(head) is still


def test_a_whole_file_is_not_cut() -> None:
    assert cut(box(b"ftyp", 16) + box(b"moov", 100) + box(b"mdat", 1000)) is None


def test_a_file_that_ends_within_its_media_is_cut_there() -> None:
    assert cut((box(b"ftyp", 16) + box(b"mdat", 1000))[:500]) == Cut(at_byte=500, end_byte=1032)


def test_a_length_beyond_four_bytes_stands_behind_the_type() -> None:
    large = (1).to_bytes(4, "big") + b"mdat" + (16 + 84).to_bytes(8, "big") + b"\0" * 84

    assert cut(large + box(b"moov", 5)) is None
    assert cut(large[:-1]) == Cut(at_byte=99, end_byte=100)


def test_a_last_box_without_a_length_goes_to_the_end() -> None:
    assert cut(box(b"ftyp", 16) + b"\0\0\0\0mdat" + b"\0" * 50) is None


def test_rubbish_behind_the_last_box_is_no_cut() -> None:
    assert cut(box(b"mdat", 100) + b"\xff" * 64) is None


@given(st.binary(max_size=200))
def test_any_bytes_have_an_answer(body: bytes) -> None:
    found = cut(body)

    assert found is None or found.end_byte > found.at_byte == len(body)
