"""Batches: order, stopping, going on, undoing, and what items hand on to each other."""

import json
import logging
from collections.abc import Callable, Iterable, Iterator

import pytest
import trio

from kmip.attribute_values import Name
from kmip.attributes import Attributes
from kmip.cryptographic_parameters import CryptographicParameters
from kmip.encodings import ttlv
from kmip.enums import (
    BatchErrorContinuationOption,
    CryptographicAlgorithm,
    Data,
    HashingAlgorithm,
    ObjectType,
    Operation,
    ResultReason,
    ResultStatus,
    UniqueIdentifier,
    UsageLimitsUnit,
)
from kmip.errors import InvalidMessage
from kmip.masks import CryptographicUsageMask
from kmip.messages import RequestBatchItem, RequestHeader, RequestMessage
from kmip.structures import to_item
from kmip.tags import Tag
from kmip.versions import SUPPORTED, V1_0, V1_2, V1_4, V2_1, V3_0, ProtocolVersion
from server.context import IN_VAIN_BYTES, IN_VAIN_BYTES_AT_LEAST
from server.requests import audit
from server.requests.answer import answer
from server.requests.batch import HEADER_BYTES, ITEM_OVERHEAD, check
from server.sessions.client_turns import Turn
from server.setup import audit_trail, logs
from server.state import Server
from tests.server.conftest import Failed, InProcessClient
from tests.server.samples import ACTIVE, aes, limits, symmetric_key

Op = Operation
AES = Attributes(
    [
        (Tag.CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm.AES),
        (Tag.CRYPTOGRAPHIC_LENGTH, 128),
        (Tag.CRYPTOGRAPHIC_USAGE_MASK, CryptographicUsageMask.ENCRYPT),
    ]
)
CONTINUE = BatchErrorContinuationOption.CONTINUE
UNDO = BatchErrorContinuationOption.UNDO
HMAC = CryptographicParameters(cryptographic_algorithm=CryptographicAlgorithm.HMAC_SHA256)
SHA256 = CryptographicParameters(hashing_algorithm=HashingAlgorithm.SHA_256)
CREATE = {"object_type": ObjectType.SYMMETRIC_KEY, "attributes": AES}


def statuses(items):
    return [item.result_status for item in items]


@pytest.mark.parametrize("version", SUPPORTED, ids=str)
async def test_items_hand_on_the_id_placeholder(ask: InProcessClient, version: ProtocolVersion):
    ask = ask.at(version)
    items = await ask.batch(
        ask.item(Op.CREATE, batch_id=b"1", **CREATE),
        ask.item(Op.ACTIVATE, batch_id=b"2"),
        ask.item(Op.GET, batch_id=b"3"),
    )
    created, activated, got = [ask.payload(item) for item in items]
    assert created.unique_identifier == activated.unique_identifier == got.unique_identifier
    if version <= V2_1:
        assert [item.unique_batch_item_id for item in items] == [b"1", b"2", b"3"]


async def test_the_placeholder_ends_with_its_message(ask: InProcessClient):
    await ask(Op.CREATE, **CREATE)
    with pytest.raises(Failed) as failure:
        await ask(Op.GET)
    assert failure.value.reason == ResultReason.ITEM_NOT_FOUND


async def test_an_item_refers_to_what_an_operation_or_an_item_made(ask: InProcessClient):
    items = await ask.batch(
        ask.item(Op.CREATE, **CREATE),
        ask.item(Op.CREATE, **CREATE),
        ask.item(Op.GET, unique_identifier=UniqueIdentifier.CREATE),
        ask.item(Op.GET, unique_identifier=0),
    )
    first, second, by_operation, by_item = [ask.payload(i).unique_identifier for i in items]
    assert (by_operation, by_item) == (second, first)


async def test_stop_is_the_default_and_leaves_the_rest_unanswered(
    ask: InProcessClient, server: Server
):
    items = await ask.batch(
        ask.item(Op.CREATE, **CREATE),
        ask.item(Op.GET, unique_identifier="nobody"),
        ask.item(Op.CREATE, **CREATE),
    )
    assert statuses(items) == [ResultStatus.SUCCESS, ResultStatus.OPERATION_FAILED]
    assert server.store.count == 1


async def test_continue_performs_the_rest(ask: InProcessClient, server: Server):
    items = await ask.batch(
        ask.item(Op.GET, unique_identifier="nobody"),
        ask.item(Op.CREATE, **CREATE),
        option=BatchErrorContinuationOption.CONTINUE,
    )
    assert statuses(items) == [ResultStatus.OPERATION_FAILED, ResultStatus.SUCCESS]
    assert server.store.count == 1


