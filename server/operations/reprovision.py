"""Re-Provision (2.1 section 6.1.48).

The certificate of the connection is replaced: by one that the client brings, by one that the server
signs for the key of a certificate request, or by a pair and a certificate that the server makes.
The present one is refused from the next message on; for some minutes it may still fetch what was
made (`server.access.replaced_certificates`).
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from functools import partial
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from kmip.attribute_values import Digest
from kmip.attributes import Attributes
from kmip.enums import (
    CertificateType,
    CryptographicAlgorithm,
    HashingAlgorithm,
    KeyFormatType,
    LinkType,
    ObjectType,
    Operation,
    State,
    UniqueIdentifier,
)
from kmip.errors import InvalidField, PermissionDenied
from kmip.masks import CryptographicUsageMask
from kmip.objects import Certificate, CertificateRequest
from kmip.payloads.reprovision import ReProvisionRequest, ReProvisionResponse
from kmip.tags import Tag
from server.access.client import fingerprint_of
from server.access.client_certificates import Chain
from server.access.replaced_certificates import ReplacedCertificates
from server.attributes import initial
from server.context import Context
from server.crypto import costs
from server.crypto.keys import key_types
from server.keys import pair_generation
from server.objects.managed_object import ManagedObject
from server.pki import certification, link_credentials
from server.registry import operation
from server.sessions.identification import Means

log: Final = logging.getLogger(__name__)

ENDED: Final = (State.DEACTIVATED, State.COMPROMISED, State.DESTROYED_COMPROMISED)
"""What a certificate's object is in once it has been revoked."""


@operation(Operation.REPROVISION)
async def reprovision(context: Context, request: ReProvisionRequest) -> ReProvisionResponse:
    """Replace the certificate by which the client has connected."""
    if request.certificate is not None and request.certificate_request is not None:
        raise InvalidField("a certificate request or a certificate is given, not both")
    replaced = context.server.replaced_certificates
    chain = await _present(context, replaced)
    if request.certificate is not None:
        made = [await _brought(context, request.certificate, chain)]
    elif request.certificate_request is not None:
        made = [await _requested(context, request.certificate_request, chain)]
    else:
        made = await _generated(context, chain)
    for each in made:
        context.objects.add(each)
    identifiers = [each.identifier for each in made]
    fetched = [] if request.certificate is not None else identifiers
    context.objects.put_note(replaced.put(chain[0], fetched, context.client.name, context.now))
    log.info(
        "a client replaces its certificate sha256:%s: %s",
        fingerprint_of(chain[0]),
        ", ".join(identifiers),
    )
    context.remember(identifiers[0], UniqueIdentifier.REPROVISION)
    return ReProvisionResponse(unique_identifier=identifiers[0])


async def _present(context: Context, replaced: ReplacedCertificates) -> Chain:
    """The certificate that is to be replaced, and those above it.

    Raises:
        PermissionDenied: the client has come in by something else, or its certificate does not
            hold: it has expired, or has been revoked.
    """
    known_by = context.client.identification
    if known_by is None or known_by.means != Means.CERTIFICATE or context.client.permission:
        raise PermissionDenied("a client replaces the certificate by which it connects itself")
    rules = context.server.certificate_rules
    chain, now = known_by.chain, _time(context)
    link_credentials.check_current(rules() if rules is not None else None, chain, now)
    if replaced.have(known_by) or context.objects.has_note(replaced.name_of(chain[0])):
        raise PermissionDenied("the certificate has been replaced already")
    if await _is_revoked(context, known_by.subject):
        raise PermissionDenied("the present credential has been revoked")
    if not await replaced.may_add(context.client.name, context.now):
        raise PermissionDenied("too many certificates of this client have been replaced")
    return chain


