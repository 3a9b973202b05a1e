"""How many connections there may be, and which one gives way when there are too many.

Theory: strangers need no certificate to open a connection, to begin a handshake, or to ask at the
HTTPS port. A limit on all of them together could be filled by whoever has a few addresses, and then
refuses everybody else. So connections of strangers are held in a `Pool`, which

    counts them by network (`server.sessions.networks`) and gives each network a share only;
    when it is full, ends the oldest connection of the network that has most, for a newcomer whose
    network has fewer by two or more: places end up evenly spread over all who want one;
    lets networks go first from which a client with an accepted certificate came before: they have
    the whole of what one address may have, and strangers give way to them.

A network with one connection is never ended for a stranger. Clients whose handshake is done are in
no pool: nobody takes a place from them.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

KNOWN_NETWORKS: Final = 4096
"""Networks of clients that are remembered; the one that was quiet longest is forgotten first."""
SHARE: Final = 4
"""One network has at most one in so many places of an endpoint that lets strangers in."""


@dataclass(eq=False, slots=True)
class Place:
    """One connection, from when it was accepted.

    Attributes:
        network: where it comes from.
        end: ends it.
        pools: those in which it has a place now.
    """

    network: str
    end: Callable[[], object]
    pools: list[Pool] = field(default_factory=list)


class Pool:
    """The places for connections of one kind of which strangers may have some.

    Args:
        limit: places.
        share: places that one network of strangers may have.
        is_known: whether a client with an accepted certificate came from a network.
    """

    def __init__(self, limit: int, share: int, is_known: Callable[[str], bool]) -> None:
        self.limit = limit
        self.share = share
        self._is_known = is_known
        self._places: dict[str, dict[Place, None]] = {}
        self._total = 0

    def admit(self, place: Place) -> bool:
        """Give a connection a place, another's if need be; whether there was one."""
        network = place.network
        if len(self._places.get(network, ())) >= self.share and not self._is_known(network):
            return False
        if self._total >= self.limit and not self.give_way(network):
            return False
        self._places.setdefault(network, {})[place] = None
        self._total += 1
        place.pools.append(self)
        return True

    def release(self, place: Place) -> None:
        """Take back its place; nothing where it has none."""
        places = self._places.get(place.network, {})
        if place in places:
            del places[place]
            self._total -= 1
            if not places:
                del self._places[place.network]
            place.pools.remove(self)

    def give_way(self, newcomer: str) -> bool:
        """End the oldest connection of the network that has most; whether one had to.

        Args:
            newcomer: the network that wants a place.
        """
        own, first = len(self._places.get(newcomer, ())), self._is_known(newcomer)

        def weight(network: str) -> tuple[bool, int]:
            return not self._is_known(network), len(self._places[network])

        others = [network for network in self._places if network != newcomer]
        if not others:
            return False
        greediest = max(others, key=weight)
        strange, count = weight(greediest)
        if not (count > own + 1 if strange == (not first) else first):
            return False
        oldest = next(iter(self._places[greediest]))
        leave(oldest)
        oldest.end()
        return True


class ConnectionLimits:
    """The places of one server; in a handshake every connection is a stranger's.

    Args:
        max_connections: of all kinds together, those still in their handshake included.
        per_network: of all kinds together, from one network.
    """

    def __init__(self, max_connections: int, per_network: int) -> None:
        self.max_connections = max_connections
        self.per_network = per_network
        self.by_network: Counter[str] = Counter()
        self._total = 0
        self._known: OrderedDict[str, None] = OrderedDict()
        self.handshakes = Pool(max_connections, per_network, self.is_known)

    @property
    def total(self) -> int:
        """Connections that have a place now."""
        return self._total

    def is_known(self, network: str) -> bool:
        """Whether a client with an accepted certificate came from there."""
        return network in self._known

    def pool(self, limit: int) -> Pool:
        """A pool for an endpoint that lets strangers in."""
        return Pool(limit, max(1, limit // SHARE), lambda network: False)

    def admit(self, place: Place, endpoint: Pool | None) -> bool:
        """Give a new connection its places; whether there were some.

        Args:
            place: the connection, whose handshake begins.
            endpoint: the pool of its endpoint; None: it has none.
        """
        if self.by_network[place.network] >= self.per_network:
            return False
        if self._total >= self.max_connections and not self.handshakes.give_way(place.network):
            return False
        pools = (self.handshakes, endpoint) if endpoint else (self.handshakes,)
        if not all(pool.admit(place) for pool in pools):
            leave(place)
            return False
        self.by_network[place.network] += 1
        self._total += 1
        return True

    def shaken(self, place: Place, *, known: bool) -> None:
        """The handshake is done.

        Args:
            place: the connection.
            known: whether its client showed a certificate, and it was accepted.
        """
        self.handshakes.release(place)
        if known:
            self._known[place.network] = None
            self._known.move_to_end(place.network)
            while len(self._known) > KNOWN_NETWORKS:
                self._known.popitem(last=False)

    def release(self, place: Place) -> None:
        """Take back all places of a connection that has ended."""
        leave(place)
        self._total -= 1
        self.by_network[place.network] -= 1
        if not self.by_network[place.network]:
            del self.by_network[place.network]


def leave(place: Place) -> None:
    """Take back every place that a connection has in pools."""
    for pool in tuple(place.pools):
        pool.release(place)
