"""The arithmetic of uploads in parts (P). S3 takes 10,000 parts of 5 MiB to 5 GiB, of which the last may be smaller."""

from __future__ import annotations

MIB = 1024**2
GIB = 1024**3
MOST_PARTS = 10_000
LEAST_PART_BYTES = 5 * MIB
MOST_PART_BYTES = 5 * GIB
"""Also the most that one PUT or POST may bring."""
MOST_OBJECT_BYTES = 5 * 1024 * GIB


def part_bytes(size_bytes: int, preferred: int) -> int:
    """Return the size of the parts of a file: the preferred one, or larger, so that there are not too many.

    A file is always cut alike, since its ETag depends on it.
    """
    return max(preferred, -(-size_bytes // MOST_PARTS))


def part_count(size_bytes: int, part: int) -> int:
    """Return how many parts of ``part`` bytes a file has: at least one, though it be empty."""
    return max(1, -(-size_bytes // part))


def size_of(number: int, *, size_bytes: int, part: int) -> int:
    """Return the bytes of the part with this number, counted from 1."""
    return min(part, size_bytes - (number - 1) * part)
