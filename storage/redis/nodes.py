"""The nodes of a Cluster that have a store's buckets: each is asked for what it has, all at once.

Theory of operation: a command goes to the primary that has its slot, in one request with all others
for that node, and the nodes are asked at the same time. Which node has a slot is asked once, and
again where a node does not answer or is a primary no more; a node that knows better says so (MOVED,
ASK). What is asked of a bucket may be done twice, so whatever was not answered is sent again, to
whoever has the slot now, until there is no time left.

Each node has two threads, one that reads and one that writes, as the store's own node has.

Source: Redis documentation, "Redis cluster specification" (redirection, TRYAGAIN).
"""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import trio
from redis.exceptions import AskError, MovedError, RedisError

from storage.errors import StorageError, Unavailable, Unsuitable
from storage.redis.failures import ELSEWHERE, translated
from storage.redis.link import Command, Link, Reply
from storage.redis.pipeline import Check, Pipeline
from storage.redis.route import Node, Route, target
from storage.redis.scripts import Call

MAX_NODES: Final = 512  # threads twice as many; a store has 256 buckets
_FIRST_PAUSE_S: Final = 0.01
_LONGEST_PAUSE_S: Final = 0.5
_FLUSH_S: Final = 1.0  # for what was posted to go out before the store is closed

Request = tuple[int, Command | Call]
"""A slot, and what is asked of whoever has it."""
Finish = Callable[[Link, list[Reply]], list[Reply]]


@dataclass(frozen=True, slots=True)
class _Fixed:
    """The way to one node and no other."""

    route: Route
    node: Node

    def open(self) -> Link:
        return self.route.link(*self.node)

    def learn(self, error: object) -> None:
        """Nothing: who asks decides where to go on."""

    def elsewhere(self, error: AskError) -> Link:
        return self.route.elsewhere(error)


@dataclass(slots=True)
class _Left:
    """What is not answered yet of what was asked.

    Attributes:
        requests: by place.
        asking: where a request goes whose slot is being moved, once.
        error: why something is left.
        is_stale: whether somebody else may have a slot than is thought.
    """

    requests: dict[int, Request]
    asking: dict[int, Node] = field(default_factory=dict)
    error: StorageError = field(default_factory=lambda: Unavailable("the Cluster does not answer"))
    is_stale: bool = False


