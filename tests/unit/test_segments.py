"""How fragments become segments, and what bandwidth they take."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidctl.worker.cmaf.fragments import Fragment
from vidctl.worker.cmaf.init_segment import Init
from vidctl.worker.cmaf.sample_entry import Picture
from vidctl.worker.cmaf.segments import (
    Bandwidth,
    ClockCutter,
    FollowingCutter,
    Segment,
    bandwidth,
    measure,
    rounded,
    target_duration,
)
from vidctl.worker.failure import Failed

TARGET = Fraction(6)


def init(*, timescale: int = 1000, skipped: int = 0) -> Init:
    entry = Picture(codec="avc1.64001E", width=640, height=360)
    return Init(timescale=timescale, entry=entry, content=bytes(100), skipped=skipped)


def row(*starts: int, end: int, syncs: Iterable[bool] = ()) -> list[Fragment]:
    """Return fragments of 50 bytes that start at these times of the media; the last lasts until ``end``."""
    marks = list(syncs) or [True] * len(starts)
    return [
        Fragment(
            offset=100 + 50 * index,
            length=50,
            decode=start,
            start=start,
            end=until,
            duration=until - start,
            samples=2,
            sync=marks[index],
            first_length=20,
            shortest=10,
            decode_at=0,
        )
        for index, (start, until) in enumerate(pairwise([*starts, end]))
    ]


def clocked(fragments: Iterable[Fragment], *, timescale: int = 1000, skipped: int = 0) -> list[Segment]:
    cutter = ClockCutter(init(timescale=timescale, skipped=skipped), TARGET)
    return [*cutter.add(fragments), *cutter.finish()]


def following(fragments: Iterable[Fragment], *boundaries: float | Fraction, skipped: int = 0) -> list[Segment]:
    cutter = FollowingCutter(init(skipped=skipped), TARGET)
    return [*cutter.add(fragments, [Fraction(boundary) for boundary in boundaries]), *cutter.finish()]


def starts(segments: Iterable[Segment]) -> list[int]:
    return [segment.start for segment in segments]


def test_a_segment_ends_where_the_next_fragment_is_at_or_after_a_multiple() -> None:
    segments = clocked(row(0, 2000, 4000, 6000, 8000, 10000, 12100, 14000, end=15000))
    assert starts(segments) == [0, 6000, 12100]
    assert [segment.duration for segment in segments] == [6000, 6100, 2900]
    assert [segment.number for segment in segments] == [1, 2, 3]
    assert [segment.name for segment in segments] == ["00001.m4s", "00002.m4s", "00003.m4s"]
    assert [(segment.offset, segment.length) for segment in segments] == [(100, 150), (250, 150), (400, 100)]
    assert segments[1].seconds == Fraction(61, 10)
    assert segments[1].end_seconds == Fraction(121, 10)


def test_multiples_are_of_the_clock_and_not_of_the_last_cut() -> None:
    assert starts(clocked(row(0, 2000, 9000, 11000, 12000, end=14000))) == [0, 9000, 12000]


def test_a_long_fragment_is_a_long_segment() -> None:
    assert starts(clocked(row(0, 25000, 27000, 31000, end=33000))) == [0, 25000, 31000]


def test_renditions_with_other_units_are_cut_alike() -> None:
    # 5.999999 s, which a unit of 1/90000 s rounds to 6 s.
    fine = clocked(row(0, 3_000_000, 5_999_999, 9_000_000, end=10_000_000), timescale=1_000_000)
    coarse = clocked(row(0, 270_000, 540_000, 810_000, end=900_000), timescale=90_000)
    assert [len(segment.fragments) for segment in fine] == [len(segment.fragments) for segment in coarse] == [2, 2]


def test_a_segment_begins_only_with_what_can_be_decoded() -> None:
    assert starts(clocked(row(0, 6000, 8000, end=9000, syncs=(True, False, True)))) == [0, 8000]


def test_a_track_that_begins_in_the_middle_of_something_is_refused() -> None:
    for cutter in (ClockCutter(init(), TARGET), FollowingCutter(init(), TARGET)):
        with pytest.raises(Failed, match="does not begin with a keyframe"):
            cutter.add(row(0, end=2000, syncs=(False,)))


def test_the_edit_list_moves_what_is_presented() -> None:
    segments = clocked(row(500, 6400, 6500, end=8500), skipped=500)
    assert starts(segments) == [0, 6000]


def test_a_track_without_fragments_has_no_segments() -> None:
    assert clocked([]) == []
    assert following([], 6, 12) == []


def test_audio_is_cut_nearest_to_the_video() -> None:
    audio = row(0, 2005, 4010, 6016, 8021, 10026, 12032, end=13000)
    assert starts(following(audio, 6.006, 12.012, 13.013)) == [0, 6016, 12032]
    assert starts(following(audio, 6.9, 9.1, 13)) == [0, 6016, 10026]


def test_audio_that_is_skipped_is_before_the_start() -> None:
    segments = following(row(0, 2000, 6000, end=8000), 6, skipped=21)
    assert starts(segments) == [-21, 5979]


def test_boundaries_closer_than_fragments_make_no_empty_segment() -> None:
    assert starts(following(row(0, 2000, 4000, end=6000), 0.1, 1.9, 2.1, 5.9, 6)) == [0, 2000]


def test_audio_that_lasts_longer_is_cut_by_the_clock() -> None:
    audio = row(*range(0, 30000, 2000), end=30000)
    assert starts(following(audio, 6, 9)) == [0, 6000, 8000, 14000, 20000, 26000]


def test_audio_alone_is_cut_by_the_clock() -> None:
    assert starts(following(row(*range(0, 14000, 2000), end=14000))) == [0, 6000, 12000]


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=30), st.lists(st.integers(1, 9000), max_size=10), st.data())
def test_in_whatever_portions_they_come_the_cuts_are_the_same(
    lasts: list[int], gaps: list[int], data: st.DataObject
) -> None:
    edges = [sum(lasts[:index]) for index in range(len(lasts) + 1)]
    fragments = row(*edges[:-1], end=edges[-1])
    boundaries = [Fraction(sum(gaps[: index + 1]), 1000) for index in range(len(gaps))]
    cutter, segments, clock, clock_segments = FollowingCutter(init(), TARGET), [], ClockCutter(init(), TARGET), []
    left, coming = list(fragments), list(boundaries)
    while left or coming:
        many, more = (1, 0) if left and (not coming or data.draw(st.booleans())) else (0, 1)
        segments += cutter.add(left[:many], coming[:more])
        clock_segments += clock.add(left[:many])
        left, coming = left[many:], coming[more:]
    assert [*segments, *cutter.finish()] == following(fragments, *boundaries)
    assert [*clock_segments, *clock.finish()] == clocked(fragments)


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=30), st.lists(st.integers(1, 9000), max_size=10))
def test_no_fragment_is_lost_or_doubled(lasts: list[int], gaps: list[int]) -> None:
    edges = [sum(lasts[:index]) for index in range(len(lasts) + 1)]
    fragments = row(*edges[:-1], end=edges[-1])
    boundaries = [sum(gaps[: index + 1]) / 1000 for index in range(len(gaps))]
    for segments in (clocked(fragments), following(fragments, *boundaries)):
        assert [fragment for segment in segments for fragment in segment.fragments] == fragments
        assert sum(segment.duration for segment in segments) == edges[-1]


def test_the_target_is_the_longest_rounded_half_up() -> None:
    assert target_duration(clocked(row(0, 6500, end=8000))) == 7
    assert target_duration(clocked(row(0, 6499, end=8000))) == 6
    assert [rounded(Fraction(seconds)) for seconds in (0, 0.03, 2.5, 3.5)] == [1, 1, 3, 4]
    assert target_duration([]) == 1


def test_the_peak_is_of_any_row_of_half_to_one_and_a_half_targets() -> None:
    # 2 s alone are too short to count; 4 s count, and so do 8 s, and 10 s do not.
    pieces = [(100, Fraction(4)), (900, Fraction(2)), (100, Fraction(2)), (100, Fraction(4))]
    assert measure(pieces, 6) == Bandwidth(peak=2000, average=800)
    assert measure([(10, Fraction(6)), (10, Fraction(6))], 6) == Bandwidth(peak=14, average=14)


def test_what_is_shorter_than_half_a_target_has_its_average_as_peak() -> None:
    assert measure([(100, Fraction(1, 5))], 1) == Bandwidth(peak=4000, average=4000)
    assert measure([], 6) == Bandwidth(peak=0, average=0)


def test_a_short_end_of_many_bits_does_not_push_the_average_over_the_peak() -> None:
    found = measure([(10, Fraction(10)), (9000, Fraction(1))], 6)
    assert found.peak == found.average


def test_segments_are_measured_by_size_and_time() -> None:
    assert bandwidth(clocked(row(0, 2000, 6000, end=12000)), 6) == Bandwidth(peak=134, average=100)
    assert Bandwidth(peak=3, average=2) + Bandwidth(peak=30, average=20) == Bandwidth(peak=33, average=22)
