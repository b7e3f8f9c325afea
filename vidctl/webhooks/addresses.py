"""Which addresses a webhook may be sent to: those of the public internet, and networks that a setting allows (P).

What an address in IPv6 carries of IPv4 is judged as well: a gateway would deliver it there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# IANA's registries of special-purpose addresses, with what is multicast or was never given to anybody.
CLOSED = tuple(
    map(
        ip_network,
        (
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
            *("192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24"),
            *("192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
            *("224.0.0.0/4", "240.0.0.0/4"),
            *("::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"),
            *("5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8"),
        ),
    )
)
GLOBAL_UNICAST = IPv6Network("2000::/3")
"""All of IPv6 that was given to anybody."""
NAT64 = IPv6Network("64:ff9b::/96")
"""Carries an IPv4 address in its last 32 bits, to which a gateway translates it (RFC 6052)."""


def forbidden(addresses: Iterable[str], *, allowed: Sequence[Network] = ()) -> str | None:
    """Return the first address that nothing may be sent to; None if all are fine. ``allowed`` networks always are."""
    return next((text for text in addresses if not _is_fine(text, allowed)), None)


def _is_fine(text: str, allowed: Sequence[Network]) -> bool:
    try:
        address = _carried(ip_address(text))
    except ValueError:
        return False
    if any(address in network for network in allowed):
        return True
    if isinstance(address, IPv6Address) and (address.scope_id is not None or address not in GLOBAL_UNICAST):
        return False
    return not any(address in network for network in CLOSED)


def _carried(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address stands for, or itself."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return IPv4Address(int(address) & 0xFFFFFFFF) if address in NAT64 else address
