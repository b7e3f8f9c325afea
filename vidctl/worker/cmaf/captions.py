"""Closed captions within coded pictures, as ATSC A/53 puts them there: which channels speak (P).

H.264 and HEVC carry them in an SEI message, AV1 in a metadata OBU, and all three in the same bytes (ITU-T T.35).
Whether an encoder keeps them depends on codec and version, and ffprobe tells of them since 7.1 only; the bytes that are
published say what is in them. None of them prevents emulation: in a message no two zeros are followed by 3 or less.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

_START = b"\xb5\x00\x31GA94\x03"
"""United States, ATSC, its identifier, captions (A/53 part 4, 6.2.3). What follows is a count, a byte, and triplets."""

_COUNT = 0x1F
_VALID = 0x04
_KIND = 0x03
_FIELDS, _PACKET_START = (0, 1), 3
"""Kinds of triplets: CEA-608's in the first and second field, and that with which a packet of CEA-708 begins."""

_PARITY = 0x7F
_MODES = frozenset({0x20, 0x25, 0x26, 0x27, 0x29})
"""What captions of CEA-608 begin with: popped on, rolled up in two to four rows, painted on."""

_MISCELLANEOUS = 0x14
_FIELD, _CHANNEL = 0x01, 0x08
"""Bits that a command of CEA-608 may have beside it: it is the second field's, or for a field's second channel."""

_LAST_SERVICE = 6
"""CEA-708 has 57 more, whose number stands elsewhere."""


def channels(coded: bytes) -> frozenset[str]:
    """Return the channels in which captions begin, as INSTREAM-ID names them: CC1 to CC4, SERVICE1 to SERVICE6.

    Some encoders send captions that say nothing with every picture; those are none.
    """
    named = (_caption(*triplet) or _service(*triplet) for triplet in _triplets(coded))
    return frozenset(name for name in named if name is not None)


def told(renditions: Iterable[frozenset[str]]) -> tuple[str, ...]:
    """Return the channels to tell players of: those that every rendition has.

    Those of CEA-708 only if there are none of CEA-608: both say the same, and few players know more than the latter.
    """
    first, *others = [*renditions] or [frozenset()]
    common = sorted(first.intersection(*others))
    return tuple([name for name in common if name.startswith("CC")] or common)


def _triplets(coded: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield the valid triplets of all messages: kind, and two bytes."""
    at = coded.find(_START)
    while at >= 0:
        begin = at + len(_START)
        count = coded[begin] & _COUNT if begin < len(coded) else 0
        content = coded[begin + 2 : begin + 2 + 3 * count]
        for place in range(0, len(content) - 2, 3):
            marker, first, second = content[place : place + 3]
            if marker & _VALID:
                yield marker & _KIND, first, second
        at = coded.find(_START, begin)


def _caption(kind: int, first: int, second: int) -> str | None:
    """Return the channel of CEA-608 in which a pair begins captions (ANSI/CTA-608-E, B.5)."""
    command = first & _PARITY & ~(_FIELD | _CHANNEL)
    if kind not in _FIELDS or command != _MISCELLANEOUS or second & _PARITY not in _MODES:
        return None
    return f"CC{1 + 2 * kind + bool(first & _CHANNEL)}"


def _service(kind: int, _: int, second: int) -> str | None:
    """Return the service of CEA-708 with whose block a packet begins (ANSI/CTA-708-E, 6.2)."""
    number, size = second >> 5, second & 0x1F
    return f"SERVICE{number}" if kind == _PACKET_START and 0 < number <= _LAST_SERVICE and size else None
