"""Messages: headers, batch items and credentials (2.1 sections 8 and 9; 1.4 sections 6 and 7).

Payloads stay items until their batch item is dispatched, so that one bad item fails alone.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, NamedTuple

from kmip.enums import (
    AttestationType,
    BatchErrorContinuationOption,
    CredentialType,
    Ephemeral,
    HashingAlgorithm,
    ItemType,
    Operation,
    ResultReason,
    ResultStatus,
    TicketType,
)
from kmip.errors import InvalidMessage
from kmip.items import Item, tag_name
from kmip.items import structure as structure_item
from kmip.objects import DeviceCredential
from kmip.structures import (
    Converted,
    EnumerationForm,
    Plain,
    Raw,
    Structure,
    Versioned,
    from_item,
    structure,
    to_item,
    wrong_type,
)
from kmip.tags import Tag
from kmip.types import AsynchronousIndicator, DateTime, DateTimeExtended
from kmip.versions import (
    SUPPORTED,
    V1_0,
    V1_2,
    V1_4,
    V2_0,
    V2_1,
    ProtocolVersion,
    since,
    until,
)

MAX_BATCH_ITEMS: Final = 1000
"""Items in a batch: products send at most a dozen; what a message of the size limit could hold
would keep one client busy for minutes."""


@structure
class ProtocolVersionStructure(Structure):
    """2.1 section 9.16."""

    protocol_version_major: int
    protocol_version_minor: int


def _numbers(version: ProtocolVersion) -> tuple[Item, ...]:
    """The items of the Protocol Version structure of `version`."""
    numbers = ProtocolVersionStructure(
        protocol_version_major=version.major, protocol_version_minor=version.minor
    )
    return to_item(numbers, Tag.PROTOCOL_VERSION, V1_0).children


# Every message has a version, mostly one of these.
_WRITTEN: Final = {version: _numbers(version) for version in SUPPORTED}
_READ: Final = {numbers: version for version, numbers in _WRITTEN.items()}


class ProtocolVersionForm(NamedTuple):
    """A Protocol Version structure as `ProtocolVersion`."""

    def read(self, item: Item, version: ProtocolVersion) -> ProtocolVersion:
        """The version."""
        known = _READ.get(item.children)
        if known is not None:
            return known
        found = from_item(item, ProtocolVersionStructure, version)
        return ProtocolVersion(found.protocol_version_major, found.protocol_version_minor)

    def write(self, tag: int, value: Any, version: ProtocolVersion) -> Item:
        """The structure."""
        known = _WRITTEN.get(value)
        return structure_item(tag, *(_numbers(value) if known is None else known))


Version = Annotated[ProtocolVersion, ProtocolVersionForm()]


@structure
class Nonce(Structure):
    """2.1 section 9.14."""

    nonce_id: bytes
    nonce_value: bytes


@structure
class Ticket(Structure):
    """2.1 section 7.39."""

    ticket_type: TicketType
    ticket_value: bytes


@structure
class UsernameAndPassword(Structure):
    """2.1 section 9.11."""

    username: str
    password: str | None = None


Device = DeviceCredential
"""2.1 section 9.11; 3.0 also keeps it as an object."""


@structure
class Attestation(Structure):
    """2.1 section 9.11."""

    nonce: Nonce
    attestation_type: AttestationType
    attestation_measurement: bytes | None = None
    attestation_assertion: bytes | None = None


@structure
class OneTimePassword(Structure):
    """2.1 section 9.11."""

    username: str
    password: str | None = None
    one_time_password: str


@structure
class HashedPassword(Structure):
    """2.1 section 9.11: Hash(S1 || Timestamp) || S2."""

    username: str
    timestamp: Annotated[DateTimeExtended, Tag.TIME_STAMP]
    hashing_algorithm: HashingAlgorithm | None = None
    hashed_password: bytes


@structure
class TicketCredential(Structure):
    """2.1 section 9.11."""

    ticket: Ticket


CREDENTIALS: Final[dict[CredentialType, type[Structure]]] = {
    CredentialType.USERNAME_AND_PASSWORD: UsernameAndPassword,
    CredentialType.DEVICE: Device,
    CredentialType.ATTESTATION: Attestation,
    CredentialType.ONE_TIME_PASSWORD: OneTimePassword,
    CredentialType.HASHED_PASSWORD: HashedPassword,
    CredentialType.TICKET: TicketCredential,
}
"""The Credential Value of each type."""


class CredentialValueForm(NamedTuple):
    """A Credential Value: an item until its type is known."""

    def read(self, item: Item, version: ProtocolVersion) -> Item:
        """The structure's item."""
        if item.type != ItemType.STRUCTURE:
            raise wrong_type(item, ItemType.STRUCTURE)
        return item

    def write(self, tag: int, value: Any, version: ProtocolVersion) -> Item:
        """The structure."""
        return (
            to_item(value, tag, version)
            if isinstance(value, Structure)
            else value._replace(tag=tag)
        )


@structure
class Credential(Structure):
    """2.1 section 9.11; `value` binds it by its type."""

    credential_type: CredentialType
    credential_value: Annotated[Structure | Item, CredentialValueForm()]

    def value(self, version: ProtocolVersion) -> Structure | None:
        """The Credential Value, bound; None for a type that is not known here.

        Raises:
            InvalidMessage: it is not of the form that its type says.
        """
        value, cls = self.credential_value, CREDENTIALS.get(self.credential_type)
        if not isinstance(value, Item):
            return value
        return None if cls is None else from_item(value, cls, version)


@structure
class Authentication(Structure):
    """2.1 section 9.4; one credential up to 1.1, several later."""

    credential: tuple[Credential, ...]


