"""PKCS#12 containers: a private key with its certificates under a password (RFC 7292).

The chain and the password are other objects, to which the key links (2.1 sections 4.31, 6.1.19).
"""

from __future__ import annotations

from typing import Any, Final

from cryptography import x509

from kmip.enums import KeyFormatType, LinkType, ObjectType
from kmip.enums import ResultReason as R
from kmip.errors import BadPassword, InvalidField, KMIPError, WrongKeyLifecycleState
from kmip.key_block import KeyBlock, plain_block
from kmip.objects import Certificate
from kmip.tags import Tag
from kmip.versions import V1_0, V2_0
from server.context import Context
from server.crypto import costs
from server.crypto.certificates.pkcs12 import seal_pkcs12
from server.keys import key_use
from server.objects.managed_object import ManagedObject

MAX_CHAIN: Final = 16
"""Certificates above the key's own: chains have three or four."""

DEFAULT_NAME: Final = "alias"
"""The friendly name of a key that has none (2.1 section 4.39)."""


class PasswordNotActive(KMIPError):
    """The secret data that seals a container is not Active (OASIS TC-PKCS12-2)."""

    reasons = ((V1_0, R.PERMISSION_DENIED), (V2_0, R.WRONG_KEY_LIFECYCLE_STATE))


async def contain(context: Context, managed_object: ManagedObject, block: KeyBlock) -> KeyBlock:
    """A private key's block as a container of the key, its certificates and the password's seal.

    Raises:
        BadPassword: there is not exactly one password link to active secret data.
        InvalidField: the chain is too long or no chain of certificates.
    """
    password = await _password(context, managed_object)
    key = await key_use.open_block(context, ObjectType.PRIVATE_KEY, block)
    chain = await _chain(context, managed_object)
    name = managed_object.attributes.get(Tag.PKCS_12_FRIENDLY_NAME, DEFAULT_NAME)
    sealed = await context.compute(costs.PKCS_12, seal_pkcs12, key, chain, password, name)
    return plain_block(KeyFormatType.PKCS_12, sealed)


async def _password(context: Context, managed_object: ManagedObject) -> bytes:
    links = _linked(managed_object, LinkType.PKCS_12_PASSWORD_LINK)
    if len(links) != 1:
        raise BadPassword("the key has no single PKCS#12 Password Link")
    try:
        secret = await context.find(links[0])
        if secret.object_type != ObjectType.SECRET_DATA:
            raise BadPassword("the PKCS#12 Password Link does not lead to secret data")
        key_use.check_active(context, secret)
        return bytes((await key_use.open_key(context, secret, None)).key)
    except WrongKeyLifecycleState:
        raise PasswordNotActive("the PKCS#12 password is not active") from None
    except KMIPError as error:
        if type(error) in key_use.NOT_FOUND:
            raise BadPassword("the PKCS#12 Password Link leads nowhere") from None
        raise


async def _chain(context: Context, managed_object: ManagedObject) -> list[x509.Certificate]:
    """The certificates from the key's own upwards, as the links of the key lead.

    Where the private key has no link to a certificate, its public key may (2.1 section 6.1.19).
    """
    found: list[x509.Certificate] = []
    at = managed_object
    halves = _linked(managed_object, LinkType.PUBLIC_KEY_LINK)
    if not _linked(managed_object, LinkType.PKCS_12_CERTIFICATE_LINK) and halves:
        at = await context.find(halves[0])
    while links := _certificates(at):
        if len(found) > MAX_CHAIN:
            raise InvalidField("the chain of certificates is too long")
        at = await context.find(links[0])
        content = await context.content(at)
        if not isinstance(content, Certificate):
            raise InvalidField("a PKCS#12 Certificate Link does not lead to a certificate")
        try:
            found.append(x509.load_der_x509_certificate(content.certificate_value))
        except ValueError:
            raise InvalidField("a certificate of the chain cannot be read") from None
    return found


def _certificates(managed_object: ManagedObject) -> list[Any]:
    return _linked(managed_object, LinkType.PKCS_12_CERTIFICATE_LINK) or (
        _linked(managed_object, LinkType.CERTIFICATE_LINK)
        if managed_object.object_type == ObjectType.CERTIFICATE
        else []
    )


def _linked(managed_object: ManagedObject, kind: LinkType) -> list[Any]:
    return [
        link.linked_object_identifier
        for link in managed_object.attributes.all(Tag.LINK)
        if link.link_type == kind
    ]
