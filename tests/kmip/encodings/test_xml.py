import sys
from xml.parsers import expat

import pytest

from kmip.encodings import ttlv, xml
from kmip.enums import CryptographicAlgorithm, ItemType, State
from kmip.errors import InvalidMessage
from kmip.items import Item, structure
from kmip.masks import CryptographicUsageMask
from kmip.tags import Tag
from tests.conformance.cases import all_cases, needs_cases, read


@needs_cases
@pytest.mark.parametrize("case", all_cases(), ids=str)
def test_the_messages_of_a_case_are_read_back_as_written(case):
    for message in (message for exchange in read(case.path) for message in exchange):
        assert xml.decode(xml.encode(message)) == message
        assert ttlv.decode(ttlv.encode(message)) == message


def leaf(tag, kind, value):
    return Item(tag, kind, value)


@pytest.mark.parametrize(
    "document, item",
    [
        ('<BatchCount type="Integer" value="1"/>', leaf(Tag.BATCH_COUNT, ItemType.INTEGER, 1)),
        (
            '<BatchCount type="0x02" value="0xFFFFFFFF"/>',
            leaf(Tag.BATCH_COUNT, ItemType.INTEGER, -1),
        ),
        ('<?xml version="1.0" encoding="utf-8"?>\n<RequestPayload/>', structure(0x420079)),
        ('<RequestPayload xmlns="urn:oasis:tc:kmip:xmlns"/>', structure(0x420079)),
        (
            '<k:RequestPayload xmlns:k="urn:oasis:tc:kmip:xmlns" type="Structure"/>',
            structure(0x420079),
        ),
        (
            '<TTLV tag="0x540001" name="Colour" type="TextString" value="red"/>',
            leaf(0x540001, 7, "red"),
        ),
        ('<TTLV tag="BatchCount" type="Integer" value="1"/>', leaf(Tag.BATCH_COUNT, 2, 1)),
        (
            '<CryptographicUsageMask type="Integer" value="Encrypt Decrypt  0x00001000"/>',
            leaf(Tag.CRYPTOGRAPHIC_USAGE_MASK, 2, 0x100C),
        ),
        (
            '<CryptographicUsageMask type="Integer" value="12"/>',
            leaf(Tag.CRYPTOGRAPHIC_USAGE_MASK, 2, 12),
        ),
        (
            '<CryptographicAlgorithm type="Enumeration" value="AES"/>',
            leaf(Tag.CRYPTOGRAPHIC_ALGORITHM, 5, CryptographicAlgorithm.AES),
        ),
        (
            '<CryptographicAlgorithm type="Enumeration" value="0x80000001"/>',
            leaf(Tag.CRYPTOGRAPHIC_ALGORITHM, 5, 0x80000001),
        ),
        (
            '<AttributeReference type="Enumeration" value="State"/>',
            leaf(Tag.ATTRIBUTE_REFERENCE, 5, Tag.STATE),
        ),
        ('<Sensitive type="Boolean" value="1"/>', leaf(Tag.SENSITIVE, 6, True)),
        ('<Sensitive type="Boolean" value="false"/>', leaf(Tag.SENSITIVE, 6, False)),
        (
            '<TimeStamp type="DateTime" value="2001-01-01T10:00:00+10:00"/>',
            leaf(Tag.TIME_STAMP, 9, 978307200),
        ),
        (
            '<TimeStamp type="DateTime" value="2001-01-01T00:00:00.9Z"/>',
            leaf(Tag.TIME_STAMP, 9, 978307200),
        ),
        (
            '<TimeStamp type="DateTime" value="0x000000003a4fc880"/>',
            leaf(Tag.TIME_STAMP, 9, 978307200),
        ),
        (
            '<TimeStamp type="DateTime" value="1969-12-31T23:59:59-00:01"/>',
            leaf(Tag.TIME_STAMP, 9, 59),
        ),
        (
            '<TimeStamp type="DateTimeExtended" value="2001-01-01T00:00:00.000001+00:00"/>',
            leaf(Tag.TIME_STAMP, 11, 978307200000001),
        ),
        (
            '<Modulus type="BigInteger" value="FF00000000000000"/>',
            leaf(Tag.MODULUS, 4, b"\xff" + bytes(7)),
        ),
        (
            '<AttributeName type="TextString" value="a&#10;&quot;&amp;&lt;b>"/>',
            leaf(Tag.ATTRIBUTE_NAME, 7, 'a\n"&<b>'),
        ),
        ('<UniqueIdentifier type="Identifier" value="x"/>', leaf(Tag.UNIQUE_IDENTIFIER, 12, "x")),
    ],
)
def test_a_document_means(document, item):
    assert xml.decode(document.encode()) == item


