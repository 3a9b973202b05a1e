"""Terms of the index: which values have the same, and which have not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kmip.attribute_values import Link, Name
from kmip.attributes import Attributes, VendorAttributeName
from kmip.enums import ItemType, LinkType, NameType, ObjectType, State
from kmip.items import Item
from kmip.masks import CryptographicUsageMask
from kmip.masks import StorageStatusMask as Status
from kmip.tags import Tag
from kmip.versions import INTERNAL
from server.objects.index_terms import (
    DATES,
    LONGEST,
    owner_term,
    query_of,
    terms_of,
)
from server.objects.managed_object import ManagedObject
from storage import matches
from tests.kmip.strategies import attribute_value, keys
from tests.server.conftest import NOW


def managed_object(*pairs, owner: str = "alice") -> ManagedObject:
    return ManagedObject("one", owner, ObjectType.SYMMETRIC_KEY, Attributes(pairs))


RANGED = DATES | {Tag.USAGE_LIMITS}
"""Attributes of which the index has numbers, and not terms."""


def text(value: str) -> Item:
    return Item(Tag.ATTRIBUTE_VALUE, ItemType.TEXT_STRING, value)


@given(one=st.tuples(st.text(), st.text()), other=st.tuples(st.text(), st.text()))
def test_custom_attributes_are_told_apart(one, other):
    """However vendor and name are made up to look like another's."""
    terms = [
        terms_of(managed_object((VendorAttributeName(*key), text("v")))).exact
        for key in (one, other)
    ]
    assert (terms[0] == terms[1]) == (one == other)


@given(data=st.data())
@settings(max_examples=50)
def test_terms_are_short_and_values_have_their_own(data: st.DataObject):
    key = data.draw(keys(INTERNAL).filter(lambda key: key not in RANGED))
    values = [data.draw(attribute_value(key, INTERNAL)) for _ in range(2)]
    terms = [terms_of(managed_object((key, value))).exact for value in values]
    assert all(len(term) <= LONGEST for each in terms for term in each)
    if key != Tag.STATE:
        assert (terms[0] == terms[1]) == (values[0] == values[1])


def test_attributes_of_one_form_are_told_apart():
    one = terms_of(managed_object((Tag.DESCRIPTION, "x")))
    other = terms_of(managed_object((Tag.COMMENT, "x")))
    assert one.exact != other.exact


def test_owners_are_told_apart():
    assert len({owner_term(name) for name in ("alice", "Alice", "alice\0", "")}) == 4


def found(pair: tuple, *pairs, **fields) -> bool:
    query = query_of(Attributes([pair]), "alice", NOW, **fields)
    return matches(query, terms_of(managed_object(*pairs)))


def test_a_filter_may_leave_fields_out_and_not_mix_them():
    a, b = (Link(link_type=kind, linked_object_identifier=to) for kind, to in BOTH)
    mixed = Link(link_type=a.link_type, linked_object_identifier=b.linked_object_identifier)
    have = [(Tag.LINK, a), (Tag.LINK, b)]
    assert found((Tag.LINK, a), *have)
    assert found((Tag.LINK, b), *have)
    assert not found((Tag.LINK, mixed), *have)
    name = Name(name_value="n", name_type=NameType.URI)
    assert not found((Tag.NAME, Name(name_value="n")), (Tag.NAME, name))


BOTH = ((LinkType.CHILD_LINK, "a"), (LinkType.PARENT_LINK, "b"))


def test_some_bits_of_a_mask_are_enough_and_others_are_not():
    mask = CryptographicUsageMask
    have = (Tag.CRYPTOGRAPHIC_USAGE_MASK, mask.ENCRYPT | mask.DECRYPT)
    assert found((Tag.CRYPTOGRAPHIC_USAGE_MASK, mask.ENCRYPT), have)
    assert not found((Tag.CRYPTOGRAPHIC_USAGE_MASK, mask.ENCRYPT | mask.SIGN), have)


DATED = {
    "neither": (),
    "both ahead": ((Tag.ACTIVATION_DATE, NOW + 5), (Tag.DEACTIVATION_DATE, NOW + 9)),
    "the end before the beginning": (
        (Tag.ACTIVATION_DATE, NOW + 9),
        (Tag.DEACTIVATION_DATE, NOW + 5),
    ),
    "both at once": ((Tag.ACTIVATION_DATE, NOW + 5), (Tag.DEACTIVATION_DATE, NOW + 5)),
    "an end alone": ((Tag.DEACTIVATION_DATE, NOW + 5),),
    "compromised": ((Tag.ACTIVATION_DATE, NOW + 5), (Tag.COMPROMISE_DATE, NOW + 7)),
    "destroyed": ((Tag.ACTIVATION_DATE, NOW + 5), (Tag.DESTROY_DATE, NOW + 7)),
}


@pytest.mark.parametrize("dates", DATED.values(), ids=list(DATED))
def test_the_terms_written_once_tell_the_state_at_any_time(dates):
    one = managed_object(*dates)
    terms = terms_of(one)
    for now in range(NOW, NOW + 12):
        found = [
            state
            for state in State
            if matches(query_of(Attributes([(Tag.STATE, state)]), "alice", now, status=ALL), terms)
        ]
        assert found == [one.state(now)]


ALL = Status.ON_LINE_STORAGE | Status.DESTROYED_STORAGE


def test_no_object_is_in_two_states():
    two = Attributes([(Tag.STATE, State.PRE_ACTIVE), (Tag.STATE, State.ACTIVE)])
    for pairs in DATED.values():
        assert not matches(
            query_of(two, "alice", NOW, status=ALL), terms_of(managed_object(*pairs))
        )
