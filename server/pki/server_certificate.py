"""A certificate that an organisation's authority issues for a key which never leaves the server.

Theory: the server makes a certificate signing request for its own key; an operator takes it to
their authority and gives the server what that issues. The key that clients then see is the one that
the server's evidence names, and nobody outside has it: the authority vouches for names, the chip
for the key.

A renewed certificate holds no secret and may be put on a disk that is its host's. It counts only if
it is for the same key and signed by an authority that the operator has given with the first one, so
that a host cannot present a certificate of an authority of its own.

Source: RFC 2986; RFC 5280 sections 4.2.1 and 6.1; names as in RFC 6125 section 6.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import pairwise
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from server.pki.certificate_parts import common_name, hash_of
from server.pki.local_authority import general_name
from server.setup.failure import Failure

MAX_CERTIFICATES: Final = 10
"""In a chain; real ones have two to four."""

OwnKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
Chain = tuple[x509.Certificate, ...]


def signing_request(key: OwnKey, names: Iterable[str]) -> bytes:
    """A certificate signing request for a key and names, PEM.

    Args:
        key: the server's own.
        names: DNS names and addresses, at least one; the first is the Common Name too.

    Raises:
        Failure: a name cannot be put in a certificate.
    """
    listed = tuple(names)
    alternatives = x509.SubjectAlternativeName([general_name(each) for each in listed])
    return (
        x509.CertificateSigningRequestBuilder()
        .subject_name(common_name(listed[0]))
        .add_extension(alternatives, critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hash_of(key))
        .public_bytes(Encoding.PEM)
    )


def read_chain(pem: bytes, what: str) -> Chain:
    """The server's certificate and those above it, in this order.

    Args:
        pem: certificates, with any text between them.
        what: what they are, to begin a sentence with.

    Raises:
        Failure: there are none or too many, or one is not signed by the next.
    """
    try:
        chain = tuple(x509.load_pem_x509_certificates(pem))
    except ValueError:
        raise Failure(f"{what} is not one or more certificates in PEM.") from None
    if len(chain) > MAX_CERTIFICATES:
        raise Failure(f"{what} has more than {MAX_CERTIFICATES} certificates.")
    for below, above in pairwise(chain):
        if not _is_issued_by(below, above):
            raise Failure(f"{what} is not a chain: each certificate must be signed by the next.")
    return chain


def check_key(chain: Chain, key: OwnKey, what: str) -> None:
    """Let pass a chain whose certificate is for this key.

    Raises:
        Failure: it is for another one.
    """
    try:
        same = chain[0].public_key() == key.public_key()
    except (ValueError, UnsupportedAlgorithm):
        same = False
    if not same:
        raise Failure(f"{what} is for another key than this server's.")


def check(chain: Chain, key: OwnKey, names: Iterable[str], now: datetime, what: str) -> None:
    """Let pass a chain that clients can use to reach the server which has this key.

    Args:
        chain: as from `read_chain`.
        key: the server's own.
        names: what the certificate must be for, all of it.
        now: the time, with its zone.
        what: what the chain is, to begin a sentence with.

    Raises:
        Failure: it is for another key, lacks a name or the purpose, or is not valid now.
    """
    check_key(chain, key, what)
    certificate = chain[0]
    try:
        alternatives = _alternatives(certificate)
        missing = [name for name in names if not _covers(alternatives, general_name(name))]
        purposes = _purposes(certificate)
    except ValueError:
        raise Failure(f"{what} has extensions that cannot be read.") from None
    if missing:
        raise Failure(f"{what} does not have the names {', '.join(missing)}.")
    if purposes is not None and ExtendedKeyUsageOID.SERVER_AUTH not in purposes:
        raise Failure(f"{what} is not for servers (serverAuth).")
    check_time(chain, now, what)


def check_time(chain: Chain, now: datetime, what: str) -> None:
    """Let pass a chain whose certificates are all valid now.

    Raises:
        Failure: one is not.
    """
    for each in chain:
        if not each.not_valid_before_utc <= now < each.not_valid_after_utc:
            begin, end = each.not_valid_before_utc, each.not_valid_after_utc
            raise Failure(
                f"{what} is not valid now, but from {begin:%Y-%m-%d %H:%M} to "
                f"{end:%Y-%m-%d %H:%M} UTC."
            )


def check_follows(renewed: Chain, first: Chain, what: str) -> None:
    """Let pass a renewed chain whose certificate an authority of the first chain has signed.

    Raises:
        Failure: none of them has.
    """
    if not any(_is_issued_by(renewed[0], authority) for authority in first[1:]):
        raise Failure(
            f"{what} is not signed by an authority that the operator gave with the first one."
        )


def _is_issued_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _alternatives(certificate: x509.Certificate) -> tuple[x509.GeneralName, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    return tuple(found.value)


def _purposes(certificate: x509.Certificate) -> x509.ExtendedKeyUsage | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return None


def _covers(alternatives: Iterable[x509.GeneralName], name: x509.GeneralName) -> bool:
    return any(name in _meant_by(each, name) for each in alternatives)


def _meant_by(alternative: x509.GeneralName, name: x509.GeneralName) -> Iterator[x509.GeneralName]:
    """The names that one in a certificate stands for, `name` among them if it does."""
    if not isinstance(alternative, x509.DNSName):
        yield alternative
        return
    dns = alternative.value.lower()
    yield x509.DNSName(dns)
    if dns.startswith("*.") and isinstance(name, x509.DNSName):
        label = name.value.partition(".")[0]
        yield x509.DNSName(f"{label}{dns[1:]}")
