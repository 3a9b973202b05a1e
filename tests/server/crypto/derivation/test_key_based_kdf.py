"""The counter mode against the library; the others against a plain reading of SP 800-108."""

import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.kdf.kbkdf import (
    KBKDFCMAC,
    KBKDFHMAC,
    CounterLocation,
    Mode,
)
from hypothesis import given
from hypothesis import strategies as st

from kmip.cryptographic_parameters import CryptographicParameters as Parameters
from kmip.enums import BlockCipherMode as M
from kmip.enums import CryptographicAlgorithm as A
from kmip.enums import DerivationMethod as D
from kmip.enums import HashingAlgorithm as H
from kmip.errors import ServerLimitExceeded
from server.crypto.derivation.inputs import Base
from server.crypto.derivation.methods import derive
from server.crypto.errors import InvalidKey, MissingParameters

SHA_256 = Parameters(hashing_algorithm=H.SHA_256)
keys = st.binary(min_size=16, max_size=16)
fixed = st.binary(min_size=1, max_size=60)
lengths = st.integers(1, 100)


def prf(key, data):
    return hmac.digest(key, data, hashlib.sha256)


@given(keys, fixed, lengths)
def test_the_counter_mode_is_the_librarys(key, data, length):
    library = KBKDFHMAC(
        hashes.SHA256(),
        Mode.CounterMode,
        length,
        4,
        None,
        CounterLocation.BeforeFixed,
        None,
        None,
        data,
    )
    made = derive(
        D.NIST800_108_C, Base(key, A.AES), 8 * length, parameters=SHA_256, derivation_data=[data]
    )
    assert made == library.derive(key)


@given(keys, fixed, lengths)
def test_the_counter_mode_with_cmac_is_the_librarys(key, data, length):
    library = KBKDFCMAC(
        AES, Mode.CounterMode, length, 4, None, CounterLocation.BeforeFixed, None, None, data
    )
    parameters = Parameters(block_cipher_mode=M.CMAC)
    made = derive(
        D.NIST800_108_C, Base(key, A.AES), 8 * length, parameters=parameters, derivation_data=[data]
    )
    assert made == library.derive(key)


@given(keys, fixed, lengths, st.binary(max_size=32))
def test_the_feedback_mode(key, data, length, vector):
    output, block = b"", vector
    for i in range(1, 5):
        block = prf(key, block + i.to_bytes(4, "big") + data)
        output += block
    made = derive(
        D.NIST800_108_F,
        Base(key, A.HMAC_SHA256),
        8 * length,
        derivation_data=[data],
        initialization_vector=vector or None,
    )
    assert made == output[:length]


@given(keys, fixed, lengths)
def test_the_double_pipeline_mode(key, data, length):
    output, a = b"", data
    for i in range(1, 5):
        a = prf(key, a)
        output += prf(key, a + i.to_bytes(4, "big") + data)
    made = derive(
        D.NIST800_108_DPI, Base(key, A.AES), 8 * length, parameters=SHA_256, derivation_data=[data]
    )
    assert made == output[:length]


def test_what_pykmip_tests():
    """PyKMIP's client test of NIST 800-108-C: HMAC-SHA-512, an "AES" key of 512 bits."""
    key = bytes.fromhex(
        "dd5dbd45593ee2ac139748e7645b450f223d2ff297b73fd71cbcebe71d41653c"
        "950b88500de5322d99ef18dfdd30428294c4b3094f4c954334e593bd982ec614"
    )
    data = bytes.fromhex(
        "b50b0c963c6b3034b8cf19cd3f5c4ebe4f4985af0c03e575db62e6fdf1ecfe4f"
        "28b95d7ce16df85843246e1557ce95bb26cc9a21974bbd2eb69e8355"
    )
    parameters = Parameters(hashing_algorithm=H.SHA_512)
    made = derive(
        D.NIST800_108_C, Base(key, A.AES), 128, parameters=parameters, derivation_data=[data]
    )
    assert made.hex() == "e5993bf9bd2aa1c45746042e12598155"


def test_a_key_without_a_pseudorandom_function_is_refused():
    with pytest.raises(MissingParameters):
        derive(D.NIST800_108_C, Base(b"k", A.CAMELLIA), 128, derivation_data=[b"x"])
    with pytest.raises(InvalidKey):
        derive(D.NIST800_108_C, Base(b"k", A.AES), 128, derivation_data=[b"x"])


@pytest.mark.parametrize(
    "method", [D.NIST800_108_C, D.NIST800_108_F, D.NIST800_108_DPI], ids=lambda one: one.name
)
def test_much_data_is_not_gone_through_for_each_block(method):
    base, data = Base(bytes(32)), [bytes(1 << 20)]
    assert derive(method, base, 256, parameters=SHA_256, derivation_data=data)
    with pytest.raises(ServerLimitExceeded):
        derive(method, base, 8 << 16, parameters=SHA_256, derivation_data=data)
