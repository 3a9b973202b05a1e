"""PKCS#12 containers that are registered: opened, and kept as what is in them.

A private key in Key Format Type PKCS#12 comes with a link to its password. What is kept is the key
itself, and each of its certificates as an object of its own; links lead from the key to its
certificate and from there upwards (2.1 sections 4.31 and 6.1.19; OASIS TC-PKCS12-1). Get makes a
container of them anew (`server.keys.pkcs12_output`).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from kmip.attributes import Attributes
from kmip.enums import (
    CertificateType,
    KeyFormatType,
    LinkType,
    ObjectType,
    SecretDataType,
    State,
)
from kmip.enums import ResultReason as R
from kmip.errors import InvalidField, KMIPError
from kmip.key_block import plain_block
from kmip.objects import Certificate, PrivateKey, SecretData
from kmip.structures import Structure
from kmip.tags import Tag
from kmip.versions import V1_0, V2_0
from server.attributes import initial
from server.context import Context
from server.crypto import costs
from server.crypto.certificates import pkcs12
from server.crypto.keys import key_facts, key_formats
from server.keys import key_use
from server.keys.pkcs12_output import MAX_CHAIN
from server.objects.managed_object import ManagedObject

OPENING: Final = frozenset({State.PRE_ACTIVE, State.ACTIVE})
"""States of a password that opens a container. The specification has Active (2.1 section 11.46);
but a password is registered for this one use, and clients do not activate it before."""

MAX_NAME: Final = 255
"""Characters of a friendly name that is taken from a container (X.520's longest names)."""


class ContainerNotOpened(KMIPError):
    """There is no password that opens the container (1.4 section 11.4; 2.1 section 11.46)."""

    reasons = ((V1_0, R.INVALID_FIELD), (V2_0, R.BAD_PASSWORD))


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What was in a container; an object that is none as it is.

    Attributes:
        content: the private key in PKCS#8.
        attributes: of the key, with the container's friendly name.
        certificates: the key's own first, and what is above it.
    """

    content: Structure
    attributes: Attributes
    certificates: tuple[x509.Certificate, ...] = ()


async def unpacked(context: Context, content: Structure, attributes: Attributes) -> Unpacked:
    """What is in a container, by the password to which the attributes link.

    Args:
        context: of the request.
        content: an object; only a private key in PKCS#12 that is not itself wrapped is unpacked.
        attributes: that the client sets.

    Raises:
        ContainerNotOpened: there is not one link to a password of the client's, or it is wrong.
        InvalidField: it is no container, has no private key, or one of another name.
        ServerLimitExceeded: it is too long, or takes too long to open.
        UnsupportedCryptographicParameters, KeyFormatTypeNotSupported: such keys are not read here.
    """
    material = _container(content)
    if material is None:
        return Unpacked(content, attributes)
    password = await _password(context, attributes)
    try:
        found = await context.compute(costs.PKCS_12, pkcs12.open_pkcs12, material, password)
    except pkcs12.WrongPassword:
        raise ContainerNotOpened("the password does not open the container") from None
    if len(found.certificates) > MAX_CHAIN + 1:
        raise InvalidField(f"a container has at most {MAX_CHAIN} certificates above the key's own")
    attributes = _named(attributes, found.friendly_name)
    attributes.remove(Tag.KEY_FORMAT_TYPE)  # that of what is kept
    block = plain_block(
        KeyFormatType.PKCS_8,
        key_formats.dump_private(found.key, KeyFormatType.PKCS_8),
        key_facts.algorithm_of(found.key),
        key_facts.length_of(found.key),
    )
    return Unpacked(PrivateKey(key_block=block), attributes, found.certificates)


def _container(content: Structure) -> bytes | None:
    """The container that a private key is in; None: it is in none, or that is wrapped."""
    if not isinstance(content, PrivateKey):
        return None
    block = content.key_block
    if block.key_format_type != KeyFormatType.PKCS_12 or block.key_wrapping_data is not None:
        return None
    return block.key_material if isinstance(block.key_material, bytes) else None


async def _password(context: Context, attributes: Attributes) -> bytes:
    links = [
        link.linked_object_identifier
        for link in attributes.all(Tag.LINK)
        if link.link_type == LinkType.PKCS_12_PASSWORD_LINK
    ]
    if len(links) != 1:
        raise ContainerNotOpened("a PKCS#12 container needs a single PKCS#12 Password Link")
    try:
        secret = await context.find(links[0])
    except KMIPError as error:
        if type(error) in key_use.NOT_FOUND:
            raise ContainerNotOpened("the PKCS#12 Password Link leads nowhere") from None
        raise
    if secret.object_type != ObjectType.SECRET_DATA or secret.state(context.now) not in OPENING:
        raise ContainerNotOpened("the PKCS#12 Password Link leads to no password that is in force")
    content = await context.content(secret)
    if not isinstance(content, SecretData) or content.secret_data_type != SecretDataType.PASSWORD:
        raise ContainerNotOpened("the PKCS#12 Password Link leads to secret data of another type")
    block = await key_use.unwrap(context, content.key_block)
    if not isinstance(block.key_material, bytes):
        raise ContainerNotOpened("the PKCS#12 password is not here, or not bytes")
    return block.key_material  # it may be empty, which no key is


def _named(attributes: Attributes, name: str | None) -> Attributes:
    """The attributes with the friendly name of the key.

    Raises:
        InvalidField: the client has asked for the key of another name (2.1 section 4.39).
    """
    full = attributes.copy()
    requested = full.get(Tag.PKCS_12_FRIENDLY_NAME)
    if requested is None and name:
        full.set(Tag.PKCS_12_FRIENDLY_NAME, name[:MAX_NAME])
    elif requested is not None and name and requested.casefold() != name.casefold():
        raise InvalidField("the container holds no key of this PKCS#12 Friendly Name")
    return full


async def keep_certificates(
    context: Context, key: ManagedObject, certificates: tuple[x509.Certificate, ...]
) -> None:
    """Make objects of a key's certificates, each with a link to the one above it."""
    made = []
    for certificate in certificates:
        content = Certificate(
            certificate_type=CertificateType.X_509,
            certificate_value=certificate.public_bytes(Encoding.DER),
        )
        facts = await initial.read(context, content)
        made.append(
            initial.new_object(
                context,
                ObjectType.CERTIFICATE,
                content,
                Attributes(),
                created=False,
                facts=facts,
            )
        )
    if made:
        initial.link(key, LinkType.PKCS_12_CERTIFICATE_LINK, made[0].identifier)
    pairs = zip(itertools.pairwise(made), itertools.pairwise(certificates), strict=True)
    for (one, above), (certificate, other) in pairs:
        is_parent = pkcs12.is_above(certificate, other)
        kind = LinkType.CERTIFICATE_LINK if is_parent else LinkType.PKCS_12_CERTIFICATE_LINK
        initial.link(one, kind, above.identifier)
    for one in made:
        context.objects.add(one)
