"""Every case that is tried: products of the dimensions, and what is left out of them, with the reason.

A full product of all values would have some 10¹⁰ cases. ``everything`` crosses all dimensions with their coarse
values. Each other family crosses *all* values of those dimensions that a decision reads together.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from tests import builders as b
from tests.planner import dimensions as d
from tests.planner.scene import Scene
from vidctl.model import AttemptNumber, Source, Task
from vidctl.reconciler.observation import OutputSeen
from vidctl.records import Intent, Manifest, Record, Result

KEPT = b.kept()

Family = dict[str, tuple[str, ...]]
"""Dimension → names of its values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One combination, by the names of its values."""

    raw: str = "young"
    kept: str = "none"
    deliveries: str = "plain"
    attempts: str = "none"
    result: str = "none"
    store: str = "as said"
    task: str = "none"
    manifest: str = "none"
    end: str = "none"
    cancel: str = "none"
    unreadable: str = "none"
    gate: str = "open"
    sight: str = "none"
    refusal: str = "none"
    others: str = "none"
    telling: str = "off"
    noted: str = "none"

    @property
    def round(self) -> int:
        """The round that is being played."""
        return 2 if self.end in ("reopened", "dead again", "dead again, told") else 1

    @property
    def attempt(self) -> AttemptNumber:
        """The last attempt: the one that result, task and manifest are about."""
        begun = [made for made in _attempts(self.attempts, self.round) if isinstance(made, Intent)]
        return AttemptNumber(self.round, max(len(begun), 1))

    def scene(self) -> Scene:
        """Return what then is true."""
        number = self.attempt
        results, manifest = _results(self.result, number), _manifest(self.manifest, number)
        return Scene(
            raw=d.RAW[self.raw],
            copies=self._copies(),
            records=self._records(results),
            unreadable=d.UNREADABLE[self.unreadable],
            deliveries=d.DELIVERIES[self.deliveries](self.round),
            tasks=_tasks(self.task, number),
            manifest=manifest,
            store=_store(self.store, self.result, self.manifest, number),
            refusals=d.REFUSALS[self.refusal](number),
            gate=d.GATES[self.gate],
            sight=d.SIGHTS[self.sight],
            others_succeeded_at=d.OTHERS_SUCCEEDED[self.others],
            policy=d.POLICIES[self.telling],
        )

    def _records(self, results: tuple[Result, ...]) -> tuple[Record, ...]:
        kept = () if self.kept == "none" else (KEPT,)
        attempts = _attempts(self.attempts, self.round)
        told = d.NOTED[self.noted](self.attempt)
        return (*d.ENDS[self.end], *attempts, *results, *kept, *d.CANCELS[self.cancel], *told)

    def _copies(self) -> tuple[Source, ...]:
        return (KEPT.source,) if self.kept == "copied" else ()


# Made once for each name and number: most of the time would go into making them.


@cache
def _attempts(name: str, round_: int) -> tuple[Record, ...]:
    return tuple(made(round_) for made in d.ATTEMPTS[name])


@cache
def _results(name: str, number: AttemptNumber) -> tuple[Result, ...]:
    return d.RESULTS[name](number)


@cache
def _tasks(name: str, number: AttemptNumber) -> tuple[Task, ...]:
    return d.TASKS[name](number)


@cache
def _manifest(name: str, number: AttemptNumber) -> Manifest | None:
    return d.MANIFESTS[name](number)


@cache
def _store(name: str, result: str, manifest: str, number: AttemptNumber) -> tuple[OutputSeen, ...]:
    claimed = [output for said in _results(result, number) for output in said.outputs]
    published = _manifest(manifest, number)
    claimed += () if published is None else published.outputs
    return d.STORES[name](tuple(dict.fromkeys(claimed)))


FAMILIES: dict[str, Family] = {
    "everything": {
        "raw": ("none", "young", "another"),
        "kept": ("none", "copied"),
        "deliveries": ("plain", "redrive"),
        "attempts": ("none", "open", "open, older than any task", "crashed", "lost, then open", "crashed three times"),
        "result": ("none", "success", "permanent"),
        "store": ("as said", "one missing"),
        "task": ("none", "running", "interrupted by Spot"),
        "manifest": ("none", "of this attempt", "of an older upload"),
        "end": ("none", "dead, not told", "dead, told", "reopened"),
        "cancel": tuple(d.CANCELS),
    },
    "an attempt": {
        "attempts": tuple(d.ATTEMPTS),
        "result": tuple(d.RESULTS),
        "task": tuple(d.TASKS),
    },
    "a launch": {
        "attempts": tuple(d.ATTEMPTS),
        "result": ("none", "infrastructure"),
        "task": ("none", "running", "failed to start", "another's running"),
        "refusal": tuple(d.REFUSALS),
        "gate": tuple(d.GATES),
        "others": tuple(d.OTHERS_SUCCEEDED),
    },
    "a beginning": {
        "raw": ("young", "none", "another"),
        "kept": ("none", "copied"),
        "deliveries": ("plain", "redrive"),
        "attempts": ("none", "open", "crashed", "crashed just now", "crashed three times", "an outcome alone"),
        "end": ("none", "dead, told", "reopened"),
        "gate": tuple(d.GATES),
        "sight": tuple(d.SIGHTS),
    },
    "a publication": {
        "raw": ("none", "young", "expiring"),
        "kept": ("none", "copied"),
        "attempts": (
            "none",
            "open",
            "open, older than any task",
            "crashed",
            "outputs refuted",
            "published",
            "lost, then open",
            "two open",
        ),
        "result": ("none", "success", "success of another attempt", "success of two"),
        "store": ("as said", "one missing", "a checksum wrong"),
        "task": ("none", "running late", "another's running"),
        "manifest": tuple(d.MANIFESTS),
    },
    "an upload": {
        "raw": tuple(d.RAW),
        "kept": d.KEPT,
        "deliveries": ("none", "plain", "redrive", "stale redrive", "three"),
        "attempts": ("none", "open"),
        "store": ("as said", "unclaimed ones too"),
        "manifest": tuple(d.MANIFESTS),
        "end": tuple(d.ENDS),
        "cancel": tuple(d.CANCELS),
    },
    "a notice": {
        "raw": ("none", "young", "another"),
        "deliveries": ("none", "plain", "redrive"),
        "attempts": ("none", "open", "crashed three times", "published"),
        "result": ("none", "success"),
        "task": ("none", "running"),
        "manifest": ("none", "of this attempt", "of an older upload"),
        "end": ("none", "dead, not told", "dead, told", "reopened"),
        "cancel": tuple(d.CANCELS),
        "telling": ("on", "failures only"),  # all other families are of deployments that tell nobody
        "noted": tuple(d.NOTED),
    },
    "a deployment": {
        "raw": tuple(d.RAW),
        "attempts": tuple(d.ATTEMPTS),
        "task": ("none", "running"),
        "manifest": ("none", "of this attempt"),
        "end": tuple(d.ENDS),
        "cancel": tuple(d.CANCELS),
        "unreadable": ("one",),
    },
}


def cases(family: str) -> Iterator[Case]:
    """Return every case of a family that can be told from another."""
    names, values = zip(*FAMILIES[family].items(), strict=True)
    for chosen in itertools.product(*values):
        case = Case(**dict(zip(names, chosen, strict=True)))
        if _tells_something(case):
            yield case


def _tells_something(case: Case) -> bool:
    """Whether no other case looks the same to a pass."""
    if case.attempts == "none" and (case.result not in ("none", "success") or case.task not in ("none", "running")):
        return False  # what attempts did needs an attempt; one Result and one task without an Intent are tried
    if case.attempts == "none" and case.refusal != "none":
        return False  # RunTask is called for an Intent, and for nothing else
    if case.store not in ("as said", "unclaimed ones too") and not _claims(case):
        return False  # nothing was said that could be otherwise
    if case.noted == "the deletion" and case.cancel == "none":
        return False  # nobody deletes what its owner did not cancel
    if case.kept == "copy gone" and case.raw != "none":
        return False  # while there is a raw object nobody looks for the copy
    # The success of others is evidence against a loss alone.
    return case.others == "none" or case.attempts.startswith("lost twenty")


def _claims(case: Case) -> bool:
    return case.result.startswith("success") or case.manifest != "none"
