"""What a handler may use.

A `Context` lives for one batch item: who asks, when, within which transaction, and what earlier
items of the same message produced (the ID Placeholder, 2.1 section 6). Its protocol version is
private: it is there for the few functions here that encode something for the client's version.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar, TypeVarTuple

from kmip.attributes import Attributes
from kmip.encodings import ttlv
from kmip.enums import Data, Operation, UniqueIdentifier
from kmip.errors import (
    InvalidField,
    InvalidObjectType,
    ItemNotFound,
    ObjectArchived,
    ObjectDestroyed,
    PermissionDenied,
    ResponseTooLarge,
)
from kmip.items import Item
from kmip.key_block import KeyValue
from kmip.messages import ResponseBatchItem
from kmip.objects import OBJECTS
from kmip.structures import Structure, from_item, plan_of, to_item
from kmip.tags import Tag
from kmip.versions import DIALECTS, ProtocolVersion, Span
from server.access import granted, policy
from server.access.client import Client
from server.crypto.costs import LOOP_MICROSECONDS
from server.objects.grants import NO_OPERATIONS
from server.objects.index_terms import Reach, owned
from server.objects.managed_object import ManagedObject
from server.objects.transaction import Transaction
from server.objects.uses import COUNTERS
from server.sessions.client_turns import Turn
from server.sessions.jobs import Asking
from server.setup.config import LegacyAlgorithms
from server.state import Server

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

RequestedIdentifier = str | UniqueIdentifier | int | None
"""A Unique Identifier as a request may give it."""


class Spanned(Protocol):
    """What some protocol versions have."""

    @property
    def span(self) -> Span:
        """The versions that have it."""


@dataclass(slots=True)
class Produced:
    """What items of a message have produced, for those that follow.

    Attributes:
        placeholder: the ID Placeholder.
        empties_placeholder: whether the item leaves the ID Placeholder empty (Locate of none or of
            several, 2.1 section 6.1.28).
        by_operation: what the last operation of each kind produced (2.1 section 11.60).
        by_item: what each item of the batch produced, by its place from 0.
        data_by_operation: the data that the last operation of each kind gave (2.1 section 7.9).
        data_by_item: the data that each item gave.
        streams: Correlation Values of the streams that an item was a part of.
    """

    placeholder: str | None = None
    empties_placeholder: bool = False
    by_operation: dict[UniqueIdentifier, str] = field(default_factory=dict)
    by_item: dict[int, str] = field(default_factory=dict)
    data_by_operation: dict[Data, bytes] = field(default_factory=dict, repr=False)
    data_by_item: dict[int, bytes] = field(default_factory=dict, repr=False)
    streams: list[bytes] = field(default_factory=list, repr=False)

    def take(self, later: Produced) -> None:
        """Add what a later item has produced."""
        if later.empties_placeholder or later.placeholder is not None:
            self.placeholder = later.placeholder
        self.by_operation |= later.by_operation
        self.by_item |= later.by_item
        self.data_by_operation |= later.data_by_operation
        self.data_by_item |= later.data_by_item
        self.streams += later.streams


PAYLOAD: Final = ttlv.TTLV(max_depth=ttlv.MAX_DEPTH - 2)
"""A payload is in a batch item, and that in a message."""


SHORTEST_PAYLOAD: Final = 8
"""Bytes of a payload without fields: its tag, type and length."""
IN_VAIN_BYTES: Final = 65_536
"""Of payloads that do not fit, which may be made at least, before items fail without being made."""
IN_VAIN_BYTES_AT_LEAST: Final = 4096
"""For which each payload that does not fit counts: a short answer may be long work."""
NO_ROOM: Final = "the response would be longer than the client takes"


HEADER: Final = 8
"""Bytes of an item beside its value (2.1 section 9.1.1: tag, type and length)."""
PADDED: Final = 8
"""A value's bytes are padded to a multiple of it."""


