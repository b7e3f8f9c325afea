"""``make sim``: play seeds on every core until the time is up or something is violated, and say what was reached.

SEEDS is one seed, a range ``from-to`` (``to`` excluded), or empty for ever new ones; MINUTES how long; FAULTS the names
of the only faults that may happen, separated by commas; UPLOADS the videos of a run, 0 for as many as its seed says.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Collection, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from itertools import count, islice
from os import cpu_count

from tests.simulation.catalogue import Fault
from tests.simulation.known import TRAPS
from tests.simulation.play import Verdict, play_seed
from tests.simulation.shrink import Shrinker, told
from tests.simulation.silence import silent
from tests.simulation.story import draw_story
from tests.simulation.swarm import QUIET
from vidctl.reconciler.rules import Rule

ELSEWHERE = frozenset({Rule.PUBLISHED_BROKEN_EXPIRING, Rule.DEAD_ATTEMPT_OPEN})
"""What takes an output that is missing for two days (a story of test_found.py), and what no order of events leads to (a
case of tests/planner)."""
ENOUGH = 300
"""Seeds after which everything must have been reached."""
SHRINKING = 120.0
"""Seconds that are spent on making a failing run short."""


class Sum:
    """What all runs were, together."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.seeds = self.uploads = self.tasks = self.steps = self.passes = 0
        self.hours = 0.0
        self.reached: Counter[Fault] = Counter()
        self.rules: Counter[str] = Counter()

    def add(self, verdict: Verdict) -> None:
        """Take one run."""
        self.seeds += 1
        self.uploads += verdict.uploads
        self.tasks += verdict.tasks
        self.steps += verdict.steps
        self.passes += verdict.passes
        self.hours += verdict.hours
        self.reached.update(verdict.reached)
        self.rules.update(verdict.rules)

    def line(self) -> str:
        """Say how far it is."""
        seconds = time.monotonic() - self.began
        return (
            f"{seconds:6.0f} s  {self.seeds} seeds  {self.uploads} jobs  {self.tasks} tasks  {self.passes} passes  "
            f"{self.hours:.0f} simulated hours  {self.steps / seconds:.0f} steps/s"
        )

    def missing(self) -> list[str]:
        """Name what was never reached: a simulation that does not get there shows nothing."""
        faults = [f"fault {fault.number} {fault.name}" for fault in Fault if not self.reached[fault]]
        rules = [f"rule {rule.name}" for rule in Rule if not self.rules[rule.value] and rule not in ELSEWHERE]
        traps = [f"trap {trap.number} {trap.source}" for trap in TRAPS if not all(self.reached[f] for f in trap.faults)]
        return faults + rules + traps

    def table(self) -> Iterator[str]:
        """Say how often everything was reached."""
        for fault in Fault:
            yield f"{self.reached[fault]:>9}  {fault.number:>4}  {fault.name.lower()}: {fault.what}"
        for rule in Rule:
            yield f"{self.rules[rule.value]:>9}  rule  {rule.value}"


def say(*lines: str) -> None:
    """Print lines at once."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def one(seed: int, faults: Collection[Fault], uploads: int | None) -> Verdict:
    """Play a seed in a process of its own."""
    with silent():
        return play_seed(seed, faults=faults, uploads=uploads)


def run(
    seeds: Iterator[int], faults: Collection[Fault], *, uploads: int | None, minutes: float, cores: int
) -> tuple[Sum, Verdict | None]:
    """Play seeds side by side until the time is up, they end, or one fails; return the failing one."""
    total, end, told_at = Sum(), time.monotonic() + 60 * minutes, time.monotonic()
    with ProcessPoolExecutor(cores) as pool:
        playing = {pool.submit(one, seed, faults, uploads) for seed in islice(seeds, cores)}
        while playing:
            done, playing = wait(playing, return_when=FIRST_COMPLETED)
            for verdict in [each.result() for each in done]:
                total.add(verdict)
                if verdict.violation is not None:
                    for each in playing:
                        each.cancel()
                    return total, verdict
                if time.monotonic() < end:
                    playing |= {pool.submit(one, seed, faults, uploads) for seed in islice(seeds, 1)}
            if time.monotonic() - told_at > 10:
                told_at = time.monotonic()
                say(total.line())
    return total, None


def retell(verdict: Verdict, uploads: int | None) -> str:
    """Make the failing run short, and tell it."""
    end = time.monotonic() + SHRINKING
    shrinker = Shrinker(
        draw_story(verdict.seed, uploads=uploads), verdict, quiet=QUIET, goes_on=lambda: time.monotonic() < end
    )
    with silent():
        shrinker.shrink()
    return told(shrinker, verdict.seed)


def seeds_of(text: str) -> Iterator[int]:
    """Read SEEDS."""
    if not text:
        return count(random.SystemRandom().randrange(2**40))
    asked = re.fullmatch(r"(\d+)(?:-(\d+))?", text)
    if asked is None:
        raise SystemExit(f"SEEDS: {text!r} is neither a seed nor a range of them, as in 17 or 0-500")
    first, last = int(asked[1]), int(asked[2] or asked[1])
    if last < first:
        raise SystemExit(f"SEEDS: {text!r} has no seed: the first must not be above the last")
    return iter(range(first, last + 1))


def faults_of(text: str) -> tuple[Fault, ...]:
    """Read FAULTS."""
    names = [name.strip().upper() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in Fault.__members__]
    if unknown:
        raise SystemExit(f"FAULTS: {', '.join(unknown)} is none of {', '.join(Fault.__members__).lower()}")
    return tuple(Fault[name] for name in names) or tuple(Fault)


def main() -> int:
    """Run, and say what came of it."""
    parser = argparse.ArgumentParser(prog="make sim", description=__doc__)
    parser.add_argument("--seeds", default="")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--faults", default="")
    parser.add_argument("--uploads", type=int, default=0)
    parser.add_argument("--cores", type=int, default=cpu_count() or 1)
    asked = parser.parse_args()
    faults = faults_of(asked.faults)
    total, failed = run(
        seeds_of(asked.seeds), faults, uploads=asked.uploads or None, minutes=asked.minutes, cores=asked.cores
    )
    say(*total.table(), total.line())
    if failed is not None:
        say(retell(failed, asked.uploads or None))
        return 1
    missing = total.missing() if len(faults) == len(Fault) and total.seeds >= ENOUGH else []
    say(*(f"never reached: {name}" for name in missing), "incomplete" if missing else "no violation")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
