"""How much memory a process and all that it started hold (Linux: /proc)."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def family_bytes(pid: int) -> int:
    """Return the resident memory of a process and its descendants; what they share counts for each."""
    children, resident = defaultdict[int, list[int]](list), dict[int, int]()
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            # proc(5): after the name in parentheses the parent is the second word, the resident pages the 22nd.
            words = path.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        children[int(words[1])].append(int(path.parent.name))
        resident[int(path.parent.name)] = int(words[21]) * _PAGE_BYTES
    return _sum(pid, children, resident)


def _sum(pid: int, children: dict[int, list[int]], resident: dict[int, int]) -> int:
    return resident.get(pid, 0) + sum(_sum(child, children, resident) for child in children.get(pid, ()))
