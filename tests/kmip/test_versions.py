import pytest

from kmip.enums import ItemType
from kmip.versions import (
    ALWAYS,
    DIALECTS,
    INTERNAL,
    SUPPORTED,
    V1_0,
    V1_1,
    V1_2,
    V1_4,
    V2_0,
    V2_1,
    V3_0,
    AttributeForm,
    ProtocolVersion,
    Span,
    since,
    until,
)


def test_versions_are_ordered_and_written_as_usual():
    assert ProtocolVersion(1, 10) > V1_2
    assert V2_0 > V1_4
    assert str(V1_4) == "1.4"


def test_the_versions_spoken_are_all_of_them_best_first():
    assert [str(v) for v in SUPPORTED] == ["3.0", "2.1", "2.0", "1.4", "1.3", "1.2", "1.1", "1.0"]
    assert set(DIALECTS) == {*SUPPORTED, INTERNAL}


@pytest.mark.parametrize(
    "span,inside,outside",
    [
        (ALWAYS, [V1_0, V3_0], []),
        (since(V1_2), [V1_2, V3_0], [V1_0, V1_1]),
        (until(V1_4), [V1_0, V1_4], [V2_0, V3_0]),
        (Span(V1_1, V2_0), [V1_1, V2_0], [V1_0, V2_1]),
        (Span(INTERNAL, INTERNAL), [], [V1_0, V3_0]),
    ],
)
def test_a_span_includes_both_its_ends(span, inside, outside):
    assert all(span.covers(version) for version in inside)
    assert not any(span.covers(version) for version in outside)
    assert span.covers(INTERNAL)


def test_a_version_knows_the_item_types_up_to_its_last():
    for version in SUPPORTED:
        # The enumeration itself is of 2.0; the types that it lists first are those of 1.x.
        listed = [kind for kind in ItemType if kind.span.covers(max(version, V2_0))]
        last = max(listed) if version >= V2_0 else ItemType.INTERVAL
        assert DIALECTS[version].last_item_type == last
    assert DIALECTS[INTERNAL].last_item_type == max(ItemType)


def test_attributes_are_named_up_to_1_4_and_tagged_after_it():
    named = {v for v in SUPPORTED if DIALECTS[v].attribute_form == AttributeForm.NAMED}
    assert named == {v for v in SUPPORTED if v < V2_0}
