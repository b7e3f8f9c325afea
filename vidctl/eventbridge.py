"""One EventBridge bus as ``Receiver``."""

from __future__ import annotations

from vidctl.clients import Client
from vidctl.dispatch import Event
from vidctl.errors import NotTold, Throttled, WorldError
from vidctl.refusals import meaning

SOURCE = "vidctl"


class EventBus:
    """Implements ``Receiver`` for the bus ``name`` (name or ARN)."""

    def __init__(self, *, client: Client, name: str) -> None:
        self._client = client
        self._name = name

    async def tell(self, event: Event) -> None:
        """Put the event on the bus; see ``Receiver``.

        The call answers 200 whatever becomes of its entries: ``FailedEntryCount`` says whether this one was taken.
        """
        entry = {
            "Source": SOURCE,
            "DetailType": event.about.value,
            "Detail": event.body.decode(),
            "Time": event.at,
            "EventBusName": self._name,
        }
        try:
            answer = await self._client.call("put_events", Entries=[entry])
            if answer.get("FailedEntryCount"):
                fault = answer["Entries"][0]
                code, message = fault.get("ErrorCode", ""), fault.get("ErrorMessage", "")
                raise meaning(code, message, 500)(f"events.put_events: {code} {message}")
        except Throttled as error:
            raise NotTold(str(error), reason="throttled") from error
        except WorldError as error:
            raise NotTold(str(error), reason="refused" if error.code != "unavailable" else "unreachable") from error