@dataclass(slots=True)
class Room:
    """The bytes that are left of the response's size limit.

    They are counted as TTLV, whatever the response is encoded in: an estimate, by which most that
    does not fit is undone in time. What is sent is measured as it is sent.

    A payload that does not fit was made in vain. What is made so is bounded as well, by as many
    bytes as there were for the response: then items fail before they do any work.

    Attributes:
        left: for the payloads to come; None: no limit was asked for.
        is_clients: whether the limit is the client's Maximum Response Size, and not the server's.
        in_vain: bytes of payloads that may still be made without fitting.
    """

    left: int | None = None
    is_clients: bool = False
    in_vain: int = field(init=False)

    def __post_init__(self) -> None:
        self.in_vain = max(self.left or 0, IN_VAIN_BYTES)

    def check(self) -> None:
        """Refuse an item for whose payload there is no room, before it is performed.

        Raises:
            ResponseTooLarge: there is none.
        """
        if self.left is not None and (self.left < SHORTEST_PAYLOAD or self.in_vain <= 0):
            raise ResponseTooLarge(NO_ROOM)

    def take(self, payload: Item) -> Item:
        """Count a payload, before what it reports is made durable.

        Returns:
            The payload, which costs nothing to encode again.

        Raises:
            ResponseTooLarge: it does not fit any more.
        """
        return self.take_content(payload.tag, ttlv.encode(payload, PAYLOAD)[HEADER:])

    def take_content(self, tag: int, content: bytes) -> Item:
        """Count a payload that is encoded already.

        Args:
            tag: the payload's.
            content: its bytes, without its header.

        Raises:
            ResponseTooLarge: as `take`.
        """
        size = HEADER + len(content)
        if self.left is not None:
            if size > self.left:
                self.in_vain -= max(size, IN_VAIN_BYTES_AT_LEAST)
                raise ResponseTooLarge(NO_ROOM)
            self.left -= size
        return ttlv.with_content(tag, content)

    def take_failure(self, message: str, payload: Item | None) -> tuple[str | None, Item | None]:
        """Count what a failed item says; a status and a reason are always told.

        Args:
            message: the error's text.
            payload: what it tells beside.

        Returns:
            Both, as far as they fit: the room of what has been done already is not touched.
        """
        if payload is not None:
            try:
                payload = self.take(payload)
            except ResponseTooLarge:
                payload = None
        if self.left is None:
            return message, payload
        fits = (max(self.left - HEADER, 0) // PADDED) * PADDED
        text = message[:fits]
        self.left -= text_size(text) if text else 0
        return text or None, payload


def text_size(text: str | bytes) -> int:
    """Bytes of an item that holds an ASCII text: a header, and the text in blocks."""
    return HEADER + -(-len(text) // PADDED) * PADDED


READING: Final = frozenset({Operation.GET_ATTRIBUTES, Operation.GET_ATTRIBUTE_LIST})
"""What may be done with an archived object from 2.0 on, apart from recovering it."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to an item of an earlier message.

    Attributes:
        item: the answer; its payload is encoded for `version`.
        version: of the earlier message.
    """

    item: ResponseBatchItem = field(repr=False)
    version: ProtocolVersion


@dataclass(slots=True)
class Context:
    """One batch item's view of the server.

    Attributes:
        server: what all requests share.
        client: who asks.
        operation: what is asked.
        objects: the transaction.
        earlier: what earlier items of the message have produced.
        now: the time of the request, seconds since 1970.
        place: the item's place in the batch, from 0.
        room: what is left of the response's size limit.
        subject: the object that the item made, or else named first, for the audit log.
        produced: what the item itself produces; those that follow get it once it has succeeded.
        turn: the message's part in its client's turns; None: it need not take turns.
        charges: units charged to keys' Usage Limits in the present attempt, by identifier.
        has_used: whether something was computed with a key that was charged.
        used: identifiers of the objects that the item counts as used, once it has succeeded.
        answered: the answer to an earlier item that is given in place of this one's (Poll).
    """

    server: Server
    client: Client
    operation: Operation
    objects: Transaction
    earlier: Produced
    now: int
    place: int
    room: Room
    _version: ProtocolVersion
    subject: str | None = None
    produced: Produced = field(default_factory=Produced)
    turn: Turn | None = None
    charges: dict[str, int] = field(default_factory=dict)
    has_used: bool = False
    used: set[str] = field(default_factory=set)
    answered: Answered | None = None
    _done: dict[str, Any] = field(default_factory=dict, repr=False)

    # The client

    @property
    def is_administrator(self) -> bool:
        """Whether the client is an administrator; one that has shown a ticket is none."""
        client = self.client
        return client.permission is None and client.name in self.server.config.administrators

    @property
    def holder(self) -> str:
        """Whose the client's streams are: the ticket's that it has shown, or "", its own."""
        permission = self.client.permission
        return permission.issued.handle if permission is not None else ""

    @property
    def asking(self) -> Asking:
        """Who asks about jobs."""
        return Asking(self.client.name, self.holder, self.client.permission)

    def require_administrator(self) -> None:
        """Let administrators pass only.

        Raises:
            PermissionDenied: the client is none.
        """
        if not self.is_administrator:
            raise PermissionDenied("only an administrator may do this")

    # Objects

    def identify(self, reference: RequestedIdentifier) -> str:
        """The identifier that a request means; absent or empty means the ID Placeholder.

        Raises:
            ItemNotFound: nothing has set what it refers to.
        """
        if isinstance(reference, str) and reference:
            return reference
        found: str | None
        if isinstance(reference, UniqueIdentifier) and reference != UniqueIdentifier.ID_PLACEHOLDER:
            found = self.earlier.by_operation.get(reference)
        elif isinstance(reference, int) and not isinstance(reference, UniqueIdentifier):
            place = reference if reference >= 0 else self.place + reference
            found = self.earlier.by_item.get(place)
        else:
            found = self.earlier.placeholder
        if found is None:
            raise ItemNotFound("no Unique Identifier is given, and nothing before has made one")
        return found

    async def find(self, reference: RequestedIdentifier) -> ManagedObject:
        """The object a request names, if the client may do this with it; not to be changed.

        Raises:
            ObjectNotFound: there is none, or it is another client's, who has granted nothing on it.
            NotAuthorised: the client's ticket does not reach it.
            PermissionDenied: the client may do other things with it.
            ObjectArchived: it is in archival storage, and is to be recovered first.
        """
        identifier = self.identify(reference)
        self.subject = self.subject or identifier  # what is wrapped, not the wrapping key
        managed_object = await self.objects.find(identifier)
        if managed_object is None:
            raise policy.missing(self.client, self.operation, identifier)
        found = await self._granted(managed_object)
        policy.permit(self.client, self.operation, managed_object, found)
        if managed_object.archived and not self._reaches_archived:
            raise ObjectArchived("the object is archived; recover it first")
        return managed_object

    async def _granted(self, managed_object: ManagedObject) -> frozenset[Operation]:
        """What the client has been granted on an object; the owner of it needs nothing."""
        if managed_object.owner == self.client.name:
            return NO_OPERATIONS
        administrators = self.server.config.administrators
        return await granted.operations_on(
            self.objects, administrators, self.client, managed_object
        )

    async def reaches(self) -> list[Reach]:
        """The objects among which the client searches: its own, and then what it was granted."""
        own = [owned(self.client.name)]
        if not self.server.config.locate_granted:
            return own
        administrators = self.server.config.administrators
        return [*own, *await granted.reaches(self.objects, administrators, self.client)]

    @property
    def _reaches_archived(self) -> bool:
        """Whether the operation is for archived objects (2.1 section 6: others need Recover)."""
        readable = DIALECTS[self._version].archived_are_readable
        return self.operation == Operation.RECOVER or (readable and self.operation in READING)

    def view(self, managed_object: ManagedObject) -> Attributes:
        """All attributes of an object as the client sees them now."""
        seen = managed_object.view(self.now)
        self.server.uses.complete(managed_object, seen)
        return seen

    def plain_answer(self, item: ResponseBatchItem) -> Answered:
        """An answer without a payload, which is the same in each version."""
        return Answered(item, self._version)

    def count_uses(self) -> None:
        """Count the item's uses of objects, now that it has succeeded."""
        counter = COUNTERS.get(self.operation)
        if counter is not None:
            for identifier in self.used:
                self.server.uses.count(identifier, counter)

    async def change(self, reference: RequestedIdentifier) -> ManagedObject:
        """A copy of the object a request names, to be changed and given to `keep`."""
        return (await self.find(reference)).copy()

    async def content(self, managed_object: ManagedObject) -> Structure:
        """The object itself.

        Raises:
            ObjectDestroyed: its material is gone.
            InvalidObjectType: it never has any.
        """
        content = await self.objects.load(managed_object)
        if content is None and managed_object.object_type not in OBJECTS:
            raise InvalidObjectType("this type of object has attributes only")
        if content is None:
            raise ObjectDestroyed("the object is destroyed")
        return content

    def keep(self, managed_object: ManagedObject, *, body: bool = False) -> None:
        """Put a changed object back; its Last Change Date becomes now."""
        managed_object.attributes.set(Tag.LAST_CHANGE_DATE, self.now)
        self.objects.put(managed_object, body=body)

    def remember(self, identifier: str, *kinds: UniqueIdentifier) -> None:
        """Set the ID Placeholder, for the items that follow."""
        self.produced.placeholder = self.subject = identifier
        self.produced.by_item[self.place] = identifier
        for kind in kinds:
            self.produced.by_operation[kind] = identifier

    def empty_placeholder(self) -> None:
        """Leave no ID Placeholder to the items that follow."""
        self.produced.empties_placeholder = True

    def data_of(self, reference: bytes | Data | int | None) -> bytes | None:
        """The data that a request means: its own, or what an earlier item of the batch gave.

        Raises:
            InvalidField: no item has given what it refers to.
        """
        if reference is None or isinstance(reference, bytes):
            return reference
        if isinstance(reference, Data):
            found = self.earlier.data_by_operation.get(reference)
        else:
            place = reference if reference >= 0 else self.place + reference
            found = self.earlier.data_by_item.get(place)
        if found is None:
            raise InvalidField("nothing before has given the data that is referred to")
        return found

    def give(self, data: bytes | None, kind: Data) -> bytes | None:
        """Hand on data to the items that follow; the same data."""
        if data is not None:
            self.produced.data_by_operation[kind] = data
            self.produced.data_by_item[self.place] = data
        return data

    @staticmethod
    def new_identifier() -> str:
        """A Unique Identifier that nobody can guess: a random UUID, 36 characters."""
        return str(uuid.UUID(bytes=secrets.token_bytes(16), version=4))

    # Cryptography

    async def compute(self, cost: float, call: Callable[[*Ts], T], *arguments: *Ts) -> T:
        """Run a computation where it belongs: here, or in a thread where others would wait for it.

        Args:
            cost: microseconds that it takes, as `server.crypto.costs` estimates them.
            call: is run once.
            arguments: of the call.

        Raises:
            ServerLimitExceeded: too many requests of this client wait for a thread already.
        """
        self.has_used = self.has_used or bool(self.charges)
        if cost < LOOP_MICROSECONDS:
            return call(*arguments)
        client, length = self.client.name, 0
        if self.turn is not None:
            client, length = self.turn.client, self.turn.length
            self.turn.release()
        return await self.server.thread_shares.run(client, length, call, *arguments)

    @property
    def allow_legacy(self) -> bool:
        """Whether algorithms kept for old data may protect new data."""
        return self.server.config.legacy_algorithms == LegacyAlgorithms.ALLOW

    @property
    def allow_legacy_reading(self) -> bool:
        """Whether algorithms kept for old data may open and verify it."""
        return self.server.config.legacy_algorithms != LegacyAlgorithms.REFUSE

    def once(self, call: Callable[[], T], name: str = "") -> T:
        """The result of a call that must not be repeated when the item is performed anew.

        Args:
            call: is made the first time.
            name: tells the calls of one item apart.
        """
        if name not in self._done:
            self._done[name] = call()
        result: T = self._done[name]
        return result

    # The client's version

    def encode_key_value(self, value: KeyValue) -> bytes:
        """A Key Value as TTLV in the client's version, for wrapping."""
        return ttlv.encode(to_item(value, Tag.KEY_VALUE, self._version))

    def decode_key_value(self, data: bytes) -> KeyValue:
        """A Key Value that was wrapped as TTLV.

        Raises:
            InvalidMessage: it is none.
        """
        return from_item(ttlv.decode(data), KeyValue, self._version)

    @property
    def wraps_in_structure(self) -> bool:
        """Whether what is wrapped with No Encoding is to be in a Key Value structure.

        It is the Key Value itself, a Byte String (1.4 section 2.1.4; 2.1 section 3.3); the setting
        `wrapped_key_in_structure` names clients that read it in a structure only.
        """
        named = self.server.config.wrapped_key_in_structure
        return self.client.name in named or "*" in named

    @property
    def requires_usage_mask(self) -> bool:
        """Whether the client must give a symmetric key's Cryptographic Usage Mask."""
        return DIALECTS[self._version].usage_mask_is_required

    @property
    def requires_algorithm(self) -> bool:
        """Whether the client must say of what algorithm a key pair or a split key is to be."""
        return DIALECTS[self._version].algorithm_is_required

    def gives(self, response: type[Structure], name: str) -> bool:
        """Whether the client's version has a field of a response."""
        return any(
            field.name == name and field.span.covers(self._version)
            for field in plan_of(response).fields
        )

    @property
    def names_are_unique(self) -> bool:
        """Whether a name that is given twice is an error."""
        return DIALECTS[self._version].names_are_unique

    def knows(self, thing: Spanned) -> bool:
        """Whether the client's version has an enumeration value, or an operation."""
        return thing.span.covers(self._version)
