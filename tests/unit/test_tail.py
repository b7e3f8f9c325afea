"""A track's file that is read while it grows."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import pytest

from tests.fragmented import audio_entry as entry_of_sound
from tests.fragmented import edits, esds, fragment, head
from vidctl.worker.cmaf.segments import Segment
from vidctl.worker.failure import Failed
from vidctl.worker.tail import Tail

TARGET = Fraction(6)
SECOND = 90_000

HEAD = head()
FRAGMENTS = [fragment(2 * SECOND * n, durations=(SECOND, SECOND), sizes=(1000 + n, 10)) for n in range(8)]
"""16 s, a keyframe in two."""

WHOLE = HEAD + b"".join(FRAGMENTS)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "v360.mp4"


@pytest.fixture
def tail(path: Path) -> Iterator[Tail]:
    with closing(Tail(path, target=TARGET)) as tail:
        yield tail


def names(segments: list[Segment]) -> list[str]:
    return [segment.name for segment in segments]


def test_a_file_that_is_not_there_yet_has_no_segments(tail: Tail, path: Path) -> None:
    assert tail.read() == []

    path.write_bytes(WHOLE)

    assert names(tail.read()) == ["00001.m4s", "00002.m4s"]


def test_a_file_that_never_comes_is_no_output(tail: Tail) -> None:
    with pytest.raises(Failed) as raised:
        tail.finish()

    assert (raised.value.failure.code, raised.value.failure.detail) == (
        "verify_failed",
        "v360.mp4: ffmpeg wrote no media",
    )


def test_an_empty_file_is_no_output(tail: Tail, path: Path) -> None:
    path.write_bytes(b"")

    with pytest.raises(Failed, match="ffmpeg wrote no media"):
        tail.finish()


@pytest.mark.parametrize("step", [1, 97, 1000, 4001])
def test_a_segment_comes_once_as_soon_as_it_is_whole(tail: Tail, path: Path, step: int) -> None:
    found: list[str] = []
    with path.open("wb", buffering=0) as file:
        for at in range(0, len(WHOLE), step):
            file.write(WHOLE[at : at + step])
            found += names(tail.read())

    assert found == ["00001.m4s", "00002.m4s"]
    assert names(tail.finish()) == ["00003.m4s"]
    assert [float(segment.seconds) for segment in tail.segments] == [6, 6, 4]
    assert sum(fragment.samples for fragment in tail.fragments) == 16


def test_a_segment_waits_for_the_keyframe_after_it(tail: Tail, path: Path) -> None:
    path.write_bytes(HEAD + b"".join(FRAGMENTS[:3]))
    assert tail.read() == []

    path.write_bytes(HEAD + b"".join(FRAGMENTS[:4])[:-1])
    assert tail.read() == []

    path.write_bytes(HEAD + b"".join(FRAGMENTS[:4]))
    assert names(tail.read()) == ["00001.m4s"]


def test_a_file_that_ends_within_a_fragment_is_not_whole(tail: Tail, path: Path) -> None:
    path.write_bytes(WHOLE[:-1])

    with pytest.raises(Failed) as raised:
        tail.finish()

    assert raised.value.failure.code == "bad_fragments"


def test_the_bodies_are_the_file_after_its_head(tail: Tail, path: Path) -> None:
    path.write_bytes(WHOLE)
    tail.finish()

    assert tail.init.content == HEAD
    assert b"".join(tail.body(segment) for segment in tail.segments) == WHOLE[len(HEAD) :]


def test_several_threads_that_ask_at_once_get_each_its_own_bytes(tail: Tail, path: Path) -> None:
    bodies = [fragment(6 * SECOND * n, durations=(6 * SECOND,), sizes=(50_000 + n,)) for n in range(40)]
    path.write_bytes(HEAD + b"".join(bodies))
    tail.finish()
    asked = tail.segments * 20

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(tail.body, asked))

    assert found == bodies * 20


def test_a_file_that_lost_what_it_had_gives_no_segment(tail: Tail, path: Path) -> None:
    path.write_bytes(WHOLE)
    (_, _, last) = tail.read() + tail.finish()
    path.write_bytes(WHOLE[:-1])

    with pytest.raises(Failed, match=r"v360: \d+ of \d+ bytes of 00003.m4s"):
        tail.body(last)


# --- a track that follows another ----------------------------------------------------------------------------------

SOUND_SECOND = 48_000


def sound_head(edit_list: bytes = b"") -> bytes:
    entry = entry_of_sound(extra=esds(bytes.fromhex("1190")))
    return head(entry, timescale=SOUND_SECOND, edit_list=edit_list)


def sound(seconds: int) -> bytes:
    return b"".join(fragment(SOUND_SECOND * n, durations=(SOUND_SECOND,)) for n in range(seconds))


@pytest.fixture
def follower(tail: Tail, tmp_path: Path) -> Iterator[Tail]:
    with closing(Tail(tmp_path / "a1.mp4", target=TARGET, leader=tail)) as follower:
        yield follower


def test_sound_waits_for_the_picture_and_is_cut_where_that_is(
    tail: Tail, follower: Tail, path: Path, tmp_path: Path
) -> None:
    (tmp_path / "a1.mp4").write_bytes(sound_head() + sound(16))
    assert follower.read() == []

    path.write_bytes(WHOLE)
    tail.read()

    assert names(follower.read()) == ["00001.m4s", "00002.m4s"]
    tail.finish()
    assert names(follower.finish()) == ["00003.m4s"]
    assert [segment.end_seconds for segment in follower.segments] == [6, 12, 16]


def test_sound_that_comes_late_is_published_with_its_delay_in_the_times(
    tail: Tail, follower: Tail, path: Path, tmp_path: Path
) -> None:
    path.write_bytes(WHOLE)
    tail.finish()
    beginning = sound_head(edits((2000, -1), (14_000, 0)))
    (tmp_path / "a1.mp4").write_bytes(beginning + sound(14))

    follower.finish()

    first = follower.segments[0]
    assert follower.init.delay == 2 * SOUND_SECOND
    at = follower.fragments[0].decode_at - first.offset
    assert int.from_bytes(follower.body(first)[at : at + 8], "big") == 2 * SOUND_SECOND
    assert len(follower.body(first)) == first.length
    assert first.end_seconds == 6
