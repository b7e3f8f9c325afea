"""Decisions of chance that have names, so that a run can be repeated, and cut down to those that matter.

Whether a fault befalls a call is a function of the seed and the call's name ("the second time that replica 3 writes
this record"), not of how many others were decided before it. So a run in which some faults are suppressed is
otherwise the same run, as far as it goes the same way, and the shortest set of faults that still breaks something can
be searched for.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from hashlib import blake2b

from tests.simulation.catalogue import Fault

Rates = Mapping[Fault, float]

HIGHEST = 0.9
"""Of a call's faults together: something must get through."""


def draw(chance: random.Random, among: Collection[Fault]) -> Rates:
    """Draw how often each fault happens: mostly some, sometimes never, rarely far too often."""
    rates = {}
    for fault in Fault:
        rate = chance.choices((0.0, fault.normal, fault.extreme), weights=(4, 5, 2))[0]
        if rate and fault in among:
            rates[fault] = rate
    return rates


class Dice:
    """The chance of one run. ``only``: the events that may happen; None: all."""

    def __init__(self, seed: int, rates: Rates, *, only: frozenset[str] | None = None) -> None:
        self.rates = rates
        self.met: list[str] = []
        """The events that happened, in order."""
        self.reached: Counter[Fault] = Counter()
        self._key = seed.to_bytes(8, "big", signed=True)
        self._only = only
        self._odds: dict[int, tuple[tuple[tuple[Fault, float], ...], float, Sequence[Fault]]] = {}
        self.is_calm = False

    @property
    def is_fault_free(self) -> bool:
        """Whether no fault can happen at all."""
        return not self.rates

    def calm(self) -> None:
        """Let nothing happen from now on."""
        self.is_calm = True

    def share(self, name: str) -> float:
        """Return the number from 0 to 1 that goes with a name."""
        return int.from_bytes(blake2b(name.encode(), digest_size=7, key=self._key).digest(), "big") / 2**56

    def among(self, name: str, *choices: float) -> float:
        """Choose by name."""
        return choices[int(self.share(name) * len(choices))]

    def happens(self, fault: Fault, name: str) -> bool:
        """Whether a fault befalls what is named."""
        rate = 0.0 if self.is_calm else self.rates.get(fault, 0.0)
        if rate == 0 or self.share(f"{fault.name} {name}") >= rate:
            return False
        return self._admit(fault, name)

    def fate(self, name: str, faults: Sequence[Fault]) -> Fault | None:
        """Return which one of these faults befalls what is named, if one does."""
        if self.is_calm:
            return None
        odds, whole = self._odds_of(faults)
        left = self.share(name) * whole if odds else 0.0
        for fault, rate in odds:
            left -= rate
            if left < 0:
                return fault if self._admit(fault, name) else None
        return None

    def _odds_of(self, faults: Sequence[Fault]) -> tuple[tuple[tuple[Fault, float], ...], float]:
        """Return the faults of a call that happen at all, with their rates, and the whole that these are shares of."""
        known = self._odds.get(id(faults))
        if known is None:
            odds = tuple((fault, self.rates[fault]) for fault in faults if fault in self.rates)
            whole = max(1.0, sum(rate for _, rate in odds) / HIGHEST)
            # The faults are kept with them, so that no other sequence can come to have the same id.
            known = self._odds[id(faults)] = (odds, whole, faults)
        return known[0], known[1]

    def reach(self, fault: Fault) -> None:
        """Count a fault that came about by itself."""
        self.reached[fault] += 1

    def _admit(self, fault: Fault, name: str) -> bool:
        event = f"{fault.name} {name}"
        if self._only is not None and event not in self._only:
            return False
        self.met.append(event)
        self.reached[fault] += 1
        return True


class Chosen(Dice):
    """The chosen events and no other, whatever their rates: for enumerating, and for retelling what was found."""

    def __init__(self, seed: int, events: Collection[str]) -> None:
        super().__init__(seed, {}, only=frozenset(events))
        self._events = frozenset(events)

    @property
    def is_fault_free(self) -> bool:
        return not self._events

    def happens(self, fault: Fault, name: str) -> bool:
        return not self.is_calm and f"{fault.name} {name}" in self._events and self._admit(fault, name)

    def fate(self, name: str, faults: Sequence[Fault]) -> Fault | None:
        for fault in faults:
            if self.happens(fault, name):
                return fault
        return None


class Recorder(Dice):
    """No fault at all; remembers every event that could have happened."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed, {})
        self.possible: list[str] = []

    def happens(self, fault: Fault, name: str) -> bool:
        if not self.is_calm:
            self.possible.append(f"{fault.name} {name}")
        return False

    def fate(self, name: str, faults: Sequence[Fault]) -> Fault | None:
        for fault in faults:
            self.happens(fault, name)
        return None
