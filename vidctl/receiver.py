"""Who is told: a port of its own, since a webhook and a bus are the same to whoever tells them."""

from __future__ import annotations

from typing import Protocol

from vidctl.dispatch import Event


class Receiver(Protocol):
    """Somebody who wants to be told of events, each at least once."""

    async def tell(self, event: Event) -> None:
        """Tell an event; returning means that the receiver has it.

        Raises:
            NotTold: it may have it or not: tell it again, later.
            NotWanted: it wants this event no more, now or later.

        """
