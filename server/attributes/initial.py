"""New managed objects: what every operation that makes one gives it.

An object gets the attributes the client set, those its material tells (algorithm, length, format,
certificate names, a digest), and those that the specification says always have a value. Which
attributes a client may set at all is a table (`kmip.attribute_rules`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from kmip import attribute_rules, lifecycle
from kmip.attribute_encoding import MAX_INSTANCES
from kmip.attribute_values import Link, Name
from kmip.attributes import Attributes
from kmip.cryptographic_parameters import RNGParameters
from kmip.enums import (
    LinkType,
    ObjectClass,
    ObjectType,
    Operation,
    RNGAlgorithm,
)
from kmip.errors import AttributeSingleValued, InvalidField, ItemNotFound, MissingField
from kmip.masks import ProtectionStorageMask
from kmip.objects import (
    Certificate,
)
from kmip.structures import Structure
from kmip.tags import Tag
from server.attributes import description, references, usage_limits, usage_masks
from server.context import Context
from server.crypto import costs
from server.crypto.certificates.certificate_facts import (
    CertificateFacts,
    certificate_der,
    certificate_facts,
)
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
        ItemNotFound: the client has no template of that name, or a link refers to what no earlier
            item of the message has made.
    """
    if attributes is None:
        return Attributes()
    if references.has_any(attributes):
        attributes = attributes.copy()
        references.resolve(context, attributes)
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
    described: Structure | None = None,
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
        described: what tells of the material in place of `content`, which is wrapped.

    Raises:
        ReadOnlyAttribute, InvalidAttribute, …: the client may not set one of the attributes.
        InvalidField: its dates are not in their order, or they say that it is of another type.
    """
    if attributes.get(Tag.OBJECT_TYPE, object_type) != object_type:
        raise InvalidField("the attributes say that the object is of another type")
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
        description.describe(managed_object, described or content, facts)
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


def _always(context: Context, managed_object: ManagedObject, *, created: bool) -> None:
    """Set what always has a value, and what the server sets when an object is made."""
    attributes, now = managed_object.attributes, context.now
    attributes.set(Tag.UNIQUE_IDENTIFIER, managed_object.identifier)
    digest = hashlib.sha256(managed_object.identifier.encode()).digest()
    attributes.set(Tag.SHORT_UNIQUE_IDENTIFIER, digest)
    attributes.set(Tag.OBJECT_TYPE, managed_object.object_type)
    description.default(managed_object, Tag.OBJECT_CLASS, _object_class(managed_object.object_type))
    description.default(managed_object, Tag.OPERATION_POLICY_NAME, DEFAULT_POLICY)
    description.default(managed_object, Tag.INITIAL_DATE, now)
    if context.operation != Operation.IMPORT:  # which brings what is left (2.1 section 6.1.25)
        usage_limits.begin(attributes)
    attributes.set(Tag.LAST_CHANGE_DATE, now)
    attributes.set(Tag.LEASE_TIME, LEASE_SECONDS)
    description.default(managed_object, Tag.FRESH, True)
    description.default(managed_object, Tag.SENSITIVE, False)
    description.default(managed_object, Tag.EXTRACTABLE, True)
    attributes.set(Tag.ALWAYS_SENSITIVE, attributes.get(Tag.SENSITIVE))
    attributes.set(Tag.NEVER_EXTRACTABLE, not attributes.get(Tag.EXTRACTABLE))
    description.default(managed_object, Tag.PROTECTION_STORAGE_MASK, ProtectionStorageMask.SOFTWARE)
    if created:
        description.default(managed_object, Tag.ORIGINAL_CREATION_DATE, now)
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
