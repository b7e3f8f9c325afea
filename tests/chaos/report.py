"""What a trial says: a line for everything that it does, and a table at its end."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import timedelta

from tests.chaos.verdict import Figures
from vidctl.local.timeline import stamped

COUNTS = {
    "starts": "replicas started",
    "kills": "killed with -9",
    "killed in shutdown": "of these in their shutdown",
    "deployments": "replaced in a deployment",
    "ended in peace": "ended when told",
    "worker kills": "workers killed with -9",
}
"""What was done, by the fleet's names."""

EVENTS = {
    "hold_lost": "leases lost",
    "missed_event_found": "missed events found",
    "pass_failed": "passes failed and repeated",
}
"""What the replicas' logs say of it."""


class Voice:
    """Says what is done, each line with the time since the beginning."""

    def __init__(self) -> None:
        self._began = asyncio.get_running_loop().time()

    def __call__(self, text: str) -> None:
        sys.stdout.write(stamped(text, asyncio.get_running_loop().time() - self._began) + "\n")
        sys.stdout.flush()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The end of a trial.

    ``retries`` are requests that no replica answered, ``struck`` the uploads on whose way a replica was killed,
    ``slowest`` the longest of these ways, ``settled`` None if it was not within the bound.
    """

    seed: int
    figures: Figures
    fleet: Counter[str]
    events: Counter[str]
    retries: int
    struck: int
    slowest: timedelta
    settled: timedelta | None
    violations: tuple[str, ...]

    def __str__(self) -> str:
        """Read as a table, and the verdict below it."""
        rows: dict[str, object] = {
            "seed": self.seed,
            **{words: self.fleet[count] for count, words in COUNTS.items()},
            **{words: self.events[event] for event, words in EVENTS.items()},
            "requests repeated": self.retries,
            "uploads struck on their way": self.struck,
            **asdict(self.figures),
            "slowest, upload to fate": _seconds(self.slowest),
            "settled after": "not within the bound" if self.settled is None else _seconds(self.settled),
        }
        width = max(map(len, rows))
        table = "\n".join(f"  {name:<{width}}  {value}" for name, value in rows.items())
        return f"\n{table}\n\n{self._verdict()}\n"

    def _verdict(self) -> str:
        if not self.violations:
            return "Every upload met its fate once, and nothing is left behind."
        listed = "\n".join(f"  {number}. {what}" for number, what in enumerate(self.violations, 1))
        return f"{len(self.violations)} violations; the same again: SEED={self.seed}\n{listed}"


def _seconds(time: timedelta) -> str:
    return f"{time.total_seconds():.1f} s"
