from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, pkcs12
from cryptography.x509.oid import NameOID
from samples import private_key

from kmip.enums import CryptographicAlgorithm as A
from kmip.errors import BadPassword, KeyFormatTypeNotSupported
from server.crypto.certificates.pkcs12 import MAX_FILE, open_pkcs12, seal_pkcs12
from server.crypto.errors import InvalidKey

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
    chain = (own.public_bytes(Encoding.DER), above.public_bytes(Encoding.DER))
    sealed = seal_pkcs12(key, chain, b"password", "friend")
    opened = open_pkcs12(sealed, b"password")
    assert opened.key.public_key() == key.public_key()
    assert opened.certificates == chain
    assert opened.friendly_name == "friend"


def test_a_key_may_go_alone_and_a_certificate_be_pem():
    key = private_key(A.EC)
    opened = open_pkcs12(seal_pkcs12(key, (), b"password"), b"password")
    assert (opened.certificates, opened.friendly_name) == ((), None)
    own = certificate(key, "own")
    sealed = seal_pkcs12(key, [own.public_bytes(Encoding.PEM)], b"password")
    assert open_pkcs12(sealed, b"password").certificates == (own.public_bytes(Encoding.DER),)


def test_a_wrong_password_and_a_damaged_file_look_alike():
    sealed = seal_pkcs12(private_key(A.EC), (), b"password")
    for data, password in [
        (sealed, b"Password"),
        (sealed, b""),
        (sealed[:100] + bytes([sealed[100] ^ 1]) + sealed[101:], b"password"),
        (b"", b"password"),
        (b"garbage", b"password"),
    ]:
        with pytest.raises(BadPassword, match="does not open"):
            open_pkcs12(data, password)


def test_what_cannot_be_sealed_is_refused():
    with pytest.raises(KeyFormatTypeNotSupported):
        seal_pkcs12(private_key(A.DH), (), b"password")
    with pytest.raises(BadPassword):
        seal_pkcs12(private_key(A.EC), (), b"")
    with pytest.raises(InvalidKey):
        seal_pkcs12(private_key(A.EC), [b"garbage"], b"password")


def test_what_holds_no_key_is_refused():
    only = certificate(private_key(A.EC), "own")
    data = pkcs12.serialize_key_and_certificates(None, None, only, None, NoEncryption())
    with pytest.raises((InvalidKey, BadPassword)):
        open_pkcs12(data, b"")
    with pytest.raises(InvalidKey):
        open_pkcs12(bytes(MAX_FILE + 1), b"")
