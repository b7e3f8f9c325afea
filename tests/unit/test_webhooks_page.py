"""The verifier on the page works as it is printed."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from vidctl.webhooks.signature import signature

PAGE = Path(__file__).parents[2] / "docs" / "webhooks.md"
BODY = '{"id":"é"}'.encode()
OLD, NEW = b"o" * 32, b"n" * 32


@pytest.fixture(scope="module")
def verify() -> Callable[..., bool]:
    printed = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    assert len(printed) == 1
    assert len([line for line in printed[0].splitlines() if line.strip()]) <= 10
    place: dict[str, Any] = {}
    exec(printed[0], place)  # noqa: S102 - the page is ours
    found: Callable[..., bool] = place["verify"]
    return found


def header(*secrets: bytes, age: float = 0) -> str:
    return signature(BODY, at=datetime.fromtimestamp(time.time() - age, UTC), secrets=secrets)  # noqa: TID251 - as its readers


def test_what_we_signed_is_verified_by_either_secret(verify: Callable[..., bool]) -> None:
    assert verify(header(NEW, OLD), BODY, OLD)
    assert verify(header(NEW, OLD), BODY, NEW)


def test_what_was_changed_replayed_or_made_up_is_not(verify: Callable[..., bool]) -> None:
    genuine = header(NEW)
    assert not verify(genuine, BODY + b" ", NEW)
    assert not verify(genuine, BODY, OLD)
    assert not verify(re.sub(r"t=\d+", f"t={int(time.time()) + 60}", genuine), BODY, NEW)  # noqa: TID251 - as its readers
    assert not verify(header(NEW, age=400), BODY, NEW)
    assert not verify(genuine.replace("v1=", "v0="), BODY, NEW)
