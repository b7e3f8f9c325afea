"""What makes a run fail, how it is cut down, and what a person is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import count

from tests.simulation.dice import Chosen
from tests.simulation.play import compared, play
from tests.simulation.shrink import Shrinker, minimal, told
from tests.simulation.story import Nature, Put, content
from tests.simulation.systematic import STORIES

NOISE = ("TEST_EVENT 0", "CALL_REFUSED r1 queue.depth raw 1", "TASK_EVENT_LOST 000001 2")


def test_what_is_left_fails_and_nothing_of_it_can_be_left_out() -> None:
    def fails(items: Sequence[int]) -> bool:
        return {3, 11} <= set(items)

    assert minimal(range(20), fails) == [3, 11]


def test_a_run_that_ends_otherwise_than_without_faults_is_a_violation() -> None:
    refused = Put(at=1, video=0, body=content(Nature.REFUSED, 0))
    bystander = Put(at=2, video=1, body=content(Nature.GOOD, 1))
    story = replace(STORIES["dead"], acts=(refused, bystander))
    clean = play(story, Chosen(story.seed, NOISE), quiet=timedelta())
    assert compared(story, clean).violation is None
    lying = replace(clean, fates=dict.fromkeys(clean.fates, "published"))
    verdict = compared(story, lying)
    assert verdict.violation is not None
    assert "is published; without faults it is dead of permanent" in str(verdict.violation)


def test_a_report_names_the_seed_the_story_and_its_faults() -> None:
    story, left = STORIES["published"], count(8, -1)
    verdict = play(story, Chosen(story.seed, NOISE), quiet=timedelta())
    shrinker = Shrinker(story, verdict, quiet=timedelta(), goes_on=lambda: next(left) > 0)
    shrinker.shrink()
    report = told(shrinker, story.seed)
    assert report.startswith(f"seed {story.seed}:")
    assert "Put(at=1, video=0" in report
    assert all(event in report for event in verdict.met), "what does not fail is not cut"
