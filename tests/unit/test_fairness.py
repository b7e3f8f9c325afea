"""Whose turn it is, and whose messages go back."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidctl.model import VideoKey
from vidctl.reconciler.fairness import LONGEST_ABSENCE, MOST_RECEIVES, absence, crowds, in_turn


def line(users: str) -> list[VideoKey]:
    """Return a video of each user, in this order; a user is a letter."""
    return [
        VideoKey(user_id=user, video_id=f"00000000-0000-0000-0000-{number:012}") for number, user in enumerate(users)
    ]


@pytest.mark.parametrize(
    ("waiting", "running", "most", "turns"),
    [
        ("aaa", {}, None, "aaa"),
        ("aaab", {}, None, "abaa"),
        ("aaabb", {}, None, "ababa"),
        ("aab", {"a": 3}, None, "baa"),
        ("abc", {"a": 1, "b": 1}, None, "cab"),
        ("aab", {"b": 5}, None, "aab"),
        ("aaab", {}, 2, "aba"),
        ("aab", {"a": 2}, 2, "b"),
        ("", {"a": 2}, None, ""),
    ],
)
def test_who_has_fewer_running_comes_first(waiting: str, running: dict[str, int], most: int | None, turns: str) -> None:
    assert "".join(key.user_id for key in in_turn(line(waiting), running, most=most)) == turns


@given(waiting=st.text("abcd", max_size=30), running=st.dictionaries(st.sampled_from("abcd"), st.integers(0, 9)))
def test_slots_given_in_turn_leave_nobody_with_fewer_than_another_was_given(
    waiting: str, running: dict[str, int]
) -> None:
    turns = in_turn(line(waiting), running, most=None)
    assert sorted(turns, key=lambda key: key.video_id) == line(waiting)
    left, have = Counter(waiting), Counter(running)
    for key in turns:
        assert have[key.user_id] == min(have[user] for user in left if left[user])
        have[key.user_id] += 1
        left[key.user_id] -= 1
    for user in set(waiting):
        own = [key.video_id for key in turns if key.user_id == user]
        assert own == sorted(own)


@pytest.mark.parametrize(
    ("held", "user", "expected"),
    [
        ({"a": 149}, "a", False),  # there is plenty
        ({"a": 150}, "a", True),
        ({"a": 150}, "b", False),
        ({"a": 150, "b": 49}, "b", False),
        ({"a": 134, "b": 66}, "b", True),  # a third is the even share, with one left for who comes next
        ({"a": 100, "b": 50}, "c", False),
        ({}, "a", False),
    ],
)
def test_the_last_places_are_for_who_holds_less_than_a_share(
    held: dict[str, int], user: str, *, expected: bool
) -> None:
    assert crowds(held, user, room=200, reserve=50) is expected


def test_a_single_user_keeps_every_slot_busy_in_the_smallest_room() -> None:
    # One slot and one place before it: the place is for others, the slot for whoever comes.
    assert not crowds({}, "a", room=2, reserve=1)
    assert crowds({"a": 1}, "a", room=2, reserve=1)
    assert not crowds({"a": 1}, "b", room=2, reserve=1)


def test_what_goes_back_comes_again_and_is_never_received_so_often_that_the_queue_gives_it_up() -> None:
    assert absence(1) == timedelta(minutes=1)
    assert absence(3) == timedelta(minutes=4)
    assert absence(10_000) == LONGEST_ABSENCE
    assert sum((absence(n) for n in range(1, MOST_RECEIVES)), timedelta()) > timedelta(hours=20)
    assert MOST_RECEIVES <= 50  # SQS's own redrive is set to 100, and restarts count too
