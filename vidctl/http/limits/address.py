"""Where a request comes from, through the proxies that the settings trust (P)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import IPv6Address, IPv6Network, ip_address

# Some proxies write the port along, and brackets around IPv6 where they do.
_ENTRY = re.compile(r"\[(?P<v6>[^\]]+)\](?::\d{1,5})?|(?P<v4>[0-9.]+)(?::\d{1,5})?|(?P<bare>[0-9A-Fa-f:.]+)")


def client_address(peer: str | None, forwarded_for: Sequence[str], *, hops: int) -> str:
    """Return who is behind a request: one IPv4 address, or an IPv6 network of 64 bits, which is what one client gets.

    Each trusted proxy appends whom it was called by to ``X-Forwarded-For`` (``forwarded_for``: all of its headers). Of
    ``hops`` proxies, the outermost therefore wrote the entry that is ``hops`` from the right; what is left of it can be
    anybody's. If there are fewer entries, or it is no address, only ``peer`` is known to be true.
    """
    entries = [entry.strip() for header in forwarded_for for entry in header.split(",")]
    claimed = _parsed(entries[-hops]) if 0 < hops <= len(entries) else None
    return claimed or _parsed(peer or "") or "unknown"


def _parsed(text: str) -> str | None:
    match = _ENTRY.fullmatch(text)
    if match is None:
        return None
    try:
        address = ip_address(match["v6"] or match["v4"] or match["bare"])
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(IPv6Network((address, 64), strict=False))
    return str(address)
