"""A film of any size that is never in memory as a whole: a short clip, and a box of noise that players skip."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import md5


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """``clip`` and noise, ``size_bytes`` together, cut into parts of ``part_bytes``."""

    clip: bytes
    size_bytes: int
    part_bytes: int

    def part(self, number: int) -> bytes:
        """Return the part of that number, the first being 1: the same whenever it is asked for."""
        begin = (number - 1) * self.part_bytes
        end = min(begin + self.part_bytes, self.size_bytes)
        head = self.clip + self._box()
        if len(head) > self.part_bytes:
            raise ValueError("the clip must fit into the first part")
        # No two parts are alike: one in another's place would be seen.
        said = head if number == 1 else number.to_bytes(8)
        return (said + _noise(self.part_bytes)[len(said) :])[: end - begin]

    @property
    def numbers(self) -> range:
        """The numbers of all parts."""
        return range(1, -(-self.size_bytes // self.part_bytes) + 1)

    def _box(self) -> bytes:
        """Return the header of a box with a size of 64 bits (ISO/IEC 14496-12, section 4.2)."""
        return (1).to_bytes(4) + b"free" + (self.size_bytes - len(self.clip)).to_bytes(8)


@cache
def _noise(size_bytes: int) -> bytes:
    return random.Random(0).randbytes(size_bytes)


def etag(content: bytes) -> str:
    """Return the ETag that S3 gives to one part."""
    return md5(content, usedforsecurity=False).hexdigest()


def etag_of_all(etags: Sequence[str]) -> str:
    """Return the ETag that S3 gives to what these parts make, in their order: MD5 of their MD5s, and how many."""
    return f"{etag(b''.join(bytes.fromhex(each) for each in etags))}-{len(etags)}"
