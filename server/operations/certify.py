"""Certify (2.1 section 6.1.6)."""

from __future__ import annotations

from typing import Final, NamedTuple

from cryptography import x509

from kmip.attributes import Attributes
from kmip.enums import LinkType, ObjectType, Operation, State, UniqueIdentifier
from kmip.errors import InvalidCSR, InvalidObjectType, WrongKeyLifecycleState
from kmip.payloads.certify import CertifyRequest, CertifyResponse
from kmip.tags import Tag
from server.attributes import initial, protection_storage
from server.context import Context
from server.keys import key_use
from server.objects.managed_object import ManagedObject
from server.pki import certification, issuance
from server.pki.certificate_parts import common_name
from server.pki.issuance import Subject
from server.registry import operation

NOT_CERTIFIED: Final = (State.COMPROMISED, State.DESTROYED_COMPROMISED)


class Certified(NamedTuple):
    """What is certified.

    Attributes:
        subject: what the certificate is to say.
        public_key: the object, where the server has it.
        request: the certificate request, where it is an object.
    """

    subject: Subject
    public_key: ManagedObject | None = None
    request: ManagedObject | None = None


@operation(Operation.CERTIFY)
async def certify(context: Context, request: CertifyRequest) -> CertifyResponse:
    """Make a certificate for a public key, as a certificate request or attributes say."""
    attributes = await certification.requested_attributes(context, request.attributes)
    protection_storage.check(attributes, request.protection_storage_masks)
    found = await _certified(context, request, attributes)
    content = await certification.certificate(context, found.subject)
    managed_object = await certification.new_certificate(
        context, content, _with_mask(attributes, found.public_key)
    )
    if found.public_key is not None:
        public = found.public_key.copy()
        initial.link(public, LinkType.CERTIFICATE_LINK, managed_object.identifier)
        initial.link(managed_object, LinkType.PUBLIC_KEY_LINK, public.identifier)
        context.keep(public)
    if found.request is not None:
        managed_object.attributes.add(Tag.CERTIFICATE_REQUEST_LINK, found.request.identifier)
    context.objects.add(managed_object)
    context.remember(managed_object.identifier, UniqueIdentifier.CERTIFY)
    return CertifyResponse(unique_identifier=managed_object.identifier)


async def _certified(
    context: Context, request: CertifyRequest, attributes: Attributes
) -> Certified:
    """What the request names: a public key, a certificate request, or both.

    Raises:
        InvalidObjectType: it names something else.
        InvalidCSR: the certificate request does not hold, or is for another key.
        WrongKeyLifecycleState: the key is compromised.
    """
    value, identifier = request.certificate_request_value, request.unique_identifier
    if value is not None and not identifier:
        kind = request.certificate_request_type
        return Certified(await certification.subject_of(context, kind, value))
    managed_object = await context.find(identifier)
    context.used.add(managed_object.identifier)
    if managed_object.object_type == ObjectType.CERTIFICATE_REQUEST and value is None:
        return Certified(
            await certification.subject_of_object(context, managed_object), request=managed_object
        )
    if managed_object.object_type != ObjectType.PUBLIC_KEY:
        raise InvalidObjectType("a public key or a certificate request is certified")
    if managed_object.state(context.now) in NOT_CERTIFIED:
        raise WrongKeyLifecycleState("a compromised key is not certified")
    key = (await key_use.open_key(context, managed_object, None)).key
    if value is None:
        return Certified(Subject(_name(managed_object, attributes), key), managed_object)
    subject = await certification.subject_of(context, request.certificate_request_type, value)
    if subject.key != key:
        raise InvalidCSR("the certificate request is for another key")
    return Certified(subject, managed_object)


def _name(managed_object: ManagedObject, attributes: Attributes) -> x509.Name:
    """The subject's name: what is asked for, else the key's Name, else its identifier."""
    requested = issuance.name_of(attributes)
    if requested is not None:
        return requested
    name = managed_object.attributes.get(Tag.NAME)
    return common_name(managed_object.identifier if name is None else name.name_value)


def _with_mask(attributes: Attributes, public_key: ManagedObject | None) -> Attributes:
    """The attributes with the public key's usage mask, where they have none."""
    full = attributes.copy()
    if public_key is not None and Tag.CRYPTOGRAPHIC_USAGE_MASK not in full:
        mask = public_key.attributes.get(Tag.CRYPTOGRAPHIC_USAGE_MASK)
        full.set(Tag.CRYPTOGRAPHIC_USAGE_MASK, mask)
    return full
