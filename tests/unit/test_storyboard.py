from __future__ import annotations

import re
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidctl.worker.recipes.profile import Storyboard
from vidctl.worker.recipes.storyboard import Board, layout, text

PROFILE = Storyboard()
SIZE = (640, 360)


def every_two(seconds: int) -> list[Fraction]:
    return [Fraction(second) for second in range(0, seconds, 2)]


def board(seconds: int, profile: Storyboard = PROFILE, *, size: tuple[int, int] = SIZE) -> Board:
    return layout(profile, keyframes=every_two(seconds), end=Fraction(seconds), size=size)


def seconds(clock: str) -> Fraction:
    hours, minutes, rest = clock.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + Fraction(rest)


def cues(made: Board) -> list[tuple[Fraction, Fraction]]:
    return [(seconds(begin), seconds(end)) for begin, end in re.findall(r"(\S+) --> (\S+)", text(made))]


@pytest.mark.parametrize(
    ("length", "every", "pictures", "sheets"),
    [
        pytest.param(2, 1, 1, 1, id="one keyframe"),
        pytest.param(40, 1, 20, 1, id="too short to fill a sheet"),
        pytest.param(50, 1, 25, 1, id="just full"),
        pytest.param(100, 2, 25, 1, id="as many as fill it"),
        pytest.param(250, 5, 25, 1, id="one in ten seconds"),
        pytest.param(260, 5, 26, 2, id="one more than fits"),
        pytest.param(3600, 5, 360, 15, id="an hour"),
    ],
)
def test_as_many_keyframes_are_shown_as_fill_a_sheet_and_then_one_in_ten_seconds(
    length: int, every: int, pictures: int, sheets: int
) -> None:
    made = board(length)

    assert (made.every, len(made.moments), made.sheets) == (every, pictures, sheets)


def test_every_keyframe_of_a_still_picture_at_one_moment_is_laid_out() -> None:
    made = layout(PROFILE, keyframes=[Fraction(0)], end=Fraction(0), size=SIZE)

    assert (made.every, made.moments) == (1, (Fraction(0),))


@pytest.mark.parametrize(
    ("size", "small"),
    [((640, 360), (160, 90)), ((360, 640), (90, 160)), ((4096, 2), (160, 2)), ((854, 480), (160, 90))],
)
def test_a_picture_is_so_wide_along_its_longer_side_and_even(size: tuple[int, int], small: tuple[int, int]) -> None:
    assert board(10, size=size).size == small


def test_each_cue_is_a_place_on_a_sheet() -> None:
    made = board(6, Storyboard(columns=2, rows=2, seconds=2, width=160))

    assert text(made) == (
        "WEBVTT\n"
        "\n"
        "00:00:00.000 --> 00:00:02.000\n"
        "storyboard/00001.jpg#xywh=0,0,160,90\n"
        "\n"
        "00:00:02.000 --> 00:00:04.000\n"
        "storyboard/00001.jpg#xywh=160,0,160,90\n"
        "\n"
        "00:00:04.000 --> 00:00:06.000\n"
        "storyboard/00001.jpg#xywh=0,90,160,90\n"
    )


def test_the_next_sheet_begins_at_its_corner() -> None:
    made = board(20, Storyboard(columns=2, rows=1, seconds=2, width=160))

    assert re.findall(r"(\d+)\.jpg#xywh=(\d+),", text(made))[:5] == [
        ("00001", "0"),
        ("00001", "160"),
        ("00002", "0"),
        ("00002", "160"),
        ("00003", "0"),
    ]


def test_the_first_picture_shows_from_the_start_whenever_its_keyframe_is() -> None:
    made = layout(PROFILE, keyframes=[Fraction(1, 2), Fraction(2)], end=Fraction(4), size=SIZE)

    assert cues(made) == [(Fraction(0), Fraction(2)), (Fraction(2), Fraction(4))]


def test_an_hour_is_written_as_one() -> None:
    made = layout(PROFILE, keyframes=[Fraction(0), Fraction(7384)], end=Fraction("7385.5"), size=SIZE)

    assert "02:03:04.000 --> 02:03:05.500" in text(made)


@given(
    gaps=st.lists(st.fractions(min_value=Fraction(1, 30), max_value=20), min_size=1, max_size=200),
    columns=st.integers(1, 6),
    rows=st.integers(1, 6),
)
def test_cues_cover_all_without_a_gap_and_every_one_has_its_sheet(
    gaps: list[Fraction], columns: int, rows: int
) -> None:
    keyframes = [sum(gaps[:number], Fraction(0)) for number in range(len(gaps))]
    end = sum(gaps, Fraction(0))

    made = layout(Storyboard(columns=columns, rows=rows), keyframes=keyframes, end=end, size=SIZE)

    found = cues(made)
    assert found[0][0] == 0
    assert abs(found[-1][1] - end) <= Fraction(1, 1000)
    assert all(before[1] == after[0] for before, after in pairwise(found))
    assert len(re.findall("xywh", text(made))) == len(found)
    assert {int(number) for number in re.findall(r"(\d+)\.jpg", text(made))} == set(range(1, made.sheets + 1))
