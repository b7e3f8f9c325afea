"""The workers of a run: what each task does, by the nature of its input and by what befalls it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.simulation.catalogue import Fault
from tests.simulation.story import Nature, Scene, nature_of
from tests.world import workers
from tests.world.life import Timing
from tests.world.workers import Behaviour
from vidctl import layout
from vidctl.model import FailureClass, JobSpec
from vidctl.records import Outcome

if TYPE_CHECKING:
    from tests.simulation.swarm import Swarm

FORGIVEN = 2
"""Failures of the worker that a job survives; a third in one round would be its end (Policy.app_attempts)."""
OVERLAP = 60 + 30 + 5
"""Seconds for which two attempts of a job may work side by side: the fence's period, the grace of a stop, and a bit."""

OF_THE_HOST = (
    Fault.NEVER_STARTS,
    Fault.STARTS_SLOWLY,
    Fault.SPOT,
    Fault.FAILS_TO_START,
    Fault.HOST_LOST,
    Fault.DIES_AFTER_ITS_RESULT,
    Fault.HANGS_AFTER_ITS_RESULT,
    Fault.INTERRUPTED,
    Fault.GHOST,
)
MISBEHAVIOUR: Mapping[Fault, Behaviour] = {
    Fault.HANGS: workers.hang,
    Fault.SAYS_NOTHING: workers.say_nothing,
    Fault.DIES_BEFORE_ITS_RESULT: workers.die_before_the_result,
    Fault.TRUNCATES: workers.truncate,
    Fault.LIES: workers.lie,
    Fault.LOSES_A_SEGMENT: workers.lose_a_segment,
    Fault.CUTS_A_SEGMENT: workers.cut_a_segment,
    Fault.SWAPS_A_SEGMENT: workers.swap_a_segment,
    Fault.ADDS_A_SEGMENT: workers.add_a_segment,
    Fault.CRASHES: workers.crash,
    Fault.ZOMBIE: workers.outlive,
}
TO_BLAME = (Fault.OUT_OF_MEMORY, *MISBEHAVIOUR)
UNSEEN = (Fault.ZOMBIE, Fault.GHOST)
UNFENCED = (Fault.ZOMBIE, Fault.HANGS, Fault.HANGS_AFTER_ITS_RESULT)
"""Workers that do not look at their fence any more."""
OF_NO_VIDEO = tuple(fault for fault in TO_BLAME if fault is not Fault.ZOMBIE)
"""A zombie publishes in the end, which what is no video must not."""
NOT_TO_BLAME: Mapping[Fault, Behaviour] = {
    Fault.DIES_AFTER_ITS_RESULT: workers.die_after_the_result,
    Fault.HANGS_AFTER_ITS_RESULT: workers.hang_after_the_result,
    Fault.INTERRUPTED: workers.be_interrupted,
    Fault.GHOST: workers.go_on_unseen,
}
BY_NATURE: Mapping[Nature, Behaviour] = {
    Nature.REFUSED: workers.refuse,
    Nature.CRASHING: workers.crash,
}
ENDS: Mapping[Fault, tuple[tuple[str, str, int | None], ...]] = {
    Fault.SPOT: (("SpotInterruption", "Your Spot Task was interrupted.", None),),
    Fault.FAILS_TO_START: (
        ("TaskFailedToStart", "Timeout waiting for network interface provisioning to complete.", None),
        ("TaskFailedToStart", "CannotPullContainerError: image not found", None),
        ("TaskFailedToStart", "Capacity is unavailable at this time", None),
        ("TaskFailedToStart", "Unexpected EC2 error: Rate exceeded", None),
    ),
    Fault.HOST_LOST: (
        ("TerminationNotice", "The host is to be retired", None),
        ("InfrastructureHealth", "The host is not healthy", None),
        ("ServiceSchedulerInitiated", "Stopped by a scheduler", 143),
        ("UserInitiated", "Stopped by a person", 143),
    ),
    Fault.OUT_OF_MEMORY: (("EssentialContainerExited", "OutOfMemoryError: Container killed due to memory usage", 137),),
}
"""Stop code, reason and exit code of tasks that do not end by themselves."""


