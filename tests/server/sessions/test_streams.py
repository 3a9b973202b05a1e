"""Operations in parts: what a stream costs, whose it is, and when it ends."""

from typing import Any

import pytest

from kmip.attribute_values import UsageLimits
from kmip.cryptographic_parameters import CryptographicParameters
from kmip.enums import (
    BatchErrorContinuationOption,
    BlockCipherMode,
    CryptographicAlgorithm,
    HashingAlgorithm,
    Operation,
    PaddingMethod,
    ResultReason,
    UsageLimitsUnit,
    ValidityIndicator,
)
from kmip.errors import InvalidField, ServerLimitExceeded
from kmip.tags import Tag
from kmip.versions import V1_4, V2_1, V3_0
from server.sessions import streams
from server.sessions.streams import Streams
from server.state import Server
from tests.server.conftest import NOW, Failed, InProcessClient
from tests.server.samples import ACTIVE, COMPROMISED, STOPPED, attribute, create
from tests.server.samples import refused as refused_for

CBC = CryptographicParameters(
    block_cipher_mode=BlockCipherMode.CBC, padding_method=PaddingMethod.PKCS5, random_iv=True
)
HMAC = CryptographicParameters(cryptographic_algorithm=CryptographicAlgorithm.HMAC_SHA256)
SHA256 = CryptographicParameters(hashing_algorithm=HashingAlgorithm.SHA_256)
TEXT = bytes(range(256))
UNDO = BatchErrorContinuationOption.UNDO


def limits(unit: UsageLimitsUnit, total: int) -> tuple[Tag, UsageLimits]:
    value = UsageLimits(usage_limits_total=total, usage_limits_unit=unit)
    return Tag.USAGE_LIMITS, value


async def left(ask: InProcessClient, key: str) -> int:
    found: UsageLimits = await attribute(ask, key, Tag.USAGE_LIMITS)
    assert found.usage_limits_count is not None
    return found.usage_limits_count


async def begin(ask: InProcessClient, key: str, data: bytes):
    return await ask(
        Operation.ENCRYPT,
        unique_identifier=key,
        cryptographic_parameters=CBC,
        data=data,
        init_indicator=True,
    )


async def go_on(ask: InProcessClient, value: bytes, data: bytes, *, last: bool = False):
    return await ask(
        Operation.ENCRYPT, correlation_value=value, data=data, final_indicator=last or None
    )


async def encrypted(ask: InProcessClient, key: str, cuts: list[int]) -> tuple[bytes, bytes]:
    """The initialization vector and the text, encrypted in parts."""
    first = await begin(ask, key, TEXT[: cuts[0]])
    done = first.data or b""
    for start, stop in zip(cuts, [*cuts[1:], None], strict=True):
        part = await go_on(ask, first.correlation_value, TEXT[start:stop], last=stop is None)
        done += part.data or b""
    return first.iv_counter_nonce, done


@pytest.mark.parametrize("cuts", [[1], [16, 17, 18], [100, 200], [0, 0]])
async def test_parts_are_one_text(ask: InProcessClient, cuts: list[int]):
    key = await create(ask, ACTIVE)
    vector, text = await encrypted(ask, key, cuts)
    plain = await ask(
        Operation.DECRYPT,
        unique_identifier=key,
        cryptographic_parameters=CBC,
        iv_counter_nonce=vector,
        data=text,
    )
    assert plain.data == TEXT


@pytest.mark.parametrize("version", [V2_1, V3_0], ids=str)
async def test_the_last_answer_has_the_correlation_value_in_3_0(ask: InProcessClient, version):
    ask = ask.at(version)
    first = await begin(ask, await create(ask, ACTIVE), TEXT)
    value = first.correlation_value
    assert (await go_on(ask, value, TEXT)).correlation_value == value
    last = await go_on(ask, value, TEXT, last=True)
    assert last.correlation_value == (value if version == V3_0 else None)


async def test_a_text_is_decrypted_in_parts(ask: InProcessClient):
    key = await create(ask, ACTIVE)
    vector, text = await encrypted(ask, key, [100])
    first = await ask(
        Operation.DECRYPT,
        unique_identifier=key,
        cryptographic_parameters=CBC,
        iv_counter_nonce=vector,
        data=text[:50],
        init_indicator=True,
    )
    last = await ask(
        Operation.DECRYPT,
        correlation_value=first.correlation_value,
        data=text[50:],
        final_indicator=True,
    )
    assert first.data + last.data == TEXT


