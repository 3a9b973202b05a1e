"""New managed objects: what every operation that makes one gives it.

An object gets the attributes the client set, those its material tells (algorithm, length, format,
certificate names, a digest), and those that the specification says always have a value. Which
attributes a client may set at all is a table (`kmip.attribute_rules`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from kmip import attribute_rules, lifecycle
from kmip.attribute_encoding import MAX_INSTANCES
from kmip.attribute_values import Digest, Link, Name
from kmip.attributes import AttributeName, Attributes
from kmip.cryptographic_parameters import RNGParameters
from kmip.encodings import ttlv
from kmip.enums import (
    HashingAlgorithm,
    KeyFormatType,
    LinkType,
    ObjectClass,
    ObjectType,
    Operation,
    RNGAlgorithm,
)
from kmip.errors import AttributeSingleValued, InvalidField, ItemNotFound, KMIPError, MissingField
from kmip.items import Item
from kmip.key_block import Transparent
from kmip.masks import ProtectionStorageMask
from kmip.objects import (
    Certificate,
    CertificateRequest,
    KeyBlock,
    OpaqueObject,
    SplitKey,
    key_block_of,
)
from kmip.structures import Structure, to_item
from kmip.tags import Tag
from kmip.versions import INTERNAL
from server.attributes import usage_limits, usage_masks
from server.context import Context
from server.crypto import costs
from server.crypto.certificates.certificate_facts import (
    CertificateFacts,
    certificate_der,
    certificate_facts,
)
from server.crypto.keys import key_costs, key_facts, key_formats
from server.objects.managed_object import ManagedObject

LEASE_SECONDS: Final = 3600
"""How long a client may use an object before it asks again."""

DEFAULT_POLICY: Final = "default"
"""The Operation Policy Name of an object made without one (1.4 section 3.18)."""

RANDOM: Final = RNGParameters(rng_algorithm=RNGAlgorithm.UNSPECIFIED)
"""The kernel's generator, which no specification names."""

MAX_LINKS: Final = 1000
"""Of one kind, that the server adds by itself: each derivation of a key would add one, and write
all of them again."""

_CREDENTIALS: Final = frozenset(
    {
        ObjectType.PASSWORD_CREDENTIAL,
        ObjectType.DEVICE_CREDENTIAL,
        ObjectType.ONE_TIME_PASSWORD_CREDENTIAL,
        ObjectType.HASHED_PASSWORD_CREDENTIAL,
    }
)


async def resolve(context: Context, attributes: Attributes | None) -> Attributes:
    """The attributes of a request with those of the templates it names.

    What the request sets itself comes before what a template sets, and a later template before an
    earlier one; of attributes with several values all are taken (1.4 section 4).

    Raises:
        ItemNotFound: the client has no template of that name.
    """
    if attributes is None:
        return Attributes()
    if not attributes.templates:
        return attributes
    own = attributes.copy()
    own.templates = ()
    for name in reversed(attributes.templates):
        lent = (await _template(context, name)).copy()
        lent.remove(Tag.NAME)  # the template's own
        own = own.united(lent)
        if own.count > MAX_INSTANCES:
            raise InvalidField("the templates have too many attributes together")
    return own


async def _template(context: Context, name: Name) -> Attributes:
    filters = Attributes([(Tag.OBJECT_TYPE, ObjectType.TEMPLATE), (Tag.NAME, name)])
    found = await context.objects.locate(filters, context.client.name, limit=1)
    if not found.identifiers:
        raise ItemNotFound(f"there is no template {name.name_value!r}")
    managed_object = await context.find(found.identifiers[0])
    template = await context.content(managed_object)
    lent: Attributes = getattr(template, "attributes")  # noqa: B009 - a Template has them
    return lent


def in_der(content: Structure) -> Structure:
    """An object whose certificate is DER, as its value is by definition (2.1 section 2.2).

    Clients also give PEM, of which this is what it holds. All else is given back as it is.

    Raises:
        InvalidKey: it is PEM of no certificate.
    """
    if isinstance(content, Certificate):
        return replace(content, certificate_value=certificate_der(content.certificate_value))
    return content


async def read(context: Context, content: Structure | None) -> CertificateFacts | None:
    """What a certificate says; None for other objects.

    Raises:
        InvalidKey: it is no X.509 certificate.
    """
    if not isinstance(content, Certificate):
        return None
    value = content.certificate_value
    return await context.compute(costs.CERTIFICATE.of(len(value)), certificate_facts, value)


