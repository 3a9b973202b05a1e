"""The counters of 3.0: what was done with an object, without a write for each use."""

from dataclasses import replace

import pytest
import trio
import trio.testing

from kmip.attributes import Attributes
from kmip.cryptographic_parameters import CryptographicParameters
from kmip.enums import (
    BatchErrorContinuationOption,
    BlockCipherMode,
    HashingAlgorithm,
    Operation,
    ResultStatus,
)
from kmip.tags import Tag
from kmip.versions import V2_1, V3_0
from server.access.users import Users
from server.objects import uses
from server.objects.uses import WRITE_SECONDS, WRITTEN_AT_ONCE, keep_written, write_all
from server.setup.config import Config
from server.state import Server
from storage import KeyFile, MemoryBackend, MemorySpace, open_store
from storage.testing import FailingBackend
from tests.server.conftest import Clock, Failed, InProcessClient
from tests.server.requests.test_dispatch import ContestedStore, OvertakenStore
from tests.server.samples import ACTIVE, attribute, create, create_pair

Op = Operation
CTR = CryptographicParameters(block_cipher_mode=BlockCipherMode.CTR)
SHA_256 = CryptographicParameters(hashing_algorithm=HashingAlgorithm.SHA_256)


@pytest.fixture
def ask(ask: InProcessClient) -> InProcessClient:
    return ask.at(V3_0)


def encrypting(key: str, operation: Operation = Op.ENCRYPT) -> dict:
    return {
        "unique_identifier": key,
        "cryptographic_parameters": CTR,
        "iv_counter_nonce": bytes(16),
        "data": b"abc",
    }


async def encrypt(ask: InProcessClient, key: str, times: int = 1) -> None:
    for _ in range(times):
        await ask(Op.ENCRYPT, **encrypting(key))


async def count(ask: InProcessClient, key: str, counter: Tag = Tag.ENCRYPT_COUNTER) -> int | None:
    found: int | None = await attribute(ask, key, counter)
    return found


async def test_each_kind_of_use_has_its_counter(ask: InProcessClient):
    key, (private, public) = await create(ask, ACTIVE), await create_pair(ask, ACTIVE)
    ask.server.config = replace(ask.server.config, issuer="own:")
    await encrypt(ask, key, 2)
    await ask(Op.DECRYPT, **encrypting(key))
    signing = {"cryptographic_parameters": SHA_256, "data": b"abc"}
    signed = await ask(Op.SIGN, unique_identifier=private, **signing)
    for _ in range(3):
        await ask(
            Op.SIGNATURE_VERIFY,
            unique_identifier=public,
            signature_data=signed.signature_data,
            **signing,
        )
    await ask(Op.CERTIFY, unique_identifier=public)
    found = [
        (key, Tag.ENCRYPT_COUNTER, 2),
        (key, Tag.DECRYPT_COUNTER, 1),
        (key, Tag.SIGN_COUNTER, None),
        (private, Tag.SIGN_COUNTER, 1),
        (public, Tag.SIGNATURE_VERIFY_COUNTER, 3),
        (public, Tag.CERTIFY_COUNTER, 1),
    ]
    for identifier, counter, expected in found:
        assert await count(ask, identifier, counter) == expected


async def test_what_fails_is_not_counted_and_a_stream_is_one_use(ask: InProcessClient):
    key = await create(ask, ACTIVE)
    with pytest.raises(Failed):
        await ask(Op.ENCRYPT, **encrypting(key) | {"iv_counter_nonce": bytes(99)})
    assert await count(ask, key) is None
    first = await ask(Op.ENCRYPT, init_indicator=True, **encrypting(key))
    more = {"correlation_value": first.correlation_value, "data": b"abc"}
    await ask(Op.ENCRYPT, **more)
    await ask(Op.ENCRYPT, final_indicator=True, **more)
    assert await count(ask, key) == 1


async def test_what_was_done_in_a_batch_that_is_undone_was_done(ask: InProcessClient):
    key = await create(ask, ACTIVE)
    await ask.batch(
        ask.item(Op.ENCRYPT, **encrypting(key)),
        ask.item(Op.GET, unique_identifier="nobody"),
        option=BatchErrorContinuationOption.UNDO,
    )
    assert await count(ask, key) == 1


async def test_a_batch_that_is_performed_anew_is_counted_once(ask: InProcessClient):
    """What was computed for an answer that nobody was given is no use."""

    key, other = await create(ask, ACTIVE), await create(ask)
    ask.server.store = OvertakenStore(ask.server.store)  # type: ignore[assignment]
    items = await ask.batch(
        ask.item(Op.ENCRYPT, **encrypting(key)),
        ask.item(Op.ACTIVATE, unique_identifier=other),
        option=BatchErrorContinuationOption.UNDO,
    )
    assert all(item.result_status == ResultStatus.SUCCESS for item in items)
    assert await count(ask, key) == 1


