from __future__ import annotations

from dataclasses import replace

import pytest

from vidctl.worker.recipes.ladder import Rendition
from vidctl.worker.source.ffprobe import Decoded
from vidctl.worker.source.media import AudioStream, Media, VideoStream
from vidctl.worker.verify import (
    Verdict,
    as_heard,
    claims_frames,
    ends_early,
    figures,
    judge,
    lack,
    picture_fault,
    sound_fault,
    thinned,
)

RENDITION = Rendition(name="v360", width=640, height=360, max_bitrate=800_000)


def media(
    seconds: float | None = 10.0,
    frames: int | None = 300,
    *,
    decoded: int | None = None,
    sound: float | None = 10.0,
    sound_frames: int | None = 470,
    sound_decoded: int | None = None,
) -> Media:
    video = VideoStream(
        index=0,
        codec="h264",
        width=640,
        height=360,
        duration_seconds=seconds,
        frames=frames,
        decoded_frames=frames if decoded is None else decoded,
    )
    audio = AudioStream(
        index=1,
        codec="aac",
        channels=2,
        duration_seconds=sound,
        frames=sound_frames,
        decoded_frames=sound_frames if sound_decoded is None else sound_decoded,
    )
    return Media(container="mp4", duration_seconds=seconds or 0.0, streams=2, video=video, audios=(audio,))


SILENT = replace(media(), audios=())
LONG = media(3600.0, 108_000, sound=3600.0)
LATE = replace(media(), audios=(replace(media().audios[0], start_seconds=0.4, duration_seconds=9.6),))
"""Its sound begins late, and ends with the picture."""


@pytest.mark.parametrize(
    ("source", "output"),
    [
        (media(), media()),
        (media(), media(9.8, 298, sound=9.96)),
        pytest.param(LATE, media(), id="sound that begins late is filled up"),
        pytest.param(media(), media(6.0, 300), id="a long last frame"),
        pytest.param(media(None, None, sound=None), media(3.0, 90, sound=2.0), id="nothing claimed"),
        pytest.param(LONG, media(3599.93, 107_998, sound=3599.96), id="long"),
        pytest.param(SILENT, SILENT, id="silent"),
        pytest.param(media(sound=2.0), media(sound=2.0), id="short sound"),
    ],
)
def test_an_output_that_comes_up_to_the_claims_is_complete(source: Media, output: Media) -> None:
    assert lack(source, output) is None


@pytest.mark.parametrize(
    ("source", "output", "figures"),
    [
        (media(), media(5.0, 150), "video: 10.00 s (300 frames) claimed, 5.00 s (150 frames) delivered"),
        (media(), media(9.7, 291), "video: 10.00 s (300 frames) claimed, 9.70 s (291 frames) delivered"),
        (media(frames=None), media(5.0, 150), "video: 10.00 s claimed, 5.00 s (150 frames) delivered"),
        (media(), media(10.0, 270), "video: 10.00 s (300 frames) claimed, 10.00 s (270 frames) delivered"),
        (media(), SILENT, "sound: 10.00 s (470 frames) claimed, nothing delivered"),
        (media(), media(sound=9.9), "sound: 10.00 s (470 frames) claimed, 9.90 s (470 frames) delivered"),
        (LATE, media(sound=9.9), "sound: 9.60 s from 0.40 s on (470 frames) claimed, 9.90 s (470 frames) delivered"),
        (media(), LATE, "sound: 10.00 s (470 frames) claimed, 9.60 s from 0.40 s on (470 frames) delivered"),
        (
            LONG,
            media(3599.9, 107_997, sound=3600.0),
            "video: 3600.00 s (108000 frames) claimed, 3599.90 s (107997 frames) delivered",
        ),
        (media(), media(sound=4.0), "sound: 10.00 s (470 frames) claimed, 4.00 s (470 frames) delivered"),
    ],
)
def test_what_an_output_lacks_is_told_in_figures(source: Media, output: Media, figures: str) -> None:
    assert lack(source, output) == figures


EDITED = media(10.0, 600, decoded=300)
"""Its edit list leaves out half of the frames; the length is that of what is left."""

DENTED = media(3600.0, 108_000, decoded=107_982, sound=3600.0)
"""Of an hour 18 frames cannot be decoded."""

NO_SOUND = media(sound_frames=None, sound_decoded=0)
"""It has a sound track that holds nothing."""


