"""Receivers of notices in memory: they note what they were told, and tell it to a witness first."""

from __future__ import annotations

import copy
from typing import Self

from tests.world.seam import BLIND, Around, Witness, undisturbed
from vidctl.dispatch import Event


class MemoryReceiver:
    """Implements ``Receiver``. ``told`` has every event as often as it came."""

    def __init__(self, name: str, *, witness: Witness = BLIND, around: Around = undisturbed) -> None:
        self.name = name
        self.told: list[Event] = []
        self._witness = witness
        self._around = around

    def through(self, around: Around) -> Self:
        """Return the same receiver as seen by somebody whose calls meet other faults."""
        view = copy.copy(self)
        view._around = around
        return view

    async def tell(self, event: Event) -> None:
        async with self._around("receiver.tell"):
            self._witness.telling(self.name, event)
            self.told.append(event)
