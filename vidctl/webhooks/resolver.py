"""Looks a webhook's host up, and checks what it finds: the connection is made to these addresses, without another look.

So a name that says something else the next time (DNS rebinding) leads nowhere else.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_address

from aiohttp.abc import AbstractResolver, ResolveResult

from vidctl.errors import NotTold
from vidctl.webhooks.addresses import Network, forbidden

Lookup = Callable[[str], Awaitable[Sequence[str]]]
"""Returns the addresses of a host; raises OSError if there are none."""


async def system_lookup(host: str) -> tuple[str, ...]:
    """Ask the system."""
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(place[4][0]) for place in found))


class CheckedResolver(AbstractResolver):
    """What aiohttp asks before it connects to a name. An address that stands in the URL it does not ask about."""

    def __init__(self, lookup: Lookup, *, allowed: Sequence[Network]) -> None:
        self._lookup = lookup
        self._allowed = allowed

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002 - aiohttp's signature
    ) -> list[ResolveResult]:
        """Return the addresses of a host, all of which may be connected to.

        Raises:
            NotTold: one of them may not. OSError: there are none.

        """
        addresses = await self._lookup(host)
        self.check(host, addresses)
        return [_place(host, address, port) for address in addresses]

    def check(self, host: str, addresses: Sequence[str]) -> None:
        """Refuse a host one of whose addresses may not be connected to.

        Raises:
            NotTold: it has such an address.

        """
        closed = forbidden(addresses, allowed=self._allowed)
        if closed is not None:
            why = "is not on the public internet (VIDCTL_NOTICES_ALLOWED_NETWORKS)"
            raise NotTold(f"{host}: {closed} {why}", reason="forbidden_address")

    async def close(self) -> None:
        """Nothing is open."""


def _place(host: str, address: str, port: int) -> ResolveResult:
    family = socket.AF_INET if ip_address(address).version == 4 else socket.AF_INET6  # noqa: PLR2004 - IPv4
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    return ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=flags)
