"""Where an emulator is known to differ from AWS: the test must fail there, so that a better emulator is noticed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

F = TypeVar("F", bound=Callable[..., object])

GAPS = "known_gaps"


def gap(**reasons: str) -> Callable[[F], F]:
    """Say of a test in which worlds it fails, and why: ``@gap(moto="ignores clientToken")``."""

    def mark(test: F) -> F:
        setattr(test, GAPS, reasons)
        return test

    return mark
