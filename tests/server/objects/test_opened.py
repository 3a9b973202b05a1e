"""Opened objects are kept by the bytes that they take, and a client's share is bounded."""

import gc
import tracemalloc

import pytest

from kmip.attribute_values import Name
from kmip.attributes import Attributes, VendorAttributeName
from kmip.cryptographic_parameters import CryptographicParameters
from kmip.enums import ItemType, ObjectType
from kmip.items import Item, structure
from kmip.objects import OpaqueObject
from kmip.tags import Tag
from server.objects.managed_object import ManagedObject, managed_object_of
from server.objects.opened import CLIENT_SHARE, Opened


def kept(identifier: str, owner: str = "alice", size: int = 0, version: int = 1) -> ManagedObject:
    """An object whose material has `size` bytes."""
    content = OpaqueObject(opaque_data_type=0x80000001, opaque_data_value=bytes(size))
    one = ManagedObject(identifier, owner, ObjectType.OPAQUE_OBJECT, Attributes(), content)
    one.meta()
    one.body()
    one.version = version
    return one


ROOM = kept("a").memory


def test_the_cache_forgets_what_was_used_longest_ago():
    opened = Opened(2 * CLIENT_SHARE * ROOM)
    for name in "ab":
        opened.put(kept(name))
    assert opened.get("a", 1)
    opened.put(kept("c"))
    assert opened.get("b", 1) is None
    assert opened.get("a", 1)
    assert opened.get("c", 1)


def test_the_cache_gives_no_other_version():
    opened = Opened(1 << 20)
    opened.put(kept("a"))
    assert opened.get("a", 2) is None
    opened.drop("a")
    assert opened.get("a", 1) is None
    opened.drop("a")
    assert opened.memory == 0


def test_a_cache_of_nothing_keeps_nothing():
    opened = Opened(0)
    opened.put(kept("a"))
    assert opened.get("a", 1) is None


def test_long_objects_take_the_room_of_many():
    opened = Opened(1 << 20)
    for number in range(100):
        opened.put(kept(str(number), size=100_000))
        assert opened.memory <= 1 << 20
    assert 0 < len(opened) < 10
    opened.put(kept("longer than the share", size=1 << 20))
    assert opened.get("longer than the share", 1) is None


def test_material_that_is_loaded_later_is_counted():
    opened = Opened(1 << 20)
    one = kept("a", size=10_000)
    content, one.content = one.content, None
    opened.put(one)
    before = opened.memory
    one.content = content
    opened.put(one)
    assert opened.memory >= before + 10_000


def test_one_client_does_not_push_out_the_objects_of_the_others():
    opened = Opened(1 << 20)
    opened.put(kept("bob's", owner="bob"))
    for number in range(1000):
        opened.put(kept(str(number), size=10_000))
    assert opened.get("bob's", 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    "instance",
    [
        lambda i: (Tag.OBJECT_GROUP, chr(200 + i)),
        lambda i: (
            VendorAttributeName("x", chr(5000 + i)),
            Item(Tag.ATTRIBUTE_VALUE, ItemType.TEXT_STRING, chr(70_000 + i)),
        ),
        lambda i: (
            VendorAttributeName("x", "a"),
            structure(Tag.ATTRIBUTE_VALUE, *[structure(Tag.NAME)] * 20),
        ),
        lambda i: (Tag.CRYPTOGRAPHIC_PARAMETERS, CryptographicParameters()),
        lambda i: (Tag.NAME, Name(name_value=str(i))),
    ],
)
def test_no_object_takes_more_memory_than_is_counted(instance):
    attributes = Attributes(instance(number) for number in range(500))
    one = ManagedObject("a" * 36, "alice", ObjectType.SYMMETRIC_KEY, attributes)
    meta = one.meta()
    managed_object_of(meta, 1)  # what is bound on first use
    gc.collect()
    tracemalloc.start()
    again = managed_object_of(meta, 1)
    gc.collect()
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken <= again.memory
