"""Addresses as limits count them.

A provider gives a customer at least a /64 of IPv6 (RFC 6177, RFC 7421): whoever has one address has
2^64 of them, and a limit for each would be none. So IPv6 counts by /64. An IPv4 client of a socket
that serves both families shows an address such as `::ffff:192.0.2.1`; it counts as the IPv4 one.
"""

from __future__ import annotations

import ipaddress
from typing import Final

NETWORK_BITS: Final = 64
"""Of an IPv6 address: what its provider gives to one customer."""


def network_of(address: str) -> str:
    """What counts as one client in limits by address.

    Args:
        address: as a socket tells it; a text that is no address stands for itself.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(parsed), NETWORK_BITS), strict=False))
