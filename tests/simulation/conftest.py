"""Simulated replicas write no log: a run is retold with its trace when it fails."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.simulation.silence import silent


@pytest.fixture(autouse=True, scope="session")
def _silence() -> Iterator[None]:
    with silent():
        yield
