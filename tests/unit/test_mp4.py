"""What can be told of a file from its boxes, and that no file, however broken, tells anything else or takes long."""

from __future__ import annotations

import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import files
from tests.media import Clips
from vidctl.errors import Malformed
from vidctl.mp4 import Further, Index, Movie, find_index, read_index
from vidctl.reconciler.glance import judge
from vidctl.reconciler.policy import InputLimits

CLIPS = ("good", "fast_start", "fragmented", "time_code", "audio_only", "named")


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    return Clips(tmp_path_factory.getbasetemp() / "clips")


def read(file: bytes) -> Movie:
    """Read a file of which all is at hand."""
    found = find_index(file, at=0, size_bytes=len(file))
    assert isinstance(found, Index)
    return read_index(file[found.start : found.end], size_bytes=found.end - found.start)


# --- where the index is ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("long", [False, True])
def test_the_index_is_found_behind_the_media_whose_length_is_all_that_is_read_of_it(long: bool) -> None:  # noqa: FBT001
    media, index = files.box("mdat", bytes(100_000), long=long), files.moov(60, files.video())
    file = files.FTYP + media + index
    ahead = find_index(file[:100], at=0, size_bytes=len(file))
    assert ahead == Further(start=len(files.FTYP + media))
    found = find_index(file[ahead.start :], at=ahead.start, size_bytes=len(file))
    assert found == Index(start=ahead.start + 8, end=len(file))


def test_media_may_be_longer_than_four_gigabytes() -> None:
    size = 6 * 1024**3
    head = files.FTYP + struct.pack(">I4sQ", 1, b"mdat", size - 1000)
    assert find_index(head, at=0, size_bytes=size) == Further(start=len(files.FTYP) + size - 1000)


def test_a_header_that_is_not_wholly_at_hand_is_asked_for() -> None:
    file = files.mp4(bytes(1000), index=files.moov(60))
    at = len(file) - len(files.moov(60))
    assert find_index(file[: at + 5], at=0, size_bytes=len(file)) == Further(start=at)


@pytest.mark.parametrize(
    ("rest", "why"),
    [
        (files.box("mdat", bytes(9)), "without an index"),
        (files.box("mdat", bytes(9))[:-1], "does not fit"),
        (files.moov(60)[:-1], "does not fit"),
        (b"\0\0\0\0mdat and so on to the end", "without an index"),
        (b"\0\0\0\7mdat", "does not fit"),
        (b"\0\0\0\1mdat\0\0\0\0\0\0\0\7", "does not fit"),
        (b"\0\0\0\1mdat\0\0", "does not fit"),
        (files.box("moof") + files.moov(60), "fragments"),
        (b"abc", "without an index"),
        (files.box("free") * 1_000 + files.moov(60), "too many"),
    ],
)
def test_a_chain_that_leads_to_no_index_says_so(rest: bytes, why: str) -> None:
    file = files.FTYP + rest
    with pytest.raises(Malformed, match=why):
        find_index(file, at=0, size_bytes=len(file))


# --- what it says ---------------------------------------------------------------------------------------------------


def test_an_index_tells_duration_and_tracks() -> None:
    movie = read(
        files.mp4(index=files.moov(90.5, files.video(90.5, 3840, 2160, fps=50, codec="hvc1"), files.other(90)))
    )
    assert (movie.duration_seconds, movie.fragmented, movie.whole) == (90.5, False, True)
    picture, sound = movie.tracks
    assert (picture.handler, picture.codec, picture.coded, picture.shown) == (
        "vide",
        "hvc1",
        (3840, 2160),
        (3840, 2160),
    )
    assert (picture.duration_seconds, picture.frames_per_second) == (90.5, 50.0)
    assert (sound.handler, sound.codec, sound.shown, sound.duration_seconds) == ("soun", "mp4a", (0, 0), 90.0)


