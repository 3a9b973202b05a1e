"""Certificates by which a client connects, made and examined for Re-Provision.

A new certificate has to name the same client, or the client would lose its objects to another name;
and it has to be one that a connection is let in by, so it is of an authority whose clients are
accepted, and is judged by the rules that hold for connections.

Certificates are made here where the server has the key of the clients' authority, which is the one
that its first start made. Any other authority makes them itself, and the client brings one.

Source: KMIP 2.1 section 6.1.48; RFC 5280 sections 4.2.1.9 and 4.2.1.12.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from kmip.errors import FeatureNotSupported, InvalidCSR, InvalidField, PermissionDenied
from server.access.client import name_of, unreserved
from server.access.client_certificates import Chain, NotAccepted, Rules
from server.crypto.certificates.certificate_facts import CERTIFICATE_ERRORS
from server.crypto.keys.key_types import PublicKey
from server.pki import local_authority, local_x509
from server.pki.issuance import load
from server.setup.config import Config
from server.setup.failure import Failure

MIN_RSA_BITS: Final = 2048
CURVES: Final = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
PURPOSES: Final = (ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)
NOT_SIGNED_HERE: Final = "the clients' authority is not here: bring a certificate of it"


def check_current(rules: Rules | None, chain: Chain, now: datetime) -> Rules:
    """The rules of connections, where they accept the certificate that is to be replaced.

    Raises:
        PermissionDenied: it has ended, is revoked, or is refused.
        FeatureNotSupported: no certificate is judged here.
    """
    if rules is None or not chain:
        raise FeatureNotSupported("clients are not known by their certificates here")
    try:
        rules.check(chain, now)
    except NotAccepted as error:
        raise PermissionDenied(f"the present credential does not hold: {error}") from None
    return rules


def signed(
    config: Config, client: str, key: PublicKey, current: x509.Certificate, now: datetime
) -> bytes:
    """A new certificate of the clients' own authority, DER; it takes some milliseconds, and files.

    Args:
        config: says where the authority is.
        client: the name of the client, which the new certificate must have.
        key: its new public key.
        current: its certificate, whose Common Name is taken over.
        now: the time, with its zone.

    Raises:
        FeatureNotSupported: the authority's key is not here, or such names are not of its making.
        InvalidCSR: the key is of a kind that it does not sign, or the present one.
    """
    if config.use_bootstrap_server or config.tls_client_ca is not None:
        raise FeatureNotSupported(NOT_SIGNED_HERE)
    if not isinstance(key, local_x509.PublicKey) or not _is_strong(key):
        raise InvalidCSR("a client's key is on P-256, P-384 or P-521, or RSA of 2048 bits or more")
    if key == current.public_key():
        raise InvalidCSR("the key is that of the present certificate")
    names = current.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    try:
        made = local_authority.certify_client(
            config.tls_directory, str(names[0].value) if names else "", key, now
        )
    except Failure:
        raise FeatureNotSupported(NOT_SIGNED_HERE) from None
    if name_of(made) != client:
        raise FeatureNotSupported("the present certificate names its client in another way")
    return made.public_bytes(Encoding.DER)


def _is_strong(key: local_x509.PublicKey) -> bool:
    if isinstance(key, rsa.RSAPublicKey):
        return key.key_size >= MIN_RSA_BITS
    return isinstance(key.curve, CURVES)


def check_request(request: x509.Name, client: str) -> None:
    """Let pass a certificate request that names this client, or nobody.

    Raises:
        InvalidCSR: it names another.
    """
    names = request.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    if list(request) and [unreserved(str(each.value)) for each in names] != [client]:
        raise InvalidCSR("the certificate request names another client")


def examined(value: bytes, client: str, rules: Rules, chain: Chain, now: datetime) -> bytes:
    """A certificate that a client has brought, DER, if the client can connect by it.

    Args:
        value: the certificate.
        client: the name of the client.
        rules: by which connections are judged.
        chain: of its present certificate, whose authorities count too.
        now: the time, with its zone.

    Raises:
        InvalidField: it is none, is an authority's, is for another purpose, or names another.
        PermissionDenied: no connection is let in by it.
    """
    certificate = load(value)
    if certificate == chain[0]:
        raise InvalidField("the certificate is the present one")
    try:
        _check_extensions(certificate)
        named = name_of(certificate)
        above = next((each for each in _above(rules, chain) if _signs(each[0], certificate)), None)
    except (*CERTIFICATE_ERRORS, x509.DuplicateExtension):
        raise InvalidField("the certificate cannot be read") from None
    if named != client:
        raise InvalidField("the certificate names another client")
    if above is None:
        raise PermissionDenied("the certificate is of no authority whose clients are let in")
    try:
        rules.check((certificate, *above), now)
    except NotAccepted as error:
        raise PermissionDenied(f"no connection is let in by it: {error}") from None
    return certificate.public_bytes(Encoding.DER)


def _above(rules: Rules, chain: Chain) -> list[Chain]:
    """What may be above a client's certificate: an authority, or what is above the present one."""
    return [*((each,) for each in rules.authorities), *(chain[at:] for at in range(1, len(chain)))]


def _signs(authority: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _check_extensions(certificate: x509.Certificate) -> None:
    found = {type(each.value): each.value for each in certificate.extensions}
    constraints = found.get(x509.BasicConstraints)
    if isinstance(constraints, x509.BasicConstraints) and constraints.ca:
        raise InvalidField("the certificate is an authority's")
    purposes = found.get(x509.ExtendedKeyUsage)
    if isinstance(purposes, x509.ExtendedKeyUsage) and not set(purposes) & set(PURPOSES):
        raise InvalidField("the certificate is not for clients")
