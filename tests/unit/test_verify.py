from __future__ import annotations

from dataclasses import replace

import pytest

from vidctl.worker.ladder import Rendition
from vidctl.worker.media import AudioStream, Media, VideoStream
from vidctl.worker.verify import Verdict, ends_early, fault, judge, lack

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
        pytest.param(media(None, None, sound=None), media(3.0, 90, sound=2.0), id="nothing claimed"),
        pytest.param(media(3600.0, 108_000, sound=3600.0), media(3597.0, 107_900, sound=3597.0), id="long"),
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
        (media(), media(sound=4.0), "sound: 10.00 s (470 frames) claimed, 4.00 s (470 frames) delivered"),
    ],
)
def test_what_an_output_lacks_is_told_in_figures(source: Media, output: Media, figures: str) -> None:
    assert lack(source, output) == figures


EDITED = media(10.0, 600, decoded=300)
"""Its edit list leaves out half of the frames; the length is that of what is left."""

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
