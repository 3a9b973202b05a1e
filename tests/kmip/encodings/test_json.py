import json as standard
import re
import sys
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kmip.encodings import json, ttlv
from kmip.enums import CryptographicAlgorithm, ItemType
from kmip.errors import InvalidMessage
from kmip.items import Item, structure
from kmip.tags import Tag
from tests.conformance.cases import CASES, all_cases, needs_cases, read
from tests.kmip.encodings.items_of_all_kinds import patient


@needs_cases
@pytest.mark.parametrize("case", all_cases(), ids=str)
def test_the_messages_of_a_case_are_read_back_as_written(case):
    for message in (message for exchange in read(case.path) for message in exchange):
        assert json.decode(json.encode(message)) == message


@needs_cases
def test_the_printed_json_is_what_its_xml_is():
    """One of the files prints its messages in both encodings."""
    path = CASES / "1.1" / "MSGENC-JSON-M-1-11.xml"
    text = path.read_text()
    starts = [found.start() for found in re.finditer(r'\{"tag":"Re[a-z]+Message", "value"', text)]
    ends = [standard.JSONDecoder().raw_decode(text, start)[1] for start in starts]
    printed = [
        json.decode(text[start:end].encode()) for start, end in zip(starts, ends, strict=True)
    ]
    assert printed[::2] == [exchange.request for exchange in read(path)]
    assert {item.tag for item in printed[1::2]} == {Tag.RESPONSE_MESSAGE}


objects = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.fixed_dictionaries(
            {"tag": inner | st.sampled_from(["BatchCount", "RequestPayload", "0x540001"])},
            optional={
                "type": inner | st.sampled_from([kind.names[0] for kind in ItemType]),
                "value": inner | st.sampled_from(["0x0000000000000001", "00", "AES", "true"]),
            },
        )
    ),
    max_leaves=12,
)


@patient
@given(objects)
def test_any_json_is_an_item_or_an_invalid_message(found):
    with suppress(InvalidMessage):
        ttlv.encode(json.decode(standard.dumps(found).encode()))


def leaf(tag, kind, value):
    return Item(tag, kind, value)


@pytest.mark.parametrize(
    "text, item",
    [
        ('{"tag":"BatchCount","type":"Integer","value":1}', leaf(Tag.BATCH_COUNT, 2, 1)),
        ('{"value":1, "type":"0x02", "tag":"0x42000D"}', leaf(Tag.BATCH_COUNT, 2, 1)),
        ('{"tag":"BatchCount","type":"Integer","value":"0x00000001"}', leaf(Tag.BATCH_COUNT, 2, 1)),
        ('{"tag":"RequestPayload"}', structure(Tag.REQUEST_PAYLOAD)),
        (
            '{"tag":"RequestPayload","type":"Structure","value":[]}',
            structure(Tag.REQUEST_PAYLOAD),
        ),
        ('{"tag":"0x540001","type":"TextString","value":"\\u0000"}', leaf(0x540001, 7, "\0")),
        (
            '{"tag":"CryptographicUsageMask","type":"Integer","value":"Encrypt|Decrypt"}',
            leaf(Tag.CRYPTOGRAPHIC_USAGE_MASK, 2, 12),
        ),
        (
            '{"tag":"CryptographicUsageMask","type":"Integer","value":2108}',
            leaf(Tag.CRYPTOGRAPHIC_USAGE_MASK, 2, 2108),
        ),
        (
            '{"tag":"CryptographicAlgorithm","type":"Enumeration","value":"AES"}',
            leaf(Tag.CRYPTOGRAPHIC_ALGORITHM, 5, CryptographicAlgorithm.AES),
        ),
        (
            '{"tag":"CryptographicAlgorithm","type":"Enumeration","value":3}',
            leaf(Tag.CRYPTOGRAPHIC_ALGORITHM, 5, CryptographicAlgorithm.AES),
        ),
        (
            '{"tag":"UsageLimitsTotal","type":"LongInteger","value":"0xfffffffffffffffe"}',
            leaf(Tag.USAGE_LIMITS_TOTAL, 3, -2),
        ),
        (
            '{"tag":"Modulus","type":"BigInteger","value":"0x00000000000000FF"}',
            leaf(Tag.MODULUS, 4, bytes(7) + b"\xff"),
        ),
        ('{"tag":"Modulus","type":"BigInteger","value":-1}', leaf(Tag.MODULUS, 4, b"\xff" * 8)),
        ('{"tag":"RequestPayload","value":null}', structure(Tag.REQUEST_PAYLOAD)),
        (
            '{"tag":"0x540001","name":"Colour","type":"TextString","value":"red"}',
            leaf(0x540001, 7, "red"),
        ),
        ('{"tag":"Sensitive","type":"Boolean","value":true}', leaf(Tag.SENSITIVE, 6, True)),
        (
            '{"tag":"Sensitive","type":"Boolean","value":"0x0000000000000000"}',
            leaf(Tag.SENSITIVE, 6, False),
        ),
        (
            '{"tag":"TimeStamp","type":"DateTime","value":"2001-01-01T10:00:00+10:00"}',
            leaf(Tag.TIME_STAMP, 9, 978307200),
        ),
        ('{"tag":"LeaseTime","type":"Interval","value":27}', leaf(Tag.LEASE_TIME, 10, 27)),
        ('{"tag":"Data","type":"ByteString","value":"00Ff"}', leaf(Tag.DATA, 8, b"\0\xff")),
    ],
)
def test_a_text_means(text, item):
    assert json.decode(text.encode()) == item