def new_object(
    context: Context,
    object_type: ObjectType,
    content: Structure | None,
    attributes: Attributes,
    *,
    created: bool,
    checked: bool = False,
    identifier: str | None = None,
    facts: CertificateFacts | None = None,
) -> ManagedObject:
    """A new object of this client; the caller adds it to the transaction.

    Args:
        context: who, when and by which operation.
        object_type: its type.
        content: the object.
        attributes: what the client sets, resolved.
        created: whether the server has made the material.
        checked: whether it is known already that the client may set these attributes.
        identifier: where the client chooses it (Import).
        facts: of a certificate that has been read already.

    Raises:
        ReadOnlyAttribute, InvalidAttribute, …: the client may not set one of the attributes.
        InvalidField: its dates are not in their order.
    """
    if not checked:
        check_set(context, object_type, attributes)
    managed_object = ManagedObject(
        identifier=identifier or context.new_identifier(),
        owner=context.client.name,
        object_type=object_type,
        attributes=attributes.copy(),
        content=content,
    )
    if content is not None:
        describe(managed_object, content, context.operation, facts)
    usage_masks.complete(context, managed_object)
    _always(context, managed_object, created=created)
    lifecycle.check_order(managed_object.attributes)
    return managed_object


def check_set(context: Context, object_type: ObjectType, attributes: Attributes) -> None:
    """Refuse attributes that a client may not set when an object is made."""
    for key, instances in attributes.values.items():
        attribute_rules.check_set(key, object_type, context.operation)
        if len(instances) > 1 and attribute_rules.is_single(key):
            raise AttributeSingleValued(f"{attribute_rules.name_of(key)} has one value")


def describe(
    managed_object: ManagedObject,
    content: Structure,
    operation: Operation,
    facts: CertificateFacts | None = None,
) -> None:
    """Set what the material itself tells, where the client has not."""
    block = key_block_of(content)
    if block is not None:
        _describe_key(managed_object, block, operation)
    elif isinstance(content, Certificate):
        facts = facts or certificate_facts(content.certificate_value)
        for tag, values in facts.attributes.items():
            if tag not in managed_object.attributes:
                for value in values:
                    managed_object.attributes.add(tag, value)
        # Not X.509, which is only the format asked for in Get (OASIS TC-CERTATTR-1).
        _default(managed_object, Tag.KEY_FORMAT_TYPE, KeyFormatType.RAW)
    elif isinstance(content, CertificateRequest):
        _default(managed_object, Tag.CERTIFICATE_REQUEST_TYPE, content.certificate_request_type)
    elif isinstance(content, OpaqueObject):
        _default(managed_object, Tag.OPAQUE_DATA_TYPE, content.opaque_data_type)
    if isinstance(content, SplitKey):
        for tag in (Tag.SPLIT_KEY_METHOD, Tag.SPLIT_KEY_PARTS, Tag.SPLIT_KEY_THRESHOLD):
            _default(managed_object, tag, getattr(content, tag.name.lower()))
        _default(managed_object, Tag.KEY_PART_IDENTIFIER, content.key_part_identifier)
    managed_object.attributes.remove(Tag.DIGEST)
    for digest in digests_of(managed_object.object_type, content):
        managed_object.attributes.add(Tag.DIGEST, digest)


def _describe_key(managed_object: ManagedObject, block: KeyBlock, operation: Operation) -> None:
    _default(managed_object, Tag.KEY_FORMAT_TYPE, block.key_format_type)
    _default(managed_object, Tag.CRYPTOGRAPHIC_ALGORITHM, block.cryptographic_algorithm)
    length = block.cryptographic_length
    if length is None and managed_object.object_type != ObjectType.SECRET_DATA:
        material = block.key_material
        length = None if material is None else key_facts.material_length(material)
    _default(managed_object, Tag.CRYPTOGRAPHIC_LENGTH, length)
    if block.attributes is not None:
        own = block.attributes.copy()
        for key in block.attributes.values:
            if not attribute_rules.may_set(key, managed_object.object_type, operation):
                own.remove(key)  # what only the server says of an object
        managed_object.attributes = managed_object.attributes.united(own)


def _default(managed_object: ManagedObject, key: AttributeName, value: Any) -> None:
    """Set an attribute that the client has not set."""
    if value is not None and key not in managed_object.attributes:
        managed_object.attributes.set(key, value)


def digests_of(object_type: ObjectType, content: Structure) -> list[Digest]:
    """The SHA-256 digests of an object's material (2.1 section 4.21); none where it is not held.

    One is of the material in the format in which it is kept, and another of the object's default
    format where that is a different one and the server converts between them.
    """
    found = _digested(content)
    if found is None:
        return []
    block = key_block_of(content)
    default = None if block is None else _in_default_format(object_type, block)
    return [_digest(*one) for one in (found, default) if one is not None]


def _in_default_format(
    object_type: ObjectType, block: KeyBlock
) -> tuple[bytes, KeyFormatType] | None:
    """The digested bytes of a plain key in its default format; None: it is in that already."""
    default = key_facts.default_format(object_type, block.cryptographic_algorithm)
    kept, material = block.key_format_type, block.key_material
    if default == kept or material is None or block.key_wrapping_data is not None:
        return None
    if kept == KeyFormatType.OPAQUE:  # bytes that nobody knows the form of
        return None
    private = object_type == ObjectType.PRIVATE_KEY
    if key_costs.of_loading(material, private=private) >= costs.LOOP_MICROSECONDS:
        return None
    algorithm = block.cryptographic_algorithm
    try:
        converted = key_formats.convert(object_type, material, kept, default, algorithm)
    except KMIPError:
        return None
    return _material_bytes(converted), default


