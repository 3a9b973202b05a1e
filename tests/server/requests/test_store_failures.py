"""A failing store: the operator reads what is wrong, the client what it can do."""

import logging

import pytest

from kmip.enums import Operation, ResultReason
from server.objects.managed_object import record_name
from server.requests import store_failures
from server.state import Server
from storage import (
    Damaged,
    KeyFile,
    MemoryBackend,
    Part,
    Reason,
    StorageFull,
    Tampered,
    Unavailable,
    WrongSecret,
    open_store,
)
from storage.backend import Kind
from storage.testing import LyingBackend
from tests.server.conftest import Failed, InProcessClient
from tests.server.samples import create, material


@pytest.mark.parametrize(
    "error, logged, message",
    [
        (StorageFull("the disk is full"), "the disk is full", store_failures.FULL),
        (Unavailable("a lock is held"), "a lock is held", store_failures.NOT_AVAILABLE),
        (Tampered(Part.RECORD, Reason.EDITED), "the record was changed", store_failures.DAMAGED),
        (Damaged("store.db was removed"), "store.db was removed", store_failures.DAMAGED),
        (
            Tampered(Part.BODY, Reason.DROPPED),
            "the record body is missing",
            store_failures.OBJECT_DAMAGED,
        ),
        (WrongSecret("rotated"), "cannot be used", "internal error"),
    ],
)
def test_each_failure_is_an_error_in_the_log_and_a_message(caplog, error, logged, message):
    assert store_failures.log_and_explain(error) == message
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert logged in record.getMessage()


async def test_a_server_that_has_found_its_store_tampered_with_acknowledges_nothing_more(
    ask: InProcessClient, server: Server, caplog
):
    """What it acknowledged would be lost: the store is refused at the next start."""
    lying = LyingBackend(MemoryBackend())
    server.opened = type(server.opened)(0)
    async with open_store(lying, KeyFile(bytes(32)), create=True, cache_bytes=0) as server.store:
        key, other = await create(ask), await create(ask)
        await lying.edit(Kind.META, server.store._table.keyring.now.handle(record_name(key)))
        with pytest.raises(Failed, match="is damaged"):
            await ask(Operation.GET, unique_identifier=key)
        for operation, fields in (
            (Operation.DESTROY, {"unique_identifier": other}),
            (Operation.ACTIVATE, {"unique_identifier": other}),
        ):
            with pytest.raises(Failed, match="is damaged") as failure:
                await ask(operation, **fields)
            assert failure.value.reason == ResultReason.GENERAL_FAILURE
        with pytest.raises(Failed, match="is damaged"):
            await create(ask)
        assert await material(ask, other)
    errors = [one.getMessage() for one in caplog.records if one.levelno == logging.ERROR]
    assert len(errors) == 4
    assert all("the record was changed: it does not open under its key" in one for one in errors)
