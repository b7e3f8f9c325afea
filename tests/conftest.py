"""What every test shares: quiet logs, and no clock over generated cases: a loaded machine is no defect."""

from __future__ import annotations

import io

import pytest
from hypothesis import HealthCheck, Phase, settings

from vidctl import logs

settings.register_profile("vidctl", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# What catches a deliberate bug must not be luck, and needs no smallest example.
settings.register_profile(
    "mutants",
    parent=settings.get_profile("vidctl"),
    derandomize=True,
    max_examples=30,
    phases=(Phase.explicit, Phase.generate),
)
settings.load_profile("vidctl")


@pytest.fixture(autouse=True, scope="session")
def _quiet_logs() -> None:
    logs.configure(level="warning", json=False, stream=io.StringIO())