@pytest.mark.parametrize(
    ("source", "complaints", "output", "verdict"),
    [
        pytest.param(EDITED, False, media(10.0, 300), Verdict.COMPLETE, id="frames left out by an edit list"),
        pytest.param(EDITED, False, media(5.0, 150), Verdict.DAMAGED, id="and then some, so that nobody knows"),
        pytest.param(media(), True, media(), Verdict.COMPLETE, id="complaints that cost nothing"),
        pytest.param(media(frames=271), False, media(10.0, 271), Verdict.COMPLETE, id="a claim that was corrected"),
        pytest.param(NO_SOUND, False, SILENT, Verdict.COMPLETE, id="a sound track that holds nothing"),
        pytest.param(DENTED, True, media(3599.4, 107_982, sound=3600.0), Verdict.COMPLETE, id="a few broken frames"),
        pytest.param(DENTED, True, media(3599.3, 107_979, sound=3600.0), Verdict.LOST, id="and some that are not"),
        pytest.param(None, True, media(5.0, 150), Verdict.DAMAGED, id="unreadable"),
        pytest.param(media(decoded=270), True, media(10.0, 270), Verdict.DAMAGED, id="a hole"),
        pytest.param(media(sound_decoded=400), True, media(), Verdict.DAMAGED, id="a hole in the sound"),
        pytest.param(media(decoded=150), False, media(5.0, 150), Verdict.DAMAGED, id="fewer frames than claimed"),
        pytest.param(media(sound_decoded=200), False, media(sound=4.0), Verdict.DAMAGED, id="less sound than claimed"),
        pytest.param(media(sound_decoded=0), False, SILENT, Verdict.DAMAGED, id="sound that cannot be decoded"),
        pytest.param(media(frames=None, decoded=150), False, media(5.0, 150), Verdict.DAMAGED, id="gave all it had"),
        pytest.param(media(), False, media(5.0, 150), Verdict.LOST, id="the encoder lost half"),
        pytest.param(media(), True, media(5.0, 150), Verdict.LOST, id="the same, with complaints that cost nothing"),
        pytest.param(media(frames=None, decoded=300), False, media(5.0, 150), Verdict.LOST, id="without a claim"),
    ],
)
def test_the_decoded_source_tells_whose_fault_a_lack_is(
    *, source: Media | None, complaints: bool, output: Media, verdict: Verdict
) -> None:
    assert judge(source, output, complaints=complaints) is verdict


@pytest.mark.parametrize("source", [media(decoded=150), media(decoded=0), media(sound_decoded=200)])
def test_a_source_that_gives_less_than_it_claims_ends_early(source: Media) -> None:
    assert ends_early(source)


@pytest.mark.parametrize("source", [media(), SILENT, NO_SOUND, media(frames=None, decoded=150)])
def test_a_source_that_gives_what_it_claims_does_not(source: Media) -> None:
    assert not ends_early(source)


@pytest.mark.parametrize(
    ("claimed", "until", "lasts"),
    [
        pytest.param(media(sound=12.0), 10.0, 10.0, id="a last frame that claims to last for long"),
        pytest.param(media(sound=9.0), 10.0, 9.0, id="more than was claimed"),
        pytest.param(LATE, 9.0, 8.6, id="late"),
        pytest.param(media(sound=12.0, sound_frames=None), 10.0, 10.0, id="no claim of frames"),
        pytest.param(media(sound=12.0, sound_decoded=400), 10.0, 12.0, id="frames that are missing"),
        pytest.param(media(sound=None), 10.0, None, id="no claim"),
    ],
)
def test_a_sound_is_held_to_what_is_heard_of_it(claimed: Media, until: float, lasts: float | None) -> None:
    (sound,) = as_heard(claimed, until).audios
    assert sound.duration_seconds == (None if lasts is None else pytest.approx(lasts))


def test_a_source_without_sound_is_held_to_none() -> None:
    assert as_heard(SILENT, 0.0) == SILENT


# --- a source that claims no frames, or of which frames are left out --------------------------------------------------

FRAGMENTED = media(frames=None, decoded=300)


def test_only_a_source_that_claims_frames_is_held_to_them_undecoded() -> None:
    assert claims_frames(media())
    assert not claims_frames(FRAGMENTED)