@pytest.mark.parametrize(
    ("name", "codecs", "fps"),
    [
        ("good", ["avc1", "mp4a"], 30.0),
        ("fast", ["avc1"], 240.0),
        ("ten_bit", ["avc1"], 30.0),
        ("vp9", ["vp09", "Opus"], 30.0),
        ("time_code", ["avc1", "mp4a", "tmcd"], 30.0),
        ("only_cover_art", ["mp4a"], None),
        ("fragmented", ["avc1", "mp4a"], None),
    ],
)
def test_a_real_file_tells_the_same_as_to_ffprobe(
    name: str, codecs: list[str], fps: float | None, clips: Clips
) -> None:
    movie = read(clips.read(name))
    assert [track.codec for track in movie.tracks] == codecs
    pictures = [track for track in movie.tracks if track.handler == "vide"]
    assert [track.frames_per_second for track in pictures] == [fps] * len(pictures)
    assert all(track.coded == track.shown == (160, 90) for track in pictures)
    assert movie.fragmented is (name == "fragmented")
    assert movie.duration_seconds == (None if movie.fragmented else pytest.approx(1.0))


def test_fragments_may_say_how_long_they_are_together() -> None:
    extends = files.box("mvex", files.box("mehd", bytes(4), files.number(5000)), files.box("trex", bytes(24)))
    movie = read(files.mp4(index=files.moov(0, files.video(0), extends=extends)))
    assert (movie.fragmented, movie.duration_seconds) == (True, 5.0)


def test_a_duration_that_is_not_known_is_none() -> None:
    header = files.box("mvhd", b"\1" + bytes(19), files.number(1000), b"\xff" * 8, bytes(80))
    movie = read(files.mp4(index=files.box("moov", header)))
    assert movie.duration_seconds is None


def test_the_beginning_of_an_index_tells_of_the_tracks_whose_headers_it_has() -> None:
    first = files.moov(7200, files.video(7200, runs=500))
    index = files.moov(7200, files.video(7200, runs=500), files.other(7200))[8:]
    movie = read_index(index[: len(first) - 600], size_bytes=len(index))
    assert movie.whole is False
    assert [track.codec for track in movie.tracks] == ["avc1"]
    assert movie.tracks[0].frames_per_second == pytest.approx(30.0, rel=0.02)
    assert read_index(index[:4], size_bytes=len(index)).tracks == ()


# --- what is no index -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "index",
    [
        files.box("moov"),
        files.box("moov", files.box("trak")),
        files.moov(60, files.box("trak")),
        files.moov(60, files.video()[:-1]),
        files.box("moov", files.moov(60)[8:], b"\0\0\1\0trak"),
        files.moov(60, files.box("free") * 60_000),
    ],
)
def test_what_breaks_off_or_has_no_end_is_malformed(index: bytes) -> None:
    with pytest.raises(Malformed):
        read(files.mp4(index=index))


changes = st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255)), max_size=12)


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(name=st.sampled_from(CLIPS), changed=changes, cut=st.integers(0, 2**12), at_hand=st.integers(0, 2**12))
def test_no_broken_file_is_more_than_malformed(
    name: str, changed: list[tuple[int, int]], cut: int, at_hand: int, clips: Clips
) -> None:
    original = clips.read(name)
    start = max(original.find(b"moov") - 4, 0)
    file = bytearray(original)
    for offset, value in changed:
        file[start + offset % (len(file) - start)] = value
    body = bytes(file[: max(len(file) - cut, 0)])
    try:
        found = find_index(body, at=0, size_bytes=len(body))
        if isinstance(found, Index):
            content = body[found.start : found.end]
            judge(read_index(content, size_bytes=len(content)), InputLimits())
            judge(read_index(content[:at_hand], size_bytes=len(content)), InputLimits())
    except Malformed:
        return


@given(st.binary(max_size=400))
def test_no_rubbish_is_more_than_malformed(rubbish: bytes) -> None:
    try:
        read_index(rubbish, size_bytes=len(rubbish) + 7)
        find_index(rubbish, at=0, size_bytes=len(rubbish))
    except Malformed:
        return
