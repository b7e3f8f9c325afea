"""``make chaos``: real replicas are killed while real videos are uploaded, and every one must meet its fate once.

The settings of the replicas and workers are those of ``make dev``, and can be changed as there. Exit status: 0 if
all is well, 1 with a list of what is not, 130 when interrupted.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys
from datetime import timedelta
from pathlib import Path

from tests.chaos.run import run
from tests.chaos.trial import Trial
from tests.e2e.machine import ROOT
from vidctl.errors import VidctlError
from vidctl.groups import leaves
from vidctl.local.signals import ended_by_signals
from vidctl.settings import ReconcilerSettings, inherited, load

FAILED, INTERRUPTED = 1, 130


def main() -> int:
    """Run one trial; return the exit status."""
    arguments = _parser().parse_args()
    trial = Trial(
        seed=secrets.randbits(32) if arguments.seed is None else arguments.seed,
        trouble=timedelta(minutes=arguments.minutes),
        uploads=arguments.uploads,
        replicas=arguments.replicas,
        workers=bool(arguments.workers),
        every=timedelta(seconds=arguments.every),
        bound=timedelta(seconds=arguments.bound),
        still=timedelta(seconds=arguments.still),
    )
    return asyncio.run(_run(trial, Path(arguments.directory).absolute()))


def _parser() -> argparse.ArgumentParser:
    usual = Trial(seed=0)
    parser = argparse.ArgumentParser(prog="make chaos", description="Kill replicas while videos are uploaded.")

    def number(name: str, default: float, text: str) -> None:
        parser.add_argument(f"--{name}", type=type(default), default=default, help=f"{text} (default: {default})")

    parser.add_argument("--seed", type=int, help="decides what is uploaded, and who is killed when (default: any)")
    number("minutes", usual.trouble.total_seconds() / 60, "how long there is trouble")
    number("uploads", usual.uploads, "videos to upload")
    number("replicas", usual.replicas, "replicas of `vidctl serve`")
    number("workers", 0, "1: workers are killed, too")
    number("every", usual.every.total_seconds(), "mean seconds between two blows")
    number("bound", usual.bound.total_seconds(), "seconds after the trouble until all must be settled")
    number("still", usual.still.total_seconds(), "seconds for which it must be so")
    parser.add_argument("--directory", default=str(ROOT / ".dev" / "chaos"), help="where the logs go")
    return parser


async def _run(trial: Trial, directory: Path) -> int:
    visibility, code = load(ReconcilerSettings).visibility, FAILED
    try:
        with ended_by_signals(lambda: _say("\nEnding everything …")):
            report = await run(trial, directory=directory, inherited=inherited(), visibility=visibility)
            _say(str(report))
            code = FAILED if report.violations else 0
    except* VidctlError as failures:
        for failure in leaves(failures):
            sys.stderr.write(f"chaos: {failure}\n")
    except* asyncio.CancelledError:
        code = INTERRUPTED
    return code


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
