"""What happened in a run, line by line: the same seed gives the same lines, byte for byte."""

from __future__ import annotations

import asyncio
from collections import deque
from hashlib import blake2b


class Trace:
    """Hashes every line, keeps the last ones, and tells steps (calls) from the rest. ``whole``: keeps them all."""

    def __init__(self, *, keep: int | None = 400) -> None:
        self.lines: deque[str] = deque(maxlen=keep)
        self.steps = 0
        self._hash = blake2b(digest_size=16)

    @property
    def digest(self) -> str:
        """The hash of all lines so far."""
        return self._hash.hexdigest()

    def note(self, *words: str) -> None:
        """Write a line."""
        self.steps += 1
        line = f"{asyncio.get_running_loop().time():.6f} {' '.join(filter(None, words))}"
        self._hash.update(line.encode() + b"\n")
        self.lines.append(line)
