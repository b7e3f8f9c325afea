"""Sends inputs of the corpus through the whole worker."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from tests.corpus.intent import Input
from tests.corpus.outcome import Outcome, differences, outcome
from tests.media import Clips
from tests.workbench import Bench


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One input, what became of it, in how many seconds of wall time, and how that differs from what was intended."""

    entry: Input
    seen: Outcome
    seconds: float
    differences: tuple[str, ...]


async def run(entry: Input, *, clips: Clips, directory: Path) -> Row:
    """Let a worker do one input in a directory that exists and is its own."""
    bench = Bench(directory=directory / "work", body=clips.read(entry.name))
    began = time.perf_counter()
    exit_code = await bench.run()
    seconds = time.perf_counter() - began
    seen = await outcome(bench)
    assert (exit_code == 0) == (seen.result.failure is None), f"exit code {exit_code} of {seen}"
    local = [f"no local file, not {path}" for path in bench.leftovers]
    if str(directory) in seen.result.detail:
        local.append(f"a reason without a local path, not {seen.result.detail!r}")
    return Row(entry=entry, seen=seen, seconds=seconds, differences=(*differences(entry.intent, seen), *local))
