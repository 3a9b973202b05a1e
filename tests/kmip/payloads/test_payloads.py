import keyword
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import kmip.payloads
from kmip.encodings import ttlv
from kmip.enums import ItemType, Operation
from kmip.errors import KMIPError
from kmip.items import Item
from kmip.payloads import PAYLOADS
from kmip.structures import Nested, Structure, from_item, plan_of, to_item
from kmip.tags import Tag
from kmip.versions import SUPPORTED
from tests.kmip.strategies import leaves, structures

quick = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def versions_of(operation):
    """The versions that have the operation, oldest first."""
    return [version for version in sorted(SUPPORTED) if PAYLOADS[operation].span.covers(version)]


def module_of(operation):
    name = operation.name.lower()
    return f"{name}_" if keyword.iskeyword(name) else name


def lacking(cls, versions):
    """The fields, at any depth, that are written in a version whose vocabulary lacks their tag."""
    for field in plan_of(cls).fields:
        written = [version for version in versions if field.span.covers(version)]
        if field.carriage is None:
            span = Tag(field.tag).span
            if not all(span.covers(version) for version in written):
                yield f"{cls.__name__}.{field.name}"
            if isinstance(field.form, Nested):
                yield from lacking(field.form.cls, written)


def test_every_operation_has_payloads():
    assert PAYLOADS.keys() == set(Operation)


def test_every_operation_has_a_module_of_its_own():
    folder = Path(kmip.payloads.__file__).parent
    modules = {path.stem for path in folder.glob("*.py")}
    assert {module_of(operation) for operation in Operation} <= modules
    homes = [cls.__module__ for payloads in PAYLOADS.values() for cls in payloads[:2]]
    assert homes == [
        f"kmip.payloads.{module_of(operation)}" for operation in Operation for _ in range(2)
    ]


@pytest.mark.parametrize("operation", Operation)
def test_no_version_is_written_with_tags_that_it_lacks(operation):
    request, response, _ = PAYLOADS[operation]
    versions = versions_of(operation)
    assert [*lacking(request, versions), *lacking(response, versions)] == []


@pytest.mark.parametrize("operation", Operation)
@pytest.mark.parametrize("side", [0, 1], ids=["request", "response"])
@quick
@given(data=st.data())
def test_a_payload_is_read_back_as_written(operation, side, data):
    cls = PAYLOADS[operation][side]
    version = data.draw(st.sampled_from(versions_of(operation)))
    payload = data.draw(structures(cls, version))
    tag = (Tag.REQUEST_PAYLOAD, Tag.RESPONSE_PAYLOAD)[side]
    item = ttlv.decode(ttlv.encode(to_item(payload, tag, version)))
    assert from_item(item, cls, version) == payload


@st.composite
def damaged(draw, item):
    """The item with one place changed: something lost, doubled, swapped or of another type."""
    if item.type != ItemType.STRUCTURE or not item.value or draw(st.integers(0, 3)) == 0:
        return draw(st.just(Item(item.tag, ItemType.STRUCTURE, ())) | leaves(item.tag))
    children = list(item.value)
    place = draw(st.integers(0, len(children) - 1))
    match draw(st.integers(0, 5)):
        case 0:
            del children[place]
        case 1:
            children.insert(place, children[place])
        case 2:
            children[place] = children[place]._replace(tag=draw(st.sampled_from(Tag)))
        case _:
            children[place] = draw(damaged(children[place]))
    return Item(item.tag, ItemType.STRUCTURE, tuple(children))


@pytest.mark.parametrize("operation", Operation)
@quick
@given(data=st.data())
def test_a_damaged_request_is_read_or_refused(operation, data):
    cls = PAYLOADS[operation].request
    version = data.draw(st.sampled_from(versions_of(operation)))
    item = to_item(data.draw(structures(cls, version)), Tag.REQUEST_PAYLOAD, version)
    with suppress(KMIPError):
        assert isinstance(from_item(data.draw(damaged(item)), cls, version), Structure)
