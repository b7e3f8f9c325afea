"""What every test shares: quiet logs, and no clock over generated cases: a loaded machine is no defect."""

from __future__ import annotations

import io
import random
from typing import Any

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


FRESH = pytest.StashKey[int]()
"""The first of the seeds that nobody has tried before; the header of a run prints it."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fresh-seed", type=int, help="first of the simulation's fresh seeds, to try the same ones again")


def pytest_configure(config: pytest.Config) -> None:
    told = getattr(config, "workerinput", {}).get("fresh_seed", config.getoption("--fresh-seed"))
    config.stash[FRESH] = random.SystemRandom().randrange(10**9) if told is None else told


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Let every process of a run try seeds of the same row (pytest-xdist)."""
    node.workerinput["fresh_seed"] = node.config.stash[FRESH]


def pytest_report_header(config: pytest.Config) -> str:
    return f"simulation: fresh seeds from {config.stash[FRESH]} (the same again: --fresh-seed)"


@pytest.fixture(scope="session")
def fresh_seed(pytestconfig: pytest.Config) -> int:
    return pytestconfig.stash[FRESH]


@pytest.fixture(autouse=True, scope="session")
def _quiet_logs() -> None:
    logs.configure(level="warning", json=False, stream=io.StringIO())
