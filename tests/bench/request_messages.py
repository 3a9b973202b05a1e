"""The requests that are measured, as bytes of KMIP 1.4, the version most clients in use speak."""

from collections.abc import Sequence

from kmip.attribute_values import Name
from kmip.attributes import Attributes
from kmip.cryptographic_parameters import CryptographicParameters
from kmip.encodings import ttlv
from kmip.enums import (
    BatchErrorContinuationOption,
    BlockCipherMode,
    CryptographicAlgorithm,
    NameType,
    ObjectType,
    Operation,
    QueryFunction,
    ResultStatus,
)
from kmip.masks import CryptographicUsageMask
from kmip.messages import RequestBatchItem, RequestHeader, RequestMessage, ResponseMessage
from kmip.payloads import PAYLOADS
from kmip.structures import Structure, from_item, to_item
from kmip.tags import Tag
from kmip.versions import V1_4

GROUP = 20
"""Objects in one Object Group: 10 of each key length."""
LOADED_AT_ONCE = 100
"""Creates in one message while a store is loaded; they are one commit."""
PLAIN = bytes(range(256)) * 4


def message(*payloads: Structure, undo: bool = False) -> bytes:
    """A request with an item for each payload."""
    operations = {declared.request: operation for operation, declared in PAYLOADS.items()}
    items = tuple(
        RequestBatchItem(
            operation=operations[type(payload)],
            unique_batch_item_id=place.to_bytes(4) if len(payloads) > 1 else None,
            request_payload=to_item(payload, Tag.REQUEST_PAYLOAD, V1_4),
        )
        for place, payload in enumerate(payloads)
    )
    header = RequestHeader(
        protocol_version=V1_4,
        batch_error_continuation_option=BatchErrorContinuationOption.UNDO if undo else None,
        batch_count=len(items),
    )
    whole = RequestMessage(request_header=header, batch_item=items)
    return ttlv.encode(to_item(whole, Tag.REQUEST_MESSAGE, V1_4))


def request(operation: Operation, **fields: object) -> Structure:
    """A request payload."""
    made: Structure = PAYLOADS[operation].request(**fields)
    return made


def answers(response: bytes) -> list[Structure]:
    """The response payloads of a message, none of which may have failed."""
    whole = from_item(ttlv.decode(response), ResponseMessage, V1_4)
    found: list[Structure] = []
    for item in whole.batch_item:
        if item.result_status != ResultStatus.SUCCESS:
            raise SystemExit(f"a request failed: {item.result_message}")
        assert item.response_payload is not None
        assert isinstance(item.operation, Operation)
        declared = PAYLOADS[item.operation].response
        found.append(from_item(item.response_payload, declared, V1_4))
    return found


def created(name: str, group: str, length: int) -> Structure:
    """A Create of an active AES key."""
    uses = CryptographicUsageMask.ENCRYPT | CryptographicUsageMask.DECRYPT
    attributes = Attributes(
        [
            (Tag.NAME, _name(name)),
            (Tag.OBJECT_GROUP, group),
            (Tag.CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm.AES),
            (Tag.CRYPTOGRAPHIC_LENGTH, length),
            (Tag.CRYPTOGRAPHIC_USAGE_MASK, uses),
            (Tag.ACTIVATION_DATE, 1),
        ]
    )
    return request(Operation.CREATE, object_type=ObjectType.SYMMETRIC_KEY, attributes=attributes)


def _name(text: str) -> Name:
    return Name(name_value=text, name_type=NameType.UNINTERPRETED_TEXT_STRING)


def loading(count: int) -> list[bytes]:
    """The messages that make `count` objects; numbers are put into the bytes of one message."""
    lengths = (128, 256)
    template = message(
        *(
            created(f"key %{place:07d}", f"group %{place // GROUP:07d}", lengths[place % 2])
            for place in range(LOADED_AT_ONCE)
        ),
        undo=True,
    )
    messages = []
    for first in range(0, count, LOADED_AT_ONCE):
        made = template
        for place in range(LOADED_AT_ONCE):
            made = made.replace(b"key %%%07d" % place, b"key %08d" % (first + place))
        for place in range(LOADED_AT_ONCE // GROUP):
            made = made.replace(b"group %%%07d" % place, b"group %08d" % (first // GROUP + place))
        messages.append(made)
    return messages


def query() -> list[bytes]:
    """What a client asks first: which operations and objects there are."""
    functions = (QueryFunction.QUERY_OPERATIONS, QueryFunction.QUERY_OBJECTS)
    return [message(request(Operation.QUERY, query_function=functions))]


def get(identifiers: Sequence[str]) -> list[bytes]:
    """A Get of each object."""
    return [message(request(Operation.GET, unique_identifier=one)) for one in identifiers]


def get_ten(identifiers: Sequence[str]) -> list[bytes]:
    """Ten Gets in a message."""
    gets = [request(Operation.GET, unique_identifier=one) for one in identifiers]
    return [message(*gets[at : at + 10]) for at in range(0, len(gets), 10)]


def create() -> list[bytes]:
    """A Create of one key."""
    return [message(created("one more", "measured", 256))]


def encrypt(identifiers: Sequence[str]) -> list[bytes]:
    """An Encrypt of 1 KiB with AES-GCM by each key; the server chooses the nonce."""
    parameters = CryptographicParameters(
        block_cipher_mode=BlockCipherMode.GCM, random_iv=True, iv_length=96, tag_length=16
    )
    return [
        message(
            request(
                Operation.ENCRYPT,
                unique_identifier=one,
                cryptographic_parameters=parameters,
                data=PLAIN,
            )
        )
        for one in identifiers
    ]


def locate(groups: int) -> list[bytes]:
    """Locates with three filters, of which one is selective; each finds 10 objects."""
    return [
        _locate(
            (Tag.OBJECT_GROUP, f"group {group:08d}"),
            (Tag.CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm.AES),
            (Tag.CRYPTOGRAPHIC_LENGTH, 256),
        )
        for group in range(min(groups, 1000))
    ]


def locate_broadly() -> list[bytes]:
    """A Locate whose three filters half of all objects meet, for the 10 newest."""
    return [
        _locate(
            (Tag.OBJECT_TYPE, ObjectType.SYMMETRIC_KEY),
            (Tag.CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm.AES),
            (Tag.CRYPTOGRAPHIC_LENGTH, 256),
            maximum_items=10,
        )
    ]


def _locate(*filters: tuple[Tag, object], maximum_items: int | None = None) -> bytes:
    attributes = Attributes(filters)
    return message(request(Operation.LOCATE, maximum_items=maximum_items, attributes=attributes))