class Workload:
    """What the tasks of a run do."""

    def __init__(self, world: Swarm) -> None:
        self._world = world
        self.running: dict[str, JobSpec] = {}
        """The tasks at work, by launch token."""
        self._natures: dict[str, Nature] = {}
        self._fates: dict[str, Fault] = {}
        self._blamed: Counter[str] = Counter()

    def know(self, job: str, body: bytes) -> None:
        """Remember what the input of a job is like."""
        self._natures[job] = nature_of(body)

    def nature(self, job: str) -> Nature:
        """Return what the input of a job is like."""
        return self._natures.get(job, Nature.GOOD)

    # --- what befalls a task --------------------------------------------------------------------------------------

    def timing(self, token: str) -> Timing:
        """Decide the fate of a task that is being started; return how long the steps of its life take."""
        fault = self._fate(token)
        if fault is not None:
            self._fates[token] = fault
        if fault is not None and fault in ENDS:
            delay = 600 * self._world.dice.share(f"end {token}") ** 2
            asyncio.get_running_loop().call_later(delay, self._end, token, fault)
        match fault:
            case Fault.NEVER_STARTS:
                return Timing(provisioning=timedelta(hours=9))
            case Fault.STARTS_SLOWLY:
                return Timing(provisioning=timedelta(minutes=self._world.dice.among(f"slow {token}", 1, 5, 14, 30)))
        return Timing()

    def _fate(self, token: str) -> Fault | None:
        job, round_, _ = token.rsplit("-", 2)
        fault = self._world.dice.fate(f"task {token}", OF_THE_HOST)
        if fault is not None:
            return fault
        account, nature = f"{job}-{round_}", self.nature(job)
        # A hungry one fails once by nature.
        if self._blamed[account] + (nature is Nature.HUNGRY) >= FORGIVEN or nature is Nature.CRASHING:
            return None
        fault = self._world.dice.fate(f"worker {token}", OF_NO_VIDEO if nature is Nature.REFUSED else TO_BLAME)
        self._blamed[account] += fault is not None
        return fault

    def _end(self, token: str, fault: Fault) -> None:
        task = self._world.tasks.started_with(token)
        if task is None or not task.alive:
            return
        if fault is Fault.FAILS_TO_START and task.started_at is not None:
            return
        ends = ENDS[fault]
        stop_code, reason, exit_code = ends[int(self._world.dice.share(f"why {token}") * len(ends))]
        self._world.tasks.kill(task.arn, exit_code=exit_code, stop_code=stop_code, reason=reason)

    # --- work -----------------------------------------------------------------------------------------------------

    async def work(self, job: JobSpec) -> int:
        """Do what the input, or fate, makes of the job."""
        token = layout.launch_token(job.job, job.number)
        self._begin(token, job)
        try:
            if not await workers.work(self._world, job, seconds=self._pace(token)):
                return workers.SUPERSEDED
            return await self._behaviour(token, job)(self._world, job)
        finally:
            del self.running[token]

    def _pace(self, token: str) -> float:
        if self._world.story.scene is Scene.LONG_JOBS and token.endswith("-1-1"):
            return 14 * 3600.0
        return self._world.dice.among(f"pace {token}", 1, 20, 60, 300)

    def _begin(self, token: str, job: JobSpec) -> None:
        world, loop = self._world, asyncio.get_running_loop()
        for other, its in self.running.items():
            if its.job == job.job and self._fates.get(other) not in UNFENCED:
                loop.call_later(OVERLAP, self._must_have_ended, other, token)
        self.running[token] = job
        if (
            self._fates.get(token) in (Fault.ZOMBIE, Fault.GHOST)
            and (task := world.tasks.started_with(token)) is not None
        ):
            world.tasks.hide(task.arn)

    def _must_have_ended(self, older: str, newer: str) -> None:
        both = older in self.running and newer in self.running
        self._world.watch.must(not both, f"{older} and {newer} work side by side")

    def _behaviour(self, token: str, job: JobSpec) -> Behaviour:
        fate = self._fates.get(token)
        if fate is not None and fate in MISBEHAVIOUR:
            return MISBEHAVIOUR[fate]
        nature = self.nature(job.job)
        if nature is Nature.CURED and job.number.round == 1:
            return workers.refuse
        if nature is Nature.HUNGRY and self._is_small(job):
            return workers.run_out_of_memory
        if fate is not None and fate in NOT_TO_BLAME and nature not in BY_NATURE:
            return NOT_TO_BLAME[fate]
        return BY_NATURE.get(nature, workers.transcode)

    def _is_small(self, job: JobSpec) -> bool:
        return self._world.watch.ledger.job(job.key, job.job).intents[job.number].size == 0

    # --- who is to blame ------------------------------------------------------------------------------------------

    def at_fault(self, outcome: Outcome) -> bool:
        """Whether the input or the worker is to blame for how an attempt ended."""
        nature = self.nature(outcome.job)
        if outcome.failure is FailureClass.PERMANENT:
            return nature in (Nature.REFUSED, Nature.CURED)
        fate = self._fates.get(layout.launch_token(outcome.job, outcome.number))
        return nature in (Nature.HUNGRY, Nature.CRASHING) or fate in (*TO_BLAME, *NOT_TO_BLAME)
