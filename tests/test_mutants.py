"""The deliberate bugs of ``tests/mutants`` still are bugs of this code: each can be made, and makes a program."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.mutants.catalogue import Edit, Moved, Mutant, load

ROOT = Path(__file__).parents[1]
MUTANTS = load()


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=list(MUTANTS))
def test_a_mutant_is_another_program(mutant: Mutant) -> None:
    texts: dict[Path, str] = {}
    for edit in mutant.edits:
        path = ROOT / "vidctl" / edit.file
        texts[path] = edit.applied(texts.get(path) or path.read_text())
    for path, text in texts.items():
        assert ast.dump(ast.parse(text)) != ast.dump(ast.parse(path.read_text()))


def test_a_mutant_whose_code_has_moved_is_refused() -> None:
    edit = Edit(file="any.py", old="a = 1", new="a = 2")
    assert edit.applied("a = 1\n") == "a = 2\n"
    for text in ("b = 1", "a = 1\na = 1"):
        with pytest.raises(Moved, match=r"any\.py"):
            edit.applied(text)


def test_the_page_names_every_mutant_and_no_other() -> None:
    lines = (ROOT / "docs" / "mutants.md").read_text().splitlines()
    assert [line.split("**")[1] for line in lines if line.startswith("| **")] == list(MUTANTS)