class Nodes:
    """Asks the nodes of a Cluster.

    Args:
        route: to any of them.
        check_reads, check_writes: look at a link before it is used.
        patience_s: how long is tried to have an answer.
    """

    def __init__(
        self, route: Route, check_reads: Check, check_writes: Check, patience_s: float
    ) -> None:
        self._route = route
        self._checks = {False: check_reads, True: check_writes}
        self._patience_s = patience_s
        self._owners: dict[int, Node] = {}
        self._ranges: list[tuple[int, int, Node]] = []
        self._pipelines: dict[tuple[Node, bool], Pipeline] = {}
        self._refreshing = trio.Lock()
        self._is_closed = False

    async def find(self) -> None:
        """Ask who has which slot.

        Raises:
            Unavailable: nobody tells.
        """
        known = self._ranges
        async with self._refreshing:
            if self._ranges is not known:
                return  # somebody else has asked meanwhile
            try:
                self._ranges = await trio.to_thread.run_sync(
                    self._route.owners, abandon_on_cancel=True
                )
            except (RedisError, OSError) as error:
                raise translated(error) from None
            self._owners.clear()
            self._retire({node for _, _, node in self._ranges})

    def _retire(self, nodes: set[Node]) -> None:
        for key in [key for key in self._pipelines if key[0] not in nodes]:
            self._pipelines.pop(key).retire()

    def owner(self, slot: int) -> Node | None:
        """Who has a slot, as far as is known."""
        if slot not in self._owners:
            for start, end, node in self._ranges:
                if start <= slot <= end:
                    self._owners[slot] = node
        return self._owners.get(slot)

    async def call(
        self,
        requests: Sequence[Request],
        finish: Finish = lambda link, replies: replies,
        *,
        writes: bool = False,
    ) -> list[Reply]:
        """The replies to all requests, in the same order.

        Args:
            requests: each may be done twice.
            finish: is called in each node's thread with its replies; may go on with the link.
            writes: whether they change anything.

        Raises:
            StorageError: something was not answered in time, or not as it should be; nothing is
                known of the others then.
        """
        found: dict[int, Reply] = {}
        left = _Left(dict(enumerate(requests)))
        end = trio.current_time() + self._patience_s
        pause = _FIRST_PAUSE_S
        while left.requests:
            try:
                if left.is_stale or not self._ranges:
                    await self.find()
                    left.is_stale = False
                await self._round(left, found, finish, writes=writes)
            except Unavailable as error:
                if isinstance(error, Unsuitable) or self._is_closed:
                    raise
                left.error, left.is_stale = error, True
            if left.requests and trio.current_time() >= end:
                raise left.error
            if left.requests and not left.asking:
                await trio.sleep(pause * (1 + secrets.randbelow(1000) / 1000) / 2)
                pause = min(2 * pause, _LONGEST_PAUSE_S)
        return [found[at] for at in range(len(requests))]

    async def _round(
        self, left: _Left, found: dict[int, Reply], finish: Finish, *, writes: bool
    ) -> None:
        """Ask each node once for what is left."""
        groups: dict[tuple[Node, bool], list[int]] = {}
        for at, (slot, _) in left.requests.items():
            redirected = left.asking.get(at)
            node = redirected or self.owner(slot)
            if node is None:
                left.error = Unavailable("no node of the Cluster has a slot of the store")
                left.is_stale = True
                continue
            groups.setdefault((node, redirected is not None), []).append(at)
        left.asking.clear()
        answers: dict[tuple[Node, bool], list[Reply] | StorageError] = {}
        async with trio.open_nursery() as nursery:
            for key, places in groups.items():
                commands = [left.requests[at][1] for at in places]
                ask = partial(self._ask, key, commands, finish, writes=writes)
                nursery.start_soon(_note, answers, key, ask)
        for key, places in groups.items():
            answer = answers[key]
            if isinstance(answer, StorageError):
                self._route.suspect(key[0])
                _put_off(left, answer)
                continue
            for at, reply in zip(places, answer, strict=True):
                self._take(left, found, at, reply)

    async def _ask(
        self,
        key: tuple[Node, bool],
        commands: list[Command | Call],
        finish: Finish,
        *,
        writes: bool,
    ) -> list[Reply]:
        node, is_asking = key
        pipeline = self._pipeline(node, writes=writes)
        if not is_asking:
            return await pipeline.call(commands, finish, is_raw=True)
        sent: list[Command | Call] = []
        for one in commands:
            sent += (("ASKING",), one.whole if isinstance(one, Call) else one)
        return await pipeline.call(
            sent, lambda link, replies: finish(link, replies[1::2]), is_raw=True
        )

    def _take(self, left: _Left, found: dict[int, Reply], at: int, reply: Reply) -> None:
        """Take a reply as the answer, or where it sends to."""
        if not isinstance(reply, Exception):
            found[at] = reply
            del left.requests[at]
        elif isinstance(reply, MovedError):
            self._owners[left.requests[at][0]] = target(reply)
            left.error = translated(reply)
        elif isinstance(reply, AskError):
            left.asking[at] = target(reply)
            left.error = translated(reply)
        elif isinstance(reply, ELSEWHERE):
            left.error, left.is_stale = translated(reply), True
        else:
            raise translated(reply)

    def _pipeline(self, node: Node, *, writes: bool) -> Pipeline:
        if self._is_closed:
            raise Unavailable("the store in Redis is closed")
        key = node, writes
        if key not in self._pipelines:
            if len(self._pipelines) >= 2 * MAX_NODES:
                raise Unavailable(f"the Cluster names more than {MAX_NODES} nodes")
            name = f"redis-{'writer' if writes else 'reader'}-{node[1]}"
            way = _Fixed(self._route, node)
            self._pipelines[key] = Pipeline(name, way, self._checks[writes], 0.0)
        return self._pipelines[key]

    def post(self, requests: Sequence[Request]) -> None:
        """Send what nobody waits for, and what may be lost."""
        groups: dict[Node, list[Command | Call]] = {}
        for slot, command in requests:
            node = self.owner(slot)
            if node is not None:
                groups.setdefault(node, []).append(command)
        for node, commands in groups.items():
            if (node, True) in self._pipelines:
                self._pipelines[node, True].post(commands)

    async def aclose(self) -> None:
        """Let what was posted go out, if that does not take long, and end the threads."""
        with trio.CancelScope(shield=True):
            with trio.move_on_after(_FLUSH_S):
                async with trio.open_nursery() as nursery:
                    for (_, writes), pipeline in self._pipelines.items():
                        if writes:
                            nursery.start_soon(_flush, pipeline)
            self._is_closed = True
            for pipeline in self._pipelines.values():
                pipeline.retire()
            for pipeline in self._pipelines.values():
                await pipeline.stop()


def _put_off(left: _Left, error: StorageError) -> None:
    """Go on later after a node has failed, unless that is of no use."""
    if isinstance(error, Unsuitable) or not isinstance(error, Unavailable):
        raise error
    left.error, left.is_stale = error, True


async def _note(
    answers: dict[tuple[Node, bool], list[Reply] | StorageError],
    key: tuple[Node, bool],
    ask: Callable[[], Awaitable[list[Reply]]],
) -> None:
    """Note what comes of a question, be it an error."""
    try:
        answers[key] = await ask()
    except StorageError as error:
        answers[key] = error


async def _flush(pipeline: Pipeline) -> None:
    """Wait until everything that was posted has been sent."""
    try:
        await pipeline.call([], lambda link, replies: replies, is_raw=True)
    except StorageError:
        return  # what is left of it is found later
