"""What every test shares: quiet logs."""

from __future__ import annotations

import io

import pytest

from vidctl import logs


@pytest.fixture(autouse=True, scope="session")
def _quiet_logs() -> None:
    logs.configure(level="warning", json=False, stream=io.StringIO())