async def test_undo_leaves_nothing_behind(ask: InProcessClient, server: Server):
    kept = (await ask(Op.CREATE, **CREATE)).unique_identifier
    before = server.store.anchor
    items = await ask.batch(
        ask.item(Op.CREATE, **CREATE),
        ask.item(Op.ACTIVATE, unique_identifier=kept),
        ask.item(Op.GET, unique_identifier="nobody"),
        ask.item(Op.CREATE, **CREATE),
        option=BatchErrorContinuationOption.UNDO,
    )
    undone, failed = ResultStatus.OPERATION_UNDONE, ResultStatus.OPERATION_FAILED
    assert statuses(items) == [undone, undone, failed]
    with_payload = [item.response_payload is not None for item in items]
    assert with_payload == [True, True, False]  # 2.1 section 8.6: "Yes, if not a failure"
    assert server.store.anchor == before
    state = await ask(Op.GET_ATTRIBUTES, unique_identifier=kept, attribute_names=(Tag.STATE,))
    assert state.attributes.get(Tag.STATE).name == "PRE_ACTIVE"


async def test_an_undoable_batch_sees_its_own_changes(ask: InProcessClient, server: Server):
    named = AES.copy()
    named.add(Tag.OBJECT_GROUP, "mine")
    items = await ask.batch(
        ask.item(Op.CREATE, object_type=ObjectType.SYMMETRIC_KEY, attributes=named),
        ask.item(Op.LOCATE, attributes=Attributes([(Tag.OBJECT_GROUP, "mine")])),
        ask.item(Op.ACTIVATE),
        ask.item(Op.GET_ATTRIBUTES, attribute_names=(Tag.STATE,)),
        option=BatchErrorContinuationOption.UNDO,
    )
    created, located, _, got = [ask.payload(item) for item in items]
    assert located.unique_identifier == (created.unique_identifier,)
    assert got.attributes.get(Tag.STATE).name == "ACTIVE"
    assert server.store.count == 1


async def test_a_wrong_batch_count_fails_the_message(ask: InProcessClient):
    response = await ask.message(ask.item(Op.QUERY), batch_count=2)
    assert response.batch_item[0].result_reason == ResultReason.INVALID_MESSAGE


async def test_a_message_without_items_is_refused(ask: InProcessClient):
    response = await ask.message()
    assert response.batch_item[0].result_reason == ResultReason.INVALID_MESSAGE


async def test_a_response_that_is_too_large_leaves_no_trace(ask: InProcessClient, server: Server):
    response = await ask.message(ask.item(Op.CREATE, **CREATE), maximum_response_size=200)
    assert response.batch_item[0].result_reason == ResultReason.RESPONSE_TOO_LARGE
    assert server.store.count == 0


async def test_an_operation_of_a_younger_version_is_not_supported(ask: InProcessClient):
    old = ask.at(V1_2)
    items = await old.batch(old.item(Op.PING), old.item(Op.QUERY))
    assert items[0].result_reason == ResultReason.OPERATION_NOT_SUPPORTED
    assert items[0].operation == Op.PING


async def test_an_item_that_has_failed_hands_no_object_on(ask: InProcessClient):
    attributes = AES.copy()
    attributes.add(Tag.NAME, Name(name_value="one"))
    named = CREATE | {"attributes": attributes}
    await ask(Op.CREATE, **named)
    _, got = await ask.batch(ask.item(Op.CREATE, **named), ask.item(Op.GET), option=CONTINUE)
    assert got.result_reason == ResultReason.ITEM_NOT_FOUND


async def test_an_item_that_has_failed_hands_no_data_on(ask: InProcessClient):
    """Nor is its MAC given; it counts all the same against the key's Usage Limits."""
    key = "k" * 127
    await ask(
        Op.IMPORT,
        unique_identifier=key,
        object_type=ObjectType.SYMMETRIC_KEY,
        attributes=aes(ACTIVE, limits(UsageLimitsUnit.OBJECT, 2)),
        object=symmetric_key(bytes(32)),
    )
    hashed = {"cryptographic_parameters": SHA256}
    mac = ask.item(Op.MAC, unique_identifier=key, cryptographic_parameters=HMAC, data=b"some")
    response = await ask.message(
        mac,
        ask.item(Op.HASH, data=Data.MAC_MAC_DATA, **hashed),
        ask.item(Op.HASH, data=0, **hashed),
        batch_error_continuation_option=CONTINUE,
        maximum_response_size=HEADER_BYTES + 3 * (ITEM_OVERHEAD + 8) + 180,
    )
    first, *others = [item.result_reason for item in response.batch_item]
    assert first == ResultReason.RESPONSE_TOO_LARGE
    assert others == [ResultReason.INVALID_FIELD] * 2
    assert ask.payload((await ask.batch(mac))[0]).mac_data
    assert (await ask.batch(mac))[0].result_reason == ResultReason.USAGE_LIMIT_EXCEEDED


