"""Objects and their records."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kmip.attributes import Attributes
from kmip.encodings import ttlv
from kmip.enums import ObjectType, State
from kmip.items import Item
from kmip.objects import OBJECTS
from kmip.structures import to_item
from kmip.tags import Tag
from kmip.versions import INTERNAL
from server.objects.managed_object import (
    ITEM_MEMORY,
    OBJECT_PREFIX,
    ManagedObject,
    Record,
    managed_object_of,
    record_name,
)
from tests.kmip.strategies import attribute_sets, structures
from tests.server.conftest import NOW
from tests.server.samples import symmetric_key


@given(
    identifier=st.text(min_size=1, max_size=20),
    owner=st.text(min_size=1, max_size=20),
    attributes=attribute_sets(INTERNAL),
    archived=st.booleans(),
    allocated=st.integers(0, 1 << 60),
    kind=st.sampled_from(ObjectType),
)
@settings(max_examples=40)
def test_a_record_keeps_everything(identifier, owner, attributes, archived, allocated, kind):
    managed_object = ManagedObject(identifier, owner, kind, attributes, None, archived, allocated)
    again = managed_object_of(managed_object.meta(), 7)
    assert again.version == 7
    again.version = 0
    assert again == managed_object


@given(data=st.data())
@settings(max_examples=40)
def test_a_body_is_the_object(data: st.DataObject):
    kind = data.draw(st.sampled_from(sorted(OBJECTS)))
    cls: Any = OBJECTS[kind][1]
    managed = data.draw(structures(cls, INTERNAL))
    managed_object = ManagedObject("one", "alice", kind, Attributes(), managed)
    body = managed_object.body()
    assert body is not None
    again = ManagedObject("one", "alice", kind, Attributes())
    again.take_body(body)
    assert again.content == managed
    assert again.content_memory == managed_object.content_memory


@settings(deadline=None, max_examples=30)
@given(attribute_sets(INTERNAL))
def test_a_record_is_the_same_bytes_whichever_way_it_is_written(attributes: Attributes):
    managed_object = ManagedObject("a", "alice", ObjectType.SYMMETRIC_KEY, attributes)
    record = Record(
        unique_identifier="a",
        username="alice",
        object_type=ObjectType.SYMMETRIC_KEY,
        attributes=attributes,
    )
    item = to_item(record, Tag.OBJECTS, INTERNAL)
    assert managed_object.meta() == ttlv.encode(item, ttlv.TTLV(max_items=1 << 20))
    assert managed_object.meta_memory == len(managed_object.meta()) + ITEM_MEMORY * items_in(item)


def items_in(item: Item) -> int:
    return 1 + sum(map(items_in, item.children))


def test_without_an_object_there_is_no_body():
    assert ManagedObject("one", "alice", ObjectType.SYMMETRIC_KEY, Attributes()).body() is None


def test_names_of_records_are_those_of_identifiers():
    assert record_name("a/b") == OBJECT_PREFIX + b"a/b"
    assert ManagedObject("ä", "alice", ObjectType.SYMMETRIC_KEY, Attributes()).name == record_name(
        "ä"
    )


def test_a_copy_is_changed_alone():
    managed_object = ManagedObject(
        "one", "alice", ObjectType.SYMMETRIC_KEY, Attributes([(Tag.OBJECT_GROUP, "a")])
    )
    twin = managed_object.copy()
    twin.attributes.add(Tag.OBJECT_GROUP, "b")
    assert managed_object.attributes.all(Tag.OBJECT_GROUP) == ("a",)


def test_the_state_follows_from_the_dates_and_is_seen_beside_them():
    attributes = Attributes([(Tag.ACTIVATION_DATE, NOW)])
    managed_object = ManagedObject("one", "alice", ObjectType.SYMMETRIC_KEY, attributes)
    assert managed_object.state(NOW - 1) == State.PRE_ACTIVE
    assert managed_object.state(NOW) == State.ACTIVE
    assert managed_object.view(NOW).get(Tag.STATE) == State.ACTIVE
    assert Tag.STATE not in managed_object.attributes
    assert not managed_object.is_destroyed
    managed_object.attributes.set(Tag.DESTROY_DATE, NOW)
    assert managed_object.is_destroyed


def test_nothing_secret_is_in_its_representation():
    managed = symmetric_key(b"very secret key!")
    managed_object = ManagedObject("one", "alice", ObjectType.SYMMETRIC_KEY, Attributes(), managed)
    managed_object.opened = b"very secret key!"
    assert "secret" not in repr(managed_object)