def test_white_space_between_items_means_nothing():
    document = b"<RequestMessage>\r\n\t<RequestPayload/> <!-- a note --> </RequestMessage>\n"
    assert xml.decode(document) == structure(Tag.REQUEST_MESSAGE, structure(Tag.REQUEST_PAYLOAD))


def test_an_attribute_value_is_named_after_its_attribute():
    document = (
        b'<Attribute><AttributeName type="TextString" value="Cryptographic Usage Mask"/>'
        b'<AttributeValue type="Integer" value="Sign Verify"/></Attribute>'
    )
    item = xml.decode(document)
    assert item.children[1].value == CryptographicUsageMask.SIGN | CryptographicUsageMask.VERIFY
    assert xml.encode(item) == document


def test_an_attribute_value_of_another_attribute_has_no_names():
    named = structure(
        Tag.ATTRIBUTE,
        leaf(Tag.ATTRIBUTE_NAME, ItemType.TEXT_STRING, "x-State"),
        leaf(Tag.ATTRIBUTE_VALUE, ItemType.ENUMERATION, State.ACTIVE),
    )
    assert b'<AttributeValue type="Enumeration" value="0x00000002"/>' in xml.encode(named)


REFUSED = {
    "no document": "",
    "two documents": "<RequestPayload/><RequestPayload/>",
    "document type": "<!DOCTYPE RequestPayload><RequestPayload/>",
    "billion laughs": '<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'
    '<Password type="TextString" value="&b;"/>',
    "external entity": '<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    "<RequestPayload>&a;</RequestPayload>",
    "undeclared entity": '<Password type="TextString" value="&a;"/>',
    "processing instruction": "<?xml-stylesheet href='a'?><RequestPayload/>",
    "another encoding": '<?xml version="1.0" encoding="iso-8859-1"?><RequestPayload/>',
    "XML 1.1": '<?xml version="1.1"?><RequestPayload/>',
    "another namespace": '<RequestPayload xmlns="urn:other"/>',
    "text": "<RequestPayload>text</RequestPayload>",
    "unknown tag": "<Colour/>",
    "unknown type": '<BatchCount type="Number" value="1"/>',
    "unknown attribute": '<BatchCount type="Integer" value="1" note="x"/>',
    "tag attribute on a named element": '<BatchCount tag="0x42000d" type="Integer" value="1"/>',
    "no tag": '<TTLV type="Integer" value="1"/>',
    "tag out of range": '<TTLV tag="0x410001" type="Integer" value="1"/>',
    "no value": '<BatchCount type="Integer"/>',
    "structure with a value": '<RequestPayload value="1"/>',
    "items in a number": '<BatchCount type="Integer" value="1"><RequestPayload/></BatchCount>',
    "integer of 33 bits": '<BatchCount type="Integer" value="2147483648"/>',
    "hexadecimal integer of 33 bits": '<BatchCount type="Integer" value="0x100000000"/>',
    "integer of other digits": '<BatchCount type="Integer" value="\u0661"/>',
    "integer with an underscore": '<BatchCount type="Integer" value="1_0"/>',
    "very long integer": f'<BatchCount type="Integer" value="{"9" * 5000}"/>',
    "fraction": '<BatchCount type="Integer" value="1.0"/>',
    "negative interval": '<LeaseTime type="Interval" value="-1"/>',
    "unknown bit": '<CryptographicUsageMask type="Integer" value="Encrypt Fly"/>',
    "names for no mask": '<BatchCount type="Integer" value="Encrypt"/>',
    "unknown enumeration": '<Operation type="Enumeration" value="Fly"/>',
    "unknown boolean": '<Sensitive type="Boolean" value="yes"/>',
    "odd digits": '<Data type="ByteString" value="abc"/>',
    "empty big integer": '<Modulus type="BigInteger" value=""/>',
    "big integer of 7 bytes": '<Modulus type="BigInteger" value="00000000000000"/>',
    "30th of February": '<TimeStamp type="DateTime" value="2001-02-30T00:00:00Z"/>',
    "seconds as a number": '<TimeStamp type="DateTime" value="978307200"/>',
    "control character": '<Password type="TextString" value="&#1;"/>',
}


