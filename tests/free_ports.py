"""Ports of this machine that nobody listens on, for servers whose port must be known beforehand.

They lie below those that Linux gives to outgoing connections (from 32768 on): of those, any may be
a connection's own at the moment when the server wants it.
"""

import random
import socket

PORTS = range(20_000, 32_000)


def free_ports(count: int) -> list[int]:
    """So many different ports."""
    found: list[int] = []
    # From the system, and not from a seed that two processes may have in common.
    for port in random.SystemRandom().sample(PORTS, len(PORTS)):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise AssertionError("no port is free")


def free_port() -> int:
    """One port."""
    (port,) = free_ports(1)
    return port
