"""What came of the mutants: lines for the terminal, and ``docs/mutants.md``, which a later run brings up to date."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tests.mutants.catalogue import Mutant
from tests.mutants.layers import LAYERS, Verdict

HEAD = """\
# Deliberate bugs, and what catches them

Each of these bugs is made on purpose, one at a time, in a copy of the code; then the layers of tests run on it, each by
itself, and the first test that fails is named. `make mutants` makes them again, and
`make mutants ARGS="--every-layer --write"` writes this page. The numbers under *breaks* are those of "What must always
hold" in [architecture.md](architecture.md); the edits themselves stand in `tests/mutants/`.

A layer that passes runs the code in question and does not mind; one that is not named does not run it, or was not
asked. The layers, from cheap to dear: unit tests, the adapters' edges, every case of the planner, the worker's process,
and of the simulation the stories, the systematic run of single faults, and the swarm of seeds.
"""
PASSES = "passes"

Known = dict[tuple[str, str], str | None]
"""What the page says: the test that catches a mutant, or None where the layer passes, by mutant and layer."""


def caught(said: Iterable[Verdict]) -> bool:
    """Whether any layer caught the mutant."""
    return any(verdict.caught_by is not None for verdict in said)


def row(name: str, said: Sequence[Verdict]) -> str:
    """Write one line for the terminal."""
    told = [f"{v.layer} {v.seconds:.0f} s {(v.caught_by or 'passes').rpartition('/')[2]}" for v in said]
    return f"{name:42} {'' if caught(said) else 'SURVIVED  '}{'; '.join(told)}"


def summary(said: Mapping[str, Sequence[Verdict]]) -> str:
    """Count what was caught, by layer, and name the survivors."""
    verdicts = [verdict for mutant in said.values() for verdict in mutant]
    lines = []
    for layer in LAYERS:
        asked = [verdict for verdict in verdicts if verdict.layer == layer.name]
        lines.append(f"{layer.name}: caught {sum(v.caught_by is not None for v in asked)} of {len(asked)}")
    survivors = [name for name, mutant in said.items() if not caught(mutant)]
    lines.append(f"all: caught {len(said) - len(survivors)} of {len(said)}")
    return "\n".join([*lines, *(f"SURVIVED {name}" for name in survivors)])


def page(mutants: Mapping[str, Mutant], known: Known, said: Mapping[str, Sequence[Verdict]]) -> str:
    """Write the page of all mutants, by chapter; what was not asked this time stays as it was ``known``."""
    now = known | {(name, v.layer): v.caught_by for name, verdicts in said.items() for v in verdicts}
    parts = [HEAD]
    for chapter in dict.fromkeys(mutant.chapter for mutant in mutants.values()):
        parts.append(f"\n## {chapter.capitalize()}\n\n| bug | breaks | caught by |\n|---|---|---|\n")
        parts += [_line(mutant, now) for mutant in mutants.values() if mutant.chapter == chapter]
    return "".join(parts)


def read(text: str) -> Known:
    """Read what the page says."""
    known: Known = {}
    for line in text.splitlines():
        if line.startswith("| **"):
            bug, _, told = line.replace("\\|", "\0")[2:-2].split(" | ")
            for entry in filter(None, told.replace("\0", "|").split("<br>")):
                layer, _, test = entry.partition(": ")
                known[bug.split("**")[1], layer] = None if test == PASSES else test.strip("`")
    return known


def _line(mutant: Mutant, known: Known) -> str:
    told = [f"{layer.name}: {_entry(known[at])}" for layer in LAYERS if (at := (mutant.name, layer.name)) in known]
    return f"| **{mutant.name}**: {mutant.why} | {mutant.breaks} | {'<br>'.join(told)} |\n"


def _entry(test: str | None) -> str:
    return PASSES if test is None else f"`{test}`".replace("|", "\\|")
