"""DSA keys as DER, whose numbers are read before the library computes with them."""

import pytest
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from kmip.enums import CryptographicAlgorithm as A
from server.crypto.errors import InvalidKey
from server.crypto.keys import der_keys, dsa_encodings
from tests.server.crypto.samples import private_key

KEY = private_key(A.DSA)
FORMATS = (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL)


@pytest.mark.parametrize("form", FORMATS)
def test_both_encodings_are_read(form):
    data = KEY.private_bytes(Encoding.DER, form, NoEncryption())
    assert dsa_encodings.is_dsa(data)
    assert dsa_encodings.read_private(data).x == KEY.private_numbers().x
    assert der_keys.load_private(data, der_keys.Hints()).public_key() == KEY.public_key()


def test_other_keys_are_none():
    for algorithm in (A.RSA, A.EC, A.DH):
        assert not dsa_encodings.is_dsa(der_keys.dump_pkcs_8(private_key(algorithm)))
    assert not dsa_encodings.is_dsa(der_keys.dump_pkcs_1_private(private_key(A.RSA)))


def test_what_names_dsa_and_cannot_be_read_is_refused():
    data = KEY.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(InvalidKey):
        der_keys.load_private(data + b"\0", der_keys.Hints())


def test_long_numbers_are_refused_before_they_are_computed_with():
    """The library alone would take a quarter of a minute for these, and more for longer ones."""
    p, q = (1 << 30_000) - 3, (1 << 29_999) - 1
    key = dsa_encodings._Traditional(version=0, p=p, q=q, g=7, y=5, x=q - 2)
    with pytest.raises(InvalidKey, match="moduli"):
        der_keys.load_private(asn1.encode_der(key), der_keys.Hints())
