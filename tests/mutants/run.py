"""Shows that the tests catch every deliberate bug: ``make mutants``.

Each mutant is made in a copy of the repository, and the layers of tests run on it, until one catches it: first the one
that did before, by ``docs/mutants.md``, then from cheap to dear. ``--every-layer`` asks all of them: a bug that only a
unit test knows is one that the simulation misses.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.mutants.catalogue import Mutant, load
from tests.mutants.layers import LAYERS, Layer, Verdict, verdict
from tests.mutants.report import Known, caught, page, read, row, summary

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "mutants.md"
COPIED = ("vidctl", "tests", "deploy", "pyproject.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """How to try a mutant: the layers to ask, whether all of them, how many mutants at a time."""

    layers: tuple[Layer, ...]
    every_layer: bool
    known: Known
    places: asyncio.Semaphore

    async def tried(self, mutant: Mutant) -> list[Verdict]:
        """Return what the layers say of a mutant, up to the first that catches it unless all are asked."""
        said: list[Verdict] = []
        async with self.places, _copy() as tree:
            mutant.apply(tree)
            for layer in sorted(self.layers, key=lambda layer: not self.known.get((mutant.name, layer.name))):
                if not layer.sees(mutant) or (caught(said) and not self.every_layer):
                    continue
                said.append(await verdict(layer, tree, first=self._first(layer, mutant, tree)))
        return said

    def _first(self, layer: Layer, mutant: Mutant, tree: Path) -> list[list[str]]:
        """Return the test that caught the mutant before, then the likeliest."""
        before = self.known.get((mutant.name, layer.name))
        return [tests for tests in ([before] if before else [], layer.suspects(mutant, tree)) if tests]


@asynccontextmanager
async def _copy() -> AsyncIterator[Path]:
    with TemporaryDirectory(prefix="vidctl-mutant-") as place:
        tree = Path(place)
        for name in COPIED:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / name, tree / name)
        yield tree


async def _sound(bench: Bench) -> bool:
    """Whether the layers pass without any bug: else whatever they catch means nothing."""
    async with _copy() as tree:
        said = [await verdict(layer, tree) for layer in bench.layers]
    _say(row("(no bug)", said))
    return not caught(said)


async def _all(bench: Bench, mutants: Iterable[Mutant]) -> dict[str, list[Verdict]]:
    async def one(mutant: Mutant) -> tuple[str, list[Verdict]]:
        said = await bench.tried(mutant)
        _say(row(mutant.name, said))
        return mutant.name, said

    return dict(await asyncio.gather(*map(one, mutants)))


async def run(arguments: argparse.Namespace) -> int:
    """Try the mutants and say what came of it; 1 if one survived."""
    mutants = load()
    chosen = [mutants[name] for name in arguments.names] or list(mutants.values())
    bench = Bench(
        layers=tuple(layer for layer in LAYERS if arguments.only in (None, layer.name)),
        every_layer=arguments.every_layer,
        known=read(PAGE.read_text()) if PAGE.exists() else {},
        places=asyncio.Semaphore(arguments.processes),
    )
    if not arguments.names and not await _sound(bench):
        _say("The tests fail without any bug.")
        return 1
    said = await _all(bench, chosen)
    _say(summary(said))
    if arguments.write:
        PAGE.write_text(page(mutants, bench.known, said))
    return 0 if all(map(caught, said.values())) else 1


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make mutants", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="name", help="mutants to try (all)")
    parser.add_argument("--only", choices=[layer.name for layer in LAYERS], help="the one layer to ask")
    parser.add_argument("--every-layer", action="store_true", help="ask every layer, also after one caught it")
    parser.add_argument("--processes", type=int, default=1, help="mutants that are tried at a time (%(default)s)")
    parser.add_argument("--write", action="store_true", help=f"bring {PAGE.relative_to(ROOT)} up to date")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - load().keys():
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    return arguments


if __name__ == "__main__":
    sys.exit(asyncio.run(run(_arguments())))
