"""Somebody who owns the Redis of two servers: what a day's work of clients shows them.

They have every key of it, its AOF, and all that goes over the connections.
"""

import base64
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest_trio
import trio

from kmip.attribute_values import Name, RevocationReason
from kmip.attributes import Attributes, VendorAttributeName
from kmip.enums import ItemType, ObjectType, Operation, RevocationReasonCode
from kmip.items import Item
from kmip.tags import Tag
from kmip.versions import V3_0
from server.access.users import Users
from server.setup.config import Config
from server.state import Server
from storage import KeyFile, open_store
from storage.redis import RedisBackend, RedisPlace
from tests.server.conftest import Clock, InProcessClient
from tests.server.operations.test_create_user import CHEAP, make_user
from tests.server.operations.test_login import showing
from tests.server.samples import ACTIVE, create, register, secret
from tests.storage.redis.recording_proxy import RecordingProxy
from tests.storage.redis_server import RedisServer, Servers

OWNER, USER, GROUP = "the-owner-ottilie", "the-user-ursula", "the-group-gardeners"
NAMES = ("the-name-nightingale", "the-name-kingfisher", "the-name-woodpecker")
VENDOR, CUSTOM, VALUE = "the-vendor-vulcan", "the-custom-camellia", "the-value-violet"
MATERIAL = b"the material of a secret, 32 bytes"
Op = Operation


@dataclass
class Watched:
    """Two servers, a client of each, and all that an owner of their Redis has seen.

    Attributes:
        one: asks the first server.
        other: asks the second, which has no caches.
        redis: their Redis.
        proxy: between the second and its Redis.
        words: what they must not have seen.
    """

    one: InProcessClient
    other: InProcessClient
    redis: RedisServer
    proxy: RecordingProxy
    words: list[str | bytes]

    def seen(self) -> bytes:
        """All that is in Redis, in its files, and has gone over the wire."""
        return self.redis.dump() + self.proxy.recorded


@pytest_trio.trio_fixture
async def watched(config: Config, clock: Clock, servers: Servers) -> AsyncIterator[Watched]:
    redis, key = servers.start(), KeyFile(bytes(32))
    async with trio.open_nursery() as nursery:
        proxy = RecordingProxy(redis.socket)
        await nursery.start(proxy.run)
        place = RedisPlace.parse(f"redis://127.0.0.1:{proxy.port}")
        async with (
            open_store(RedisBackend(redis.place, "x"), key, create=True) as first,
            open_store(RedisBackend(place, "x"), key, cache_bytes=0) as second,
        ):
            users = Users(config.users_file, cost=CHEAP)
            one, other = (
                InProcessClient(Server(config=config, store=store, users=users, clock=clock), None)
                for store in (first, second)
            )
            yield Watched(one.named(OWNER), other.named(OWNER), redis, proxy, [])
        nursery.cancel_scope.cancel()


def named(name: str) -> Attributes:
    return Attributes([(Tag.NAME, Name(name_value=name))])


async def work(watched: Watched) -> None:
    """What clients do in a day: through both servers, everything that leaves something behind."""
    words = watched.words
    custom = (
        VendorAttributeName(VENDOR, CUSTOM),
        Item(Tag.ATTRIBUTE_VALUE, ItemType.TEXT_STRING, VALUE),
    )
    for ask in (watched.one, watched.other):
        for name in NAMES:
            words.append(
                await create(
                    ask, ACTIVE, (Tag.NAME, Name(name_value=f"{name} {ask is watched.one}")),
                    (Tag.OBJECT_GROUP, GROUP), custom,
                )
            )  # fmt: skip
        words.append(await register(ask, secret(MATERIAL), (Tag.COMMENT, VALUE)))
        for name in (*NAMES, "of nothing"):
            await ask(Op.LOCATE, attributes=named(f"{name} True"))
        await ask(Op.LOCATE, attributes=Attributes([(Tag.OBJECT_GROUP, GROUP), custom]))
        await ask(Op.GET, unique_identifier=words[0])
        ticket = (await ask(Op.LOGIN)).ticket
        words.append(ticket.ticket_value)
        await showing(ask, ticket)(Op.GET, unique_identifier=words[0])
        words.append(await make_user(ask.at(V3_0).named("administrator"), f"{USER}-{len(words)}"))
    last = words[0]
    why = RevocationReason(revocation_reason_code=RevocationReasonCode.KEY_COMPROMISE)
    await watched.other(Op.REVOKE, unique_identifier=last, revocation_reason=why)
    await watched.one(Op.DESTROY, unique_identifier=last)
    words += [OWNER, USER, GROUP, *NAMES, VENDOR, CUSTOM, VALUE, MATERIAL, "administrator"]


def forms(word: str | bytes) -> Iterator[bytes]:
    """A word as it might be written down."""
    clear = word.encode() if isinstance(word, str) else word
    yield from (clear, clear.hex().encode(), clear.hex().upper().encode(), clear[::-1])
    for shift in range(3):  # base64 of it within something longer; its edges depend on that
        yield base64.b64encode(bytes(shift) + clear)[4:-4]
    if isinstance(word, str):
        yield from (word.upper().encode(), word.encode("utf-16-le"), word.encode("utf-16-be"))
        parts = [part for part in word.split("-") if len(part) > 6]
        yield from (part.encode() for part in parts)
        digits = word.replace("-", "")
        if len(digits) == 32 and all(one in "0123456789abcdef" for one in digits):
            yield bytes.fromhex(digits)


async def test_no_identifier_name_owner_attribute_or_token_is_seen(watched: Watched):
    await work(watched)
    seen = watched.seen()
    assert b"strongroom:{x}:place" in seen
    assert len(seen) > 50_000
    assert len(watched.words) > 20
    for word in watched.words:
        for form in forms(word):
            assert form not in seen, (word, form)


async def test_the_search_for_words_would_find_them(watched: Watched):
    """Nothing is found above because there is nothing, and not because nobody can look."""
    watched.redis.ask("SET", "planted", f"{OWNER} {MATERIAL.hex()}")
    seen = watched.seen()
    assert any(form in seen for form in forms(OWNER))
    assert any(form in seen for form in forms(MATERIAL))


async def test_two_equal_locates_cannot_be_told_from_two_different_ones(watched: Watched):
    """Each is one question about the log, with the same bytes going up and coming down."""
    for number in range(4):
        await create(watched.one, ACTIVE, (Tag.NAME, Name(name_value=f"{NAMES[0]} {number}")))
    await watched.other(Op.LOCATE)  # knows of them now
    queries: tuple[dict[str, Any], ...] = (
        {"attributes": named(f"{NAMES[0]} 1")},
        {"attributes": named(f"{NAMES[0]} 1")},
        {"attributes": named(f"{NAMES[0]} 2")},
        {"attributes": named("of nothing")},
        {"attributes": Attributes([(Tag.OBJECT_TYPE, ObjectType.SYMMETRIC_KEY)])},
        {"maximum_items": 1, "offset_items": 2},
    )
    seen = []
    for query in queries:
        start = len(watched.proxy.recorded)
        await watched.other(Op.LOCATE, **query)
        seen.append(watched.proxy.recorded[start:])
    assert seen[0]
    assert set(seen) == {seen[0]}
