from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from enclave import report_data

KEY = ec.derive_private_key(7, ec.SECP256R1()).public_key()


def test_claims_are_hashed_whole_and_the_rest_is_zero():
    assert report_data.of_claims(b"abc") == sha256(b"abc").digest() + bytes(32)


def test_an_elliptic_curve_key_counts_as_its_uncompressed_point():
    point = KEY.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    assert len(point) == 65
    assert report_data.of_bare_key(KEY) == sha256(point).digest() + bytes(32)


def test_an_rsa_key_counts_as_its_pkcs1_structure():
    key = rsa.generate_private_key(65537, 2048).public_key()
    bare = key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    assert report_data.of_bare_key(key) == sha256(bare).digest() + bytes(32)


def test_other_keys_have_no_rule():
    with pytest.raises(ValueError):
        report_data.of_bare_key(ed25519.Ed25519PrivateKey.generate().public_key())


def test_the_nonce_form_has_the_nonce_first_and_no_other_size():
    nonce = bytes(range(32))
    expected = nonce + sha256(b"pem").digest()
    assert report_data.of_nonce_and_certificate(nonce, b"pem") == expected
    for wrong in (b"", bytes(31), bytes(33), bytes(64)):
        with pytest.raises(ValueError):
            report_data.of_nonce_and_certificate(wrong, b"pem")


def test_every_rule_fills_the_report_data():
    info = KEY.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    forms = {
        report_data.of_claims(info),
        report_data.of_bare_key(KEY),
        report_data.of_nonce_and_certificate(bytes(32), info),
    }
    assert {len(form) for form in forms} == {report_data.SIZE}
    assert len(forms) == 3
    assert report_data.of_key_info(info) == report_data.of_claims(info)
