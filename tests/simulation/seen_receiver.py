"""A receiver as one replica meets it: its way there leads through its weather, and it has moods of its own."""

from __future__ import annotations

import asyncio

from tests.simulation.catalogue import Fault
from tests.simulation.weather import Weather
from tests.world.receivers import MemoryReceiver
from tests.world.seam import at_once
from vidctl.dispatch import Event
from vidctl.errors import NotTold, WorldError

PATIENCE = 10.0
"""Seconds after which an attempt is given up (VIDCTL_NOTICES_TIMEOUT)."""


class SeenReceiver:
    """A receiver."""

    def __init__(self, receiver: MemoryReceiver, weather: Weather) -> None:
        self._receiver = receiver.through(at_once)
        self._weather = weather

    async def tell(self, event: Event) -> None:
        async def refused() -> None:
            raise NotTold("500", reason="refused")

        async def taken_in_silence() -> None:
            await self._receiver.tell(event)
            await asyncio.sleep(PATIENCE)
            raise NotTold("no answer", reason="timeout")

        try:
            async with asyncio.timeout(PATIENCE):
                await self._weather.call(
                    "receiver.tell",
                    f"{self._receiver.name} {event.id}",
                    lambda: self._receiver.tell(event),
                    special={Fault.NOTICE_REFUSED: refused, Fault.NOTICE_TAKEN_IN_SILENCE: taken_in_silence},
                )
        except TimeoutError as error:
            raise NotTold("no answer", reason="timeout") from error
        except WorldError as error:
            raise NotTold(str(error), reason="unreachable") from error
