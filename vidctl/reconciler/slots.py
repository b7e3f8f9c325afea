"""The slots of a replica, and the line of videos that wait for one: who asked first gets the first that falls free."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import islice

from vidctl.model import VideoKey
from vidctl.ports import Clock

FORGOTTEN = timedelta(minutes=2)
"""A video that has not asked for its slot for so long has gone elsewhere."""


class Slots:
    """``count`` slots. They may be overdrawn: after a restart, what is found running has its slot already."""

    def __init__(self, count: int, *, clock: Clock, wake: Callable[[VideoKey], None]) -> None:
        self.count = count
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
        while self._waiting and now - next(iter(self._waiting.values())) > FORGOTTEN:
            self._waiting.popitem(last=False)
        free = max(self.count - len(self._taken), 0)
        return key in islice(self._waiting, free) or (key not in self._waiting and free > len(self._waiting))

    def take(self, key: VideoKey) -> None:
        """Give the video a slot."""
        self._waiting.pop(key, None)
        self._taken.add(key)

    def give_back(self, key: VideoKey) -> None:
        """Take the video's slot back, if it has one, and wake who is next."""
        if key in self._taken:
            self._taken.remove(key)
            if self._waiting:
                self._wake(next(iter(self._waiting)))

    def wait(self, key: VideoKey) -> None:
        """Put the video in line, or note that it still stands there."""
        self._waiting[key] = self._clock()

    def leave(self, key: VideoKey) -> None:
        """Take the video out of the line."""
        self._waiting.pop(key, None)