async def _is_revoked(context: Context, fingerprint: str) -> bool:
    """Whether an object of the client's that is this certificate has been revoked."""
    digest = Digest(
        hashing_algorithm=HashingAlgorithm.SHA_256,
        digest_value=bytes.fromhex(fingerprint),
        key_format_type=KeyFormatType.X_509,
    )
    wanted = Attributes([(Tag.OBJECT_TYPE, ObjectType.CERTIFICATE), (Tag.DIGEST, digest)])
    located = await context.objects.locate(wanted, context.client.name)
    for identifier in located.identifiers:
        found = await context.objects.find(identifier)
        if found is not None and found.state(context.now) in ENDED:
            return True
    return False


async def _brought(context: Context, certificate: Certificate, chain: Chain) -> ManagedObject:
    """The object of a certificate that the client has from its authority."""
    rules = context.server.certificate_rules
    if rules is None or certificate.certificate_type != CertificateType.X_509:
        raise InvalidField("a client connects by a certificate of X.509")
    value = certificate.certificate_value
    examine = partial(link_credentials.examined, value, context.client.name, rules(), chain)
    cost = costs.CERTIFICATE.of(len(value)) + len(rules().authorities) * costs.VERIFYING
    return await _object(context, await context.compute(cost, examine, _time(context)))


async def _requested(context: Context, request: CertificateRequest, chain: Chain) -> ManagedObject:
    """The object of a certificate for the key of a certificate request."""
    kind, value = request.certificate_request_type, request.certificate_request_value
    subject = await certification.subject_of(context, kind, value)
    link_credentials.check_request(subject.name, context.client.name)
    return await _object(context, await _signed(context, subject.key, chain[0]))


async def _generated(context: Context, chain: Chain) -> list[ManagedObject]:
    """The objects of a pair and its certificate; the private key first."""
    cost = costs.of_key_pair(CryptographicAlgorithm.EC, 256)
    key = await context.compute(cost, ec.generate_private_key, ec.SECP256R1())
    public = key_types.public_half(key)
    certificate = await _object(context, await _signed(context, public, chain[0]))
    pair = pair_generation.of_key(key, CryptographicAlgorithm.EC)
    own = [
        initial.new_object(
            context, kind, content, _usable(context, mask), created=True, checked=True
        )
        for kind, content, mask in (
            (ObjectType.PRIVATE_KEY, pair.private_key, CryptographicUsageMask.SIGN),
            (ObjectType.PUBLIC_KEY, pair.public_key, CryptographicUsageMask.VERIFY),
        )
    ]
    initial.link(own[0], LinkType.PUBLIC_KEY_LINK, own[1].identifier)
    initial.link(own[0], LinkType.CERTIFICATE_LINK, certificate.identifier)
    initial.link(own[1], LinkType.PRIVATE_KEY_LINK, own[0].identifier)
    initial.link(own[1], LinkType.CERTIFICATE_LINK, certificate.identifier)
    initial.link(certificate, LinkType.PUBLIC_KEY_LINK, own[1].identifier)
    initial.link(certificate, LinkType.PRIVATE_KEY_LINK, own[0].identifier)
    return [*own, certificate]


def _usable(context: Context, mask: CryptographicUsageMask) -> Attributes:
    return Attributes([(Tag.CRYPTOGRAPHIC_USAGE_MASK, mask), (Tag.ACTIVATION_DATE, context.now)])


async def _signed(context: Context, key: key_types.PublicKey, current: x509.Certificate) -> bytes:
    """A certificate for a key of the client's, DER, by the clients' own authority."""
    sign = partial(
        link_credentials.signed, context.server.config, context.client.name, key, current
    )
    return await context.compute(costs.BLOCKING, sign, _time(context))


async def _object(context: Context, der: bytes) -> ManagedObject:
    """The managed object of a certificate."""
    content = Certificate(certificate_type=CertificateType.X_509, certificate_value=der)
    attributes = _usable(context, CryptographicUsageMask.VERIFY)
    return await certification.new_certificate(context, content, attributes)


def _time(context: Context) -> datetime:
    return datetime.fromtimestamp(context.now, UTC)
