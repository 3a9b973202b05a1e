"""Sockets that listen at the addresses which a setting names, all at one port.

For each family there is a socket of its own, also where `::` stands for both: so limits and the log
see IPv4 addresses as such.
"""

from __future__ import annotations

import errno
import socket
from typing import Final

import trio

from server.setup.addresses import ALL, ALL_IPV4, is_address, split

BACKLOG: Final = 512
"""Connections the kernel holds until they are accepted: a burst of a pool's reconnections."""
TRIES: Final = 8
"""Free ports that are tried, where any port will do and must be free at several addresses."""
_NOT_HERE: Final = frozenset({errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL})


async def open_listeners(hosts: str, port: int) -> list[trio.SocketListener]:
    """Sockets that listen at one port of all of these addresses.

    A family that this machine does not have is passed over where nobody named an address of it:
    for `::`, and for names.

    Args:
        hosts: addresses and names, see `server.setup.addresses`.
        port: 0: a free one, the same at all of them.

    Raises:
        OSError: an address or the port cannot be had.
    """
    found = [one for host in split(hosts) for one in await _addresses(host)]
    for tries_left in reversed(range(TRIES)):
        try:
            return await _open(dict(found), port)
        except OSError as error:
            if port or error.errno != errno.EADDRINUSE or not tries_left:
                raise
    raise AssertionError("the last try returns or raises")


async def _open(addresses: dict[str, bool], port: int) -> list[trio.SocketListener]:
    opened: list[trio.SocketListener] = []
    missing: OSError | None = None
    try:
        for address, is_named in addresses.items():
            try:
                opened += await trio.open_tcp_listeners(port, host=address, backlog=BACKLOG)
            except OSError as error:
                if is_named or error.errno not in _NOT_HERE:
                    raise
                missing = error
            else:
                port = opened[0].socket.getsockname()[1]
    except BaseException:
        for each in opened:
            each.socket.close()
        raise
    if not opened and missing is not None:
        raise missing
    return opened


async def _addresses(host: str) -> list[tuple[str, bool]]:
    """The addresses that a host stands for, and whether it names them itself.

    Raises:
        socket.gaierror: a name is not known.
    """
    if host == ALL:
        return [(ALL, False), (ALL_IPV4, False)]
    if is_address(host):
        return [(host, True)]
    found = await trio.socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [(str(sockaddr[0]), False) for *_, sockaddr in found]


def address_of(listener: trio.SocketListener) -> str:
    """Where it listens, as `host:port`."""
    host, port = listener.socket.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
