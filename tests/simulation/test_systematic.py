"""One fault at a time, everywhere it can be: every call of a job, with every way of its going wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.builders import RAW
from tests.simulation.dice import Chosen, Dice
from tests.simulation.play import play
from tests.simulation.story import Nature, content, video
from tests.simulation.systematic import STORIES, TOLD, of_telling, possible, retold, struck
from tests.world.objects import MemoryObjects
from vidctl import layout

PARTS = 8
"""Into which the runs of a story are divided, so that they can be shared among processes."""


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("name", STORIES)
def test_no_single_fault_at_any_call_changes_what_becomes_of_a_video(name: str, part: int) -> None:
    story = STORIES[name]
    clean = play(story, Dice(story.seed, {}), quiet=timedelta())
    for event, verdict in retold(story, possible(story)[part::PARTS]):
        assert verdict.violation is None, f"{event}: {verdict.violation}\n" + "\n".join(verdict.lines)
        assert verdict.fates == clean.fates, event


@pytest.mark.parametrize("name", TOLD)
def test_no_single_fault_of_telling_keeps_anybody_from_being_told(name: str) -> None:
    story = TOLD[name]
    clean, events = play(story, Dice(story.seed, {}), quiet=timedelta()), of_telling(story)
    assert len(events) > 60
    for event, verdict in retold(story, events):
        assert verdict.violation is None, f"{event}: {verdict.violation}\n" + "\n".join(verdict.lines)
        assert verdict.fates == clean.fates, event


@pytest.mark.parametrize("name", STORIES)
def test_a_disaster_at_any_moment_costs_time_and_no_video(name: str) -> None:
    story = STORIES[name]
    clean = play(story, Dice(story.seed, {}), quiet=timedelta())
    for seed, verdict in struck(story, range(24)):
        assert verdict.violation is None, f"{seed}: {verdict.violation}\n" + "\n".join(verdict.lines)
        assert verdict.fates == clean.fates, seed


@pytest.mark.parametrize("seed", range(12))
def test_a_newer_version_s_attempt_ends_the_ghost_of_an_older_one(seed: int) -> None:
    story = replace(STORIES["published"], seed=seed, seconds=7200.0)
    job = layout.job_id(RAW, layout.raw_key(video(0)), MemoryObjects.etag_of(content(Nature.GOOD, 0)))
    verdict = play(story, Chosen(seed, ("TWO_VERSIONS run", f"GHOST task {job}-1-1")), quiet=timedelta())
    assert verdict.violation is None
