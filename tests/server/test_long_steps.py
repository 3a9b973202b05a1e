"""What is long goes to a thread, wherever its length lies: in a list, a batch, or one value."""

import threading
from typing import Any

import pytest

from kmip.attributes import Attributes, VendorAttributeName
from kmip.cryptographic_parameters import CryptographicParameters
from kmip.encodings import ttlv
from kmip.enums import (
    BlockCipherMode,
    EncodingOption,
    ItemType,
    KeyWrapType,
    ObjectType,
    Operation,
    WrappingMethod,
)
from kmip.items import Item, structure
from kmip.key_block import EncryptionKeyInformation, KeyWrappingSpecification
from kmip.messages import RequestHeader, RequestMessage
from kmip.structures import to_item
from kmip.tags import Tag
from kmip.versions import V2_1
from server.access.client import Client
from server.context import Context
from server.keys import wrapping
from server.long_steps import LOOP_ITEMS, LOOP_VALUES, are_many, has_many
from server.objects import transaction
from server.requests import answer
from server.state import Server
from tests.server.conftest import InProcessClient
from tests.server.samples import ACTIVE, aes, create

OWN = VendorAttributeName("x", "own")
CHILD = 0x540001


def number(value: int) -> Item:
    return Item(CHILD, ItemType.INTEGER, value)


def wide(count: int) -> Item:
    return structure(Tag.ATTRIBUTE_VALUE, *map(number, range(count)))


def deep(count: int, width: int) -> Item:
    """Structures within each other, each of which has some more items."""
    found = wide(width)
    for _ in range(count):
        found = structure(CHILD, found, *map(number, range(width)))
    return found


def test_many_values_are_many_and_one_value_with_much_in_it_is_too():
    assert not are_many(Attributes((OWN, number(n)) for n in range(LOOP_VALUES)))
    assert are_many(Attributes((OWN, number(n)) for n in range(LOOP_VALUES + 1)))
    assert not are_many(Attributes([(OWN, wide(LOOP_ITEMS))]))
    assert are_many(Attributes([(OWN, wide(LOOP_ITEMS + 1))]))
    assert are_many(Attributes([(OWN, deep(8, LOOP_ITEMS // 8))]))
    assert are_many(Attributes((OWN, wide(LOOP_ITEMS // 4 + 1)) for _ in range(4)))


def test_an_item_has_many_wherever_they_are():
    assert not has_many(wide(LOOP_ITEMS))
    assert has_many(wide(LOOP_ITEMS + 1))
    assert has_many(deep(8, LOOP_ITEMS // 8))


class Threads:
    """Notes in which threads something is called."""

    def __init__(self) -> None:
        self.main: list[bool] = []

    def noting(self, call: Any) -> Any:
        def noted(*arguments: Any) -> Any:
            self.main.append(threading.current_thread() is threading.main_thread())
            return call(*arguments)

        return noted


@pytest.mark.parametrize("count,on_the_loop", [(2, [True]), (2 * LOOP_VALUES, [False, False])])
async def test_a_long_batch_is_read_and_written_in_a_thread(
    server: Server, monkeypatch, count, on_the_loop
):
    """A short one is read without items, on the loop."""
    ask = InProcessClient(server, Client("alice"))
    request = RequestMessage(
        request_header=RequestHeader(protocol_version=V2_1, batch_count=count),
        batch_item=tuple(
            ask.item(Operation.QUERY, batch_id=b"%d" % n, query_function=()) for n in range(count)
        ),
    )
    data = ttlv.encode(to_item(request, Tag.REQUEST_MESSAGE, V2_1))
    threads = Threads()
    for name in ("request_of", "_written"):
        monkeypatch.setattr(answer, name, threads.noting(getattr(answer, name)))
    assert await answer.answer(server, data, Client("alice"))
    assert threads.main == on_the_loop


@pytest.mark.parametrize("width,on_the_loop", [(2, True), (LOOP_ITEMS + 1, False)])
async def test_an_attribute_with_much_in_it_is_written_in_a_thread(
    server: Server, monkeypatch, width, on_the_loop
):
    threads = Threads()
    change = transaction.Transaction._change
    monkeypatch.setattr(transaction.Transaction, "_change", threads.noting(change))
    ask = InProcessClient(server, Client("alice"))
    own = (OWN, wide(width))
    await ask(Operation.CREATE, object_type=ObjectType.SYMMETRIC_KEY, attributes=aes(own))
    assert threads.main == [on_the_loop]


@pytest.mark.parametrize("count,on_the_loop", [(2, True), (8 * LOOP_VALUES, False)])
async def test_many_attributes_are_wrapped_and_unwrapped_in_a_thread(
    server: Server, monkeypatch, count, on_the_loop
):
    threads = Threads()
    monkeypatch.setattr(wrapping, "_encoded", threads.noting(wrapping._encoded))
    monkeypatch.setattr(Context, "decode_key_value", threads.noting(Context.decode_key_value))
    ask = InProcessClient(server, Client("alice"))
    by = await create(ask, ACTIVE)
    own = [(VendorAttributeName("x", str(n)), number(n)) for n in range(count)]
    key = await create(ask, *own)
    specification = KeyWrappingSpecification(
        wrapping_method=WrappingMethod.ENCRYPT,
        encryption_key_information=EncryptionKeyInformation(
            unique_identifier=by,
            cryptographic_parameters=CryptographicParameters(
                block_cipher_mode=BlockCipherMode.NISTKEYWRAP
            ),
        ),
        attribute_names=tuple(name for name, _ in own),
        encoding_option=EncodingOption.TTLV_ENCODING,
    )
    got = await ask(Operation.GET, unique_identifier=key, key_wrapping_specification=specification)
    assert threads.main == [on_the_loop]
    threads.main.clear()
    await ask(
        Operation.IMPORT,
        unique_identifier="another",
        object_type=ObjectType.SYMMETRIC_KEY,
        key_wrap_type=KeyWrapType.NOT_WRAPPED,
        attributes=aes(),
        object=got.object,
    )
    assert threads.main == [on_the_loop]
