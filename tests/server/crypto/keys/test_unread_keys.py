"""Certificates and requests of Diffie-Hellman keys, which the library must not read."""

import itertools

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kmip.enums import CryptographicAlgorithm as A
from kmip.errors import InvalidCSR
from server.crypto.certificates import certificate_facts as facts
from server.pki import issuance, path_validation
from tests.server.crypto.samples import private_key

NAME = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "anybody")])
EC = private_key(A.EC)
CERTIFICATE = issuance.authority(EC, "anybody", 1_700_000_000, 10).public_bytes(Encoding.DER)
REQUEST = (
    x509.CertificateSigningRequestBuilder()
    .subject_name(NAME)
    .add_extension(x509.SubjectAlternativeName([x509.DNSName("n" * 200)]), critical=False)
    .sign(EC, hashes.SHA256())
    .public_bytes(Encoding.DER)
)


def spki(key) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def head(tag: int, length: int) -> bytes:
    return bytes([tag, 0x82]) + length.to_bytes(2, "big")


def with_diffie_hellman(data: bytes) -> bytes:
    """The same document with another key: both sequences around it grow by as much."""
    old, new = spki(EC), spki(private_key(A.DH))
    assert data.count(old) == 1
    at, more = data.index(old), len(new) - len(old)
    starts = [0, 4]  # of the document, and of what is signed
    assert all(data[start : start + 2] == b"\x30\x82" for start in starts)
    sizes = [int.from_bytes(data[start + 2 : start + 4], "big") + more for start in starts]
    outer, inner = itertools.starmap(head, ((0x30, size) for size in sizes))
    return outer + inner + data[8:at] + new + data[at + len(old) :]


def test_a_certificate_is_kept_and_its_key_left_alone():
    document = with_diffie_hellman(CERTIFICATE)
    certificate = x509.load_der_x509_certificate(document)
    assert not facts.has_readable_key(certificate)
    assert facts.certificate_facts(document).public_key is None
    assert not path_validation.signs_itself(certificate)
    assert facts.certificate_facts(CERTIFICATE).public_key == EC.public_key()


def test_a_request_is_refused():
    assert facts.request_facts(REQUEST).public_key == EC.public_key()
    with pytest.raises(InvalidCSR, match="signature"):
        facts.request_facts(with_diffie_hellman(REQUEST))
