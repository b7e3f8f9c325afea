"""What came of the mutants: lines for the terminal, and ``docs/mutants.md``, which a later run brings up to date."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tests.mutants.catalogue import Mutant
from tests.mutants.layers import LAYERS, Layer, Verdict

HEAD = """\
# Deliberate bugs, and what catches them

Each of these bugs is made on purpose, one at a time, in a copy of the code; then the layers of tests run on it, each by
itself, and the first test that fails is named. `make mutants` makes them again, and
`make mutants ARGS="--every-layer --write"` writes this page. The numbers under *breaks* are those of "What must always
hold" in [architecture.md](architecture.md); the edits themselves stand in `tests/mutants/`.

A minus: that part of the code does not run in the layer. **Not caught**: it runs, and the layer passes.
"""
BLIND, PASSED, NOT_ASKED = "-", "**not caught**", "not asked"

Cells = dict[tuple[str, str], str]
"""What the page says, by mutant and layer."""


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


def page(mutants: Mapping[str, Mutant], cells: Cells, said: Mapping[str, Sequence[Verdict]]) -> str:
    """Write the page of all mutants, by chapter; what was not asked this time stays as it was in ``cells``."""
    now = {(name, v.layer): _cell(v) for name, verdicts in said.items() for v in verdicts}
    parts = [HEAD]
    for chapter in dict.fromkeys(mutant.chapter for mutant in mutants.values()):
        names = " | ".join(layer.name for layer in LAYERS)
        parts.append(f"\n## {chapter.capitalize()}\n\n| bug | breaks | {names} |\n|---|---|{'---|' * len(LAYERS)}\n")
        parts += [_line(mutant, cells | now) for mutant in mutants.values() if mutant.chapter == chapter]
    return "".join(parts)


def read(text: str) -> Cells:
    """Read what the page says."""
    cells: Cells = {}
    for line in text.splitlines():
        if line.startswith("| **"):
            bug, _, *told = line.replace("\\|", "\0").strip("| ").split(" | ")
            for layer, cell in zip(LAYERS, told, strict=True):
                cells[bug.split("**")[1], layer.name] = cell.replace("\0", "\\|")
    return cells


def catcher(cells: Cells, mutant: Mutant, layer: Layer) -> list[str]:
    """Return the test of a layer that caught the mutant before, by the page."""
    cell = cells.get((mutant.name, layer.name), "")
    return [cell.strip("`").replace("\\|", "|")] if "::" in cell else []


def _line(mutant: Mutant, cells: Cells) -> str:
    told = [cells.get((mutant.name, each.name), NOT_ASKED) if each.sees(mutant) else BLIND for each in LAYERS]
    return f"| **{mutant.name}**: {mutant.why} | {mutant.breaks} | {' | '.join(told)} |\n"


def _cell(verdict: Verdict) -> str:
    return PASSED if verdict.caught_by is None else f"`{verdict.caught_by}`".replace("|", "\\|")
