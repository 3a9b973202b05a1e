"""Re-certify (2.1 section 6.1.45)."""

from __future__ import annotations

from kmip.enums import LinkType, ObjectType, Operation, UniqueIdentifier
from kmip.errors import InvalidCSR, InvalidField, InvalidObjectType, NotAuthorised, ObjectNotFound
from kmip.objects import Certificate
from kmip.payloads.recertify import ReCertifyRequest, ReCertifyResponse
from server.attributes import inheritance, initial, protection_storage
from server.context import Context
from server.objects.managed_object import ManagedObject
from server.pki import certification, issuance, issuer
from server.pki.issuance import Subject
from server.registry import operation


@operation(Operation.RECERTIFY)
async def recertify(context: Context, request: ReCertifyRequest) -> ReCertifyResponse:
    """Renew a certificate for the same key; the new one takes the place of the old."""
    old = await context.change(request.unique_identifier)
    content = await context.content(old)
    if not isinstance(content, Certificate):
        raise InvalidObjectType("a certificate is renewed")
    inheritance.check_replaceable(old, context.now)
    context.used.add(old.identifier)
    requested = await certification.requested_attributes(context, request.attributes)
    protection_storage.check(requested, request.protection_storage_masks)
    subject = await _subject(context, request, content)
    attributes = inheritance.inherited(context, old, requested, request.offset)
    new = await certification.new_certificate(
        context, await certification.certificate(context, subject), attributes
    )
    await _link(context, old, new)
    await inheritance.replace(context, old, new)
    context.remember(new.identifier, UniqueIdentifier.RECERTIFY)
    return ReCertifyResponse(unique_identifier=new.identifier)


async def _subject(context: Context, request: ReCertifyRequest, content: Certificate) -> Subject:
    """What the new certificate says: as the certificate request, or else as the old one.

    Raises:
        InvalidCSR: the certificate request does not hold, or is for another key.
        InvalidField: the old certificate's key cannot be certified.
    """
    facts = await initial.read(context, content)
    key = None if facts is None else facts.public_key
    if key is None:
        raise InvalidField("the server does not know this kind of key")
    value, identifier = (
        request.certificate_request_value,
        request.certificate_request_unique_identifier,
    )
    if value is not None:
        subject = await certification.subject_of(context, request.certificate_request_type, value)
    elif identifier is not None:
        subject = await certification.subject_of_object(context, await context.find(identifier))
    else:
        old = issuance.load(content.certificate_value)
        return Subject(old.subject, key, issuance.alternatives_of(old))
    if subject.key != key:
        raise InvalidCSR("the certificate request is for another key")
    return subject


async def _link(context: Context, old: ManagedObject, new: ManagedObject) -> None:
    """Let the public key and the new certificate point to each other."""
    identifier = issuer.linked(old, LinkType.PUBLIC_KEY_LINK)
    if identifier is None:
        return
    try:
        public = await context.change(identifier)
    except (ObjectNotFound, NotAuthorised):
        return  # it is gone, another client's, or beyond the ticket
    if public.object_type != ObjectType.PUBLIC_KEY:
        return
    certification.point(public, LinkType.CERTIFICATE_LINK, new.identifier)
    initial.link(new, LinkType.PUBLIC_KEY_LINK, public.identifier)
    context.keep(public)
