from __future__ import annotations

from dataclasses import replace

import pytest

from vidctl.worker.ladder import Rendition
from vidctl.worker.media import AudioStream, Media, VideoStream
from vidctl.worker.verify import ends_early, fault, shortfall, without_empty_sound

RENDITION = Rendition(name="video.mp4", width=640, height=360)


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
    return Media(container="mp4", duration_seconds=seconds or 0.0, streams=2, video=video, audio=audio)


SILENT = replace(media(), audio=None)


@pytest.mark.parametrize(
    ("source", "output"),
    [
        (media(), media()),
        (media(), media(9.8, 299, sound=9.9)),
        pytest.param(media(), media(6.0, 300), id="a long last frame"),
        pytest.param(media(10.0, 600), media(10.0, 300), id="frames left out by an edit list"),
        pytest.param(media(None, None, sound=None), media(3.0, 90, sound=2.0), id="nothing claimed"),
        pytest.param(media(3600.0, 108_000, sound=3600.0), media(3597.0, 107_000, sound=3597.0), id="long"),
        pytest.param(SILENT, SILENT, id="silent"),
        pytest.param(media(sound=2.0), media(sound=2.0), id="short sound"),
    ],
)
def test_an_output_that_comes_up_to_the_claims_is_complete(source: Media, output: Media) -> None:
    assert shortfall(source, output) is None


@pytest.mark.parametrize(
    ("source", "output", "figures"),
    [
        (media(), media(5.0, 150), "video: 10.00 s (300 frames) claimed, 5.00 s (150 frames) delivered"),
        (media(), media(9.7, 291), "video: 10.00 s (300 frames) claimed, 9.70 s (291 frames) delivered"),
        (media(frames=None), media(5.0, 150), "video: 10.00 s claimed, 5.00 s (150 frames) delivered"),
        (media(), SILENT, "sound: 10.00 s (470 frames) claimed, nothing delivered"),
        (media(), media(sound=4.0), "sound: 10.00 s (470 frames) claimed, 4.00 s (470 frames) delivered"),
    ],
)
def test_an_output_that_is_short_is_told_in_figures(source: Media, output: Media, figures: str) -> None:
    assert shortfall(source, output) == figures


@pytest.mark.parametrize(
    ("source", "output"),
    [
        pytest.param(media(decoded=150), media(5.0, 150), id="fewer frames than claimed"),
        pytest.param(media(decoded=0), None, id="none at all"),
        pytest.param(media(sound_decoded=200), media(sound=4.0), id="less sound than claimed"),
        pytest.param(media(frames=None, decoded=150), media(5.0, 150), id="all that can be decoded was delivered"),
    ],
)
def test_a_source_with_no_more_to_give_is_at_fault(source: Media, output: Media | None) -> None:
    assert ends_early(source, output)


@pytest.mark.parametrize(
    ("source", "output"),
    [
        pytest.param(media(), media(5.0, 150), id="the encoder lost half"),
        pytest.param(media(), None, id="the encoder made nothing"),
        pytest.param(media(frames=None, decoded=300), media(5.0, 150), id="the same without a claim"),
    ],
)
def test_a_source_that_decodes_whole_is_not_at_fault(source: Media, output: Media | None) -> None:
    assert not ends_early(source, output)


@pytest.mark.parametrize(
    "output",
    [
        replace(media(), video=replace(media().video, codec="hevc")),
        replace(media(), video=replace(media().video, width=638)),
        replace(media(), video=replace(media().video, rotation_degrees=90)),
        media(decoded=299),
        media(frames=0),
        replace(media(), audio=AudioStream(index=1, codec="mp3", channels=2)),
    ],
)
def test_an_output_that_is_not_what_was_asked_for_has_a_fault(output: Media) -> None:
    assert fault(output, RENDITION) is not None


def test_an_output_that_is_what_was_asked_for_has_none() -> None:
    assert fault(media(), RENDITION) is None
    assert fault(SILENT, RENDITION) is None


def test_a_sound_track_that_holds_nothing_is_no_sound() -> None:
    assert without_empty_sound(media(sound_frames=None, sound_decoded=0)).audio is None


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(media(sound_frames=470, sound_decoded=0), id="claimed, but undecodable"),
        pytest.param(media(sound_frames=None, sound_decoded=5), id="not claimed, but there"),
        pytest.param(SILENT, id="no track"),
    ],
)
def test_any_other_sound_track_stays(source: Media) -> None:
    assert without_empty_sound(source) == source
