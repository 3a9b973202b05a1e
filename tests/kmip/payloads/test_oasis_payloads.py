"""Every payload of the OASIS cases binds, and is encoded again as it was."""

import pytest

from kmip.enums import ItemType, Operation
from kmip.errors import InvalidMessage
from kmip.items import Item, structure
from kmip.messages import version_of
from kmip.payloads import PAYLOADS
from kmip.structures import from_item, to_item
from kmip.tags import Tag
from tests.conformance.cases import all_cases, needs_cases, read

REFUSED = {"CS-AC-M-3-12": ["Attribute: has no Attribute Name"]}
"""Cases with payloads that do not bind: this one's Attribute lacks the name that 1.2 requires."""


def payloads(message):
    """Each batch item's operation and payload; a response may leave the operation out."""
    for item in message.children:
        operation = item.first(Tag.OPERATION)
        payload = item.first(Tag.REQUEST_PAYLOAD) or item.first(Tag.RESPONSE_PAYLOAD)
        if item.tag == Tag.BATCH_ITEM and operation and payload:
            yield Operation(operation.value), payload


def plain(item, operation):
    """The item without what means nothing.

    An Attribute Index of 0 means what its absence means (1.4 section 2.1.1), in Locate none means
    anything (1.4 section 4.9).
    """
    if item.type != ItemType.STRUCTURE:
        return item
    children = [
        plain(child, operation)
        for child in item.children
        if child.tag != Tag.ATTRIBUTE_INDEX or (child.value and operation != Operation.LOCATE)
    ]
    return Item(item.tag, item.type, tuple(children))


def encoded_again(item, operation, version):
    cls = PAYLOADS[operation][item.tag == Tag.RESPONSE_PAYLOAD]
    return to_item(from_item(item, cls, version), item.tag, version)


@needs_cases
@pytest.mark.parametrize("case", all_cases(), ids=str)
def test_the_payloads_of_a_case_are_encoded_again_as_they_were(case):
    exchanges = read(case.path)
    version = version_of(exchanges[0].request)
    refused = []
    for message in (message for exchange in exchanges for message in exchange):
        for operation, payload in payloads(message):
            try:
                again = encoded_again(payload, operation, version)
            except InvalidMessage as error:
                refused.append(str(error))
            else:
                assert plain(again, operation) == plain(payload, operation)
    assert refused == REFUSED.get(case.name, [])


@needs_cases
def test_the_cases_hold_payloads():
    case = all_cases()[0]
    message = read(case.path)[0].request
    assert list(payloads(message))


def test_what_means_nothing_is_left_out():
    index = Item(Tag.ATTRIBUTE_INDEX, ItemType.INTEGER, 1)
    attribute = structure(Tag.ATTRIBUTE, index)
    assert plain(attribute, Operation.GET_ATTRIBUTES) == attribute
    assert plain(attribute, Operation.LOCATE) == structure(Tag.ATTRIBUTE)
