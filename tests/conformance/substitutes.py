"""Substitutes for a case that is not here: its objects, as another case expects to find them.

TC-CREG-1 registers a key pair and a certificate, TC-CREG-2 gets them, TC-CREG-3 destroys them.
Where only the latter two are here, the objects are registered as TC-CREG-2 prints them.
"""

from kmip.encodings import xml
from kmip.enums import ItemType, Operation
from kmip.items import Item, structure
from kmip.tags import Tag
from tests.conformance.cases import Exchange
from tests.conformance.parts import all_of, required, value_of

USAGE = xml.decode(
    b"""<TemplateAttribute><Attribute>
      <AttributeName type="TextString" value="Cryptographic Usage Mask"/>
      <AttributeValue type="Integer" value="Sign Verify"/>
    </Attribute></TemplateAttribute>"""
)


def registrations(exchanges: list[Exchange]) -> list[Exchange]:
    """A Register for every object that the exchanges get."""
    found = []
    for exchange in exchanges:
        version = required(required(exchange.request, Tag.REQUEST_HEADER), Tag.PROTOCOL_VERSION)
        for item in all_of(exchange.response, Tag.BATCH_ITEM):
            if value_of(item, Tag.OPERATION) == Operation.GET:
                found.append(_registration(version, required(item, Tag.RESPONSE_PAYLOAD)))
    return found


def _registration(version: Item, payload: Item) -> Exchange:
    kind, _, managed = payload.children
    one = Item(Tag.BATCH_COUNT, ItemType.INTEGER, 1)
    register = Item(Tag.OPERATION, ItemType.ENUMERATION, Operation.REGISTER)
    answered = structure(
        Tag.RESPONSE_PAYLOAD,
        Item(Tag.UNIQUE_IDENTIFIER, ItemType.TEXT_STRING, f"$UNIQUE_IDENTIFIER_{kind.value!r}"),
    )
    stamp = Item(Tag.TIME_STAMP, ItemType.DATE_TIME, 0)
    success = Item(Tag.RESULT_STATUS, ItemType.ENUMERATION, 0)
    return Exchange(
        structure(
            Tag.REQUEST_MESSAGE,
            structure(Tag.REQUEST_HEADER, version, one),
            structure(
                Tag.BATCH_ITEM,
                register,
                structure(Tag.REQUEST_PAYLOAD, kind, USAGE, managed),
            ),
        ),
        structure(
            Tag.RESPONSE_MESSAGE,
            structure(Tag.RESPONSE_HEADER, version, stamp, one),
            structure(Tag.BATCH_ITEM, register, success, answered),
        ),
    )
