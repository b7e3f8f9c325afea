"""The whole reconciler under swarms of seeded faults: nothing unsafe ever happens, and all is well when they end."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from tests.simulation.play import Verdict, play_seed
from tests.simulation.shrink import Shrinker, told
from tests.simulation.story import draw_story
from tests.simulation.swarm import QUIET

ROOT = Path(__file__).parents[2]
FIXED = range(24)
FRESH = 200
SMALL = (1, 2, 3, 5)
RETELLINGS = 60


def must_be_well(verdict: Verdict, *, uploads: int | None = None, quiet: timedelta = QUIET) -> None:
    """Fail with the shortest failing story that a few retellings find."""
    if verdict.violation is None:
        return
    story, left = draw_story(verdict.seed, uploads=uploads), count(RETELLINGS, -1)
    shrinker = Shrinker(story, verdict, quiet=quiet, goes_on=lambda: next(left) > 0)
    shrinker.shrink()
    pytest.fail(told(shrinker, verdict.seed), pytrace=False)


@pytest.mark.parametrize("seed", FIXED)
def test_nothing_unsafe_happens_and_all_is_well_when_the_faults_end(seed: int) -> None:
    must_be_well(play_seed(seed))


@pytest.mark.parametrize("number", range(FRESH))
def test_it_holds_for_seeds_that_nobody_has_tried_before(number: int, fresh_seed: int) -> None:
    seed = fresh_seed + number
    uploads, quiet = SMALL[number % len(SMALL)], QUIET if number % 4 == 0 else timedelta()
    must_be_well(play_seed(seed, uploads=uploads, quiet=quiet), uploads=uploads, quiet=quiet)


def test_the_same_seed_gives_the_same_trace_whatever_python_s_hashes_are() -> None:
    command = "from tests.simulation.play import play_seed; print(play_seed(7, uploads=6).digest)"
    digests = {
        subprocess.run(
            [sys.executable, "-c", command],
            env={"PYTHONHASHSEED": hashes, "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"},
            check=True,
            capture_output=True,
            text=True,
            cwd=ROOT,
        ).stdout.splitlines()[-1]
        for hashes in ("1", "2")
    }
    assert len(digests) == 1
