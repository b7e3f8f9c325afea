"""The slots of a replica, and the line of videos that wait for one: in turn of their users, then of their asking."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from vidctl.model import VideoKey
from vidctl.ports import Clock
from vidctl.reconciler.fairness import in_turn

FORGOTTEN = timedelta(minutes=2)
"""A video that has not asked for its slot for so long has gone elsewhere."""


class Slots:
    """``count`` slots, of which one user may have ``most`` (None: all).

    They may be overdrawn: after a restart, what is found running has its slot already.
    """

    def __init__(self, count: int, *, most: int | None = None, clock: Clock, wake: Callable[[VideoKey], None]) -> None:
        self.count = count
        self._most = most
        self._clock = clock
        self._wake = wake
        self._taken: set[VideoKey] = set()
        self._waiting: OrderedDict[VideoKey, datetime] = OrderedDict()

    @property
    def taken(self) -> int:
        """Count the slots in use."""
        return len(self._taken)

    @property
    def waiting(self) -> int:
        """Count the videos in line."""
        return len(self._waiting)

    def __contains__(self, key: VideoKey) -> bool:
        """Whether the video has a slot."""
        return key in self._taken

    def free_for(self, key: VideoKey) -> bool:
        """Whether the video has a slot, or may take one without overtaking those that wait."""
        if key in self._taken:
            return True
        now = self._clock()
        for gone in [other for other, asked_at in self._waiting.items() if now - asked_at > FORGOTTEN]:
            del self._waiting[gone]
        free = max(self.count - len(self._taken), 0)
        return key in self._in_turn(dict.fromkeys((*self._waiting, key)))[:free]

    def open_to(self, key: VideoKey) -> bool:
        """Whether there still is a slot for the video, since it was its turn."""
        return key in self._taken or (len(self._taken) < self.count and bool(self._in_turn((key,))))

    def take(self, key: VideoKey) -> None:
        """Give the video a slot."""
        self._waiting.pop(key, None)
        self._taken.add(key)

    def give_back(self, key: VideoKey) -> None:
        """Take the video's slot back, if it has one, and wake who is next."""
        if key in self._taken:
            self._taken.remove(key)
            for first in self._in_turn(self._waiting)[:1]:
                self._wake(first)

    def wait(self, key: VideoKey) -> None:
        """Put the video in line, or note that it still stands there."""
        self._waiting[key] = self._clock()

    def leave(self, key: VideoKey) -> None:
        """Take the video out of the line."""
        self._waiting.pop(key, None)

    def _in_turn(self, waiting: Iterable[VideoKey]) -> list[VideoKey]:
        return in_turn(waiting, Counter(key.user_id for key in self._taken), most=self._most)
