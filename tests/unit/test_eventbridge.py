"""EventBridge answers 200 whatever becomes of an entry."""

from __future__ import annotations

from typing import Any

import pytest

from tests import builders as b
from vidctl.dispatch import event
from vidctl.errors import AccessDenied, NotTold, Unavailable, WorldError
from vidctl.eventbridge import EventBus

EVENT = event(b.notice())


class Answering:
    """A client that answers every call alike."""

    def __init__(self, answer: dict[str, Any] | WorldError) -> None:
        self.answer = answer
        self.entries: list[dict[str, Any]] = []

    async def call(self, operation: str, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - AWS's name
        assert operation == "put_events"
        self.entries += Entries
        if isinstance(self.answer, WorldError):
            raise self.answer
        return self.answer


def failed(code: str) -> dict[str, Any]:
    return {"FailedEntryCount": 1, "Entries": [{"ErrorCode": code, "ErrorMessage": "no"}]}


async def test_an_event_says_where_it_comes_from_and_what_it_is() -> None:
    client = Answering({"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]})
    await EventBus(client=client, name="videos").tell(EVENT)  # type: ignore[arg-type]
    (entry,) = client.entries
    assert (entry["Source"], entry["DetailType"], entry["EventBusName"]) == ("vidctl", "video.published", "videos")
    assert entry["Detail"].encode() == EVENT.body
    assert entry["Time"] == EVENT.at


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (failed("ThrottlingException"), "throttled"),
        (failed("InternalFailure"), "unreachable"),
        (failed("NotAuthorizedForSourceException"), "unreachable"),
        (Unavailable("no reply"), "unreachable"),
        (AccessDenied("events:PutEvents"), "refused"),
    ],
)
async def test_what_was_not_taken_is_to_be_told_again(answer: dict[str, Any] | WorldError, reason: str) -> None:
    with pytest.raises(NotTold) as caught:
        await EventBus(client=Answering(answer), name="videos").tell(EVENT)  # type: ignore[arg-type]
    assert caught.value.reason == reason
