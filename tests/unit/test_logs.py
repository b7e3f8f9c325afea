"""What reaches the log, and what never does."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from vidctl import logs

TOKEN = "eyJhbGciOiJIUzI1NiJ9.c2VjcmV0.c2lnbmF0dXJl"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield io.StringIO()
    root.handlers = handlers
    root.setLevel(level)


def claims(token: str) -> None:
    raise RuntimeError(f"a token of {len(token)} characters")


@pytest.mark.parametrize("as_json", [True, False])
def test_a_traceback_shows_where_and_never_with_what(stream: io.StringIO, *, as_json: bool) -> None:
    logs.configure(level="info", json=as_json, stream=stream)
    try:
        claims(TOKEN)
    except RuntimeError:
        logs.get("ours").exception("request_failed")
        logging.getLogger("theirs").exception("it failed")
    written = stream.getvalue()
    assert written.count(f"a token of {len(TOKEN)} characters") == 2
    assert written.count("test_logs.py") >= 2
    assert TOKEN[:20] not in written


def test_a_line_of_json_is_one_event_with_its_exception(stream: io.StringIO) -> None:
    logs.configure(level="info", json=True, stream=stream)
    try:
        claims(TOKEN)
    except RuntimeError:
        with logs.bind(video_id="v"):
            logs.get("ours").exception("request_failed", route="/v1")
    event = json.loads(stream.getvalue())
    assert {"event": "request_failed", "level": "error", "video_id": "v", "route": "/v1"}.items() <= event.items()
    assert event["exception"][0]["exc_type"] == "RuntimeError"
    assert [frame["name"] for frame in event["exception"][0]["frames"]][-1] == "claims"
