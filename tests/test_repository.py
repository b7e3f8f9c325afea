"""The rules of the house that no linter knows."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from vidctl import reference
from vidctl.model import FailureClass

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "vidctl").rglob("*.py"))
MEANINGLESS = {"util", "utils", "helper", "helpers", "manager", "common", "base", "misc"}


def functions(module: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_is_small_and_its_name_means_something(module: Path) -> None:
    assert len(module.read_text().splitlines()) <= 300
    assert module.stem not in MEANINGLESS
    long = [f.name for f in functions(module) if f.end_lineno is not None and f.end_lineno - f.lineno >= 45]
    assert not long


@pytest.mark.parametrize(
    ("page", "written"),
    [
        ("settings.md", reference.settings_table),
        ("profiles.md", reference.profile_table),
        ("metrics.md", reference.metrics_table),
        ("plan.md", reference.plan_table),
    ],
)
def test_the_reference_is_what_the_code_says(page: str, written: object) -> None:
    assert callable(written)
    assert (ROOT / "docs" / page).read_text() == written(), "run `make docs`"


def test_lock_files_name_no_index_and_pin_every_package_by_hash() -> None:
    for lock in (ROOT / "requirements").glob("*.txt"):
        text = lock.read_text()
        assert "://" not in text
        pinned = re.findall(r"^[a-z0-9][^\n]*==[^\n]*(?:\n    [^\n]*)*", text, flags=re.MULTILINE)
        assert pinned
        assert all("--hash=sha256:" in package for package in pinned)


@pytest.mark.parametrize(
    "lock",
    [ROOT / "page" / "package-lock.json", *sorted((ROOT / "tests").glob("*/package-lock.json"))],
    ids=lambda path: path.parent.name,
)
def test_the_locks_of_npm_name_no_registry_and_pin_every_package_by_hash(lock: Path) -> None:
    packages = json.loads(lock.read_text())["packages"]
    # The others are folders of the checkout.
    pinned = [package for path, package in packages.items() if "node_modules/" in path and "link" not in package]
    assert pinned
    assert all("integrity" in package and "resolved" not in package for package in pinned)


def test_every_file_that_the_readme_points_to_exists() -> None:
    readme = (ROOT / "README.md").read_text()
    links = re.findall(r"\]\(([^)#]+)\)", readme)
    paths = re.findall(r"`((?:vidctl|tests|deploy|docs)/[\w./*-]+)`", readme)
    missing = [link for link in links + paths if not list(ROOT.glob(link.rstrip("/")))]
    assert not missing


def test_ci_runs_what_the_readme_names() -> None:
    assert "make check test" in (ROOT / ".ci" / "run").read_text()
    assert "make check test" in (ROOT / "README.md").read_text()


_CODE = re.compile(r'(?:(?:refused|failed|temporary|misconfigured)\(\s*|FailureClass\.[A-Z_]+, )"([a-z_]+)"')


def test_every_code_of_a_failure_is_in_the_document_and_every_class() -> None:
    text = (ROOT / "docs" / "failures.md").read_text()
    made = {
        code
        for module in [*(ROOT / "vidctl" / "worker").rglob("*.py"), *(ROOT / "vidctl" / "reconciler").glob("*.py")]
        for code in _CODE.findall(module.read_text())
    }
    rows = re.findall(r"^\| ([a-z]+) \| (`[^|]+`) \|", text, flags=re.MULTILINE)
    told = {code for _, codes in rows for code in re.findall(r"`([a-z_]+)`", codes)}
    assert made - told == set()
    assert {row for row, _ in rows} == {failure.value for failure in FailureClass} - {"bad_message"}
    tests = " ".join(re.findall(r"(?:e2e|process|simulation|unit)/test_[a-z_]+", text)).split()
    assert all((ROOT / "tests" / f"{name}.py").exists() for name in tests)
