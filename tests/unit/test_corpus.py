"""The corpus itself: its catalogue, its way of making files, and its judgement, which must be able to say no."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Any

import pytest

from tests.corpus import atoms, damage
from tests.corpus.catalogue import GROUPS, INPUTS
from tests.corpus.intent import Intent, Published, Refused
from tests.corpus.outcome import Outcome, differences, languages
from tests.corpus.pending import PENDING
from tests.workbench import KEY, NOON
from vidctl.model import AttemptNumber, FailureClass
from vidctl.records import Result

RESULT = Result(key=KEY, job="j", number=AttemptNumber(1, 1), at=NOON, failure=None, code="ok")
PICTURE = {"codec_name": "h264", "pix_fmt": "yuv420p", "width": 160, "height": 90, "nb_frames": "30", "duration": "1.0"}
SOUND = {"codec_name": "aac", "channels": 1, "start_time": "0.1", "duration": "0.9"}
STILL = {"streams": [{"codec_name": "mjpeg", "width": 160, "height": 90}]}
LOOK = ("ff0000", "00ff00", "0000ff", "ffffff")
GOOD = Outcome(
    result=RESULT,
    objects=("videos/video.mp4",),
    video={"streams": [PICTURE, SOUND], "format": {"tags": {"encoder": "Lavf"}}},
    poster=STILL,
    moov_first=True,
    look=LOOK,
)
CORRUPT = Refused(code="corrupt", why="it is")
BAD = Outcome(
    result=replace(RESULT, failure=FailureClass.PERMANENT, code="corrupt", detail="the file is cut off somewhere"),
    objects=(),
)
PLAYLIST = """#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="1",LANGUAGE="eng",URI="a1.m3u8"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="2",URI="a2.m3u8"
#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="s",NAME="1",LANGUAGE="deu",URI="s1.m3u8"
"""


def seen(picture: dict[str, Any], *sounds: dict[str, Any]) -> Outcome:
    return replace(GOOD, video={"streams": [PICTURE | picture, *sounds], "format": {}})


def test_there_are_enough_inputs_and_no_name_is_given_twice() -> None:
    assert len(INPUTS) == sum(map(len, GROUPS.values())) >= 75


def test_only_inputs_that_exist_are_pending() -> None:
    assert set(PENDING) <= set(INPUTS)


@pytest.mark.parametrize(
    ("intent", "outcome"),
    [
        (Published(), GOOD),
        (Published(look=("f80808", *LOOK[1:])), GOOD),
        (Published(frames=None), seen({"nb_frames": "7"}, SOUND)),
        (Published(sounds=()), seen({})),
        (CORRUPT, BAD),
    ],
)
def test_an_outcome_that_is_as_intended_has_no_differences(intent: Intent, outcome: Outcome) -> None:
    assert differences(intent, outcome) == ()


@pytest.mark.parametrize(
    ("intent", "outcome", "difference"),
    [
        (Published(), BAD, "published, not permanent, corrupt"),
        (CORRUPT, GOOD, "refused: permanent, corrupt, not published, ok"),
        (replace(CORRUPT, code="empty"), BAD, "refused: permanent, empty, not permanent, corrupt"),
        (replace(CORRUPT, failure=FailureClass.APP), BAD, "refused: app, corrupt, not permanent, corrupt"),
        (CORRUPT, replace(BAD, objects=("videos/x",)), "no outputs, not videos/x"),
        (CORRUPT, replace(BAD, result=replace(BAD.result, detail="")), "a reason for a person"),
        (Published(size=(90, 160)), GOOD, "a picture of (90, 160), not (160, 90)"),
        (Published(frames=31), GOOD, "frames: 31, not 30"),
        (Published(seconds=1.2), GOOD, "1.2 s, not 1.0 s"),
        (Published(sounds=()), GOOD, "sound"),
        (Published(channels=2), GOOD, "sound"),
        (Published(heard=0.5), GOOD, "sound until 0.5 s, not 1.0 s"),
        (Published(), seen({}, SOUND | {"duration": "0.5"}), "sound until 1.0 s, not 0.6 s"),
        (Published(look=("e00000", *LOOK[1:])), GOOD, "colours"),
        (Published(), seen({"pix_fmt": "yuv444p"}, SOUND), "a codec"),
        (Published(), seen({"sample_aspect_ratio": "4:3"}, SOUND), "pixels"),
        (Published(), seen({"side_data_list": [{"rotation": 90}]}, SOUND), "side data"),
        (Published(hdr=True), seen({"color_transfer": "smpte2084"}, SOUND), "a transfer that every screen shows"),
        (Published(), replace(GOOD, moov_first=False), "moov first"),
        (Published(), replace(GOOD, poster={"streams": [STILL["streams"][0] | {"width": 16}]}), "a poster"),
        (Published(subtitles=("eng",)), GOOD, "a stream with"),
        (Published(sounds=("eng", "deu")), GOOD, "a stream with"),
        (Published(), replace(GOOD, playlist=PLAYLIST), "languages ('und',), not ('eng', 'und')"),
    ],
)
def test_an_outcome_that_is_not_is_told_apart(intent: Intent, outcome: Outcome, difference: str) -> None:
    assert differences(intent, outcome)[0].startswith(difference)


def test_metadata_of_the_source_is_a_difference() -> None:
    told = replace(GOOD, video={"streams": [PICTURE, SOUND], "format": {"tags": {"location": "+48"}}})

    assert differences(Published(), told) == ("metadata beside its own set(), not {'location'}",)


@pytest.mark.parametrize(("kind", "found"), [("AUDIO", ("eng", "und")), ("SUBTITLES", ("deu",)), ("VIDEO", ())])
def test_a_playlist_tells_the_languages_of_its_tracks(kind: str, found: tuple[str, ...]) -> None:
    assert languages(PLAYLIST, kind) == found


FILE = atoms.atom(b"free", b"") + atoms.atom(b"mdat", b"media") + atoms.atom(b"moov", atoms.atom(b"trak", b"one") * 2)


def test_a_box_that_grows_makes_those_around_it_grow() -> None:
    grown = atoms.replaced(FILE, "moov/trak:1", lambda content: content + b" more")

    assert grown[atoms.find(grown, "moov/trak:1").content] == b"one more"
    assert grown[atoms.find(grown, "moov/trak").content] == b"one"
    assert atoms.find(grown, "moov").end == len(grown) == len(FILE) + 5


def test_a_box_that_is_not_there_is_an_error() -> None:
    with pytest.raises(KeyError):
        atoms.find(FILE, "moov/mdia")


def test_media_of_64_bits_is_where_it_was() -> None:
    wide = atoms.wide_media(FILE)

    assert wide[:16] == struct.pack(">I4sQ", 1, b"mdat", 21)
    assert wide[16:] == FILE[16:]


@pytest.mark.parametrize(
    ("change", "media"),
    [
        (damage.zeroed("mdat", 0.4, 0.8), b"me\0\0a"),
        (damage.overwritten("mdat", start=1, every=2, length=1), b"m\xa5d\xa5a"),
        (damage.zeroed_whole("mdat"), bytes(5)),
    ],
)
def test_damage_is_where_it_was_meant_and_nowhere_else(change: damage.Change, media: bytes) -> None:
    assert change(FILE) == FILE.replace(b"media", media)


def test_flipped_bits_are_few_and_the_same_each_time() -> None:
    flip = damage.flipped("mdat", bits=3)

    unlike = [one ^ other for one, other in zip(FILE, flip(FILE), strict=True) if one != other]
    assert sum(byte.bit_count() for byte in unlike) == 3
    assert flip(FILE) == flip(FILE)
