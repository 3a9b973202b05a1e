from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from kmip.enums import CryptographicAlgorithm as A
from kmip.errors import InvalidField
from server.crypto.certificates.pkcs12 import seal_pkcs12
from tests.server.crypto.samples import private_key

KEYS = [A.RSA, A.DSA, A.EC, A.ED25519, A.ED448]


def certificate(key, name):
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=1))
        .sign(private_key(A.EC), hashes.SHA256())
    )


@pytest.mark.parametrize("algorithm", KEYS)
def test_what_was_sealed_opens_with_the_password(algorithm):
    key = private_key(algorithm)
    own, above = certificate(key, "own"), certificate(private_key(A.EC), "above")
    sealed = seal_pkcs12(key, [own, above], b"password", "friend")
    opened = pkcs12.load_pkcs12(sealed, b"password")
    assert opened.key.public_key() == key.public_key()
    assert opened.cert.certificate == own
    assert opened.cert.friendly_name == b"friend"
    assert [each.certificate for each in opened.additional_certs] == [above]
    with pytest.raises(ValueError, match="password"):
        pkcs12.load_pkcs12(sealed, b"Password")


def test_a_key_may_go_alone():
    opened = pkcs12.load_pkcs12(
        seal_pkcs12(private_key(A.EC), [], b"password", "friend"), b"password"
    )
    assert (opened.cert, opened.additional_certs) == (None, [])


def test_what_cannot_be_sealed_is_refused():
    with pytest.raises(InvalidField):
        seal_pkcs12(private_key(A.DH), [], b"password", "friend")
    foreign = certificate(private_key(A.RSA), "foreign")
    with pytest.raises(InvalidField):
        seal_pkcs12(private_key(A.EC), [foreign], b"password", "friend")
