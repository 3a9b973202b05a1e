"""One item to one result: what fails, how it is told, and what is left behind."""

import logging

import pytest

from kmip.attributes import AttributeInstance
from kmip.cryptographic_parameters import CryptographicParameters
from kmip.enums import (
    BatchErrorContinuationOption,
    BlockCipherMode,
    CredentialType,
    ObjectType,
    Operation,
    ResultReason,
    ResultStatus,
)
from kmip.errors import ServerLimitExceeded
from kmip.items import structure
from kmip.messages import Authentication, Credential, MessageExtension, UsernameAndPassword
from kmip.structures import to_item
from kmip.tags import Tag
from kmip.versions import V1_0
from server.objects import transaction
from server.state import Server
from storage import Conflict, KeyFile, MemoryBackend, SealedStore, Unavailable, open_store
from storage.testing import FailingBackend
from tests.server.conftest import Failed, InProcessClient
from tests.server.samples import aes, create, opaque, refused, register

CREATE = {"object_type": ObjectType.SYMMETRIC_KEY, "attributes": aes()}
UNDO = BatchErrorContinuationOption.UNDO
UNDONE = ResultStatus.OPERATION_UNDONE


class Frozen(FailingBackend):
    """A back end that takes no commits while it is frozen."""

    frozen = False

    async def commit(self, commit):
        if self.frozen:
            raise Unavailable("frozen")
        return await super().commit(commit)


async def test_a_store_that_takes_nothing_fails_each_item(
    server: Server, ask: InProcessClient, caplog
):
    backend = Frozen(MemoryBackend())
    async with open_store(backend, KeyFile(bytes(32)), create=True) as server.store:
        key = await create(ask)
        backend.frozen = True
        with pytest.raises(Failed) as failure:
            await create(ask)
        assert failure.value.reason == ResultReason.GENERAL_FAILURE
        assert "not available" in str(failure.value)
        answers = await ask.batch(
            ask.item(Operation.CREATE, **CREATE), ask.item(Operation.CREATE, **CREATE), option=UNDO
        )
        assert [one.result_status for one in answers] == [UNDONE, ResultStatus.OPERATION_FAILED]
        assert answers[1].result_reason == ResultReason.GENERAL_FAILURE
        backend.frozen = False
        located = await ask(Operation.LOCATE)
        assert located.unique_identifier == (key,)
    assert "the store is not available" in caplog.text


def described(ask: InProcessClient, key: str, length: int):
    text = AttributeInstance(Tag.DESCRIPTION, "x" * length)
    return ask.item(Operation.SET_ATTRIBUTE, unique_identifier=key, new_attribute=text)


async def test_an_object_does_not_grow_without_end(
    ask: InProcessClient, monkeypatch: pytest.MonkeyPatch
):
    key = await create(ask)
    monkeypatch.setattr(transaction, "MAX_META_BYTES", 10_000)
    (answer,) = await ask.batch(described(ask, key, 20_000))
    assert answer.result_reason == ResultReason.SERVER_LIMIT_EXCEEDED
    answers = await ask.batch(described(ask, key, 10), described(ask, key, 20_000), option=UNDO)
    assert [one.result_status for one in answers] == [UNDONE, ResultStatus.OPERATION_FAILED]
    assert answers[1].result_reason == ResultReason.SERVER_LIMIT_EXCEEDED
    got = await ask(Operation.GET_ATTRIBUTES, unique_identifier=key)
    assert Tag.DESCRIPTION not in got.attributes


async def test_a_fault_of_ours_outside_the_items_is_answered_too(
    ask: InProcessClient, server: Server, caplog
):
    class Broken:
        def is_empty(self) -> bool:
            raise RuntimeError("the secret is hunter2")

    server.users = Broken()  # type: ignore[assignment]
    credential = Credential(
        credential_type=CredentialType.USERNAME_AND_PASSWORD,
        credential_value=to_item(UsernameAndPassword(username="x"), Tag.CREDENTIAL_VALUE, V1_0),
    )
    response = await ask.at(V1_0).message(
        ask.item(Operation.QUERY), authentication=Authentication(credential=(credential,))
    )
    (item,) = response.batch_item
    assert item.result_reason == ResultReason.GENERAL_FAILURE
    assert item.result_message == "internal error"
    assert "RuntimeError" in caplog.text


