"""Streams and whole messages, and every way an encryption may be refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kmip.cryptographic_parameters import CryptographicParameters as Parameters
from kmip.enums import BlockCipherMode as M
from kmip.enums import CryptographicAlgorithm as A
from kmip.enums import PaddingMethod as P
from kmip.errors import (
    BadCryptographicParameters,
    CryptographicFailure,
    KMIPError,
    UnsupportedCryptographicParameters,
)
from server.crypto.ciphers.encryption import DecryptStream, EncryptStream, decrypt, encrypt
from tests.server.crypto.samples import private_key

KEY = bytes(range(16))
modes = st.sampled_from([M.ECB, M.CBC, M.CTR, M.CFB, M.OFB, M.GCM, M.CCM])
parts = st.lists(st.binary(max_size=40), min_size=1, max_size=6)


@given(modes, parts, st.integers(1, 40))
def test_cutting_the_message_changes_nothing(mode, pieces, cut):
    parameters = Parameters(block_cipher_mode=mode, padding_method=P.PKCS5)
    vector = bytes(12) if mode in (M.GCM, M.CCM) else bytes(16)
    sealing = EncryptStream(KEY, A.AES, parameters, iv_counter_nonce=vector)
    sealed = b"".join(sealing.update(piece) for piece in pieces)
    last = sealing.finalize()
    whole = encrypt(KEY, A.AES, parameters, b"".join(pieces), iv_counter_nonce=vector)
    assert sealed + last.data == whole.data
    assert last.authenticated_encryption_tag == whole.authenticated_encryption_tag

    opening = DecryptStream(
        KEY,
        A.AES,
        parameters,
        iv_counter_nonce=vector,
        tag=whole.authenticated_encryption_tag,
    )
    cuts = [whole.data[i : i + cut] for i in range(0, len(whole.data), cut)]
    opened = b"".join(opening.update(piece) for piece in cuts)
    assert opened + opening.finalize() == b"".join(pieces)


def test_an_authenticated_decryption_gives_nothing_before_the_end():
    parameters = Parameters(block_cipher_mode=M.GCM)
    made = encrypt(KEY, A.AES, parameters, bytes(1000))
    stream = DecryptStream(KEY, A.AES, parameters, iv_counter_nonce=made.iv_counter_nonce)
    assert stream.update(made.data) == b""
    assert stream.finalize(made.authenticated_encryption_tag) == bytes(1000)


def test_a_stream_tells_the_vector_it_chose_from_the_start():
    stream = EncryptStream(KEY, A.AES, Parameters(block_cipher_mode=M.CTR))
    assert len(stream.iv_counter_nonce) == 16
    assert stream.finalize(b"x").iv_counter_nonce == stream.iv_counter_nonce


def test_additional_data_needs_a_mode_that_authenticates_it():
    with pytest.raises(BadCryptographicParameters):
        encrypt(KEY, A.AES, Parameters(block_cipher_mode=M.ECB), bytes(16), additional_data=b"x")


def test_a_padding_method_is_passed_over_where_nothing_is_padded():
    """PyKMIP's clients name one with every mode."""
    parameters = Parameters(block_cipher_mode=M.CTR, padding_method=P.PKCS5)
    assert len(encrypt(KEY, A.AES, parameters, b"abc").data) == 3


@given(st.binary(max_size=64), st.sampled_from([*M, None]), st.sampled_from([*P, None]))
def test_any_cipher_text_opens_or_is_refused(data, mode, padding):
    parameters = Parameters(block_cipher_mode=mode, padding_method=padding)
    try:
        opened = decrypt(KEY, A.AES, parameters, data, iv_counter_nonce=bytes(12))
    except KMIPError as error:
        opened = str(error).encode()
    assert isinstance(opened, bytes)


@pytest.mark.parametrize("padding", [P.PKCS1_V1_5, P.OAEP])
def test_rsa_encrypts_with_either_half_and_decrypts_with_the_private_one(padding):
    key = private_key(A.RSA)
    parameters = Parameters(padding_method=padding)
    for half in (key, key.public_key()):
        made = encrypt(half, A.RSA, parameters, b"data")
        assert len(made.data) == 128
        assert made.iv_counter_nonce is made.authenticated_encryption_tag is None
        assert decrypt(key, A.RSA, parameters, made.data) == b"data"
    with pytest.raises(UnsupportedCryptographicParameters):
        decrypt(key.public_key(), A.RSA, parameters, made.data)


def test_keys_of_curves_do_not_encrypt():
    for call in (encrypt, decrypt):
        with pytest.raises(UnsupportedCryptographicParameters):
            call(private_key(A.EC), A.EC, Parameters(padding_method=P.OAEP), b"data")


def test_a_message_that_is_not_whole_blocks_is_refused():
    with pytest.raises(CryptographicFailure):
        encrypt(KEY, A.AES, Parameters(block_cipher_mode=M.CBC), bytes(17))
    with pytest.raises(CryptographicFailure):
        decrypt(
            KEY, A.AES, Parameters(block_cipher_mode=M.CBC), bytes(17), iv_counter_nonce=bytes(16)
        )
