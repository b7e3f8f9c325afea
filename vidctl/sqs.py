"""One SQS queue as ``Queue``."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from vidctl.clients import Client
from vidctl.errors import Throttled, Unavailable, WorldError
from vidctl.ports import Message, QueueDepth
from vidctl.refusals import meaning

BATCH = 10
"""AWS: at most ten entries in a batch."""

_REFUSED = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TIMES = ["SentTimestamp", "ApproximateFirstReceiveTimestamp", "ApproximateReceiveCount"]
_DEPTHS = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"]


class SqsQueue:
    """Implements ``Queue``. ``poll`` is the client of long polls, whose deadline outlasts the wait.

    ``visibility`` is for how long a receive holds its messages; None: as the queue itself is configured.
    """

    def __init__(
        self, *, client: Client, url: str, poll: Client | None = None, visibility: timedelta | None = None
    ) -> None:
        self._client = client
        self._poll = poll or client
        self._url = url
        self._hold = {} if visibility is None else {"VisibilityTimeout": _seconds(visibility)}

    async def receive(self, *, wait: timedelta) -> tuple[Message, ...]:
        """Return up to ten messages; see ``Queue``."""
        answer = await self._poll.call(
            "receive_message",
            QueueUrl=self._url,
            MaxNumberOfMessages=BATCH,
            WaitTimeSeconds=_seconds(wait),
            MessageSystemAttributeNames=_TIMES,
            MessageAttributeNames=["All"],
            **self._hold,
        )
        return tuple(_message(item) for item in answer.get("Messages", ()))

    async def delete(self, receipts: Sequence[str]) -> tuple[str, ...]:
        """Delete messages; return the receipts for which it failed. See ``Queue``."""
        failed: list[str] = []
        for batch in _batches(receipts):
            entries = [{"Id": str(number), "ReceiptHandle": receipt} for number, receipt in enumerate(batch)]
            answer = await self._client.call("delete_message_batch", QueueUrl=self._url, Entries=entries)
            failed += [batch[int(entry["Id"])] for entry in answer.get("Failed", ())]
        return tuple(failed)

    async def extend(self, receipts: Sequence[str], *, visibility: timedelta) -> tuple[str, ...]:
        """Set the time until the messages are visible again; return the receipts that are lost. See ``Queue``.

        An entry on which SQS itself failed is not lost: it is asked once more, and if SQS fails again the call raises
        as a whole. Extending again does no harm.

        Raises:
            Throttled, Unavailable: some of the messages may not have been extended.

        """
        lost: list[str] = []
        for batch in _batches(receipts):
            faults = await self._extended(batch, visibility)
            unanswered = [receipt for receipt, fault in faults.items() if isinstance(fault, Throttled | Unavailable)]
            if unanswered:
                faults |= dict.fromkeys(unanswered) | await self._extended(unanswered, visibility)
            lost += _lost(faults)
        return tuple(lost)

    async def send(self, body: str, *, attributes: dict[str, str] | None = None) -> None:
        """Add a message; see ``Queue``. Of the attributes, what SQS would refuse is left out: see ``acceptable``."""
        texts = acceptable(attributes or {})
        written = {name: {"DataType": "String", "StringValue": text} for name, text in texts.items()}
        await self._client.call("send_message", QueueUrl=self._url, MessageBody=body, MessageAttributes=written)

    async def depth(self) -> QueueDepth:
        """Return the approximate depth; see ``Queue``."""
        answer = await self._client.call("get_queue_attributes", QueueUrl=self._url, AttributeNames=_DEPTHS)
        visible, in_flight, delayed = (int(answer["Attributes"][name]) for name in _DEPTHS)
        return QueueDepth(visible=visible, in_flight=in_flight, delayed=delayed)

    async def _extended(self, batch: Sequence[str], visibility: timedelta) -> dict[str, WorldError | None]:
        """Extend at most ten messages; return the fault of each that was not."""
        seconds = _seconds(visibility)
        entries = [
            {"Id": str(number), "ReceiptHandle": receipt, "VisibilityTimeout": seconds}
            for number, receipt in enumerate(batch)
        ]
        answer = await self._client.call("change_message_visibility_batch", QueueUrl=self._url, Entries=entries)
        return {batch[int(entry["Id"])]: _fault(entry) for entry in answer.get("Failed", ())}


def acceptable(attributes: dict[str, str]) -> dict[str, str]:
    """Return attributes that SQS takes: none empty, characters outside XML 1.0 as U+FFFD (AWS: SendMessage).

    A dead letter must not fail for a control character in its reason.
    """
    return {name: _REFUSED.sub("\ufffd", text) for name, text in attributes.items() if text}


def _lost(faults: dict[str, WorldError | None]) -> Iterable[str]:
    for receipt, fault in faults.items():
        if isinstance(fault, Throttled | Unavailable):
            raise fault
        if fault is not None:
            yield receipt


def _fault(entry: dict[str, Any]) -> WorldError:
    """Return what the failure of one entry of a batch means: a fault of the sender's is a receipt that is lost."""
    code, message = entry["Code"], entry.get("Message", "")
    return meaning(code, message, 400 if entry["SenderFault"] else 500)(f"sqs: {code} {message}")


def _message(item: dict[str, Any]) -> Message:
    system = item["Attributes"]
    return Message(
        message_id=item["MessageId"],
        receipt=item["ReceiptHandle"],
        body=item["Body"],
        # A binary attribute, which vidctl never writes, has no StringValue.
        attributes={name: value.get("StringValue", "") for name, value in item.get("MessageAttributes", {}).items()},
        sent_at=_time(system["SentTimestamp"]),
        first_received_at=_time(system["ApproximateFirstReceiveTimestamp"]),
        receive_count=int(system["ApproximateReceiveCount"]),
    )


def _seconds(duration: timedelta) -> int:
    """Round up: a part of a second that became zero would be no wait, or no hold, at all."""
    return math.ceil(duration.total_seconds())


def _time(milliseconds: str) -> datetime:
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)


def _batches(receipts: Sequence[str]) -> Iterable[Sequence[str]]:
    return (receipts[start : start + BATCH] for start in range(0, len(receipts), BATCH))
