"""Whether this replica has room for one more message, and for whose."""

from __future__ import annotations

from vidctl.model import VideoKey
from vidctl.reconciler.fairness import crowds
from vidctl.reconciler.holds import Holds
from vidctl.reconciler.launches import Launches
from vidctl.reconciler.limits import Limits


class Room:
    """A message for each slot and each place of the waiting room."""

    def __init__(self, limits: Limits, *, holds: Holds, launches: Launches) -> None:
        self._limits = limits
        self._holds = holds
        self._launches = launches

    def has_any(self) -> bool:
        """Whether there is a place at all."""
        return len(self._holds) < self._limits.slots + self._limits.waiting_room

    def is_crowded_by(self, key: VideoKey) -> bool:
        """Whether a message of this video would crowd other users out; one that is worked on never does."""
        if key in self._holds or self._launches.occupies(key):
            return False
        room = self._limits.slots + self._limits.waiting_room
        reserve = (self._limits.waiting_room + 1) // 2
        return crowds(self._holds.by_user(), key.user_id, room=room, reserve=reserve)
