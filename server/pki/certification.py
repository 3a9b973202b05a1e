"""What Certify and Re-certify have in common: the request for a certificate, and the new object."""

from __future__ import annotations

from typing import Final

from kmip.attribute_values import Link
from kmip.attributes import Attributes
from kmip.enums import CertificateRequestType as Type
from kmip.enums import CertificateType, LinkType, ObjectType
from kmip.errors import InvalidCSR, InvalidField, InvalidObjectType
from kmip.objects import Certificate, CertificateRequest
from kmip.tags import Tag
from server.attributes import initial
from server.context import Context
from server.crypto import costs
from server.crypto.certificates.certificate_facts import request_facts
from server.crypto.keys import key_costs
from server.objects.managed_object import ManagedObject
from server.pki import issuance, issuer
from server.pki.issuance import Subject

READ: Final = (Type.PKCS_10, Type.PEM)
"""The types of request that are understood; PEM is PEM-encoded PKCS#10."""


async def subject_of(context: Context, kind: Type | None, value: bytes) -> Subject:
    """What a certificate request asks for, its proof of possession verified.

    Args:
        context: of the request.
        kind: the Certificate Request Type.
        value: the request.

    Raises:
        InvalidField: there is no type.
        InvalidCSR: it is of another type, or does not hold.
    """
    if kind is None:
        raise InvalidField("a Certificate Request has a Certificate Request Type")
    if kind not in READ:
        raise InvalidCSR("the server reads certificate requests of PKCS#10")
    cost = costs.CERTIFICATE.of(len(value)) + costs.VERIFYING
    facts = await context.compute(cost, request_facts, value)
    if facts.public_key is None:
        raise InvalidCSR("the server does not know this kind of key")
    return Subject(facts.request.subject, facts.public_key, issuance.alternatives_of(facts.request))


async def subject_of_object(context: Context, managed_object: ManagedObject) -> Subject:
    """What a Certificate Request in the store asks for."""
    content = await context.content(managed_object)
    if not isinstance(content, CertificateRequest):
        raise InvalidObjectType("the object is no certificate request")
    kind, value = content.certificate_request_type, content.certificate_request_value
    return await subject_of(context, kind, value)


async def certificate(context: Context, subject: Subject) -> Certificate:
    """A new certificate.

    Raises:
        FeatureNotSupported: there is no authority.
    """
    authority = await issuer.issuer(context)
    days = context.server.config.issued_days
    cost = costs.SIGNING_CERTIFICATE + key_costs.of_use(authority.key)
    value = await context.compute(cost, issuance.issue, authority, subject, context.now, days)
    return Certificate(certificate_type=CertificateType.X_509, certificate_value=value)


async def new_certificate(
    context: Context, content: Certificate, attributes: Attributes
) -> ManagedObject:
    """The new object; what the certificate itself says comes before what was asked for."""
    facts = await initial.read(context, content)
    kept = attributes.copy()
    for tag in facts.attributes if facts else ():
        kept.set(tag, None)
    return initial.new_object(
        context, ObjectType.CERTIFICATE, content, kept, created=False, checked=True, facts=facts
    )


async def requested_attributes(context: Context, attributes: Attributes | None) -> Attributes:
    """The attributes that a request sets, if it may.

    Raises:
        InvalidField: another type of certificate is asked for.
    """
    found = await initial.resolve(context, attributes)
    initial.check_set(context, ObjectType.CERTIFICATE, found)
    if found.get(Tag.CERTIFICATE_TYPE, CertificateType.X_509) != CertificateType.X_509:
        raise InvalidField("the server makes certificates of X.509")
    return found


def point(managed_object: ManagedObject, kind: LinkType, identifier: str) -> None:
    """Make this the only link of its kind."""
    links = managed_object.attributes.values.get(Tag.LINK, {})
    for index in [index for index, link in links.items() if link.link_type == kind]:
        managed_object.attributes.remove(Tag.LINK, index)
    managed_object.attributes.add(
        Tag.LINK, Link(link_type=kind, linked_object_identifier=identifier)
    )