async def test_a_hash_and_a_mac_in_parts_are_those_of_the_whole(ask: InProcessClient):
    key = await create(ask, ACTIVE)
    for operation, fields, field in (
        (Operation.HASH, {"cryptographic_parameters": SHA256}, "data"),
        (Operation.MAC, {"cryptographic_parameters": HMAC, "unique_identifier": key}, "mac_data"),
    ):
        whole = await ask(operation, data=TEXT, **fields)
        first = await ask(operation, data=TEXT[:7], init_indicator=True, **fields)
        value = first.correlation_value
        fields["correlation_value"] = value
        await ask(operation, data=TEXT[7:8], **fields)
        last = await ask(operation, data=TEXT[8:], final_indicator=True, **fields)
        assert getattr(last, field) == getattr(whole, field)


@pytest.mark.parametrize("with_part", [0, 1, 2])
async def test_the_mac_to_verify_may_come_with_any_part(ask: InProcessClient, with_part: int):
    key = await create(ask, ACTIVE)
    fields = {"unique_identifier": key, "cryptographic_parameters": HMAC}
    good = (await ask(Operation.MAC, data=TEXT, **fields)).mac_data
    for mac, validity in ((good, ValidityIndicator.VALID), (TEXT, ValidityIndicator.INVALID)):
        parts: list[dict[str, bytes]] = [{}, {}, {}]
        parts[with_part] = {"mac_data": mac}
        first = await ask(
            Operation.MAC_VERIFY, data=TEXT[:5], init_indicator=True, **fields, **parts[0]
        )
        value = first.correlation_value
        await ask(Operation.MAC_VERIFY, data=TEXT[5:9], correlation_value=value, **parts[1])
        last = await ask(
            Operation.MAC_VERIFY,
            data=TEXT[9:],
            correlation_value=value,
            final_indicator=True,
            **parts[2],
        )
        assert last.validity_indicator == validity


async def test_a_first_and_last_part_needs_no_stream(ask: InProcessClient, server: Server):
    key = await create(ask, ACTIVE)
    made = await ask(
        Operation.ENCRYPT,
        unique_identifier=key,
        cryptographic_parameters=CBC,
        data=TEXT,
        init_indicator=True,
        final_indicator=True,
    )
    assert made.correlation_value is None
    assert not server.streams._streams


async def refused(ask: InProcessClient, value: bytes, **fields) -> ResultReason | None:
    with pytest.raises(Failed) as failure:
        await ask(Operation.ENCRYPT, correlation_value=value, data=b"more", **fields)
    return failure.value.reason


async def test_a_stream_is_its_clients_and_its_operations(ask: InProcessClient):
    key = await create(ask, ACTIVE)
    value = (await begin(ask, key, b"some")).correlation_value
    unknown = ResultReason.INVALID_CORRELATION_VALUE
    assert await refused(ask.named("bob"), value) == unknown
    assert await refused(ask, bytes(16)) == unknown
    with pytest.raises(Failed):
        await ask(Operation.DECRYPT, correlation_value=value, data=b"more")
    assert await refused(ask, value, init_indicator=True) == ResultReason.INVALID_FIELD
    await go_on(ask, value, b"more", last=True)
    assert await refused(ask, value) == unknown


async def test_what_is_unknown_in_1_4_is_not_found(ask: InProcessClient):
    """1.4 sections 11.29 to 11.36: Item Not Found."""
    assert await refused(ask.at(V1_4), bytes(16)) == ResultReason.ITEM_NOT_FOUND


async def test_a_stream_has_its_time(ask: InProcessClient, clock):
    key = await create(ask, ACTIVE)
    value = (await begin(ask, key, b"some")).correlation_value
    clock.now += streams.SECONDS
    await go_on(ask, value, b"more")
    clock.now += streams.SECONDS + 1
    assert await refused(ask, value) == ResultReason.INVALID_CORRELATION_VALUE


@pytest.mark.parametrize("how", [STOPPED, COMPROMISED], ids=["stopped", "compromised"])
async def test_a_stream_ends_with_what_its_key_may_do(ask: InProcessClient, how):
    key = await create(ask, ACTIVE)
    value = (await begin(ask, key, b"some")).correlation_value
    await ask(Operation.REVOKE, unique_identifier=key, **how)
    assert await refused(ask, value) == ResultReason.WRONG_KEY_LIFECYCLE_STATE


async def test_every_part_is_charged_by_its_bytes(ask: InProcessClient):
    key = await create(ask, ACTIVE, limits(UsageLimitsUnit.BYTE, 100))
    value = (await begin(ask, key, bytes(40))).correlation_value
    assert await left(ask, key) == 60
    await go_on(ask, value, bytes(60))
    assert await left(ask, key) == 0
    assert await refused(ask, value) == ResultReason.USAGE_LIMIT_EXCEEDED
    assert (await go_on(ask, value, b"", last=True)).data


