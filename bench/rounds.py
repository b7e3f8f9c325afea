"""Runs what is compared in turns; tells costs as ratios of medians: on a shared machine a time alone says nothing."""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Cost:
    """What one run took, in seconds; ``first`` until the first segment could be fetched, where there are any."""

    cpu: float
    wall: float
    first: float


@dataclass
class Side:
    """One of those that are compared. ``run`` returns the seconds until the first segment, None for all of them."""

    name: str
    run: Callable[[], float | None]
    costs: list[Cost] = field(default_factory=list)

    def spent(self, on: str) -> list[float]:
        """Return one cost of every run."""
        return [round(getattr(cost, on), 2) for cost in self.costs]

    def median(self, on: str) -> float:
        """Return the median of one cost."""
        return statistics.median(self.spent(on))


def alternate(sides: tuple[Side, ...], rounds: int) -> None:
    """Run all sides in turns. The processor time is that of the programs that they start and wait for."""
    for _ in range(rounds):
        for side in sides:
            before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
            first = side.run()
            wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            side.costs.append(Cost(cpu=cpu, wall=wall, first=wall if first is None else first))


def compared(title: str, goal: str, ours: Side, peer: Side, on: str) -> dict[str, Any]:
    """Print and return one line of the table: the ratio of the medians, and those of each round."""
    ratio = ours.median(on) / peer.median(on)
    each = [round(own / other, 3) for own, other in zip(ours.spent(on), peer.spent(on), strict=True)]
    figures = f"{ours.median(on):8.2f} s / {peer.median(on):8.2f} s = {ratio:6.3f}"
    print(f"{title:<44} {on:<5} {figures}   goal {goal:<8} rounds {each}", flush=True)
    return {"title": title, "on": on, "goal": goal, "ratio": ratio, "ours": ours.spent(on), "peer": peer.spent(on)}