async def test_what_two_tasks_write_at_a_time_is_written_once(ask: InProcessClient):
    """At a stop the last writing may begin within the one that was due."""

    class Slow(ContestedStore):
        async def commit(self, changes) -> None:
            await self._store.commit(changes)
            committed.set()
            await trio.testing.wait_all_tasks_blocked()

    key, committed = await create(ask, ACTIVE), trio.Event()
    await encrypt(ask, key, 2)
    ask.server.store = Slow(ask.server.store)  # type: ignore[assignment]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(write_all, ask.server.uses, ask.server.begin)
        await committed.wait()
        nursery.start_soon(write_all, ask.server.uses, ask.server.begin)
    assert not len(ask.server.uses)
    assert await count(ask, key) == 2


async def test_earlier_versions_do_not_have_the_counters(ask: InProcessClient):
    key = await create(ask, ACTIVE)
    await encrypt(ask, key)
    got = await ask.at(V2_1)(Op.GET_ATTRIBUTE_LIST, unique_identifier=key)
    assert Tag.ENCRYPT_COUNTER not in got.attribute_names


async def test_a_replacement_has_been_used_by_nobody(ask: InProcessClient):
    key = await create(ask, ACTIVE)
    await encrypt(ask, key)
    await write_all(ask.server.uses, ask.server.begin)
    new = (await ask(Op.REKEY, unique_identifier=key)).unique_identifier
    assert await count(ask, new) is None
    assert await count(ask, key) == 1


# When they are written


async def test_a_use_writes_nothing(ask: InProcessClient):
    key = await create(ask, ACTIVE)
    before = ask.server.store.anchor
    await encrypt(ask, key, 5)
    assert ask.server.store.anchor == before


async def test_uses_are_written_in_the_background(autojump_clock, ask: InProcessClient, nursery):
    nursery.start_soon(keep_written, ask.server.uses, ask.server.begin)
    keys = [await create(ask, ACTIVE) for _ in range(WRITTEN_AT_ONCE + 1)]
    for key in keys:
        await encrypt(ask, key, 2)
    changed = await attribute(ask, keys[0], Tag.LAST_CHANGE_DATE)
    before = ask.server.store.anchor
    await trio.sleep(WRITE_SECONDS + 1)
    assert not len(ask.server.uses)
    assert ask.server.store.anchor.number == before.number + 2
    assert {await count(ask, key) for key in keys} == {2}
    assert await attribute(ask, keys[0], Tag.LAST_CHANGE_DATE) == changed
    found = await ask(Op.LOCATE, attributes=Attributes([(Tag.ENCRYPT_COUNTER, 2)]))
    assert found.located_items == len(keys)
    before = ask.server.store.anchor
    await trio.sleep(2 * WRITE_SECONDS)
    assert ask.server.store.anchor == before


async def test_counts_go_on_after_they_were_written(ask: InProcessClient):
    key = await create(ask, ACTIVE)
    for expected in (1, 2, 3):
        await encrypt(ask, key)
        assert await count(ask, key) == expected
        await write_all(ask.server.uses, ask.server.begin)
        assert await count(ask, key) == expected


async def test_keys_are_used_while_nothing_can_be_written(config: Config, clock: Clock):
    backend = FailingBackend(MemoryBackend())
    async with open_store(backend, KeyFile(bytes(32)), create=True) as store:
        server = Server(config=config, store=store, users=Users(config.users_file), clock=clock)
        ask = InProcessClient(server, None, V3_0).named("alice")
        key = await create(ask, ACTIVE)
        backend.fail_next = 1 << 30
        await encrypt(ask, key, 3)
        await write_all(server.uses, server.begin)
        backend.fail_next = 0
        assert await count(ask, key) == 3
        await write_all(server.uses, server.begin)
        assert not len(server.uses)
        assert await count(ask, key) == 3


async def test_several_servers_counts_add_up(config: Config, clock: Clock):
    space, secret = MemorySpace(), KeyFile(bytes(32))
    async with (
        open_store(MemoryBackend(space, shared=True), secret, create=True) as one,
        open_store(MemoryBackend(space, shared=True), secret) as other,
    ):
        asks = [
            InProcessClient(
                Server(config=config, store=store, users=Users(config.users_file), clock=clock),
                None,
                V3_0,
            ).named("alice")
            for store in (one, other)
        ]
        key = await create(asks[0], ACTIVE)
        for ask in asks:
            await encrypt(ask, key, 2)
        for ask in asks:
            await write_all(ask.server.uses, ask.server.begin)
        assert [await count(ask, key) for ask in asks] == [4, 4]


async def test_what_is_noted_is_bounded_and_told(
    ask: InProcessClient, monkeypatch: pytest.MonkeyPatch, caplog
):
    monkeypatch.setattr(uses, "MAX_NOTED", 2)
    keys = [await create(ask, ACTIVE) for _ in range(4)]
    for key in keys:
        await encrypt(ask, key)
    assert [await count(ask, key) for key in keys] == [1, 1, None, None]
    assert caplog.text.count("some are not counted") == 1
    await write_all(ask.server.uses, ask.server.begin)
    await encrypt(ask, keys[2])
    assert await count(ask, keys[2]) == 1


async def test_a_destroyed_object_is_not_written_any_more(ask: InProcessClient):
    key = await create(ask)
    ask.server.uses.count(key, Tag.ENCRYPT_COUNTER)
    await ask(Op.DESTROY, unique_identifier=key)
    before = ask.server.store.anchor
    await write_all(ask.server.uses, ask.server.begin)
    assert ask.server.store.anchor == before
