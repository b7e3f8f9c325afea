"""The table of a run: what was intended of each input, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tests.corpus.catalogue import GROUPS
from tests.corpus.intent import Intent, Refused
from tests.corpus.pending import PENDING
from tests.corpus.run import Row

_HEAD = """# The corpus

Every input that `tests/corpus` makes went through the whole worker, with the real ffmpeg.
`make corpus ARGS="--write docs/corpus.md"` writes this page.
Seconds are wall time of the whole worker, on the machine of the run, at the fastest preset of x264.
"""


def line(row: Row) -> str:
    """Return a row for a terminal."""
    mark = "as intended" if not row.differences else f"DIFFERS: {'; '.join(row.differences)}"
    told = f"{row.entry.name:24} {row.seconds:5.1f} s  {row.entry.intent}  ->  {row.seen}  [{mark}]"
    return f"{told} ({PENDING[row.entry.name]})" if row.differences and row.entry.name in PENDING else told


def summary(rows: Sequence[Row]) -> str:
    """Return how many inputs ended as intended."""
    unlike = [row.entry.name for row in rows if row.differences]
    named = f"; {len(unlike)} do not: {', '.join(unlike)}" if unlike else ""
    return f"{len(rows)} inputs, of which {len(rows) - len(unlike)} end as intended{named}"


def document(rows: Sequence[Row]) -> str:
    """Return the whole table as Markdown."""
    return "\n".join((_HEAD, f"{summary(rows)}.", *_sections(rows))) + "\n"


def _sections(rows: Sequence[Row]) -> Iterator[str]:
    for title, entries in GROUPS.items():
        mine = [row for row in rows if row.entry in entries]
        if mine:
            yield f"\n## {title}\n\n| input | what is special | intended | outcome | s |\n|---|---|---|---|---|"
            yield from (_cells(row) for row in mine)


def _cells(row: Row) -> str:
    outcome = str(row.seen)
    if row.differences:
        outcome = f"**differs**: {'; '.join(row.differences)}"
        outcome += f" ({PENDING[row.entry.name]})" if row.entry.name in PENDING else ""
    cells = (f"`{row.entry.name}`", row.entry.special, _intended(row.entry.intent), outcome, f"{row.seconds:.1f}")
    return f"| {' | '.join(cell.replace('|', '&#124;').replace('<', '&lt;') for cell in cells)} |"


def _intended(intent: Intent) -> str:
    return f"{intent} ({intent.why})" if isinstance(intent, Refused) else str(intent)
