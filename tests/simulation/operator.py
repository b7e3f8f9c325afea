"""The person on call: sends dead letters back, some of them twice without knowing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulation.catalogue import Fault
from tests.simulation.story import Nature, Scene
from tests.world.queue import Queued

if TYPE_CHECKING:
    from tests.simulation.swarm import Swarm

LOOKS = 0.15
"""Share of the letters looked at in a minute."""


class Operator:
    """Looks at the dead letters of the first round, and decides by the job, so that every run of a story is alike."""

    def __init__(self, world: Swarm) -> None:
        self._world = world

    def look(self) -> bool:
        """Send back what is to be sent back; whether a letter still waits for it."""
        letters = [letter for letter in self._world.dead_letters.messages if self._is_wanted(letter)]
        for letter in letters:
            if self._world.dice.share(f"look {letter.message_id} {self._world.trace.steps}") < LOOKS:
                self._send_back(letter)
        return bool(letters)

    def _is_wanted(self, letter: Queued) -> bool:
        job = letter.attributes.get("vidctl.job")
        if self._world.story.scene is Scene.FORGOTTEN or job is None or letter.attributes["vidctl.round"] != "1":
            return False
        cured = self._world.workload.nature(job) is Nature.CURED
        return cured or self._world.dice.share(f"redrive {job}") < 0.3

    def _send_back(self, letter: Queued) -> None:
        world, job = self._world, letter.attributes["vidctl.job"]
        records = world.watch.ledger.jobs[job]
        if any(token.startswith(job) for token in world.workload.running):
            world.dice.reach(Fault.REDRIVEN_WHILE_RUNNING)
        elif len(records.rounds) > 1 and not records.open:
            world.dice.reach(Fault.REDRIVEN_WHEN_DONE)
        world.trace.note("operator", "sends back", letter.message_id)
        world.dead_letters.drop(letter.message_id)
        world.raw_queue.put(letter.body, attributes=letter.attributes)
