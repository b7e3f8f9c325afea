"""Fairness between users when slots are short: whose turn it is, and whose messages go back (P).

A burst of one user must not make another's single upload wait for all of it. Two things could: the line for a slot, and
the waiting room before it, which the burst would fill.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import timedelta

from vidctl.model import VideoKey

FIRST_ABSENCE = timedelta(minutes=1)
LONGEST_ABSENCE = timedelta(minutes=30)
"""How long a message that was handed back stays away, doubled each time: long enough to find what is behind it."""
MOST_RECEIVES = 50
"""A message that came so often stays: each absence counts as a receive, and at 100 SQS would dead-letter it itself."""


def in_turn(waiting: Iterable[VideoKey], running: Mapping[str, int], *, most: int | None) -> list[VideoKey]:
    """Order who waits (the first first) by how many jobs his user would have running before him.

    So a user's first job comes before everybody's second; among equals, who asked first. ``most`` is how many jobs one
    user may have running: what is beyond it has no turn.
    """
    ahead = Counter(running)
    turns: list[tuple[int, int, VideoKey]] = []
    for place, key in enumerate(waiting):
        turns.append((ahead[key.user_id], place, key))
        ahead[key.user_id] += 1
    return [key for before, _, key in sorted(turns, key=lambda turn: turn[:2]) if most is None or before < most]


def crowds(held: Mapping[str, int], user_id: str, *, room: int, reserve: int) -> bool:
    """Whether one more message of this user would crowd others out; ``held`` counts the messages of each user.

    While there is plenty of room he may have it. The last ``reserve`` places are for those who hold less than an even
    share, one share always being left for who comes next.
    """
    if sum(held.values()) < room - reserve:
        return False
    return held.get(user_id, 0) >= max(room // (len(held.keys() | {user_id}) + 1), 1)


def absence(receive_count: int) -> timedelta:
    """Return how long a message stays away that has been received so often, before jitter."""
    doublings = min(max(receive_count - 1, 0), 10)
    return min(FIRST_ABSENCE * (1 << doublings), LONGEST_ABSENCE)