@pytest.mark.parametrize(
    ("source", "output", "verdict"),
    [
        pytest.param(FRAGMENTED, media(), Verdict.COMPLETE, id="all of it"),
        pytest.param(FRAGMENTED, media(5.0, 300), Verdict.DAMAGED, id="all frames, but not the length that it claims"),
        pytest.param(FRAGMENTED, media(5.0, 150), Verdict.LOST, id="half of it"),
        pytest.param(media(None, None, decoded=300), media(10.0, 300), Verdict.COMPLETE, id="no length either"),
        pytest.param(media(None, None, decoded=300, sound=None), SILENT, Verdict.COMPLETE, id="no length of the sound"),
        pytest.param(media(None, None, decoded=300), media(5.0, 150), Verdict.LOST, id="half of what was given"),
    ],
)
def test_what_was_decoded_is_the_claim_of_a_source_that_makes_none(
    source: Media, output: Media, verdict: Verdict
) -> None:
    assert judge(source, output, complaints=False) is verdict


FAST = media(10.0, 2400)
"""Brought down to a quarter of its frames."""


def test_frames_that_are_left_out_on_purpose_are_not_missed() -> None:
    assert lack(FAST, media(9.5, 600)) is not None
    assert lack(thinned(FAST, 1 / 4), media(9.5, 600)) is None
    assert lack(thinned(FAST, 1 / 4), media(10.0, 599)) is None


def test_frames_that_are_left_out_beyond_that_are_missed() -> None:
    assert lack(thinned(FAST, 1 / 4), media(5.0, 300)) == (
        "video: 10.00 s (600 frames) claimed, 5.00 s (300 frames) delivered"
    )


@pytest.mark.parametrize(
    ("decoded", "output", "verdict"),
    [
        pytest.param(2400, media(10.0, 600), Verdict.COMPLETE, id="a quarter of all"),
        pytest.param(2400, media(5.0, 300), Verdict.LOST, id="the encoder lost half"),
        pytest.param(1200, media(5.0, 300), Verdict.DAMAGED, id="a quarter of the half that there is"),
        pytest.param(0, media(0.0, 0), Verdict.DAMAGED, id="nothing"),
    ],
)
def test_a_picture_of_which_frames_are_left_out_is_judged_by_its_share(
    decoded: int, output: Media, verdict: Verdict
) -> None:
    assert judge(thinned(media(10.0, 2400, decoded=decoded), 1 / 4), output, complaints=False) is verdict


def test_what_an_output_has_is_told_in_figures() -> None:
    assert figures(media()) == "video: 10.00 s (300 frames) delivered, sound: 10.00 s (470 frames) delivered"
    assert figures(SILENT) == "video: 10.00 s (300 frames) delivered, sound: nothing delivered"


# --- one track --------------------------------------------------------------------------------------------------------

PICTURE = Decoded(codec="h264", frames=300, width=640, height=360, pixel_format="yuv420p")


@pytest.mark.parametrize(
    ("decoded", "samples", "words"),
    [
        (replace(PICTURE, codec="hevc"), 300, "the video is hevc of (640, 360), not h264 of (640, 360)"),
        (replace(PICTURE, width=638), 300, "the video is h264 of (638, 360), not h264 of (640, 360)"),
        (replace(PICTURE, frames=299), 300, "299 of 300 video frames can be decoded"),
        (PICTURE, 299, "300 of 299 video frames can be decoded"),
        (replace(PICTURE, frames=0), 0, "0 of 0 video frames can be decoded"),
    ],
)
def test_a_rendition_that_is_not_what_was_asked_for_has_a_fault(decoded: Decoded, samples: int, words: str) -> None:
    assert picture_fault(RENDITION, "h264", decoded, samples) == words


def test_a_rendition_that_is_what_was_asked_for_has_none() -> None:
    assert picture_fault(RENDITION, "h264", PICTURE, 300) is None


@pytest.mark.parametrize(
    ("decoded", "samples", "words"),
    [
        (Decoded(codec="mp3", frames=470), 470, "the sound is mp3, not aac"),
        (Decoded(codec="aac", frames=467), 470, "467 of 470 sound frames can be decoded"),
        (Decoded(codec="aac", frames=0), 470, "0 of 470 sound frames can be decoded"),
    ],
)
def test_a_sound_track_that_is_not_what_was_asked_for_has_a_fault(decoded: Decoded, samples: int, words: str) -> None:
    assert sound_fault(decoded, samples) == words


@pytest.mark.parametrize("frames", [470, 469, 468])
def test_of_sound_the_frames_may_be_missing_of_which_nothing_is_heard(frames: int) -> None:
    assert sound_fault(Decoded(codec="aac", frames=frames), 470) is None
