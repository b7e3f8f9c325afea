"""What a job costs in calls: ``python -m tests.simulation.costs`` plays N uploads at once and counts, by operation.

Calls that are made whether there is work or not (polls, depths, sweeps, refreshes) are told apart: they are bought by
the hour, not by the job.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from tests.simulation.dice import Dice
from tests.simulation.play import play
from tests.simulation.silence import silent
from tests.simulation.story import Nature, Put, Scene, Story, content

BY_THE_HOUR = frozenset({"queue.receive", "queue.depth", "tasks.family"})
SLOTS = 400
"""Slots of each replica: as many as the settings' default for three replicas would be too few for 1,000 at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """The calls of ``jobs`` that were uploaded at once."""

    jobs: int
    hours: float
    calls: Counter[str]

    def per_job(self) -> float:
        """Return the calls of a job, without those that are bought by the hour."""
        return sum(count for operation, count in self.calls.items() if operation not in BY_THE_HOUR) / self.jobs


def measure(jobs: int, *, replicas: int = 3, slots: int = SLOTS) -> Cost:
    """Upload so many videos at once, without faults, and count the calls until all is settled."""
    puts = tuple(Put(at=1.0, video=n, body=content(Nature.GOOD, n)) for n in range(jobs))
    story = Story(seed=1, seconds=60.0, replicas=replicas, slots=slots, acts=puts, scene=Scene.ORDINARY)
    verdict = play(story, Dice(1, {}), quiet=timedelta())
    if verdict.violation is not None:
        raise verdict.violation
    # The canary, with which every run ends, is a job too.
    return Cost(jobs=jobs + 1, hours=verdict.hours, calls=verdict.calls)


def table(costs: Sequence[Cost]) -> str:
    """Return the calls per job of each measurement as Markdown."""
    operations = sorted({operation for cost in costs for operation in cost.calls})
    lines = [f"| operation | {' | '.join(f'{cost.jobs - 1} at once' for cost in costs)} |"]
    lines.append("|---|" + "---|" * len(costs))
    for operation in operations:
        mark = " *" if operation in BY_THE_HOUR else ""
        figures = " | ".join(f"{cost.calls[operation] / cost.jobs:.2f}" for cost in costs)
        lines.append(f"| {operation}{mark} | {figures} |")
    lines.append(f"| **a job, without \\*** | {' | '.join(f'**{cost.per_job():.2f}**' for cost in costs)} |")
    return "\n".join(lines)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="make costs", description=__doc__)
    parser.add_argument("jobs", nargs="*", type=int, default=[1, 100, 1000])
    with silent():
        sys.stdout.write(table([measure(jobs) for jobs in parser.parse_args().jobs]) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
