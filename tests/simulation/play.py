"""Play one run from its seed to its verdict."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import timedelta

from tests.simulation.catalogue import Fault
from tests.simulation.dice import Dice, draw
from tests.simulation.reckoning import fates
from tests.simulation.story import Story, draw_story
from tests.simulation.swarm import QUIET, Swarm, run, swarm
from tests.simulation.trace import Trace
from tests.world.invariants import Violation
from tests.world.loop import simulate
from vidctl.model import VideoKey
from vidctl.reconciler.actions import Plan
from vidctl.reconciler.observation import Observation


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of a run. ``last`` is what the last pass on the video of the violation saw and decided."""

    seed: int
    violation: Violation | None
    fates: dict[VideoKey, str]
    uploads: int
    tasks: int
    hours: float
    steps: int
    passes: int
    digest: str
    calls: Counter[str]
    reached: Counter[Fault]
    rules: Counter[str]
    met: tuple[str, ...]
    lines: tuple[str, ...]
    last: tuple[Observation, Plan] | None


def dice_of(seed: int, *, faults: Collection[Fault] = tuple(Fault), only: frozenset[str] | None = None) -> Dice:
    """Return the dice of a seed, with the rates that it draws."""
    return Dice(seed, draw(random.Random(f"rates {seed}"), faults), only=only)


def play(story: Story, dice: Dice, *, quiet: timedelta = QUIET, keep: int | None = 400) -> Verdict:
    """Play a story; never raises for a violation, which is the verdict's."""

    async def playing() -> Verdict:
        async with swarm(story, dice, trace=Trace(keep=keep)) as world:
            violation = None
            try:
                await run(world, quiet=quiet)
            except Violation as met:
                violation = met
            hours = asyncio.get_running_loop().time() / 3600
            world.fleet.close()
            world.watch.violated = None  # told
            return _verdict(world, violation, hours)

    return simulate(playing)


def _verdict(world: Swarm, violation: Violation | None, hours: float) -> Verdict:
    key = None if violation is None else violation.key
    return Verdict(
        seed=world.story.seed,
        violation=violation,
        fates=fates(world),
        uploads=sum(map(len, world.bodies.values())),
        tasks=len(world.watch.calls_of_tokens),
        hours=hours,
        steps=world.trace.steps,
        passes=world.fleet.passes,
        digest=world.trace.digest,
        calls=world.calls,
        reached=world.dice.reached,
        rules=world.rules,
        met=tuple(world.dice.met),
        lines=tuple(world.trace.lines),
        last=None if key is None else world.fleet.decided.get(key),
    )


def play_seed(
    seed: int, *, faults: Collection[Fault] = tuple(Fault), uploads: int | None = None, quiet: timedelta = QUIET
) -> Verdict:
    """Play a seed with faults and, if it is well, without: both must end alike."""
    story = draw_story(seed, uploads=uploads)
    verdict = play(story, dice_of(seed, faults=faults), quiet=quiet)
    return compared(story, verdict)


def compared(story: Story, verdict: Verdict) -> Verdict:
    """Hold a run that was well against the same without faults (Sieve: the fault-free run is the oracle)."""
    if verdict.violation is not None:
        return verdict
    calm = play(story, Dice(story.seed, {}), quiet=timedelta())
    if calm.violation is not None:
        return calm
    different = [key for key, fate in verdict.fates.items() if calm.fates[key] != fate]
    if not different:
        return verdict
    key = different[0]
    told = f"{key} is {verdict.fates[key]}; without faults it is {calm.fates[key]}"
    return replace(verdict, violation=Violation(told, key))
