"""Every fault at every call of one job: complete, where the swarm is lucky (after Sieve's test plans).

A story is played without faults, and everything that could have happened in it is noted: for each call, event, launch
and minute, each fault that it can meet. Then the story is played once for each of them, with that one and no other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta

from tests.simulation.catalogue import Fault
from tests.simulation.dice import Chosen, Recorder
from tests.simulation.play import Verdict, play
from tests.simulation.story import Cancelled, Nature, Put, Scene, Story, content

SEED = 1
TREATMENTS = frozenset({
    Fault.KILLED_BEFORE_A_CALL,
    Fault.KILLED_AFTER_A_CALL,
    Fault.CALL_REFUSED,
    Fault.REPLY_LOST,
    Fault.APPLIED_LATE,
    Fault.PAUSED,  # a reading that is stale when it is acted on
    Fault.EVENT_LOST,
    Fault.TASK_EVENT_LOST,
    Fault.CHANGED_BEFORE_A_GLANCE,
    Fault.CHANGED_BEFORE_DELETION,
    Fault.OUTPUT_REMOVED_BY_HAND,
})  # fmt: skip
"""Crash before, crash after, error, lost reply, effect too late, stale reading, hint dropped, and meddling by hand."""
DISASTER = ("ALL_DOWN run", "ZONE_LOST run")
"""Every replica and task is lost at once, and nobody is there for hours; when, is the seed's choice."""


def _story(*acts: Put | Cancelled) -> Story:
    return Story(seed=SEED, seconds=240.0, replicas=1, slots=4, acts=acts, scene=Scene.ORDINARY)


STORIES: Mapping[str, Story] = {
    "published": _story(Put(at=1, video=0, body=content(Nature.GOOD, 0))),
    "dead": _story(Put(at=1, video=0, body=content(Nature.REFUSED, 0))),
    "hopeless": _story(Put(at=1, video=0, body=content(Nature.HOPELESS, 0))),
    "sent_back": _story(Put(at=1, video=0, body=content(Nature.CURED, 0))),
    "on_a_larger_task": _story(Put(at=1, video=0, body=content(Nature.HUNGRY, 0))),
    "overwritten": _story(
        Put(at=1, video=0, body=content(Nature.GOOD, 0)), Put(at=60, video=0, body=content(Nature.GOOD, 1))
    ),
    "cancelled": _story(Put(at=1, video=0, body=content(Nature.GOOD, 0)), Cancelled(at=60, video=0)),
}

TOLD: Mapping[str, Story] = {
    # Long enough for the telling to be in the time of the faults.
    name: replace(STORIES[name], told=True, seconds=420.0)
    for name in ("published", "dead", "cancelled")
}
"""Stories of which a webhook and a bus are told, for the faults of telling alone: all others were tried without it."""
TELLING = TREATMENTS | {Fault.NOTICE_REFUSED, Fault.NOTICE_TAKEN_IN_SILENCE}
OF_TELLING = re.compile(r" (objects\.(create|replace|delete) (outbox/|\S+/notice-)|receiver\.)")


def of_telling(story: Story) -> list[str]:
    """Return the events of ``TELLING`` that befall a change of a notice or of the outbox, or the telling itself."""
    return [event for event in possible(story, TELLING) if OF_TELLING.search(event)]


def possible(story: Story, faults: Iterable[Fault] = TREATMENTS) -> list[str]:
    """Return every event of these kinds that could happen in a story."""
    recorder = Recorder(story.seed)
    verdict = play(story, recorder, quiet=timedelta())
    assert verdict.violation is None, verdict.violation
    names = {fault.name for fault in faults}
    return [event for event in dict.fromkeys(recorder.possible) if event.split()[0] in names]


def struck(story: Story, seeds: Iterable[int]) -> Iterator[tuple[int, Verdict]]:
    """Play the story once for each seed, struck by a disaster at another moment of it."""
    for seed in seeds:
        yield seed, play(replace(story, seed=seed), Chosen(seed, DISASTER), quiet=timedelta(), keep=60)


def retold(story: Story, events: Iterable[str]) -> Iterator[tuple[str, Verdict]]:
    """Play the story once for each event, with that one and no other."""
    for event in events:
        yield event, play(story, Chosen(story.seed, (event,)), quiet=timedelta(), keep=60)
