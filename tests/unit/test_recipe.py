from __future__ import annotations

from dataclasses import replace

import pytest

from vidctl.worker import profiles
from vidctl.worker.recipes.profile import AudioProfile, Profile, VideoProfile, parse
from vidctl.worker.recipes.recipe import Recipe, SoundTrack, TextTrack, keeps_hdr, progressive, thin, write
from vidctl.worker.source.media import AudioStream, Media, TextStream, VideoStream

VIDEO = VideoStream(index=0, codec="h264", width=1280, height=720, pixel_format="yuv420p", frames_per_second=30.0)
MONO = AudioStream(index=1, codec="aac", channels=1)
SURROUND = AudioStream(index=2, codec="ac3", channels=6)
TEXT = TextStream(index=3, codec="mov_text", language="eng")
FORCED = TextStream(index=4, codec="mov_text", language="eng", forced=True)
MEDIA = Media(
    container="mov", duration_seconds=60.0, streams=5, video=VIDEO, audios=(MONO, SURROUND), texts=(TEXT, FORCED)
)
PQ = replace(VIDEO, codec="hevc", pixel_format="yuv420p10le", transfer="smpte2084", primaries="bt2020")


def written(media: Media = MEDIA, profile: Profile | None = None, *, cube_path: str | None = None) -> Recipe:
    return write(media, profile or Profile(), cube_path=cube_path, loudness=())


@pytest.mark.parametrize(
    ("rate", "thinned"),
    [(240, 60), (120, 60), (119.88, 59.94), (90, 45), (61, 30.5), (1000, 58.823529)],
)
def test_a_fast_picture_is_brought_down_to_an_even_share_of_its_rate(rate: float, thinned: float) -> None:
    assert thin(rate, 60) == pytest.approx(thinned)


@pytest.mark.parametrize("rate", [0, 1, 23.976, 30, 59.94, 60, 60.003])
def test_a_picture_that_is_slow_enough_keeps_its_frames(rate: float) -> None:
    assert thin(rate, 60) is None


def test_a_fast_picture_loses_frames_before_anything_costly_is_done_to_them() -> None:
    recipe = written(replace(MEDIA, video=replace(VIDEO, frames_per_second=119.88)))

    assert recipe.thinned_to == pytest.approx(59.94)
    assert recipe.filters[:2] == ("fps=59.94", r"setpts=if(eq(N\,0)*lt(T\,0.5)\,0\,PTS)")


# --- tracks -------------------------------------------------------------------------------------------------------


def test_tracks_are_numbered_in_their_order() -> None:
    recipe = written()

    assert recipe.sounds == (
        SoundTrack(name="a1", stream=MONO, channels=1),
        SoundTrack(name="a2", stream=SURROUND, channels=2),
    )
    assert recipe.texts == (TextTrack(name="s1", stream=TEXT), TextTrack(name="s2", stream=FORCED))


def test_each_sound_track_has_the_filters_that_set_its_loudness() -> None:
    recipe = write(MEDIA, Profile(), cube_path=None, loudness=((), ("volume=7.00dB",)))

    assert [sound.filters for sound in recipe.sounds] == [(), ("volume=7.00dB",)]


def test_sound_tracks_beyond_the_limit_are_left_out() -> None:
    profile = Profile(audio=AudioProfile(max_tracks=1))

    assert [sound.stream for sound in written(profile=profile).sounds] == [MONO]


def test_a_profile_for_mono_mixes_down_to_it() -> None:
    profile = Profile(audio=AudioProfile(max_channels=1))

    assert [sound.channels for sound in written(profile=profile).sounds] == [1, 1]


def test_texts_are_left_out_where_the_profile_wants_none() -> None:
    assert written(profile=Profile(subtitles=False)).texts == ()


FITTING = replace(MONO, profile="LC", sample_rate=48_000, bit_rate=96_000, frames=2813, duration_seconds=60.0)


def test_sound_that_is_coded_as_wanted_and_loud_enough_is_taken_over() -> None:
    assert written(replace(MEDIA, audios=(FITTING,))).sounds[0].copied


