"""Objects and their records."""

from hypothesis import given, settings
from hypothesis import strategies as st

from kmip.attributes import Attributes
from kmip.enums import ObjectType, State
from kmip.objects import OBJECTS
from kmip.tags import Tag
from kmip.versions import INTERNAL
from server.objects.managed_object import OBJECT_PREFIX, Held, held_of, managed_of, record_name
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
    held = Held(identifier, owner, kind, attributes, None, archived, allocated)
    again = held_of(held.meta(), 7)
    assert again.version == 7
    again.version = 0
    assert again == held


@given(data=st.data())
@settings(max_examples=40)
def test_a_body_is_the_object(data: st.DataObject):
    kind = data.draw(st.sampled_from(sorted(OBJECTS)))
    managed = data.draw(structures(OBJECTS[kind][1], INTERNAL))
    held = Held("one", "alice", kind, Attributes(), managed)
    body = held.body()
    assert body is not None
    assert managed_of(body, kind) == managed


def test_without_an_object_there_is_no_body():
    assert Held("one", "alice", ObjectType.SYMMETRIC_KEY, Attributes()).body() is None


def test_names_of_records_are_those_of_identifiers():
    assert record_name("a/b") == OBJECT_PREFIX + b"a/b"
    assert Held("ä", "alice", ObjectType.SYMMETRIC_KEY, Attributes()).name == record_name("ä")


def test_a_copy_is_changed_alone():
    held = Held("one", "alice", ObjectType.SYMMETRIC_KEY, Attributes([(Tag.OBJECT_GROUP, "a")]))
    twin = held.copy()
    twin.attributes.add(Tag.OBJECT_GROUP, "b")
    assert held.attributes.all(Tag.OBJECT_GROUP) == ("a",)


def test_the_state_follows_from_the_dates_and_is_seen_beside_them():
    attributes = Attributes([(Tag.ACTIVATION_DATE, NOW)])
    held = Held("one", "alice", ObjectType.SYMMETRIC_KEY, attributes)
    assert held.state(NOW - 1) == State.PRE_ACTIVE
    assert held.state(NOW) == State.ACTIVE
    assert held.view(NOW).get(Tag.STATE) == State.ACTIVE
    assert Tag.STATE not in held.attributes
    assert not held.is_destroyed
    held.attributes.set(Tag.DESTROY_DATE, NOW)
    assert held.is_destroyed


def test_nothing_secret_is_in_its_representation():
    managed = symmetric_key(b"very secret key!")
    held = Held("one", "alice", ObjectType.SYMMETRIC_KEY, Attributes(), managed)
    held.opened = b"very secret key!"
    assert "secret" not in repr(held)