REFUSED = {
    "nothing": "",
    "a number": "1",
    "a list": "[]",
    "two texts": '{"tag":"RequestPayload"}{"tag":"RequestPayload"}',
    "no tag": '{"type":"Integer","value":1}',
    "tag of another kind": '{"tag":1,"type":"Integer","value":1}',
    "unknown tag": '{"tag":"Colour"}',
    "unknown type": '{"tag":"BatchCount","type":"Number","value":1}',
    "type of another kind": '{"tag":"BatchCount","type":2,"value":1}',
    "name of another kind": '{"tag":"BatchCount","name":1,"type":"Integer","value":1}',
    "false in a structure": '{"tag":"RequestPayload","value":false}',
    "unknown key": '{"tag":"BatchCount","type":"Integer","value":1,"note":""}',
    "key given twice": '{"tag":"BatchCount","type":"Integer","value":1,"value":2}',
    "fraction": '{"tag":"BatchCount","type":"Integer","value":1.0}',
    "exponent": '{"tag":"BatchCount","type":"Integer","value":1e0}',
    "not a number": '{"tag":"BatchCount","type":"Integer","value":NaN}',
    "infinity": '{"tag":"BatchCount","type":"Integer","value":Infinity}',
    "very long number": f'{{"tag":"BatchCount","type":"Integer","value":{"9" * 5000}}}',
    "integer of 33 bits": '{"tag":"BatchCount","type":"Integer","value":2147483648}',
    "truth as a number": '{"tag":"BatchCount","type":"Integer","value":true}',
    "number as truth": '{"tag":"Sensitive","type":"Boolean","value":1}',
    "number as text": '{"tag":"NameValue","type":"TextString","value":1}',
    "number as a time": '{"tag":"TimeStamp","type":"DateTime","value":978307200}',
    "no value": '{"tag":"BatchCount","type":"Integer"}',
    "null": '{"tag":"NameValue","type":"TextString","value":null}',
    "list in a number": '{"tag":"BatchCount","type":"Integer","value":[]}',
    "text in a structure": '{"tag":"RequestPayload","value":"x"}',
    "number in a structure": '{"tag":"RequestPayload","value":[1]}',
    "number beyond 2**52": '{"tag":"Modulus","type":"BigInteger","value":4503599627370497}',
    "half a character": '{"tag":"NameValue","type":"TextString","value":"\\ud800"}',
    "control character": '{"tag":"NameValue","type":"TextString","value":"\x01"}',
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_a_text_is_refused(text):
    with pytest.raises(InvalidMessage):
        json.decode(text.encode())


@pytest.mark.parametrize(
    "data",
    [
        '{"tag":"RequestPayload"}'.encode("utf-16"),
        b'\xef\xbb\xbf{"tag":"RequestPayload"}',
        b'{"tag":"NameValue","type":"TextString","value":"\xff"}',
    ],
)
def test_a_text_that_is_not_utf_8_is_refused(data):
    with pytest.raises(InvalidMessage):
        json.decode(data)


@pytest.mark.parametrize(
    "item, text",
    [
        (leaf(0x540001, 7, 'a"\n'), '{"tag":"0x540001","type":"TextString","value":"a\\"\\n"}'),
        (
            leaf(Tag.CRYPTOGRAPHIC_USAGE_MASK, 2, 0x4000000C),
            '{"tag":"CryptographicUsageMask","type":"Integer","value":"Encrypt|Decrypt|0x40000000"}',
        ),
        (
            leaf(Tag.USAGE_LIMITS_TOTAL, 3, 1 << 52),
            '{"tag":"UsageLimitsTotal","type":"LongInteger","value":"0x0010000000000000"}',
        ),
        (
            leaf(Tag.USAGE_LIMITS_TOTAL, 3, (1 << 52) - 1),
            '{"tag":"UsageLimitsTotal","type":"LongInteger","value":4503599627370495}',
        ),
    ],
)
def test_an_item_is_written(item, text):
    assert json.encode(item).decode() == text


@pytest.mark.parametrize("bracket", [b"[", b'{"tag":'], ids=["lists", "objects"])
def test_brackets_without_end_are_refused(bracket):
    with pytest.raises(InvalidMessage):
        json.decode(bracket * 100_000)


def test_half_a_character_is_an_error_of_ours():
    with pytest.raises(InvalidMessage):
        json.encode(leaf(Tag.NAME_VALUE, ItemType.TEXT_STRING, "\ud800"))


def many(entry, number=json.SCANNED_MARKS):
    return ('{"tag":"D","value":[' + ",".join([entry] * number) + "]}").encode()


def test_a_text_of_very_many_values_means_the_same():
    entry = '{"tag":"BatchCount","type":"Integer","value":1}'
    item = json.decode(many(entry))
    assert len(item.children) == json.SCANNED_MARKS
    assert set(item.children) == set(json.decode(many(entry, 1)).children)
    assert json.decode(json.encode(item)) == item


@pytest.mark.parametrize(
    "entry", ["1", "[]", "null", '""', "1.5", "NaN", "{}", '{"tag":1,"tag":1}', "1" * 5000, "]"]
)
def test_what_is_refused_is_refused_among_very_many_values_too(entry):
    with pytest.raises(InvalidMessage):
        json.decode(many(entry))


@pytest.mark.parametrize("entry", ["1", "[]"])
def test_numbers_and_lists_are_no_more_than_items(entry):
    limits = json.JSON(max_items=json.SCANNED_MARKS)
    with pytest.raises(InvalidMessage, match="too many items"):
        limits.parse(many(entry, limits.max_items + 2))


def test_very_many_lists_within_each_other_are_refused():
    with pytest.raises(InvalidMessage, match="deep"):
        json.decode(b"[" * (json.SCANNED_MARKS + 1))


def test_another_thread_has_its_turn_before_very_many_values_are_read():
    """Calls of Python's own functions are where it can."""
    calls = 0

    def note(frame, event, argument):
        nonlocal calls
        calls += 1

    text = many("null")
    before = sys.getprofile()
    sys.setprofile(note)
    try:
        json.MESSAGE.parse(text)
    finally:
        sys.setprofile(before)
    assert calls > json.SCANNED_MARKS