@pytest.mark.parametrize(
    ("sound", "profile", "filters"),
    [
        pytest.param(FITTING, Profile(), ("volume=1dB",), id="another loudness"),
        pytest.param(FITTING, Profile(copy_fitting=False), (), id="not wanted"),
        pytest.param(replace(FITTING, profile="HE-AAC"), Profile(), (), id="another profile"),
    ],
)
def test_other_sound_is_made_anew(sound: AudioStream, profile: Profile, filters: tuple[str, ...]) -> None:
    recipe = write(replace(MEDIA, audios=(sound,)), profile, cube_path=None, loudness=(filters,))

    assert not recipe.sounds[0].copied


# --- renditions ---------------------------------------------------------------------------------------------------


def heights(recipe: Recipe) -> list[int]:
    return [rendition.height for rendition in recipe.renditions]


def test_a_stream_has_every_rung() -> None:
    assert heights(written()) == [720, 480, 360]


def test_one_file_has_the_one_rung_it_is_made_from() -> None:
    assert heights(written(profile=parse("{stream: null, progressive: {max_short_side: 480}}"))) == [480]
    assert heights(written(profile=profiles.load("progressive"))) == [720]


@pytest.mark.parametrize(("limit", "height"), [(4320, 720), (720, 720), (719, 480), (16, 360)])
def test_the_one_file_is_made_from_the_best_rung_up_to_a_side_else_from_the_smallest(limit: int, height: int) -> None:
    assert progressive(written().renditions, limit).height == height


def test_a_rendition_that_is_taken_over_is_not_encoded() -> None:
    recipe = replace(written(), copied=True)

    assert [rendition.height for rendition in recipe.encoded] == [480, 360]
    assert written().encoded == written().renditions


# --- filters ------------------------------------------------------------------------------------------------------

FIRST_FRAME_AT_0 = r"setpts=if(eq(N\,0)*lt(T\,0.5)\,0\,PTS)"
TAGS = "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"


def test_only_a_frame_at_the_start_of_the_picture_is_its_first() -> None:
    late = replace(VIDEO, start_seconds=20.5)

    assert written(replace(MEDIA, video=late)).filters[0] == r"setpts=if(eq(N\,0)*lt(T\,21)\,0\,PTS)"


def test_a_plain_picture_is_scaled_and_tagged() -> None:
    scale = "scale=1280:720:flags=bicubic:out_range=tv"

    assert written().filters == (FIRST_FRAME_AT_0, scale, "format=yuv420p", TAGS, "setsar=1")


def test_an_interlaced_picture_is_made_whole_before_it_loses_frames() -> None:
    interlaced = replace(VIDEO, interlaced=True, frames_per_second=100.0)

    assert written(replace(MEDIA, video=interlaced)).filters[:3] == (
        "bwdif=mode=send_frame:deint=interlaced",
        "fps=50",
        FIRST_FRAME_AT_0,
    )


def test_a_picture_that_needs_a_table_goes_through_it() -> None:
    filters = written(replace(MEDIA, video=PQ), cube_path="/w/pq.cube").filters

    assert "lut3d=file=/w/pq.cube:interp=tetrahedral" in filters
    assert filters[-1] == "setsar=1"


def test_a_picture_that_stays_hdr_keeps_its_ten_bits() -> None:
    profile = Profile(video=VideoProfile(codec="hevc", hdr="keep"))

    assert written(replace(MEDIA, video=PQ), profile).filters == (
        FIRST_FRAME_AT_0,
        "scale=1280:720:flags=bicubic:out_range=tv",
        "setsar=1",
        "format=yuv420p10le",
    )


@pytest.mark.parametrize(
    ("transfer", "profile", "kept"),
    [
        ("smpte2084", VideoProfile(codec="hevc", hdr="keep"), True),
        ("arib-std-b67", VideoProfile(codec="av1", hdr="keep"), True),
        ("bt709", VideoProfile(codec="hevc", hdr="keep"), False),
        ("", VideoProfile(codec="hevc", hdr="keep"), False),
        ("smpte2084", VideoProfile(codec="hevc"), False),
        ("smpte2084", VideoProfile(), False),
    ],
)
def test_hdr_stays_only_if_it_is_any_and_is_wanted(*, transfer: str, profile: VideoProfile, kept: bool) -> None:
    assert keeps_hdr(replace(VIDEO, transfer=transfer), profile) is kept
