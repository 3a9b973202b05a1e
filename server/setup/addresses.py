"""The addresses at which a server listens, as settings write them.

`kmip_host` and `https_host` name one or several, separated by commas: addresses, or names that are
looked up. `::` stands for all addresses of both families, as it does in most servers; `0.0.0.0` for
all of IPv4. A name such as `localhost` stands for its addresses in both families.
"""

from __future__ import annotations

import ipaddress
from typing import Final

MAX_PORT: Final = 65535
ALL_IPV4: Final = "0.0.0.0"  # noqa: S104 - the operator asks for it
ALL: Final = "::"
EVERY_ADDRESS: Final = frozenset({"", ALL_IPV4, ALL})
"""What stands for addresses and is none by which a client could reach the server."""


def split(hosts: str) -> tuple[str, ...]:
    """What a setting names, each once; an empty text stands for all addresses."""
    return tuple(dict.fromkeys(each.strip() for each in hosts.split(",") if each.strip())) or (ALL,)


def reachable(hosts: str) -> str:
    """The host by which a client on this machine reaches a server that listens there."""
    first = split(hosts)[0]
    return "localhost" if first in EVERY_ADDRESS else first


def is_address(host: str) -> bool:
    """Whether it is an address, and not a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_own(host: str) -> bool:
    """Whether it is an address by which this machine alone reaches itself.

    Of names only `localhost` is (RFC 6761 section 6.3): others lead wherever they are looked up.
    """
    if is_address(host):
        return ipaddress.ip_address(host).is_loopback
    return host.lower() == "localhost"


def place(text: str) -> tuple[str, int]:
    """The host and the port in `HOST:PORT`; an address of IPv6 is in brackets.

    Raises:
        ValueError: it is none.
    """
    host, colon, port = text.strip().rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = str(ipaddress.IPv6Address(host[1:-1]))
    elif ":" in host:
        raise ValueError("an address of IPv6 is in brackets")
    if not host or not colon or not (port.isascii() and port.isdigit()) or int(port) > MAX_PORT:
        raise ValueError("a host, a colon and a port")
    return host, int(port)
