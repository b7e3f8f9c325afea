"""Find the shortest story and the fewest faults that still break the rule, and retell what happened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from tests.simulation.dice import Chosen
from tests.simulation.play import Verdict, compared, play
from tests.simulation.story import Story, video

T = TypeVar("T")


class Shrinker:
    """Plays a failing story again and again, each time with less in it. ``goes_on`` says whether there is time left."""

    def __init__(self, story: Story, verdict: Verdict, *, quiet: timedelta, goes_on: Callable[[], bool]) -> None:
        self.story = story
        self.verdict = verdict
        self.events: Sequence[str] = verdict.met
        self.plays = 0
        self._quiet = quiet
        self._goes_on = goes_on

    def shrink(self) -> None:
        """Leave out users' deeds, then faults, as long as the run still fails."""
        self._retell(self.story, self.events)
        key = self.verdict.violation.key if self.verdict.violation is not None else None
        own = [act for act in self.story.acts if video(act.video) == key]
        if own:
            self._retell(replace(self.story, acts=tuple(own)), self.events)
        acts = minimal(self.story.acts, lambda acts: self._retell(replace(self.story, acts=tuple(acts)), self.events))
        self.story = replace(self.story, acts=tuple(acts))
        self.events = minimal(self.events, lambda events: self._retell(self.story, events))

    def _retell(self, story: Story, events: Sequence[str]) -> bool:
        """Play a part of the story with these events; keep it if it fails too."""
        if not self._goes_on():
            return False
        self.plays += 1
        verdict = compared(story, play(story, Chosen(story.seed, events), quiet=self._quiet, keep=4000))
        if verdict.violation is None:
            return False
        self.story, self.verdict, self.events = story, verdict, verdict.met
        return True


def minimal(items: Sequence[T], fails: Callable[[Sequence[T]], bool]) -> Sequence[T]:
    """Return a part of ``items`` that still fails, from which no chunk can be left out (delta debugging)."""
    size = len(items) // 2
    while size:
        start = 0
        while start < len(items):
            fewer = [*items[:start], *items[start + size :]]
            if fails(fewer):
                items = fewer
            else:
                start += size
        size //= 2
    return items


def told(shrinker: Shrinker, seed: int) -> str:
    """Return a report for a person: the seed, what was violated, the story, its faults, the trace, the last pass."""
    verdict = shrinker.verdict
    key = verdict.violation.key if verdict.violation is not None else None
    lines = [line for line in verdict.lines if key is None or str(key) in line or " user " in line]
    parts = [
        f"seed {seed}: {verdict.violation}",
        "",
        f"The story ({shrinker.plays} retellings):",
        *(f"  {act}" for act in shrinker.story.acts),
        f"Its faults ({len(shrinker.events)}):",
        *(f"  {event}" for event in shrinker.events),
        "What happened:",
        *(f"  {line}" for line in lines[-80:]),
    ]
    if verdict.last is not None:
        seen, decided = verdict.last
        parts += ["The last pass saw:", f"  {seen}", "and decided:", f"  {decided}"]
    return "\n".join(parts)
