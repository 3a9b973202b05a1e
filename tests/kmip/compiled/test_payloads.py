"""Whatever a compiled function takes, it takes as the generic way does."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kmip.compiled import reading, writing
from kmip.compiled.reading import reader_of
from kmip.compiled.source import DECLARED_DEPTH
from kmip.compiled.writing import writer_of
from kmip.encodings import ttlv
from kmip.encodings.ttlv import HEADER_BYTES
from kmip.enums import Operation
from kmip.errors import KMIPError
from kmip.messages import RequestHeader, RequestMessage, ResponseMessage
from kmip.payloads import PAYLOADS
from kmip.structures import Nested, Structure, from_item, plan_of, to_item
from kmip.tags import Tag
from kmip.versions import INTERNAL, SUPPORTED
from tests.kmip.strategies import structures
from tests.properties.test_garbage import damaged_bytes

TAG = Tag.REQUEST_PAYLOAD
VERSIONS = (*SUPPORTED, INTERNAL)
DECLARED = [cls for each in PAYLOADS.values() for cls in (each.request, each.response)]
few = settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))


def generically(value, version):
    """The content of the structure's item by the generic way; None where it has none."""
    try:
        return ttlv.encode(to_item(value, TAG, version))[HEADER_BYTES:]
    except (KMIPError, ValueError):
        return None


def read_generically(content, cls, version):
    """The structure by the generic way; None where the content is none."""
    data = ttlv._HEADER.pack(TAG << 8 | 1, len(content)) + content
    try:
        return from_item(ttlv.decode(data), cls, version)
    except KMIPError:
        return None


@pytest.mark.parametrize("cls", DECLARED, ids=lambda cls: cls.__name__)
@few
@given(st.data(), st.sampled_from(VERSIONS))
def test_a_payload_is_written_and_read_as_by_the_generic_way(cls, data, version):
    value = data.draw(structures(cls, version))
    expected = generically(value, version)
    assert writer_of(cls, version)(value) == expected
    read = reader_of(cls, version)(expected, 0, len(expected))
    assert read == read_generically(expected, cls, version)


@pytest.mark.parametrize("cls", DECLARED, ids=lambda cls: cls.__name__)
@few
@given(st.data(), st.sampled_from(SUPPORTED))
def test_of_damaged_bytes_nothing_else_is_read_than_by_the_generic_way(cls, data, version):
    whole = generically(data.draw(structures(cls, version)), version)
    content = data.draw(damaged_bytes(whole)) if whole else whole
    try:
        read = reader_of(cls, version)(content, 0, len(content))
    except reading.NOT_TAKEN:
        return
    assert read == read_generically(content, cls, version)


@few
@given(st.data(), st.sampled_from(SUPPORTED))
def test_what_the_client_needs_and_the_version_lacks_is_left_to_the_generic_way(data, version):
    cls = PAYLOADS[Operation.ENCRYPT].response
    value = data.draw(structures(cls, SUPPORTED[0]))
    try:
        written = writer_of(cls, version)(value)
    except writing.NOT_TAKEN:
        written = None
    assert written == generically(value, version)


@pytest.mark.parametrize("wrong", [b"bytes", 5, object(), "\ud800"])
def test_a_value_of_a_wrong_type_is_left_to_the_generic_way(wrong):
    value = PAYLOADS[Operation.LOG].request(log_message=wrong)
    with pytest.raises(writing.NOT_TAKEN):
        writer_of(type(value), SUPPORTED[0])(value)


def depth(cls: type[Structure]) -> int:
    """How many structures the declarations put within each other."""
    inner = [field.form.cls for field in plan_of(cls).fields if isinstance(field.form, Nested)]
    return 1 + max(map(depth, inner), default=0)


def test_declarations_are_not_deeper_than_what_is_left_for_items_allows():
    for cls in (RequestMessage, ResponseMessage, RequestHeader, *DECLARED):
        assert depth(cls) + 4 <= DECLARED_DEPTH  # a key block, its value and wrapping data
