"""Import: which of the attributes that a client supplies are kept (2.1 section 6.1.25).

"All attributes MUST be set to the supplied values rather than any server generated values." But
some repeat what other attributes, the object itself or this server's store say, and those the
server vouches for. Such a value is kept where it is true, and where it is not the Import fails. A
client may leave it out. So nothing is replaced in silence, and nothing forged:

    State                  follows from dates: those that it needs and lacks are set
    Digest                 is of the material, if that is here
    Always Sensitive       not without Sensitive; Never Extractable not of what is Extractable
    Short Unique Id.       32 bytes that no other object of the client has
    Usage Limits           with no more left than the Total
    Protection Storage     is what this server's store is
    certificate names      are read from the certificate
    Unique Identifier, Object Type, Key Value Present    are what they are

A destroyed object comes without its material, whatever is sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from kmip import lifecycle
from kmip.attribute_values import Digest, UsageLimits
from kmip.attributes import Attributes
from kmip.enums import KeyFormatType, ObjectType, State
from kmip.errors import InvalidField, KMIPError, ObjectAlreadyExists
from kmip.objects import key_block_of
from kmip.structures import Structure
from kmip.tags import Tag
from server.attributes import description, usage_limits
from server.context import Context
from server.crypto import costs, hashes
from server.crypto.certificates.certificate_facts import CertificateFacts
from server.crypto.keys import key_costs
from server.objects.managed_object import ManagedObject

MAX_DIGESTS: Final = 16
"""Of one object, each of which is computed anew: of a key there are two or three."""

SHORT_IDENTIFIER_BYTES: Final = 32
"""Of a Short Unique Identifier (2.1 section 4.56)."""

KEPT: Final = (
    Tag.SHORT_UNIQUE_IDENTIFIER,
    Tag.LEASE_TIME,
    Tag.LAST_CHANGE_DATE,
    Tag.ALWAYS_SENSITIVE,
    Tag.NEVER_EXTRACTABLE,
)
"""What every new object is given, and an imported one brings."""

PASTS: Final = (
    (Tag.ALWAYS_SENSITIVE, Tag.SENSITIVE, True),
    (Tag.NEVER_EXTRACTABLE, Tag.EXTRACTABLE, False),
)
"""What was always so, the attribute that says whether it is so now, and the value of that."""

ACTIVATED: Final = frozenset({State.ACTIVE, State.DEACTIVATED})
DESTROYED: Final = frozenset({State.DESTROYED, State.DESTROYED_COMPROMISED})
COMPROMISED: Final = frozenset({State.COMPROMISED, State.DESTROYED_COMPROMISED})


def supplied(attributes: Attributes, content: Structure) -> Attributes:
    """The attributes of the request, with those that travel in the Key Value."""
    block = key_block_of(content)
    if block is None or block.attributes is None:
        return attributes.copy()
    return attributes.united(block.attributes)


def settable(attributes: Attributes, now: int, facts: CertificateFacts | None) -> Attributes:
    """The supplied attributes but those that the server sets for itself.

    Args:
        attributes: that are supplied.
        now: seconds since 1970.
        facts: of a certificate.

    Raises:
        InvalidField: State and dates contradict each other, or Usage Limits themselves.
    """
    own = attributes.copy()
    for tag in (Tag.DIGEST, Tag.KEY_VALUE_PRESENT, *(facts.attributes if facts else ())):
        own.remove(tag)
    _date(own, now)
    limits: UsageLimits | None = own.get(Tag.USAGE_LIMITS)
    if limits is not None and limits.usage_limits_count is None:
        usage_limits.begin(own)
    elif limits is not None and usage_limits.units_left(limits) > limits.usage_limits_total:
        raise InvalidField("more is left of the Usage Limits than there is in all")
    return own


def _date(attributes: Attributes, now: int) -> None:
    """Set the dates that the State needs and that are not there.

    A state that time has ended since it was noted is no contradiction: dates say what it is now.

    Raises:
        InvalidField: a date says that the State cannot have been reached yet.
    """
    state: State | None = attributes.get(Tag.STATE)
    attributes.remove(Tag.STATE)
    if state in ACTIVATED:
        before = [attributes.get(tag, now) for tag in _BEFORE]
        _default(attributes, Tag.ACTIVATION_DATE, min(now, *before))
    if state == State.DEACTIVATED:
        _default(attributes, Tag.DEACTIVATION_DATE, now)
    if state in COMPROMISED:
        _default(attributes, Tag.COMPROMISE_DATE, now)
    if state in DESTROYED:
        _default(attributes, Tag.DESTROY_DATE, now)
    found = lifecycle.state_of(attributes, now)
    is_ahead = state in ACTIVATED and found == State.PRE_ACTIVE
    if is_ahead or (state == State.DEACTIVATED and found == State.ACTIVE):
        raise InvalidField("the dates say that the object has not come to its State yet")


_BEFORE: Final = (Tag.INITIAL_DATE, Tag.PROCESS_START_DATE, Tag.DEACTIVATION_DATE)
"""Dates that an object was activated by, if nothing says when it was."""


def _default(attributes: Attributes, tag: Tag, date: int) -> None:
    if tag not in attributes:
        attributes.set(tag, date)


async def complete(
    context: Context, managed_object: ManagedObject, brought: Attributes, described: Structure
) -> None:
    """Give an object that is imported what it brings in place of what a new one is given.

    Args:
        context: of the Import.
        managed_object: the object, made as any other.
        brought: the attributes that are supplied.
        described: the object itself, plain if it could be unwrapped.

    Raises:
        InvalidField: a value that the server vouches for is not true.
        ObjectAlreadyExists: another object has the Short Unique Identifier.
    """
    for tag in KEPT:
        if tag in brought:
            managed_object.attributes.set(tag, brought.get(tag))
    for past, present, value in PASTS:
        is_so = managed_object.attributes.get(present) == value
        if managed_object.attributes.get(past) and not is_so:
            raise InvalidField("an object that is not so now was not so always")
    await _check_short_identifier(context, managed_object, brought)
    for digest in await _digests(context, managed_object.object_type, brought, described):
        if not any(_are_same(digest, one) for one in managed_object.attributes.all(Tag.DIGEST)):
            managed_object.attributes.add(Tag.DIGEST, digest)
    managed_object.archived = Tag.ARCHIVE_DATE in managed_object.attributes
    if managed_object.is_destroyed:
        managed_object.content = managed_object.opened = None


async def _check_short_identifier(
    context: Context, managed_object: ManagedObject, brought: Attributes
) -> None:
    short = brought.get(Tag.SHORT_UNIQUE_IDENTIFIER)
    if short is None:
        return
    if len(short) != SHORT_IDENTIFIER_BYTES:
        raise InvalidField(f"a Short Unique Identifier has {SHORT_IDENTIFIER_BYTES} bytes")
    same = Attributes([(Tag.SHORT_UNIQUE_IDENTIFIER, short)])
    found = await context.objects.locate(same, context.client.name, limit=2)
    if set(found.identifiers) - {managed_object.identifier}:
        raise ObjectAlreadyExists("another object has this Short Unique Identifier")


async def _digests(
    context: Context, object_type: ObjectType, brought: Attributes, described: Structure
) -> Sequence[Digest]:
    """The digests that are supplied, all of which hold as far as the material is here.

    Without it they may come from elsewhere (2.1 section 4.21: "out-of-band mechanisms").
    """
    digests: Sequence[Digest] = brought.all(Tag.DIGEST)
    if len(digests) > MAX_DIGESTS:
        raise InvalidField(f"an object is imported with at most {MAX_DIGESTS} digests")
    own = description.digested(described)
    if own is None:
        return digests
    block = key_block_of(described)
    for digest in digests:
        wanted = own[1] if block is None else digest.key_format_type or own[1]
        cost = costs.of_hash(digest.hashing_algorithm).of(len(own[0]))
        if block is not None and block.key_material is not None and wanted != own[1]:
            private = object_type == ObjectType.PRIVATE_KEY
            cost += key_costs.of_loading(block.key_material, private=private)
        is_true = await context.compute(cost, _is_of, digest, object_type, described, wanted)
        if not is_true:
            raise InvalidField("a Digest is not that of the object")
    return digests


def _is_of(
    digest: Digest, object_type: ObjectType, content: Structure, wanted: KeyFormatType
) -> bool:
    """Whether a digest is of the object in a format."""
    data = description.digested_as(object_type, content, wanted)
    if data is None:
        return False
    try:
        value = hashes.digest(digest.hashing_algorithm, data, allow_legacy=True)
    except KMIPError:
        return False
    return value == digest.digest_value


def _are_same(digest: Digest, other: Digest) -> bool:
    """Whether one digest says no more than the other: 1.0 has no Key Format Type."""
    return replace(digest, key_format_type=other.key_format_type) == other and (
        digest.key_format_type in (None, other.key_format_type)
    )
