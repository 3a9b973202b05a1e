import itertools

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from kmip.cryptographic_parameters import CryptographicParameters as Parameters
from kmip.enums import CryptographicAlgorithm as A
from kmip.enums import HashingAlgorithm as H
from kmip.enums import MaskGenerator
from kmip.enums import PaddingMethod as P
from kmip.errors import CryptographicFailure, UnsupportedCryptographicParameters
from server.crypto.ciphers.rsa_encryption import PADDINGS, rsa_decrypt, rsa_encrypt
from server.crypto.errors import LegacyRefused, MissingParameters
from tests.server.crypto.samples import private_key

KEY = private_key(A.RSA)
PUBLIC = KEY.public_key()
OAEP = Parameters(padding_method=P.OAEP)


def test_every_padding_method_has_a_row():
    assert set(PADDINGS) == set(P)


@pytest.mark.parametrize(
    "own, mask", list(itertools.product([None, H.SHA_1, H.SHA_256], [None, H.SHA_1, H.SHA_384]))
)
@pytest.mark.parametrize("label", [None, b"", b"label"])
def test_oaep_is_the_librarys_with_the_defaults_of_the_specification(own, mask, label):
    """SHA-1 where a hash is not named, an empty label (2.1 section 4.16)."""
    classes = {
        None: hashes.SHA1,
        H.SHA_1: hashes.SHA1,
        H.SHA_256: hashes.SHA256,
        H.SHA_384: hashes.SHA384,
    }
    expected = padding.OAEP(padding.MGF1(classes[mask]()), classes[own](), label or None)
    parameters = Parameters(
        padding_method=P.OAEP,
        hashing_algorithm=own,
        mask_generator_hashing_algorithm=mask,
        p_source=label,
    )
    assert KEY.decrypt(rsa_encrypt(PUBLIC, parameters, b"data"), expected) == b"data"
    assert rsa_decrypt(KEY, parameters, PUBLIC.encrypt(b"data", expected)) == b"data"


@pytest.mark.parametrize(
    "other",
    [
        Parameters(padding_method=P.OAEP, hashing_algorithm=H.SHA_256),
        Parameters(padding_method=P.OAEP, mask_generator_hashing_algorithm=H.SHA_256),
        Parameters(padding_method=P.OAEP, p_source=b"other"),
    ],
)
def test_other_parameters_fail_with_the_one_sentence(other):
    with pytest.raises(CryptographicFailure, match=r"^the decryption failed$"):
        rsa_decrypt(KEY, other, rsa_encrypt(PUBLIC, OAEP, b"data"))


def test_pkcs_1_v1_5_hides_whether_the_padding_held():
    """Implicit rejection: another cipher text gives other bytes, not an error."""
    parameters = Parameters(padding_method=P.PKCS1_V1_5)
    made = rsa_encrypt(PUBLIC, parameters, b"data")
    assert rsa_decrypt(KEY, parameters, made) == b"data"
    assert (
        rsa_decrypt(KEY, parameters, PUBLIC.encrypt(b"data", PADDINGS[P.OAEP](OAEP, False)))
        != b"data"
    )


@pytest.mark.parametrize("data", [b"", b"short", bytes(129)])
def test_data_that_is_no_cipher_text_is_refused(data):
    with pytest.raises(CryptographicFailure):
        rsa_decrypt(KEY, OAEP, data)


def test_too_much_data_is_refused():
    with pytest.raises(CryptographicFailure):
        rsa_encrypt(PUBLIC, OAEP, bytes(87))


def test_what_is_missing_or_not_ours_is_refused():
    with pytest.raises(MissingParameters):
        rsa_encrypt(PUBLIC, Parameters(), b"")
    for method in (P.NONE, P.PSS, P.PKCS5):
        with pytest.raises(UnsupportedCryptographicParameters):
            rsa_encrypt(PUBLIC, Parameters(padding_method=method), b"")
    generator = MaskGenerator(0x80000001)
    with pytest.raises(UnsupportedCryptographicParameters):
        rsa_encrypt(PUBLIC, Parameters(padding_method=P.OAEP, mask_generator=generator), b"")
    with pytest.raises(LegacyRefused):
        rsa_encrypt(PUBLIC, Parameters(padding_method=P.OAEP, hashing_algorithm=H.MD5), b"")