@pytest.mark.parametrize("document", REFUSED.values(), ids=REFUSED)
def test_a_document_is_refused(document):
    with pytest.raises(InvalidMessage):
        xml.decode(document.encode())


@pytest.mark.parametrize(
    "data",
    [
        "<RequestPayload/>".encode("utf-16"),
        "<RequestPayload/>".encode("utf-16-le"),
        b'<Password type="TextString" value="\xff"/>',
    ],
)
def test_a_document_that_is_not_utf_8_is_refused(data):
    with pytest.raises(InvalidMessage):
        xml.decode(data)


def test_elements_without_end_are_refused_at_the_limit_of_depth():
    with pytest.raises(InvalidMessage, match="nested too deep"):
        xml.decode(b"<RequestMessage>" * 100_000)


@pytest.mark.parametrize("text", ["\0", "a\x1fb", "\ufffe"])
def test_a_character_that_xml_cannot_hold_is_replaced_and_the_answer_is_not_lost(text):
    written = xml.encode(leaf(Tag.NAME_VALUE, ItemType.TEXT_STRING, text))
    read_back = "".join(c if c in "ab" else "\ufffd" for c in text)
    assert xml.decode(written) == leaf(Tag.NAME_VALUE, ItemType.TEXT_STRING, read_back)


@pytest.mark.parametrize(
    "item",
    [
        leaf(Tag.BATCH_COUNT, ItemType.INTEGER, 1 << 31),
        leaf(Tag.BATCH_COUNT, ItemType.INTEGER, "1"),
        leaf(Tag.OPERATION, ItemType.ENUMERATION, -1),
        leaf(Tag.TIME_STAMP, ItemType.DATE_TIME, 1 << 63),
        leaf(Tag.DATA, ItemType.BYTE_STRING, "00"),
        leaf(Tag.DATA, 99, b""),
    ],
)
def test_a_value_that_does_not_fit_its_type_is_the_callers_mistake(item):
    with pytest.raises(ValueError):
        xml.encode(item)


def test_an_error_names_the_item_and_not_its_value():
    with pytest.raises(InvalidMessage) as caught:
        xml.decode(b'<KeyMaterial type="ByteString" value="5ec7e7"><A/></KeyMaterial>')
    assert "KeyMaterial" in str(caught.value)
    assert "5ec7e7" not in str(caught.value)


def test_very_many_attributes_are_refused_before_they_are_made(monkeypatch: pytest.MonkeyPatch):
    """Making them would keep the interpreter from everybody else."""
    monkeypatch.setattr(expat, "ParserCreate", None)
    attributes = " ".join(f"a{number}=''" for number in range(3000))
    for before in ("", "<b/>" * 1000):
        with pytest.raises(InvalidMessage, match="an attribute that no item has"):
            xml.parse(f"<BatchItem>{before}<BatchItem {attributes}/></BatchItem>".encode())


@pytest.mark.parametrize("text", ["=", "'='", "a='b' ", ">"])
def test_a_long_value_may_look_like_attributes(text):
    value = text * 10_000
    element = xml.parse(f'<Comment type="TextString" value="{value}"/>'.encode())
    assert element.attributes["value"] == value


def test_a_long_text_is_escaped_in_pieces():
    """Calls of Python's own functions are where another thread can have its turn."""
    calls = 0

    def note(frame, event, argument):
        nonlocal calls
        calls += event == "call"

    item = leaf(Tag.COMMENT, ItemType.TEXT_STRING, "<\x01é" * 200_000)
    before = sys.getprofile()
    sys.setprofile(note)
    try:
        written = xml.encode(item)
    finally:
        sys.setprofile(before)
    assert xml.decode(written).value == "<\ufffdé" * 200_000
    assert calls > 600_000 // 16_384
