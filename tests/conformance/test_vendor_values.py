"""Every enumeration of every OASIS request as a value of a vendor's: a client's error, never ours.

Enumerations leave the values 8XXXXXXX to vendors (2.1 section 11), so that a request with one is
well formed. Each is sent in a batch that fails at its end and is undone, so that the case goes on
as if it had not been.
"""

from collections.abc import Iterator
from functools import cache

import pytest

from kmip.encodings import ttlv
from kmip.enums import BatchErrorContinuationOption, ItemType, Operation
from kmip.items import Item, structure
from kmip.tags import Tag
from tests.conformance.cases import Case, all_cases, needs_cases, read
from tests.conformance.player import missing, reason_not_to_play
from tests.conformance.test_cases import difference_of, users_file  # noqa: F401 - a fixture

pytestmark = needs_cases

VENDORS = 0x80000001

Path = tuple[int, ...]
"""An operation, and the tags that lead to an item of its payload."""

FAILING = structure(
    Tag.BATCH_ITEM,
    Item(Tag.OPERATION, ItemType.ENUMERATION, Operation.GET),
    Item(Tag.UNIQUE_BATCH_ITEM_ID, ItemType.BYTE_STRING, b"last"),
    structure(
        Tag.REQUEST_PAYLOAD, Item(Tag.UNIQUE_IDENTIFIER, ItemType.TEXT_STRING, "there is none")
    ),
)


def vendor_values(item: Item, path: Path = ()) -> Iterator[tuple[Path, Item]]:
    """The item with each one of its enumerations replaced in turn, and where that one is."""
    path = (*path, item.tag)
    if item.type == ItemType.ENUMERATION:
        yield path, item._replace(value=VENDORS)
    for place, child in enumerate(item.children):
        for inner, changed in vendor_values(child, path):
            before, after = item.children[:place], item.children[place + 1 :]
            yield inner, item._replace(value=(*before, changed, *after))


def undone(message: Item, batch_item: Item) -> Item:
    """A message of this batch item and one that fails, undone as a whole."""
    header = message.first(Tag.REQUEST_HEADER)
    assert header is not None
    dropped = (Tag.BATCH_COUNT, Tag.BATCH_ERROR_CONTINUATION_OPTION, Tag.MAXIMUM_RESPONSE_SIZE)
    kept = [child for child in header.children if child.tag not in dropped]
    option = Item(
        Tag.BATCH_ERROR_CONTINUATION_OPTION,
        ItemType.ENUMERATION,
        BatchErrorContinuationOption.UNDO,
    )
    count = Item(Tag.BATCH_COUNT, ItemType.INTEGER, 2)
    if not batch_item.first(Tag.UNIQUE_BATCH_ITEM_ID):
        number = Item(Tag.UNIQUE_BATCH_ITEM_ID, ItemType.BYTE_STRING, b"first")
        batch_item = structure(
            Tag.BATCH_ITEM, batch_item.children[0], number, *batch_item.children[1:]
        )
    header = structure(Tag.REQUEST_HEADER, *kept, option, count)
    return structure(Tag.REQUEST_MESSAGE, header, batch_item, FAILING)


def mutants(message: Item) -> Iterator[tuple[Path, Item]]:
    """Messages with a vendor's value in the payload of one of the items, and where it is."""
    for batch_item in message.children:
        payload = batch_item.first(Tag.REQUEST_PAYLOAD)
        operation = batch_item.first(Tag.OPERATION)
        if payload is None or operation is None or not isinstance(operation.value, int):
            continue
        rest = [child for child in batch_item.children if child.tag != Tag.REQUEST_PAYLOAD]
        for path, changed in vendor_values(payload, (operation.value,)):
            yield path, undone(message, structure(Tag.BATCH_ITEM, *rest, changed))


@cache
def places() -> dict[Case, set[Path]]:
    """The places of enumerations by the first case of a version that has them."""
    seen: set[tuple[str, Path]] = set()
    found: dict[Case, set[Path]] = {}
    for case in all_cases():
        if reason_not_to_play(case) or missing(case):
            continue
        paths = {path for exchange in read(case.path) for path, _ in mutants(exchange.request)}
        new = {path for path in paths if (case.version, path) not in seen}
        seen |= {(case.version, path) for path in new}
        if new:
            found[case] = new
    return found


@pytest.mark.slow
@pytest.mark.parametrize("version", sorted({case.version for case in all_cases()}))
async def test_a_vendors_value_is_no_fault_of_the_server(version, users_file, tmp_path):  # noqa: F811
    wrong, sent = [], 0
    for case, paths in places().items():
        if case.version != version:
            continue

        async def before(message: bytes, answer, paths=paths) -> None:
            nonlocal sent
            for path, changed in mutants(ttlv.decode(message)):
                if path in paths:
                    sent += 1
                    if b"internal error" in await answer(ttlv.encode(changed)):
                        wrong.append(path)

        await difference_of(case, users_file, tmp_path, before=before)
    assert sent
    assert not wrong
