"""What a Redis must be like to keep a store, and what it promises to keep of it.

Theory of operation: Redis may forget: when it is full (eviction), when it is restarted (without an
AOF), when the power fails (before an fsync), when a replica takes over that had not got everything.
Which of these an acknowledged commit survives is the operator's choice, and `Durability` names the
choices. What the node says of itself is compared with the choice on every new connection and every
`AGAIN_S` after; where it does not keep the promise, nothing is acknowledged, and the error says
what is set wrongly. That a node does what it says cannot be proved, and is not: losing commits is
seen all the same, as the head then goes back.

    fsync      the AOF is written and synchronised before a commit is answered
    replicas   as many replicas as are asked for have the commit in their synchronised AOF too
    everysec   the AOF is written, and synchronised each second or so
    none       nothing is asked

Behind Sentinels another primary may have been chosen while this one, cut off, still answers: what
it gives is old, and what it takes is lost. It has lost its replicas then. So it is looked at each
`SENTINEL_AGAIN_S`, and where replicas were there and none is heard of, the Sentinels are asked
anew: that is sooner than they replace a primary (`down-after-milliseconds`, 30 s where it is not
set). A node of a Cluster that is cut off from most primaries refuses everything by itself.

What is weaker than it could be, without breaking the promise, is a concern: it is logged when it is
found, and again when it has changed.

Source: Redis documentation, "Redis persistence", commands WAITAOF, INFO, CONFIG GET.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Final

from redis.exceptions import NoPermissionError, ResponseError

from storage.durability import Durability
from storage.errors import Unavailable, Unsuitable
from storage.redis.failures import printable, translated
from storage.redis.link import Link, Reply
from storage.redis.places import Form
from storage.redis.scripts import Keys, Layout

AGAIN_S: Final = 15.0  # a configuration changes by hand, and INFO costs a fraction of a commit
CONFIRM_S: Final = 5.0  # for replicas to write and tell; they are then taken as lost
SENTINEL_AGAIN_S: Final = 1.0
_MAX_LAG_S: Final = 2  # since a replica was heard of; each tells of itself once a second
_ROUND_MS: Final = 3  # each WAITAOF asks the replicas again; one that waits longer may wait 1 s
_LEAST: Final = (7, 0)
_LEAST_WAITAOF: Final = (7, 2)
_GET_FSYNC: Final = ("CONFIG", "GET", "appendfsync", "no-appendfsync-on-rewrite")


log: Final = logging.getLogger(__name__)


@dataclass(slots=True)
class Condition:
    """What is asked of a Redis.

    Attributes:
        form: how it was found.
        keys: of the store.
        durability: what it must promise.
        replicas: how many must have a commit, for `Durability.REPLICAS`.
        concerns: what could be better, one sentence each.
    """

    form: Form
    keys: Keys
    durability: Durability
    replicas: int
    concerns: tuple[str, ...] = ()
    _had_replicas: bool = False

    def check_node(self, link: Link, *, writes: bool) -> None:
        """The same as `check`, of a node that has some buckets of a store and perhaps no more.

        What the user may do there is looked at elsewhere.

        Raises:
            Unsuitable, Unavailable: as there.
        """
        if link.checked and monotonic() - link.checked < AGAIN_S:
            return
        commands: list[tuple[str, ...]] = [("INFO",)]
        if self.durability is Durability.FSYNC and writes:
            commands += [_GET_FSYNC]
        reply, *config = link.exchange(commands)
        info = _lines(reply)
        self._check_node(info)
        if writes:
            self._check_eviction(info)
            self._check_durability(info, config)
            self._check_spread(info)
        link.checked = monotonic()

    def check(self, link: Link, *, writes: bool) -> None:
        """Look at the node at the other end of a link, unless that was done a short while ago.

        Args:
            link: open.
            writes: whether it is for commits, too; for reads it is enough that it is a primary.

        Raises:
            Unsuitable: it is not what is asked for; one sentence says why.
            Unavailable: it is a replica now, or still loading, or may have been replaced.
        """
        is_new = not link.checked
        interval = min(AGAIN_S, SENTINEL_AGAIN_S) if self.form is Form.SENTINEL else AGAIN_S
        if not is_new and monotonic() - link.checked < interval:
            return
        commands: list[tuple[str, ...]] = [("INFO",), ("HGET", self.keys.place, "format")]
        if self.durability is Durability.FSYNC and writes:
            commands += [_GET_FSYNC]
        reply, form, *config = link.exchange(commands)
        info = _lines(reply)
        self._check_node(info)
        self._check_replaced(info, is_new=is_new)
        if isinstance(form, ResponseError):
            raise translated(form)
        layout = Layout.of(form, is_begun=True, is_spread=False)
        if layout is Layout.SPREAD and self.form is not Form.CLUSTER:
            raise Unsuitable(
                "this store is spread over the nodes of a Cluster: use redis+cluster://"
            )
        if writes:
            self._check_eviction(info)
            self._check_durability(info, config)
            if layout is Layout.SPREAD:
                self._check_spread(info)
            if is_new:
                refused, *replies = link.exchange(
                    [self.keys.trial(), *self.keys.trial_of_waiting()]
                )
                check_rights(refused)
                for one in replies:  # a full memory is for commits to say
                    if isinstance(one, NoPermissionError):
                        raise translated(one)
            self._tell_concerns(info)
        link.checked = monotonic()

    def _check_node(self, info: Mapping[str, str]) -> None:
        version = _version(info)
        if version < _LEAST:
            raise Unsuitable(f"Redis {'.'.join(map(str, version))} is too old: 7.0 is needed")
        in_cluster = info.get("cluster_enabled") == "1"
        if in_cluster and self.form is not Form.CLUSTER:
            raise Unsuitable("this Redis is a node of a Cluster: use redis+cluster://")
        if info.get("role") != "master":
            if self.form in (Form.ALONE, Form.UNIX):
                raise Unsuitable("this Redis is a replica: name its primary, or its Sentinels")
            raise Unavailable("this Redis is a replica, and its primary is not known yet")
        if info.get("loading") == "1":
            raise Unavailable("Redis is still loading its data")

    def _check_replaced(self, info: Mapping[str, str], *, is_new: bool) -> None:
        """Have the primary looked for anew if it may have been replaced; a new link was just."""
        if self.form is not Form.SENTINEL:
            return
        is_heard = any(map(_is_heard, (info.get(f"slave{number}") for number in range(_SLAVES))))
        if not is_new and self._had_replicas and not is_heard:
            raise Unavailable("Redis has lost its replicas: another may have taken its place")
        self._had_replicas = self._had_replicas or is_heard

    def _tell_concerns(self, info: Mapping[str, str]) -> None:
        concerns = tuple(self._concerns(info))
        if concerns != self.concerns:
            for concern in concerns:
                log.warning("the store in Redis: %s", concern)
            self.concerns = concerns

    def _concerns(self, info: Mapping[str, str]) -> Iterator[str]:
        fails_over = self.form in (Form.SENTINEL, Form.CLUSTER)
        connected = info.get("connected_slaves", "0")
        count = int(connected) if connected.isdigit() and len(connected) < 6 else 0
        if self.durability is Durability.REPLICAS:
            if count > self.replicas:
                yield (
                    f"only {self.replicas} of {count} replicas must have each commit, and another"
                    " one may take over: set redis_replicas to their number"
                )
        elif fails_over and self.durability is not Durability.NONE:
            yield (
                f"the durability {self.durability} does not wait for replicas, so a failover may"
                " lose acknowledged commits: set redis_durability to replicas"
            )
        if fails_over and "min_slaves_good_slaves" not in info:
            yield (
                "a primary that has lost its replicas takes commits until it is replaced: set"
                " min-replicas-to-write"
            )
        if self.durability is Durability.NONE and info.get("aof_enabled") != "1":
            yield "Redis keeps no AOF: everything since its last snapshot is lost when it ends"

    def _check_eviction(self, info: Mapping[str, str]) -> None:
        policy = info.get("maxmemory_policy", "")
        if policy.startswith("allkeys"):
            raise Unsuitable(
                f"Redis drops keys when its memory is full (maxmemory-policy {printable(policy)}):"
                " set noeviction"
            )

    def _check_durability(self, info: Mapping[str, str], config: list[Reply]) -> None:
        if self.durability is Durability.NONE:
            return
        if info.get("aof_enabled") != "1":
            raise Unsuitable(
                f"Redis keeps no AOF, which the durability {self.durability} needs: set appendonly"
                " yes"
            )
        if info.get("aof_last_write_status", "ok") != "ok":
            raise Unsuitable("Redis could not write its AOF the last time: look at its disk")
        if self.durability is Durability.FSYNC:
            _check_always(config[0])
        if self.durability is Durability.REPLICAS:
            if _version(info) < _LEAST_WAITAOF:
                raise Unsuitable("the durability replicas needs Redis 7.2, or Valkey (WAITAOF)")
            connected = info.get("connected_slaves", "0")
            if not connected.isdigit() or int(connected) < self.replicas:
                raise Unsuitable(
                    f"Redis has {printable(connected)} replicas, of which {self.replicas} must"
                    " have each commit"
                )

    def _check_spread(self, info: Mapping[str, str]) -> None:
        """Refuse what lets one node forget more than others: a spread store is then in pieces."""
        is_alone = info.get("connected_slaves", "0") == "0"
        if self.durability is Durability.REPLICAS or (
            self.durability is Durability.FSYNC and is_alone
        ):
            return
        raise Unsuitable(
            "this store is spread over the nodes of a Cluster, and does not survive that one of"
            " them forgets what was acknowledged: set redis_durability to replicas"
        )

    def confirm(self, link: Link) -> None:
        """Wait until everything that was written over this link is as durable as promised.

        Raises:
            Unavailable: it is not, in time.
        """
        if self.durability is not Durability.REPLICAS:
            return
        end = monotonic() + CONFIRM_S
        while True:
            (reply,) = link.exchange([("WAITAOF", 1, self.replicas, _ROUND_MS)])
            if isinstance(reply, ResponseError):
                raise translated(reply)
            local, replicas = reply
            if local >= 1 and replicas >= self.replicas:
                return
            if monotonic() > end:
                raise Unavailable(
                    f"only {int(replicas)} of {self.replicas} replicas have confirmed the commit:"
                    " it may be lost, or not"
                )


_REFUSED_BY_7_0: Final = "user executing the script"  # as Redis 7.0 words it
_SLAVES: Final = 64  # replicas looked at: a primary has some


def _is_heard(line: str | None) -> bool:
    """Whether a replica, as INFO tells of it, has told of itself a short while ago."""
    fields = dict(part.partition("=")[::2] for part in (line or "").split(","))
    lag = fields.get("lag", "")
    return fields.get("state") == "online" and lag.isdigit() and int(lag[:9]) <= _MAX_LAG_S


def _lines(reply: Reply) -> dict[str, str]:
    """The fields of INFO by name."""
    if isinstance(reply, ResponseError):
        raise translated(reply)
    if not isinstance(reply, bytes):
        raise Unavailable("the answer of Redis cannot be read")
    lines = reply.decode("utf-8", "replace").splitlines()
    return {name: value for name, colon, value in (line.partition(":") for line in lines) if colon}


def _version(info: Mapping[str, str]) -> tuple[int, ...]:
    """Of Redis; Valkey gives that of the Redis it is compatible with."""
    numbers = info.get("redis_version", "").split(".")[:2]
    return tuple(int(one) if one.isdigit() and len(one) < 6 else 0 for one in numbers)


def _check_always(config: Reply) -> None:
    if isinstance(config, NoPermissionError):
        raise Unsuitable(
            "the Redis user may not read appendfsync (CONFIG GET), so the durability fsync cannot"
            " be checked: allow it config|get, or choose another"
        )
    if isinstance(config, ResponseError):
        raise translated(config)
    values = dict(zip(config[::2], config[1::2], strict=False)) if isinstance(config, list) else {}
    if values.get(b"appendfsync") != b"always":
        raise Unsuitable(
            "Redis answers before its AOF is on disk, which the durability fsync excludes: set"
            " appendfsync always"
        )
    if values.get(b"no-appendfsync-on-rewrite") != b"no":
        raise Unsuitable(
            "Redis does not synchronise its AOF while it is rewritten: set"
            " no-appendfsync-on-rewrite no"
        )


def check_rights(refused: Reply) -> None:
    """Refuse a user that may not do what commits do; a full memory is for commits to say."""
    if isinstance(refused, NoPermissionError):
        raise translated(refused)
    for error in refused if isinstance(refused, list) else ():
        text = printable(error.decode("utf-8", "replace") if isinstance(error, bytes) else error)
        if any(word in text for word in ("NOPERM", "ACL", _REFUSED_BY_7_0)):
            raise Unsuitable(f"the Redis user lacks a right: {text}")