async def test_a_critical_extension_fails_its_item(ask: InProcessClient):
    for critical, status in (
        (True, ResultStatus.OPERATION_FAILED),
        (False, ResultStatus.SUCCESS),
    ):
        item = ask.item(Operation.QUERY)
        item.message_extension = (
            MessageExtension(
                vendor_identification="x",
                criticality_indicator=critical,
                vendor_extension=structure(Tag.VENDOR_EXTENSION),
            ),
        )
        (answer,) = await ask.batch(item)
        assert answer.result_status == status


async def test_a_damaged_payload_fails_its_item_alone(ask: InProcessClient):
    wrong = ask.item(Operation.ACTIVATE)
    wrong.request_payload = ask.item(Operation.CREATE, **CREATE).request_payload
    answers = await ask.batch(
        wrong, ask.item(Operation.QUERY), option=BatchErrorContinuationOption.CONTINUE
    )
    assert answers[0].result_reason == ResultReason.INVALID_MESSAGE
    assert answers[1].result_status == ResultStatus.SUCCESS


async def test_messages_to_clients_are_ascii(ask: InProcessClient):
    with pytest.raises(Failed) as failure:
        await ask(Operation.GET, unique_identifier="schlüssel\n\x1b[2J")
    message = failure.value.item.result_message
    assert message is not None
    assert message.isascii()
    assert message.isprintable()


async def test_failures_are_logged_without_values(ask: InProcessClient, caplog):
    caplog.set_level(logging.INFO)
    await ask.batch(ask.item(Operation.GET, unique_identifier="nobody"))
    assert "Get failed" in caplog.text
    assert "Traceback" not in caplog.text


async def test_an_object_is_not_found_in_too_many_ways(ask: InProcessClient):
    many = [
        CryptographicParameters(
            block_cipher_mode=BlockCipherMode.GCM,
            random_iv=True,
            iv_length=number,
            tag_length=number,
        )
        for number in range(1000)
    ]
    requested = aes(*((Tag.CRYPTOGRAPHIC_PARAMETERS, one) for one in many))
    (answer,) = await ask.batch(
        ask.item(Operation.CREATE, object_type=ObjectType.SYMMETRIC_KEY, attributes=requested)
    )
    assert answer.result_reason == ResultReason.SERVER_LIMIT_EXCEEDED


async def test_an_object_has_a_length(ask: InProcessClient, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(transaction, "MAX_BODY_BYTES", 1000)
    await register(ask, opaque(bytes(900)))
    await refused(
        ask,
        ServerLimitExceeded,
        Operation.REGISTER,
        object_type=ObjectType.OPAQUE_OBJECT,
        object=opaque(bytes(1000)),
    )


class ContestedStore:
    """A store in which somebody else is always faster."""

    def __init__(self, store: SealedStore) -> None:
        self._store = store

    def __getattr__(self, name: str):
        return getattr(self._store, name)

    async def commit(self, changes) -> None:
        raise Conflict(changes[0].name)


class OvertakenStore(ContestedStore):
    """A store in which somebody else is faster twice, and then no more."""

    left = 3

    async def commit(self, changes) -> None:
        self.left -= 1
        if self.left > 0:
            raise Conflict(changes[0].name)
        await self._store.commit(changes)


async def test_who_is_always_overtaken_is_told_so(ask: InProcessClient, server: Server):
    key = await create(ask)
    server.store = ContestedStore(server.store)  # type: ignore[assignment]
    (answer,) = await ask.batch(ask.item(Operation.ACTIVATE, unique_identifier=key))
    assert answer.result_reason == ResultReason.SERVER_LIMIT_EXCEEDED
    (answer,) = await ask.batch(
        ask.item(Operation.ACTIVATE, unique_identifier=key),
        ask.item(Operation.CREATE, **CREATE),
        option=UNDO,
    )
    assert answer.result_reason == ResultReason.GENERAL_FAILURE
    assert "try again" in (answer.result_message or "")


async def test_a_request_performed_anew_takes_its_room_once(ask: InProcessClient, server: Server):
    """A response that fits when nobody interferes fits when somebody does."""

    key = await create(ask)
    item = ask.item(Operation.GET, unique_identifier=key)
    whole = await ask.message(item, maximum_response_size=450)
    assert whole.batch_item[0].result_status == ResultStatus.SUCCESS
    other = await create(ask)
    server.store = OvertakenStore(server.store)  # type: ignore[assignment]
    item = ask.item(Operation.GET, unique_identifier=other)
    again = await ask.message(item, maximum_response_size=450)
    assert again.batch_item[0].result_status == ResultStatus.SUCCESS