@structure
class MessageExtension(Structure):
    """2.1 section 9.13."""

    vendor_identification: str
    criticality_indicator: bool
    vendor_extension: Item


EphemeralOption = Annotated[
    Ephemeral,
    Versioned(
        (since(V2_0), ItemType.ENUMERATION, EnumerationForm(Ephemeral)),
        (
            until(V1_4),
            ItemType.BOOLEAN,
            Converted(Plain(ItemType.BOOLEAN), lambda truth: Ephemeral(1) if truth else None, bool),
        ),
    ),
]
"""Data that is not to be returned; the text of 2.1 says Boolean, its tables an enumeration."""


@structure
class RequestHeader(Structure):
    """2.1 section 8.2."""

    protocol_version: Version
    maximum_response_size: int | None = None
    client_correlation_value: Annotated[str | None, since(V1_4)] = None
    server_correlation_value: Annotated[str | None, since(V1_4)] = None
    asynchronous_indicator: AsynchronousIndicator | None = None
    attestation_capable_indicator: Annotated[bool | None, since(V1_2)] = None
    attestation_type: Annotated[tuple[AttestationType, ...], since(V1_2)] = ()
    authentication: Authentication | None = None
    batch_error_continuation_option: BatchErrorContinuationOption | None = None
    batch_order_option: Annotated[bool | None, until(V2_1)] = None
    time_stamp: DateTime | None = None
    batch_count: Annotated[int | None, until(V2_1)] = None


class OperationForm(NamedTuple):
    """An operation; a number that no version has is kept, so that its item fails alone."""

    members: type[Operation] = Operation

    def read(self, item: Item, version: ProtocolVersion) -> Operation | int:
        """The operation, or its unknown number."""
        if item.type != ItemType.ENUMERATION or not isinstance(item.value, int):
            raise wrong_type(item, ItemType.ENUMERATION)
        known = item.value in self.members._value2member_map_
        return self.members(item.value) if known else item.value

    def write(self, tag: int, value: Any, version: ProtocolVersion) -> Item:
        """The same number."""
        return Item(tag, ItemType.ENUMERATION, int(value))


AnyOperation = Annotated[Operation | int, OperationForm()]


@structure
class RequestBatchItem(Structure):
    """2.1 section 8.3; the payload may be missing, as some clients leave out an empty one.

    Attributes:
        request_payload: an item; or the operation's structure, where it was read as such at once.
    """

    operation: AnyOperation
    ephemeral: Annotated[EphemeralOption | None, since(V2_0)] = None
    unique_batch_item_id: Annotated[bytes | None, Tag.UNIQUE_BATCH_ITEM_ID, until(V2_1)] = None
    request_payload: Annotated[Item | Structure | None, Raw()] = None
    message_extension: tuple[MessageExtension, ...] = ()


@structure
class RequestMessage(Structure):
    """2.1 section 8.1."""

    request_header: RequestHeader
    batch_item: tuple[RequestBatchItem, ...] = ()


@structure
class ResponseHeader(Structure):
    """2.1 section 8.5."""

    protocol_version: Version
    time_stamp: DateTime
    nonce: Annotated[Nonce | None, since(V1_2)] = None
    server_hashed_password: Annotated[bytes | None, since(V2_0)] = None
    attestation_type: Annotated[tuple[AttestationType, ...], since(V1_2)] = ()
    client_correlation_value: Annotated[str | None, since(V1_4)] = None
    server_correlation_value: Annotated[str | None, since(V1_4)] = None
    batch_count: Annotated[int | None, until(V2_1)] = None


@structure
class ResponseBatchItem(Structure):
    """2.1 section 8.6."""

    operation: AnyOperation | None = None
    unique_batch_item_id: Annotated[bytes | None, Tag.UNIQUE_BATCH_ITEM_ID, until(V2_1)] = None
    result_status: ResultStatus
    result_reason: ResultReason | None = None
    result_message: str | None = None
    asynchronous_correlation_value: bytes | None = None
    response_payload: Item | None = None
    message_extension: tuple[MessageExtension, ...] = ()


@structure
class ResponseMessage(Structure):
    """2.1 section 8.4."""

    response_header: ResponseHeader
    batch_item: tuple[ResponseBatchItem, ...] = ()


def version_of(message: Item) -> ProtocolVersion:
    """The version that a message says it is in, before anything else of it is read.

    Raises:
        InvalidMessage: the item is no message, or its header has no version.
    """
    for tag in (Tag.REQUEST_HEADER, Tag.RESPONSE_HEADER):
        header = message.first(tag)
        version = header.first(Tag.PROTOCOL_VERSION) if header else None
        if version is not None:
            return ProtocolVersionForm().read(version, ProtocolVersion(1, 0))
    raise InvalidMessage("has no protocol version", tag_name(message.tag))


def request_of(item: Item, version: ProtocolVersion) -> RequestMessage:
    """The request that an item holds; its payloads stay items.

    Raises:
        InvalidMessage: it is not a request message of a form that any version has.
        InvalidField: an enumeration's value does not exist.
    """
    if item.tag != Tag.REQUEST_MESSAGE:
        raise InvalidMessage("is not a request", tag_name(item.tag))
    if len(item.children) > MAX_BATCH_ITEMS + 1:
        raise InvalidMessage(f"a batch has at most {MAX_BATCH_ITEMS} items")
    return from_item(item, RequestMessage, version)


def response_item(message: ResponseMessage, version: ProtocolVersion) -> Item:
    """The item of a response, encoded for protocol `version`."""
    return to_item(message, Tag.RESPONSE_MESSAGE, version)


EMPTY_PAYLOAD: Final = structure_item(Tag.REQUEST_PAYLOAD)
"""What a request without a payload means."""