async def test_a_stream_is_one_use_of_the_object(ask: InProcessClient):
    key = await create(ask, ACTIVE, limits(UsageLimitsUnit.OBJECT, 5))
    await encrypted(ask, key, [10, 20, 30])
    assert await left(ask, key) == 4


async def test_a_stream_whose_batch_is_undone_is_over(ask: InProcessClient):
    key = await create(ask, ACTIVE)
    value = (await begin(ask, key, b"some")).correlation_value
    await ask.batch(
        ask.item(Operation.ENCRYPT, correlation_value=value, data=b"more"),
        ask.item(Operation.GET, unique_identifier="nobody"),
        option=UNDO,
    )
    assert await refused(ask, value) == ResultReason.INVALID_CORRELATION_VALUE


def test_a_clients_oldest_stream_makes_room():
    kept = Streams()
    mine = [
        kept.open("alice", Operation.HASH, "", None, NOW)
        for _ in range(streams.MAX_STREAMS_PER_CLIENT)
    ]
    other = kept.open("bob", Operation.HASH, "", None, NOW)
    kept.open("alice", Operation.HASH, "", None, NOW)
    assert mine[0] not in kept._streams
    assert kept.get("alice", Operation.HASH, mine[1], NOW)
    assert kept.get("bob", Operation.HASH, other, NOW)


def test_streams_in_all_are_bounded():
    kept = Streams()
    for number in range(streams.MAX_STREAMS):
        kept.open(str(number), Operation.HASH, "", None, NOW)
    with pytest.raises(ServerLimitExceeded):  # nobody has more than who asks
        kept.open("late", Operation.HASH, "", None, NOW)
    assert len(kept._streams) == streams.MAX_STREAMS
    kept.open("late", Operation.HASH, "", None, NOW + streams.SECONDS + 1)


def test_crowds_of_streams_end_nobodys_who_has_few():
    kept = Streams()
    victims = kept.open("victim", Operation.HASH, "", None, NOW)
    for number in range(20):
        for _ in range(streams.MAX_STREAMS_PER_CLIENT):
            kept.open(f"crowd {number}", Operation.HASH, "", None, NOW)
    assert len(kept._streams) == streams.MAX_STREAMS
    assert kept.get("victim", Operation.HASH, victims, NOW)
    assert kept.open("late", Operation.HASH, "", None, NOW)


def test_a_ticket_ends_no_stream_of_its_client():
    kept = Streams()
    mine = kept.open("alice", Operation.ENCRYPT, "k", NO_COMPUTATION, NOW)
    for _ in range(2 * streams.MAX_STREAMS_PER_CLIENT):
        kept.open("alice", Operation.HASH, "", None, NOW, "ticket")
    assert kept.get("alice", Operation.ENCRYPT, mine, NOW)
    assert len(kept._streams) == streams.MAX_STREAMS_PER_CLIENT


NO_COMPUTATION: Any = None
"""Of streams that only keep what they are told to."""


