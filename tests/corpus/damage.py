"""What goes wrong with the bytes of a file on its way (P)."""

from __future__ import annotations

import random
from collections.abc import Callable

from tests.corpus import atoms

Change = Callable[[bytes], bytes]


def cut(share: float) -> Change:
    """Leave out the end: only this share of the bytes is there."""
    return lambda body: body[: int(len(body) * share)]


def shortened(size_bytes: int) -> Change:
    """Leave out the last bytes."""
    return lambda body: body[:-size_bytes]


def cut_in(path: str, offset: int) -> Change:
    """Let the file end so many bytes after the beginning of a box."""
    return lambda body: body[: atoms.find(body, path).start + offset]


def zeroed(path: str, start: float, end: float) -> Change:
    """Clear a part of a box's content, given in shares of it, as a download with a hole does."""

    def change(body: bytes) -> bytes:
        content = atoms.find(body, path).content
        length = content.stop - content.start
        first, last = content.start + int(length * start), content.start + int(length * end)
        return body[:first] + bytes(last - first) + body[last:]

    return change


def overwritten(path: str, *, start: int, every: int, length: int) -> Change:
    """Overwrite the content of a box, from ``start`` on, ``length`` of ``every`` so many bytes."""

    def change(body: bytes) -> bytes:
        content = atoms.find(body, path).content
        made = bytearray(body)
        for at in range(content.start + start, content.stop - length, every):
            made[at : at + length] = b"\xa5" * length
        return bytes(made)

    return change


def flipped(path: str, *, bits: int) -> Change:
    """Flip single bits of a box's content, the same ones each time."""

    def change(body: bytes) -> bytes:
        content, made, dice = atoms.find(body, path).content, bytearray(body), random.Random(1)
        for _ in range(bits):
            made[dice.randrange(content.start, content.stop)] ^= 1 << dice.randrange(8)
        return bytes(made)

    return change


def zeroed_whole(*paths: str) -> Change:
    """Clear the contents of boxes."""

    def change(body: bytes) -> bytes:
        for path in paths:
            body = zeroed(path, 0, 1)(body)
        return body

    return change


def without(*paths: str) -> Change:
    """Leave boxes out, and what is in them."""

    def change(body: bytes) -> bytes:
        for box in sorted((atoms.find(body, path) for path in paths), key=lambda box: box.start, reverse=True):
            body = body[: box.start] + body[box.end :]
        return body

    return change
