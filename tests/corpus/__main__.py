"""``make corpus``: every input through the whole worker, and a table of what became of it.

Exit status: 0 if all ended as intended, 1 if any did not, 2 if there is no such input.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tests.corpus import table
from tests.corpus.catalogue import INPUTS
from tests.corpus.run import Row, run
from tests.media import Clips
from vidctl import logs


def main() -> int:
    """Run the inputs that are named; return the exit status."""
    arguments = _parser().parse_args()
    unknown = [name for name in arguments.inputs if name not in INPUTS]
    if unknown:
        sys.stderr.write(f"corpus: there is no input {', '.join(unknown)}\n")
        return 2
    logs.configure(level="error", json=False, stream=io.StringIO())
    with tempfile.TemporaryDirectory(prefix="vidctl-corpus-") as scratch:
        clips = Clips(arguments.keep or Path(scratch) / "clips")
        rows = asyncio.run(_rows(arguments.inputs or INPUTS, clips, Path(scratch)))
    sys.stdout.write(f"{table.summary(rows)}\n")
    if arguments.write is not None:
        arguments.write.write_text(table.document(rows))
    return 1 if any(row.differences for row in rows) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make corpus", description="Send every input through the whole worker.")
    parser.add_argument("inputs", nargs="*", help="only these (default: all)")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="write the table as Markdown")
    parser.add_argument("--keep", type=Path, metavar="DIRECTORY", help="leave the inputs there")
    return parser


async def _rows(names: Iterable[str], clips: Clips, scratch: Path) -> list[Row]:
    rows = []
    for name in names:
        # What is published lies beside the worker's directory, and takes room only until it was looked at.
        with tempfile.TemporaryDirectory(dir=scratch) as directory:
            rows.append(await run(INPUTS[name], clips=clips, directory=Path(directory)))
        sys.stdout.write(f"{table.line(rows[-1])}\n")
        sys.stdout.flush()
    return rows


if __name__ == "__main__":
    sys.exit(main())