class LeavingTurn(Turn):
    """The turn of a message whose client leaves when it has taken its turn so many times."""

    left: Callable[[], object]
    takes: int

    async def take(self) -> None:
        await super().take()
        self.takes -= 1
        if not self.takes:
            self.left()


@pytest.mark.parametrize(
    "option, kept",
    [(CONTINUE, 5), (BatchErrorContinuationOption.UNDO, 0)],
    ids=["continue", "undo"],
)
async def test_a_batch_ends_when_its_client_has_left_and_what_was_done_is_recorded(
    ask: InProcessClient, recorded: list[str], option: BatchErrorContinuationOption, kept: int
):
    """The first turn is the message's; the sixth is that of the fifth item, which is finished."""
    admitted = await ask.server.turns.admit("alice", 1)
    turn = LeavingTurn(
        admitted._turns, admitted.client, admitted._share, admitted.length, admitted._response
    )
    turn.takes = 6
    fields = {"object_type": ObjectType.SYMMETRIC_KEY, "attributes": aes()}
    item = ask.item(Op.CREATE, batch_id=b"all the same", **fields)
    request = RequestMessage(
        request_header=RequestHeader(
            protocol_version=ask.version,
            batch_count=9,
            batch_error_continuation_option=option,
        ),
        batch_item=(item,) * 9,
    )
    data = ttlv.encode(to_item(request, Tag.REQUEST_MESSAGE, ask.version))
    with trio.CancelScope() as scope:
        turn.left = scope.cancel
        await answer(ask.server, data, ask.client, turn=turn)
    assert scope.cancelled_caught
    assert sum('"status": "Success"' in line for line in recorded) == kept
    assert len(recorded) == 5
    assert len((await ask(Op.LOCATE)).unique_identifier) == kept


async def test_once_no_room_is_left_items_do_no_work(ask: InProcessClient):
    """What does not fit is made a few times, and then refused before it is performed.

    An item that is performed finds out that there is no object; one that is not does not.
    """
    long = ask.item(Op.RNG_RETRIEVE, data_length=5000)
    unknown = ask.item(Op.GET, unique_identifier="nothing")
    for many, expected in (
        (1, ResultReason.OBJECT_NOT_FOUND),
        (IN_VAIN_BYTES // IN_VAIN_BYTES_AT_LEAST, ResultReason.RESPONSE_TOO_LARGE),
    ):
        response = await ask.message(
            *[long] * many,
            unknown,
            batch_error_continuation_option=CONTINUE,
            maximum_response_size=HEADER_BYTES + (many + 1) * 200,
        )
        *too_large, last = [item.result_reason for item in response.batch_item]
        assert too_large == [ResultReason.RESPONSE_TOO_LARGE] * many
        assert last == expected


@pytest.fixture
def recorded() -> Iterator[list[str]]:
    """What goes to the audit log."""
    lines: list[str] = []

    class Kept:
        def write(self, more: Iterable[str]) -> None:
            lines.extend(more)

        def close(self) -> None:
            pass

    audit.send_to(Kept())
    yield lines
    audit.send_to(audit_trail.Nowhere())


async def test_lines_of_log_and_audit_of_one_message_bear_its_number(
    ask: InProcessClient, recorded: list[str], caplog: pytest.LogCaptureFixture
):
    numbers = []

    class Noting(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            origin = logs.origin.get()
            numbers.append(origin.request if origin else None)

    handler = Noting()
    caplog.set_level(logging.INFO)
    logging.getLogger("server.requests").addHandler(handler)
    try:
        await ask.batch(ask.item(Op.GET, unique_identifier="nothing"), ask.item(Op.QUERY))
    finally:
        logging.getLogger("server.requests").removeHandler(handler)
    assert {json.loads(line)["request"] for line in recorded} == set(numbers)
    assert len(set(numbers)) == 1
    assert logs.origin.get() is None


def asking(version: ProtocolVersion, *ids: bytes | None, count: int | None) -> RequestMessage:
    header = RequestHeader(protocol_version=version, batch_count=count)
    items = [RequestBatchItem(operation=Op.QUERY, unique_batch_item_id=one) for one in ids]
    return RequestMessage(request_header=header, batch_item=tuple(items))


@pytest.mark.parametrize("version", [V1_0, V1_4, V2_1], ids=str)
def test_a_header_has_a_batch_count_and_each_of_several_items_an_id(version: ProtocolVersion):
    check(asking(version, None, count=1), 10, version)
    check(asking(version, b"1", b"2", count=2), 10, version)
    for request in (
        asking(version, None, count=None),
        asking(version, None, None, count=2),
        asking(version, b"1", None, count=2),
    ):
        with pytest.raises(InvalidMessage):
            check(request, 10, version)


def test_3_0_has_neither():
    check(asking(V3_0, None, None, count=None), 10, V3_0)
