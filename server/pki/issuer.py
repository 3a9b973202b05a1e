"""The authority behind Certify and Re-certify, as the setting `issuer` names it.

    none:        there is none
    own:         made in the sealed store at its first use, and read there
    file:PATH    a PEM file of a private key and its certificate, for the operator alone to read
    object:ID    a certificate in the store; its private key is the one it links to, itself or by
                 its public key, and must be Active and allowed to sign

What the authority signs says only that a client of this server asked for it.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from kmip.enums import CryptographicAlgorithm as A
from kmip.enums import LinkType
from kmip.errors import FeatureNotSupported, KMIPError
from kmip.masks import CryptographicUsageMask
from kmip.objects import Certificate
from kmip.tags import Tag
from server.context import Context
from server.crypto import costs
from server.keys import key_use
from server.objects.managed_object import ManagedObject
from server.pki import issuance
from server.pki.issuance import Issuer
from server.setup import files
from server.setup.failure import Failure

log: Final = logging.getLogger(__name__)

RECORD: Final = b"issuer"
OWN_NAME: Final = "Strongroom issuer"
OWN_DAYS: Final = 3650

SIGNS: Final = key_use.Use(
    CryptographicUsageMask.CERTIFICATE_SIGN | CryptographicUsageMask.SIGN, protects=True
)


class NotUsable(KMIPError):
    """The authority that is set up cannot be used (General Failure: only the operator mends it)."""


async def issuer(context: Context) -> Issuer:
    """The authority.

    Raises:
        FeatureNotSupported: there is none.
        NotUsable: the one that is set up cannot be used; the log says why.
    """
    scheme, _, place = context.server.config.issuer.partition(":")
    source = SOURCES.get(scheme)
    if source is None:
        raise FeatureNotSupported("no authority is set up that would sign certificates")
    try:
        return await source(context, place)
    except (Failure, KMIPError, ValueError, TypeError) as error:
        log.error("the issuer %s: cannot be used: %s", scheme, error)  # noqa: TRY400 - the operator's to mend
        raise NotUsable("the authority of this server cannot be used") from None


async def anchors(context: Context) -> list[x509.Certificate]:
    """The authority's certificate, where one is set up, has been used, and can be used."""
    is_unused = not (await context.objects.note(RECORD))[0]
    if context.server.config.issuer.startswith("own:") and is_unused:
        return []
    try:
        return [(await issuer(context)).certificate]
    except (FeatureNotSupported, NotUsable):
        return []


async def _own(context: Context, place: str) -> Issuer:
    content, version = await context.objects.note(RECORD)
    if not content:
        content = await context.compute(costs.of_key_pair(A.EC, 384), _new, context.now)
        context.objects.write_note(RECORD, content, version)
    return await _read(context, content)


def _new(now: int) -> bytes:
    key = ec.generate_private_key(ec.SECP384R1())
    certificate = issuance.authority(key, OWN_NAME, now, OWN_DAYS)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private + certificate.public_bytes(Encoding.PEM)


async def _file(context: Context, place: str) -> Issuer:
    content = await context.compute(
        costs.BLOCKING, files.read_private, Path(place), "The issuer's file"
    )
    return await _read(context, content)


async def _read(context: Context, content: bytes) -> Issuer:
    cost = costs.of_loading(len(content), private=True)
    return await context.compute(cost, _loaded, content)


def _loaded(content: bytes) -> Issuer:
    certificate = x509.load_pem_x509_certificates(content)[0]
    key = load_pem_private_key(content, None)
    if key.public_key() != certificate.public_key():
        raise Failure("its private key is not its certificate's")
    return Issuer(certificate, key)


async def _object(context: Context, place: str) -> Issuer:
    managed_object = await _named(context, place)
    content = await context.content(managed_object)
    if not isinstance(content, Certificate):
        raise Failure("it is no certificate")
    private = await _private(context, managed_object)
    key_use.check_use(context, private, SIGNS)
    key = (await key_use.open_key(context, private, None)).key
    certificate = issuance.load(content.certificate_value)
    if key.public_key() != certificate.public_key():
        raise Failure("its private key is not its certificate's")
    return Issuer(certificate, key)


async def _named(context: Context, identifier: str) -> ManagedObject:
    """An object that the operator names, whoever owns it."""
    managed_object = await context.objects.find(identifier)
    if managed_object is None:
        raise Failure(f"there is no object {identifier}")
    return managed_object


async def _private(context: Context, managed_object: ManagedObject) -> ManagedObject:
    """The private key that a certificate links to, or that its public key links to."""
    public = linked(managed_object, LinkType.PUBLIC_KEY_LINK)
    private = linked(managed_object, LinkType.PRIVATE_KEY_LINK)
    if private is None and public is not None:
        private = linked(await _named(context, public), LinkType.PRIVATE_KEY_LINK)
    if private is None:
        raise Failure("it has no link to a private key")
    return await _named(context, private)


def linked(managed_object: ManagedObject, kind: LinkType) -> str | None:
    """What an object links to, by the first link of this kind."""
    for link in managed_object.attributes.all(Tag.LINK):
        if link.link_type == kind:
            return str(link.linked_object_identifier)
    return None


Source = Callable[[Context, str], Awaitable[Issuer]]

SOURCES: Final[dict[str, Source]] = {"own": _own, "file": _file, "object": _object}
"""What each scheme of the setting means; others mean that there is none."""