def test_who_keeps_most_gives_way(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(streams, "MAX_GATHERED_PER_CLIENT", 100)
    monkeypatch.setattr(streams, "MAX_GATHERED", 200)
    kept, opened = Streams(), {}
    for client in ("a", "b"):
        opened[client] = kept.open(client, Operation.DECRYPT, "k", NO_COMPUTATION, NOW)
        kept.gather(kept.get(client, Operation.DECRYPT, opened[client], NOW), 100)
    late = kept.get(
        "c", Operation.DECRYPT, kept.open("c", Operation.DECRYPT, "k", NO_COMPUTATION, NOW), NOW
    )
    kept.gather(late, 50)
    assert len({"a", "b"} - {one.client for one in kept._streams.values()}) == 1
    kept.gather(late, 50)
    with pytest.raises(ServerLimitExceeded):
        kept.gather(late, 1)


def test_a_ticket_starves_no_stream_of_its_client(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(streams, "MAX_GATHERED_PER_CLIENT", 100)
    kept = Streams()
    theirs = kept.open("alice", Operation.DECRYPT, "k", NO_COMPUTATION, NOW, "ticket")
    kept.gather(kept.get("alice", Operation.DECRYPT, theirs, NOW), 90)
    mine = kept.open("alice", Operation.DECRYPT, "k", NO_COMPUTATION, NOW)
    kept.gather(kept.get("alice", Operation.DECRYPT, mine, NOW), 20)
    assert list(kept._streams) == [mine]


async def test_additional_data_and_what_is_to_be_verified_count(ask: InProcessClient):
    key = await create(ask, ACTIVE)
    await ask(
        Operation.ENCRYPT,
        unique_identifier=key,
        cryptographic_parameters=GCM,
        iv_counter_nonce=bytes(12),
        authenticated_encryption_additional_data=bytes(3000),
        data=b"",
        init_indicator=True,
    )
    mac = {"cryptographic_parameters": HMAC, "mac_data": bytes(32), "init_indicator": True}
    await ask(Operation.MAC_VERIFY, unique_identifier=key, data=b"some", **mac)
    assert [one.gathered for one in ask.server.streams._streams.values()] == [3000, 32]


async def test_what_is_longer_than_any_mac_is_refused(ask: InProcessClient):
    key = await create(ask, ACTIVE)
    mac = {"cryptographic_parameters": HMAC, "mac_data": bytes(70_000), "init_indicator": True}
    fields = {"unique_identifier": key, "data": b"some", **mac}
    await refused_for(ask, InvalidField, Operation.MAC_VERIFY, **fields)
    assert not ask.server.streams._streams


async def test_a_stream_ends_when_its_key_is_archived(ask: InProcessClient):
    key = await create(ask, ACTIVE)
    value = (await begin(ask, key, b"some")).correlation_value
    await ask(Operation.ARCHIVE, unique_identifier=key)
    assert await refused(ask, value) == ResultReason.OBJECT_ARCHIVED


async def begin_decryption(ask: InProcessClient, key: str, length: int) -> bytes:
    begun = await ask(
        Operation.DECRYPT,
        unique_identifier=key,
        cryptographic_parameters=GCM,
        iv_counter_nonce=bytes(12),
        authenticated_encryption_tag=bytes(16),
        data=bytes(length),
        init_indicator=True,
    )
    value: bytes = begun.correlation_value
    return value


GCM = CryptographicParameters(block_cipher_mode=BlockCipherMode.GCM, tag_length=16)


async def test_what_streams_keep_is_bounded(ask: InProcessClient, monkeypatch: pytest.MonkeyPatch):
    """A message that is given only once its tag holds is kept until then."""
    ask.server.streams = Streams()
    monkeypatch.setattr(streams, "MAX_GATHERED_PER_CLIENT", 1000)
    monkeypatch.setattr(streams, "MAX_GATHERED", 1500)
    key, theirs = await create(ask, ACTIVE), await create(ask.named("bob"), ACTIVE)
    value = await begin_decryption(ask, key, 600)
    more = {"correlation_value": value, "data": bytes(401)}
    await refused_for(ask, ServerLimitExceeded, Operation.DECRYPT, **more)
    with pytest.raises(Failed):
        await begin_decryption(ask, key, 401)
    assert await begin_decryption(ask, key, 400)
    with pytest.raises(Failed):
        await begin_decryption(ask.named("bob"), theirs, 1001)
    assert await begin_decryption(ask.named("bob"), theirs, 500)
    await begin(ask, key, bytes(5000))  # which keeps nothing
    with pytest.raises(Failed):
        await ask(Operation.DECRYPT, correlation_value=value, data=b"", final_indicator=True)
    assert await begin_decryption(ask, key, 600)


async def test_a_stream_ends_with_a_part_that_is_not_answered(ask: InProcessClient):
    """What it has given cannot be had any more; it is charged all the same."""
    key = await create(ask, ACTIVE, limits(UsageLimitsUnit.BYTE, 100))
    value = (await begin(ask, key, b"")).correlation_value
    part = ask.item(Operation.ENCRYPT, correlation_value=value, data=bytes(60))
    (item,) = (await ask.message(part, maximum_response_size=210)).batch_item
    assert item.result_reason == ResultReason.RESPONSE_TOO_LARGE
    assert await refused(ask, value) == ResultReason.INVALID_CORRELATION_VALUE
    assert await left(ask, key) == 40


def test_the_longest_message_always_has_room(monkeypatch):
    monkeypatch.setattr(streams, "MAX_GATHERED_PER_CLIENT", 100)
    monkeypatch.setattr(streams, "MAX_GATHERED", 100)
    kept = Streams(longest=300)
    value = kept.open("alice", Operation.DECRYPT, "k", NO_COMPUTATION, NOW)
    stream = kept.get("alice", Operation.DECRYPT, value, NOW)
    kept.gather(stream, 300)
    with pytest.raises(ServerLimitExceeded):
        kept.gather(stream, 1)
