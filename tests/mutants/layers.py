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

HANGS = 240
"""Seconds after which a test counts as hanging; the slowest takes some fifteen."""
ENDLESS = 1800
"""Seconds after which a layer does, where pytest's own clock ends no test: a loop that yields to nobody."""
TESTS_FAILED, NO_SUCH_TEST = 1, 4

_FAILURE = re.compile(r"^(?:FAILED|ERROR) (?P<test>\S.*?)(?: - (?P<reason>.*))?$", re.MULTILINE)


class Unusable(Exception):
    """The tests did not run: the mutant is no program, or the suite is broken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """Some tests. ``runs``: the parts of vidctl that run in them; they cannot catch a bug in any other."""

    name: str
    tests: tuple[str, ...]
    runs: tuple[str, ...]

    def suspects(self, mutant: Mutant, tree: Path) -> list[str]:
        """Return the test files that are named after what the mutant changes: the likeliest to catch it."""
        stems = dict.fromkeys(Path(edit.file).stem for edit in mutant.edits)
        found = [path for stem in stems for test in self.tests for path in tree.glob(f"{test}/test_{stem}.py")]
        return [str(path.relative_to(tree)) for path in found]

    def sees(self, mutant: Mutant) -> bool:
        """Whether any of the mutant's edits runs in these tests."""
        return any(edit.file.startswith(self.runs) for edit in mutant.edits)


WORDS = ("codec.py", "events.py", "journal.py", "layout.py")
WHOLE = ("reconciler/", "worker/fence.py", "folders.py", "outbox.py", "outbox_keys.py", "dispatch.py", *WORDS)
PURE = ("plan", "budget", "classify", "notices", "observation", "policy", "results")
STORIES = ("decisions", "failures", "fairness", "found", "guards", "pipeline", "telling", "wishes")
LAYERS = (
    Layer(name="unit", tests=("tests/unit",), runs=("",)),
    Layer(
        name="edges",
        tests=("tests/contract/test_rare_answers.py",),
        runs=("clients.py", "multipart.py", "s3.py", "sqs.py", "ecs.py"),
    ),
    Layer(
        name="planner",
        tests=("tests/planner",),
        runs=tuple(f"reconciler/{name}.py" for name in PURE),
    ),
    Layer(name="worker", tests=("tests/process/test_worker.py",), runs=("worker/", *WORDS)),
    Layer(name="stories", tests=tuple(f"tests/simulation/test_{name}.py" for name in STORIES), runs=WHOLE),
    Layer(name="systematic", tests=("tests/simulation/test_systematic.py",), runs=WHOLE),
    Layer(
        name="swarm",
        # Seeds that nobody has tried before are another test: what catches a mutant must not be luck.
        tests=("tests/simulation/test_swarm.py::test_nothing_unsafe_happens_and_all_is_well_when_the_faults_end",),
        runs=WHOLE,
    ),
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
