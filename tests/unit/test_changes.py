"""What a stream says next, whatever its reader knows."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from vidctl.history import History, State
from vidctl.http.videos.changes import Told, is_over, messages, read_id
from vidctl.timeline import Event, EventName

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
NOTHING = History(state=State.AWAITING_UPLOAD, timeline=(), attempts=(), progress=None, outputs=())


def line(name: EventName, second: int, reason: str | None = None) -> Event:
    return Event(name=name, at=NOON + timedelta(seconds=second), reason=reason)


LINES = (
    line(EventName.ACCEPTED, 0),
    line(EventName.UPLOADED, 1),
    line(EventName.LAUNCHED, 2, "attempt 1-1"),
    line(EventName.ENCODED, 3),
    line(EventName.PUBLISHED, 4, "ünï\ncode"),
)
WAY = (
    replace(NOTHING, timeline=LINES[:1]),
    replace(NOTHING, state=State.QUEUED, timeline=LINES[:2], ahead=2),
    replace(NOTHING, state=State.QUEUED, timeline=LINES[:3]),
    replace(NOTHING, state=State.RUNNING, timeline=LINES[:3], progress=0.25),
    replace(NOTHING, state=State.RUNNING, timeline=LINES[:3], progress=0.5),
    replace(NOTHING, state=State.PUBLISHED, timeline=LINES, progress=1.0),
)


class Reader:
    """Puts together what it is told, as a page does."""

    def __init__(self) -> None:
        self.told: Told | None = None
        self.lines: list[str] = []
        self.numbers: list[float] = []
        self.state = ""

    def hear(self, name: str, data: dict[str, Any]) -> None:
        if name == "snapshot":
            self.lines = [each["event"] for each in data["timeline"]]
        elif name == "timeline":
            self.lines.append(data["event"])
        if "progress" in data and data["progress"] is not None:
            self.numbers.append(data["progress"])
        self.state = data.get("state", self.state)

    def read(self, now: History, *, at_most: int = 99) -> list[str]:
        heard = [*messages("video", self.told, now)][:at_most]
        for message in heard:
            self.hear(message.name, message.data)
            self.told = read_id(str(message.told))
            assert self.told == message.told
        return [message.name for message in heard]


def test_a_new_reader_gets_everything_at_once_and_then_what_changes() -> None:
    reader = Reader()
    heard = [reader.read(now) for now in WAY]
    assert heard == [
        ["snapshot"],
        ["timeline", "progress", "state"],
        ["timeline", "progress"],
        ["progress", "state"],
        ["progress"],
        ["timeline", "timeline", "progress", "state"],
    ]
    assert (reader.lines, reader.state) == (["accepted", "uploaded", "launched", "encoded", "published"], "published")
    assert all(first < second for first, second in pairwise(reader.numbers))


def test_nothing_new_is_nothing_said() -> None:
    reader = Reader()
    reader.read(WAY[3])
    assert reader.read(replace(WAY[3], remaining_seconds=3.0)) == []


@pytest.mark.parametrize("cut", range(1, 4))
@pytest.mark.parametrize("start", range(len(WAY)))
def test_a_line_that_is_cut_after_any_message_repeats_and_loses_nothing(start: int, cut: int) -> None:
    reader = Reader()
    reader.read(WAY[start])
    reader.read(WAY[-1], at_most=cut)
    reader.read(WAY[-1])
    assert reader.lines == ["accepted", "uploaded", "launched", "encoded", "published"]
    assert (reader.state, reader.numbers[-1:]) == ("published", [1.0])
    assert reader.read(WAY[-1]) == []
    assert is_over(reader.told, WAY[-1])


def test_a_timeline_that_was_written_anew_is_told_as_a_whole() -> None:
    reader = Reader()
    reader.read(WAY[2])
    other = replace(WAY[3], timeline=(LINES[0], line(EventName.KEPT, 1), *LINES[1:3]))
    assert reader.read(other) == ["snapshot"]
    assert reader.lines == ["accepted", "kept", "uploaded", "launched"]
    assert reader.read(replace(other, timeline=other.timeline[:2])) == ["snapshot"]


def test_the_end_is_known_only_to_whom_it_was_told() -> None:
    reader = Reader()
    assert not is_over(None, WAY[-1])
    reader.read(WAY[4])
    assert not is_over(reader.told, WAY[-1])
    reader.read(WAY[-1])
    more = replace(WAY[-1], timeline=(*LINES, line(EventName.RAW_DELETED, 9)))
    assert is_over(reader.told, more), "what follows an end is not worth coming again for"
    assert not is_over(reader.told, replace(more, state=State.QUEUED)), "it was tried again"


@pytest.mark.parametrize(
    "text", ["", "7", "x" * 5000, "3-6f1f9a2bc041-running-4600", "3-6F1F9A2BC041-running-4600-", "3-é"]
)
def test_an_id_that_is_none_of_ours_is_no_id(text: str) -> None:
    assert read_id(text) is None


def test_a_message_is_written_in_lines_that_its_data_cannot_break() -> None:
    (last,) = messages("video", None, WAY[-1])
    name, identity, data, *rest = bytes(last).decode().split("\n")
    assert (name, identity, rest) == ("event: snapshot", f"id: {last.told}", ["", ""])
    assert json.loads(data.removeprefix("data: "))["timeline"][-1]["reason"] == "ünï\ncode"
