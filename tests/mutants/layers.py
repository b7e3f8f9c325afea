"""The layers of tests, each of which may catch a mutant without the others' help."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.catalogue import Mutant

HANGS = 60
"""Seconds after which a test counts as hanging; the slowest takes some fifteen."""
ENDLESS = 900
"""Seconds after which a layer does, where pytest's own clock ends no test: a loop that yields to nobody."""
TESTS_FAILED, NO_SUCH_TEST = 1, 4

_FAILURE = re.compile(r"^(?:FAILED|ERROR) (?P<test>\S.*?)(?: - (?P<reason>.*))?$", re.MULTILINE)


class Unusable(Exception):
    """The tests did not run: the mutant is no program, or the suite is broken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """Some tests. ``blind``: the parts of vidctl that do not run in them, so that they cannot catch a bug there."""

    name: str
    tests: tuple[str, ...]
    blind: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        """Where its tests are."""
        return self.tests[0].rpartition("/")[0] if self.tests[0].endswith(".py") else self.tests[0]

    def suspects(self, mutant: Mutant, tree: Path) -> list[str]:
        """Return the test files that are named after what the mutant changes: the likeliest to catch it."""
        stems = dict.fromkeys(Path(edit.file).stem for edit in mutant.edits)
        return [str(path.relative_to(tree)) for stem in stems for path in tree.glob(f"{self.folder}/test_{stem}.py")]

    def sees(self, mutant: Mutant) -> bool:
        """Whether any of the mutant's edits runs in these tests."""
        return any(not edit.file.startswith(self.blind) for edit in mutant.edits)


EDGES = ("clients.py", "s3.py", "sqs.py", "ecs.py")
LAYERS = (
    Layer(name="unit", tests=("tests/unit",)),
    Layer(name="edges", tests=("tests/contract/test_rare_answers.py",), blind=("reconciler/", "worker/", "journal.py")),
    Layer(name="worker", tests=("tests/process/test_worker.py",), blind=("reconciler/", *EDGES)),
    Layer(name="simulation", tests=("tests/simulation",), blind=EDGES),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one layer said of one mutant: the first test that failed and why, or None if all passed."""

    layer: str
    caught_by: str | None
    reason: str = ""
    seconds: float


async def verdict(layer: Layer, tree: Path, *, first: Iterable[Sequence[str]] = ()) -> Verdict:
    """Run a layer in a copy of the repository until a test fails, some of its tests before all others.

    Raises:
        Unusable: no test failed, and yet they did not all pass.

    """
    began = time.monotonic()
    for tests in (*first, layer.tests):
        returncode, output = await _pytest(tree, tests)
        if returncode == NO_SUCH_TEST and tests != layer.tests:
            continue
        caught_by, reason = _first_failure(returncode, output)
        if caught_by is not None:
            break
    return Verdict(layer=layer.name, caught_by=caught_by, reason=reason, seconds=time.monotonic() - began)


async def _pytest(tree: Path, tests: Sequence[str]) -> tuple[int | None, str]:
    """Return pytest's exit code, None if it had to be killed, and what it wrote."""
    process = await asyncio.create_subprocess_exec(
        *("env", f"PYTHONPATH={tree}", "PYTHONHASHSEED=0"),
        *(sys.executable, "-m", "pytest", "--exitfirst", "--verbose", "--tb=no", "--color=no"),
        *("-p", "no:cacheprovider", "--hypothesis-profile=mutants", "-o", f"timeout={HANGS}", *tests),
        cwd=tree,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(ENDLESS):
            output = (await process.communicate())[0].decode()
    except TimeoutError:
        return None, ""
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode, output


def _first_failure(returncode: int | None, output: str) -> tuple[str | None, str]:
    failure = _FAILURE.search(output)
    if returncode == 0:
        return None, ""
    if returncode is None:
        return "a test that never ends", ""
    if returncode != TESTS_FAILED or failure is None:
        raise Unusable(f"pytest ended with {returncode}\n{output[-3000:]}")
    return failure["test"], failure["reason"] or ""
