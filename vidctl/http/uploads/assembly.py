"""Whether the parts of an upload make the file that was announced (P), decided before S3 puts it together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vidctl.errors import VidctlError
from vidctl.parts import LEAST_PART_BYTES
from vidctl.tickets import Ticket
from vidctl.uploads import Part


class UploadTooLarge(VidctlError):
    """More has come than is allowed, or than was announced."""

    code = "upload_too_large"


class UploadIncomplete(VidctlError):
    """Not all parts are there as they have to be; the rest can still be sent."""

    code = "upload_incomplete"


def assembled(
    ticket: Ticket, there: Sequence[Part], named: Mapping[int, str] | None, *, max_bytes: int
) -> tuple[Part, ...]:
    """Return the parts to be put together: those that the client named by number and ETag, else all that are there.

    Raises:
        UploadTooLarge: together they are larger than ``max_bytes``, or than the ticket says.
        UploadIncomplete: one is missing, another than named, or too small.

    """
    parts = tuple(there) if named is None else _named(there, named)
    total = sum(part.size_bytes for part in parts)
    if total > max_bytes:
        raise UploadTooLarge(f"The parts have {total} bytes together, of which {max_bytes} are allowed.")
    size = ticket.size_bytes
    if size is not None and total > size:
        raise UploadTooLarge(f"The parts have {total} bytes together, of which {size} were announced.")
    if size is not None and total < size:
        raise UploadIncomplete(f"Of {size} bytes {total} are there{_missing(parts)}.")
    if not parts:
        raise UploadIncomplete("No part is there.")
    for part in parts[:-1]:
        if part.size_bytes < LEAST_PART_BYTES:
            raise UploadIncomplete(
                f"Part {part.number} has {part.size_bytes} bytes: all but the last need {LEAST_PART_BYTES}."
            )
    return parts


def _named(there: Sequence[Part], named: Mapping[int, str]) -> tuple[Part, ...]:
    known = {part.number: part for part in there}
    for number, etag in sorted(named.items()):
        if number not in known or known[number].etag != etag.strip('"'):
            raise UploadIncomplete(f"Part {number} is not there with this ETag.")
    return tuple(known[number] for number in sorted(named))


def _missing(parts: Sequence[Part]) -> str:
    numbers = {part.number for part in parts}
    gaps = [number for number in range(1, max(numbers, default=0)) if number not in numbers]
    if not gaps:
        return ", and the last parts are missing"
    shown = ", ".join(map(str, gaps[:10])) + (" …" if len(gaps) > 10 else "")  # noqa: PLR2004 - enough to go on with
    return f", and these parts are missing: {shown}"
