"""The text of HLS playlists, whole."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from vidctl.worker.cmaf import hls
from vidctl.worker.cmaf.fragments import Fragment
from vidctl.worker.cmaf.sample_entry import Colour, Picture, Sound
from vidctl.worker.cmaf.segments import Segment
from vidctl.worker.cmaf.tracks import AudioTrack, Presentation, TextTrack, VideoTrack, distinct


def segments(*durations: int, timescale: int = 1000, size: int = 1000, start: int = 0) -> tuple[Segment, ...]:
    """Return segments of one fragment each, whose first sample ends after a tenth of it."""
    made = []
    for number, duration in enumerate(durations, 1):
        begin = start + sum(durations[: number - 1])
        fragment = Fragment(
            offset=100 + (number - 1) * size,
            length=size,
            decode=begin,
            start=begin,
            end=begin + duration,
            duration=duration,
            samples=2,
            sync=True,
            first_length=size // 10,
            shortest=10,
            decode_at=0,
        )
        made.append(Segment(number=number, timescale=timescale, start=begin, duration=duration, fragments=(fragment,)))
    return tuple(made)


PICTURE = Picture(codec="avc1.64001E", width=640, height=360)
VIDEO = VideoTrack(folder="v360", picture=PICTURE, segments=segments(6000, 4000), frame_rate=Fraction(30000, 1001))
SOUND = Sound(codec="mp4a.40.2", rate=48000, channels=2)
AUDIO = AudioTrack(folder="a1", sound=SOUND, segments=segments(6000, 4000, size=100), name="English", language="en")
TEXT = TextTrack(folder="s1", seconds=Fraction(10), size_bytes=200, name="English", language="en")


def lines(presentation: Presentation, tag: str) -> list[str]:
    return [line for line in hls.multivariant(presentation).splitlines() if line.startswith(f"#{tag}:")]


def test_a_media_playlist_names_every_segment_with_its_duration() -> None:
    assert hls.media_playlist(segments(6006, 5994, 1001), 6) == (
        "#EXTM3U\n"
        "#EXT-X-VERSION:7\n"
        "#EXT-X-TARGETDURATION:6\n"
        "#EXT-X-PLAYLIST-TYPE:VOD\n"
        "#EXT-X-INDEPENDENT-SEGMENTS\n"
        '#EXT-X-MAP:URI="init.mp4"\n'
        "#EXTINF:6.006000,\n"
        "00001.m4s\n"
        "#EXTINF:5.994000,\n"
        "00002.m4s\n"
        "#EXTINF:1.001000,\n"
        "00003.m4s\n"
        "#EXT-X-ENDLIST\n"
    )


def test_the_sum_of_durations_does_not_drift() -> None:
    text = hls.media_playlist(segments(*[1] * 3000, timescale=3), 6)
    written = [Fraction(line[8:-1]) for line in text.splitlines() if line.startswith("#EXTINF")]
    assert sum(written) == 1000
    assert {float(seconds) for seconds in written} == {0.333333, 0.333334}


def test_a_playlist_of_keyframes_is_of_ranges_of_the_same_files() -> None:
    first, second = segments(2000, 4000)
    both = Segment(number=1, timescale=1000, start=0, duration=6000, fragments=first.fragments + second.fragments)
    assert hls.iframe_playlist([both], 6) == (
        "#EXTM3U\n"
        "#EXT-X-VERSION:7\n"
        "#EXT-X-TARGETDURATION:6\n"
        "#EXT-X-PLAYLIST-TYPE:VOD\n"
        "#EXT-X-I-FRAMES-ONLY\n"
        '#EXT-X-MAP:URI="init.mp4"\n'
        "#EXTINF:2.000000,\n"
        "#EXT-X-BYTERANGE:100@0\n"
        "00001.m4s\n"
        "#EXTINF:4.000000,\n"
        "#EXT-X-BYTERANGE:100@1000\n"
        "00001.m4s\n"
        "#EXT-X-ENDLIST\n"
    )


def test_what_begins_with_no_keyframe_is_part_of_the_one_before() -> None:
    first, second = segments(2000, 4000)
    fragments = (*first.fragments, replace(second.fragments[0], sync=False))
    text = hls.iframe_playlist([Segment(number=1, timescale=1000, start=0, duration=6000, fragments=fragments)], 6)
    assert text.count("#EXT-X-BYTERANGE") == 1
    assert "#EXTINF:6.000000," in text


def test_subtitles_are_one_segment() -> None:
    assert hls.text_playlist(TEXT) == (
        "#EXTM3U\n"
        "#EXT-X-VERSION:7\n"
        "#EXT-X-TARGETDURATION:10\n"
        "#EXT-X-PLAYLIST-TYPE:VOD\n"
        "#EXTINF:10.000000,\n"
        "subtitles.vtt\n"
        "#EXT-X-ENDLIST\n"
    )


def test_the_multivariant_playlist_names_all() -> None:
    assert hls.multivariant(Presentation(videos=(VIDEO,), audios=(AUDIO,), texts=(TEXT,))) == (
        "#EXTM3U\n"
        "#EXT-X-VERSION:7\n"
        "#EXT-X-INDEPENDENT-SEGMENTS\n"
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio1",NAME="English",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,'
        'CHANNELS="2",URI="stream/a1/index.m3u8"\n'
        '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subtitles",NAME="English",LANGUAGE="en",DEFAULT=NO,AUTOSELECT=YES,'
        'FORCED=NO,URI="stream/s1/index.m3u8"\n'
        '#EXT-X-STREAM-INF:BANDWIDTH=2200,AVERAGE-BANDWIDTH=1760,CODECS="avc1.64001E,mp4a.40.2",RESOLUTION=640x360,'
        'VIDEO-RANGE=SDR,FRAME-RATE=29.970,AUDIO="audio1",SUBTITLES="subtitles",CLOSED-CAPTIONS=NONE\n'
        "stream/v360/index.m3u8\n"
        '#EXT-X-STREAM-INF:BANDWIDTH=200,AVERAGE-BANDWIDTH=160,CODECS="mp4a.40.2",AUDIO="audio1",'
        'SUBTITLES="subtitles",CLOSED-CAPTIONS=NONE\n'
        "stream/a1/index.m3u8\n"
        '#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=200,AVERAGE-BANDWIDTH=160,CODECS="avc1.64001E",RESOLUTION=640x360,'
        'VIDEO-RANGE=SDR,URI="stream/v360/iframes.m3u8"\n'
    )


def test_closed_captions_are_told_of_every_picture_and_of_no_sound() -> None:
    presentation = Presentation(videos=(VIDEO,), audios=(AUDIO,), captions=("CC1", "CC3"))
    group = '#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="captions",NAME="Closed captions'
    assert [line for line in lines(presentation, "EXT-X-MEDIA") if "TYPE=CLOSED-CAPTIONS" in line] == [
        f'{group}",DEFAULT=NO,AUTOSELECT=YES,INSTREAM-ID="CC1"',
        f'{group} (2)",DEFAULT=NO,AUTOSELECT=NO,INSTREAM-ID="CC3"',
    ]
    with_picture, alone = lines(presentation, "EXT-X-STREAM-INF")
    assert with_picture.endswith(',CLOSED-CAPTIONS="captions"')
    assert "CLOSED-CAPTIONS" not in alone


def test_a_picture_without_sound_names_no_group() -> None:
    (variant,) = lines(Presentation(videos=(VIDEO,)), "EXT-X-STREAM-INF")
    assert 'CODECS="avc1.64001E"' in variant
    assert "AUDIO" not in variant
    assert "SUBTITLES" not in variant


def test_sound_alone_is_a_variant() -> None:
    (variant,) = lines(Presentation(audios=(AUDIO,)), "EXT-X-STREAM-INF")
    assert variant.startswith('#EXT-X-STREAM-INF:BANDWIDTH=200,AVERAGE-BANDWIDTH=160,CODECS="mp4a.40.2",AUDIO="audio1"')


def test_a_variant_takes_as_much_as_its_costliest_sound() -> None:
    large = replace(AUDIO, folder="a2", segments=segments(6000, 4000, size=700), language="fr", name="Français")
    first, alone = lines(Presentation(videos=(VIDEO,), audios=(AUDIO, large)), "EXT-X-STREAM-INF")
    assert "BANDWIDTH=3400,AVERAGE-BANDWIDTH=2720," in first
    assert "BANDWIDTH=1400,AVERAGE-BANDWIDTH=1120," in alone


def test_sound_of_another_codec_is_another_group_with_variants_of_its_own() -> None:
    surround = replace(AUDIO, folder="a2", sound=Sound(codec="ac-3", rate=48000, channels=6))
    variants = lines(Presentation(videos=(VIDEO,), audios=(AUDIO, surround)), "EXT-X-STREAM-INF")
    told = [(codecs in variant, group in variant) for variant, (codecs, group) in zip(
        variants,
        [
            ('"avc1.64001E,mp4a.40.2"', 'AUDIO="audio1"'),
            ('"mp4a.40.2"', 'AUDIO="audio1"'),
            ('"avc1.64001E,ac-3"', 'AUDIO="audio2"'),
            ('"ac-3"', 'AUDIO="audio2"'),
        ],
        strict=True,
    )]  # fmt: skip
    assert told == [(True, True)] * 4


def test_one_sound_of_a_group_is_the_default_and_one_of_a_language_is_chosen_for_it() -> None:
    comment = replace(AUDIO, folder="a2", name="Commentary")
    french = replace(AUDIO, folder="a3", name="Français", language="fr", default=True)
    media = lines(Presentation(videos=(VIDEO,), audios=(AUDIO, comment, french)), "EXT-X-MEDIA")
    assert [line.partition("NAME=")[2].partition(",CHANNELS")[0] for line in media] == [
        '"Français",LANGUAGE="fr",DEFAULT=YES,AUTOSELECT=YES',
        '"English",LANGUAGE="en",DEFAULT=NO,AUTOSELECT=YES',
        '"Commentary",LANGUAGE="en",DEFAULT=NO,AUTOSELECT=NO',
    ]


def test_subtitles_are_the_default_only_if_they_are_meant_to_be() -> None:
    forced = replace(TEXT, folder="s2", name="English (forced)", forced=True, default=True)
    twice = replace(TEXT, folder="s3", name="For learners")
    media = lines(Presentation(videos=(VIDEO,), texts=(TEXT, forced, twice)), "EXT-X-MEDIA")
    assert [line.partition("LANGUAGE=")[2].partition(",URI")[0] for line in media] == [
        '"en",DEFAULT=YES,AUTOSELECT=YES,FORCED=YES',
        '"en",DEFAULT=NO,AUTOSELECT=YES,FORCED=NO',
        '"en",DEFAULT=NO,AUTOSELECT=NO,FORCED=NO',
    ]


def test_a_language_that_nobody_knows_is_not_named() -> None:
    (media,) = lines(Presentation(videos=(VIDEO,), audios=(replace(AUDIO, language="und"),)), "EXT-X-MEDIA")
    assert "LANGUAGE" not in media


def test_the_size_is_what_is_shown_and_the_range_what_the_transfer_says() -> None:
    picture = Picture(
        codec="hvc1.2.4.L93.B0",
        width=720,
        height=576,
        sample_aspect=Fraction(64, 45),
        colour=Colour(primaries=9, transfer=16, matrix=9),
    )
    presentation = Presentation(videos=(replace(VIDEO, picture=picture, frame_rate=Fraction(25)),))
    (variant,) = lines(presentation, "EXT-X-STREAM-INF")
    assert "RESOLUTION=1024x576,VIDEO-RANGE=PQ,FRAME-RATE=25.000" in variant
    assert "RESOLUTION=1024x576,VIDEO-RANGE=PQ" in lines(presentation, "EXT-X-I-FRAME-STREAM-INF")[0]


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ('The "director\'s" cut', "The 'director's' cut"),
        ('a"\n#EXT-X-ENDLIST\r\n', "a' #EXT-X-ENDLIST"),
        ("tab\tand\x00null\u2028", "tab and null"),
        ("日本語", "日本語"),
        ("", "Track"),
        (" \n", "Track"),
    ],
)
def test_no_name_breaks_a_playlist(name: str, printed: str) -> None:
    text = hls.multivariant(Presentation(videos=(VIDEO,), audios=(replace(AUDIO, name=name),)))
    assert f'NAME="{printed}",' in text
    assert len(text.splitlines()) == 9


def test_no_two_names_are_the_same() -> None:
    assert distinct(["English", "English", 'a"', "a'", "English (2)", "English"]) == [
        "English",
        "English (2)",
        "a'",
        "a' (2)",
        "English (2) (2)",
        "English (3)",
    ]


def test_every_playlist_has_its_path_and_all_variants_one_target() -> None:
    longer = replace(AUDIO, segments=segments(7000, 3000))
    made = hls.playlists(Presentation(videos=(VIDEO,), audios=(longer,), texts=(TEXT,)))
    assert list(made) == [
        "master.m3u8",
        "stream/v360/index.m3u8",
        "stream/a1/index.m3u8",
        "stream/v360/iframes.m3u8",
        "stream/s1/index.m3u8",
    ]
    assert all("#EXT-X-TARGETDURATION:7\n" in made[f"stream/{folder}/index.m3u8"] for folder in ("v360", "a1"))
