"""The deliberate bugs: each a few exact edits of vidctl, with the rule that it breaks and why it would hurt.

They stand in the ``*.toml`` files beside this module. A mutant either has ``edits``, or is ``together`` some others at
once: rules that cover for one another are only seen to matter when all of them are gone.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


class Moved(Exception):
    """The code that a mutant changes is not there any more, or not only there: write the mutant anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Exact text of one file (under ``vidctl/``), which stands there once, and what takes its place."""

    file: str
    old: str
    new: str

    def applied(self, text: str) -> str:
        """Return the file's text with the edit made.

        Raises:
            Moved: the old text does not stand there exactly once.

        """
        if text.count(self.old) != 1:
            raise Moved(f"{self.file}: found {text.count(self.old)} times: {self.old!r}")
        return text.replace(self.old, self.new)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One deliberate bug. ``breaks`` are numbers of "What must always hold" in ``docs/architecture.md``."""

    name: str
    chapter: str
    breaks: str
    why: str
    edits: tuple[Edit, ...]

    def apply(self, tree: Path) -> None:
        """Make the edits in a copy of the repository; raises as ``Edit.applied``."""
        for edit in self.edits:
            path = tree / "vidctl" / edit.file
            path.write_text(edit.applied(path.read_text()))


def load() -> dict[str, Mutant]:
    """Return every mutant by its name."""
    written = {name: (chapter, fields) for chapter, fields_ in _chapters() for name, fields in fields_.items()}
    return {
        name: Mutant(
            name=name,
            chapter=chapter,
            breaks=fields["breaks"],
            why=fields["why"],
            edits=tuple(_edits(fields, {name: fields for name, (_, fields) in written.items()})),
        )
        for name, (chapter, fields) in written.items()
    }


def _chapters() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted(HERE.glob("*.toml")):
        yield path.stem, tomllib.loads(path.read_text())


def _edits(fields: dict[str, Any], written: dict[str, dict[str, Any]]) -> Iterator[Edit]:
    for name in fields.get("together", ()):
        yield from _edits(written[name], written)
    for edit in fields.get("edits", ()):
        yield Edit(**edit)