def _digest(data: bytes, key_format: KeyFormatType) -> Digest:
    return Digest(
        hashing_algorithm=HashingAlgorithm.SHA_256,
        digest_value=hashlib.sha256(data).digest(),
        key_format_type=key_format,
    )


def _digested(content: Structure) -> tuple[bytes, KeyFormatType] | None:
    """The bytes that an object's digest is of, and their format."""
    if isinstance(content, Certificate):
        return content.certificate_value, KeyFormatType.X_509
    if isinstance(content, CertificateRequest):
        return content.certificate_request_value, KeyFormatType.PKCS_10
    if isinstance(content, OpaqueObject):
        return content.opaque_data_value, KeyFormatType.OPAQUE
    block = key_block_of(content)
    if block is None or block.key_value is None:
        return None
    value = block.key_value if isinstance(block.key_value, bytes) else block.key_value.key_material
    return _material_bytes(value), block.key_format_type


def _material_bytes(material: bytes | Transparent | Item) -> bytes:
    if isinstance(material, bytes):
        return material
    if isinstance(material, Item):
        return ttlv.encode(material)
    return ttlv.encode(to_item(material, Tag.KEY_MATERIAL, INTERNAL))


def _always(context: Context, managed_object: ManagedObject, *, created: bool) -> None:
    """Set what always has a value, and what the server sets when an object is made."""
    attributes, now = managed_object.attributes, context.now
    attributes.set(Tag.UNIQUE_IDENTIFIER, managed_object.identifier)
    digest = hashlib.sha256(managed_object.identifier.encode()).digest()
    attributes.set(Tag.SHORT_UNIQUE_IDENTIFIER, digest)
    attributes.set(Tag.OBJECT_TYPE, managed_object.object_type)
    _default(managed_object, Tag.OBJECT_CLASS, _object_class(managed_object.object_type))
    _default(managed_object, Tag.OPERATION_POLICY_NAME, DEFAULT_POLICY)
    _default(managed_object, Tag.INITIAL_DATE, now)
    if context.operation != Operation.IMPORT:  # which brings what is left (2.1 section 6.1.25)
        usage_limits.begin(attributes)
    attributes.set(Tag.LAST_CHANGE_DATE, now)
    attributes.set(Tag.LEASE_TIME, LEASE_SECONDS)
    _default(managed_object, Tag.FRESH, True)
    _default(managed_object, Tag.SENSITIVE, False)
    _default(managed_object, Tag.EXTRACTABLE, True)
    attributes.set(Tag.ALWAYS_SENSITIVE, attributes.get(Tag.SENSITIVE))
    attributes.set(Tag.NEVER_EXTRACTABLE, not attributes.get(Tag.EXTRACTABLE))
    _default(managed_object, Tag.PROTECTION_STORAGE_MASK, ProtectionStorageMask.SOFTWARE)
    if created:
        _default(managed_object, Tag.ORIGINAL_CREATION_DATE, now)
        if attributes.get(Tag.RANDOM_NUMBER_GENERATOR, RANDOM) != RANDOM:
            raise InvalidField("the server has no such Random Number Generator")
        attributes.set(Tag.RANDOM_NUMBER_GENERATOR, RANDOM)


def _object_class(object_type: ObjectType) -> ObjectClass:
    is_system = object_type in _CREDENTIALS or object_type in (ObjectType.USER, ObjectType.GROUP)
    return ObjectClass.SYSTEM if is_system else ObjectClass.USER


def guarded(attributes: Attributes, sources: Iterable[ManagedObject]) -> Attributes:
    """The attributes of an object that holds the material of others, and is guarded as they are.

    Otherwise a client could split a Sensitive key, read its parts, and put them together itself.

    Args:
        attributes: what the client sets.
        sources: the objects whose material, or part of it, the new one gets.
    """
    guarded = attributes.copy()
    for source in sources:
        if source.attributes.get(Tag.SENSITIVE):
            guarded.set(Tag.SENSITIVE, value=True)
        if source.attributes.get(Tag.EXTRACTABLE) is False:
            guarded.set(Tag.EXTRACTABLE, value=False)
    return guarded


def link(managed_object: ManagedObject, kind: LinkType, identifier: str) -> None:
    """Link an object to another, once; not to more of a kind than `MAX_LINKS`."""
    value = Link(link_type=kind, linked_object_identifier=identifier)
    links = managed_object.attributes.all(Tag.LINK)
    if value not in links and sum(one.link_type == kind for one in links) < MAX_LINKS:
        managed_object.attributes.add(Tag.LINK, value)


def required(attributes: Attributes, *tags: Tag) -> None:
    """Refuse a request that lacks one of these attributes.

    Raises:
        MissingField: one is missing.
    """
    for tag in tags:
        if tag not in attributes:
            raise MissingField(f"{attribute_rules.name_of(tag)} is needed")
