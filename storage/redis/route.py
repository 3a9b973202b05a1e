"""Finding the primary that keeps a store, and finding it again when another one has taken over.

Theory of operation: a route is asked for a link to the primary each time there is none. Alone, that
is the host of the URL. Behind Sentinels, they are asked in turn for the primary's address, and it
is believed once more than half of those in the URL have named the same: one that is cut off from
the others names a primary that they may have replaced. In a Cluster, any node that is known is
asked which node has the hash slot of the store's keys; all of them are in one slot (`scripts`). An
error that says where a slot has gone (MOVED) is remembered, and that node is asked first. Where a
store is spread, any node is asked who has all slots (`nodes`).

Who is believed here may be wrong, or lie: that a node calls itself a primary is looked at on every
new link (`condition`), and all that it says is authenticated above this package.

Source: Redis documentation, "Guidelines for Redis clients with support for Redis Sentinel", "Redis
cluster specification" (redirection, CLUSTER SLOTS).
"""

import ssl
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TypeVar

from redis.crc import key_slot
from redis.exceptions import AskError, MovedError, RedisError, ResponseError

from storage.errors import Unavailable, Unsuitable
from storage.redis.failures import printable, translated
from storage.redis.link import Link
from storage.redis.places import MAX_HOSTS, Form, RedisPlace

_OLD_NODES: Final = 16  # nodes of a Cluster that are remembered besides those of the URL

Node = tuple[str, int]
R = TypeVar("R")


class Route:
    """The way to one store's primary.

    Args:
        place: where to begin.
        key: any key of the store.
        tls: the context for TLS; None where the place has none.
    """

    def __init__(self, place: RedisPlace, key: str, tls: ssl.SSLContext | None) -> None:
        self._place = place
        self._slot = key_slot(key.encode())
        self._tls = tls
        self._known: list[Node] = []

    def open(self) -> Link:
        """A link to the primary, as far as it can be told.

        Raises:
            StorageError, RedisError, OSError: there is none now.
        """
        match self._place.form:
            case Form.UNIX:
                return self.link(self._place.path, None)
            case Form.ALONE:
                return self.link(*self._place.hosts[0])
            case Form.SENTINEL:
                return self.link(*self._named_by_most())
            case Form.CLUSTER:
                return _first(self._nodes(), self._by_node)

    def learn(self, error: object) -> None:
        """Remember where an error says that the store has gone."""
        if isinstance(error, MovedError):
            self._remember(*target(error))

    def suspect(self, node: Node) -> None:
        """Ask a node that did not answer after all others."""
        if node in self._known:
            self._known.remove(node)
            self._known.append(node)

    def elsewhere(self, error: AskError) -> Link:
        """A link to the node that a slot is moving to, for one question preceded by ASKING."""
        return self.link(*target(error))

    def owners(self) -> list[tuple[int, int, Node]]:
        """First and last slot of each range, and its primary, as the first node says that answers.

        Raises:
            StorageError, RedisError, OSError: there is none now.
        """
        return _first(self._nodes(), self._ranges)

    def _ranges(self, host: str, port: int) -> list[tuple[int, int, Node]]:
        link = self.link(host, port)
        try:
            (reply,) = link.exchange([("CLUSTER", "SLOTS")])
        finally:
            link.close()
        if isinstance(reply, ResponseError):
            raise _no_cluster(reply)
        try:
            ranges = [(int(one[0]), int(one[1]), _node(one[2], host)) for one in reply]
        except (IndexError, TypeError, ValueError):
            raise Unavailable("a node of the Cluster does not tell who has which slot") from None
        for _, _, node in ranges:
            self._remember(*node)
        return ranges

    def link(self, host: str, port: int | None) -> Link:
        """A link to a node."""
        place = self._place
        return Link(
            host,
            port,
            username=place.username,
            password=place.password,
            database=place.database,
            tls=self._tls,
        )

    def _named_by_most(self) -> Node:
        hosts = self._place.hosts
        needed = len(hosts) // 2 + 1 if len(hosts) > 2 else 1  # of two there is no majority
        named: Counter[Node] = Counter()
        last: Exception | None = None
        for host, port in hosts:
            try:
                node = self._by_sentinel(host, port)
            except (Unavailable, RedisError, OSError) as error:
                last = error
                continue
            named[node] += 1
            if named[node] >= needed:
                return node
        if named:
            most = max(named.values())
            raise Unavailable(f"only {most} of {len(hosts)} Sentinels name the same primary")
        raise Unavailable("no host of the URL can be reached") if last is None else last

    def _by_sentinel(self, host: str, port: int) -> Node:
        place = self._place
        user, password = (place.username, place.password) if place.sentinel_auth else ("", "")
        link = Link(host, port, username=user, password=password, tls=self._tls)
        try:
            (reply,) = link.exchange([("SENTINEL", "GET-MASTER-ADDR-BY-NAME", place.service)])
        finally:
            link.close()
        if isinstance(reply, ResponseError):
            raise translated(reply)
        if reply is None:
            raise Unsuitable(f"the Sentinels know no service {place.service!r}")
        return _node(reply, host)

    def _by_node(self, host: str, port: int) -> Link:
        link = self.link(host, port)
        try:
            (reply,) = link.exchange([("CLUSTER", "SLOTS")])
            node = self._owner(reply, host)
            if node == (host, port):
                return link
        except BaseException:
            link.close()
            raise
        link.close()
        self._remember(*node)
        return self.link(*node)

    def _owner(self, reply: object, host: str) -> Node:
        """The primary of our slot in the reply to CLUSTER SLOTS."""
        if isinstance(reply, ResponseError):
            raise _no_cluster(reply)
        try:
            for start, end, primary, *replicas in reply:  # type: ignore[attr-defined]
                if start <= self._slot <= end:
                    for replica in reversed(replicas):
                        self._remember(*_node(replica, host))
                    return _node(primary, host)
        except (TypeError, ValueError):
            raise Unavailable("a node of the Cluster does not tell who has which slot") from None
        raise Unavailable("no node of the Cluster has the slot of the store's label")

    def _nodes(self) -> Iterator[Node]:
        yield from tuple(self._known)
        yield from self._place.hosts[:MAX_HOSTS]

    def _remember(self, host: str, port: int) -> None:
        node = (host, port)
        self._known = [node, *(one for one in self._known if one != node)][:_OLD_NODES]


def _first(nodes: Iterable[Node], find: Callable[[str, int], R]) -> R:
    """What the first node knows that can be asked."""
    last: Exception | None = None
    for host, port in nodes:
        try:
            return find(host, port)
        except (Unavailable, RedisError, OSError) as error:
            last = error
    raise Unavailable("no host of the URL can be reached") if last is None else last


def target(error: AskError | MovedError) -> Node:
    """Where an error sends."""
    where: Any = error
    return str(where.host), int(where.port)


def _node(reply: object, host_of_reply: str) -> Node:
    """A host and port in a reply; the host that was asked where the reply leaves it out."""
    try:
        host, port = reply[0], reply[1]  # type: ignore[index]
        return (host or b"").decode() or host_of_reply, int(port)
    except (AttributeError, IndexError, TypeError, ValueError):
        raise Unavailable(f"an address in a reply cannot be read: {printable(reply)}") from None


def _no_cluster(error: ResponseError) -> Unavailable:
    if "cluster support disabled" in str(error):
        return Unsuitable("this Redis is no node of a Cluster: use redis:// in place of it")
    found = translated(error)
    return found if isinstance(found, Unavailable) else Unavailable(str(found))
