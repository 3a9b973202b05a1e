import pytest
from hypothesis import given
from hypothesis import strategies as st

from kmip.enums import PaddingMethod as P
from kmip.errors import CryptographicFailure, UnsupportedCryptographicParameters
from server.crypto.ciphers.padding import SCHEMES, Padder, Unpadder, scheme

BLOCKS = [method for method, row in SCHEMES.items() if row is not None]
sizes = st.sampled_from([8, 16])


def padded(method, size, data):
    padder = Padder(method, size)
    return padder.update(data) + padder.finalize()


def unpadded(method, size, data):
    unpadder = Unpadder(method, size)
    return unpadder.update(data) + unpadder.finalize()


def test_every_padding_method_has_a_row():
    assert set(SCHEMES) == set(P)


@pytest.mark.parametrize(
    "method, filled",
    [
        (P.PKCS5, "01020303" + "04040404"),  # RFC 5652 section 6.3
        (P.ANSI_X9_23, "01020303" + "00000004"),
        (P.ZEROS, "01020303" + "00000000"),
        (P.SSL3, "01020303" + "00000003"),  # RFC 6101 section 5.2.3.2
    ],
)
def test_the_last_block_is_filled_as_the_scheme_has_it(method, filled):
    assert padded(method, 8, bytes.fromhex("01020303")).hex() == filled


def test_iso_10126_counts_itself_after_random_bytes():
    first, second = padded(P.ISO_10126, 16, b"x"), padded(P.ISO_10126, 16, b"x")
    assert first[-1] == second[-1] == 15
    assert first[:-1] != second[:-1]


@given(st.sampled_from(BLOCKS), sizes, st.binary(max_size=50))
def test_what_was_padded_comes_back(method, size, data):
    if method == P.ZEROS:
        data = data.rstrip(b"\0")
    if method == P.NONE:
        data = data[: len(data) // size * size]
    whole = padded(method, size, data)
    assert len(whole) % size == 0
    assert unpadded(method, size, whole) == data


@given(st.sampled_from(BLOCKS), st.lists(st.binary(min_size=16, max_size=16), max_size=5))
def test_cutting_the_data_changes_nothing(method, blocks):
    whole = b"".join(blocks) + padded(method, 16, b"end of data" if method != P.NONE else b"")
    unpadder = Unpadder(method, 16)
    parts = [unpadder.update(whole[i : i + 16]) for i in range(0, len(whole), 16)]
    assert b"".join(parts) + unpadder.finalize() == unpadded(method, 16, whole)


@given(st.sampled_from(BLOCKS), st.binary(max_size=70))
def test_any_bytes_unpad_or_fail_with_the_one_sentence(method, data):
    failure = ""
    try:
        unpadded(method, 16, data)
    except CryptographicFailure as error:
        failure = str(error)
    assert failure in ("", "the decryption failed")


def test_without_padding_only_whole_blocks_pass():
    assert padded(None, 8, bytes(16)) == bytes(16)
    with pytest.raises(CryptographicFailure):
        padded(None, 8, bytes(15))


@pytest.mark.parametrize("method", [P.OAEP, P.PSS, P.PKCS1_V1_5, P.X9_31])
def test_methods_of_rsa_do_not_pad_blocks(method):
    with pytest.raises(UnsupportedCryptographicParameters):
        scheme(method)


@pytest.mark.parametrize(
    "method, block",
    [
        (P.PKCS5, "0102030405060700"),
        (P.PKCS5, "0102030405060209"),
        (P.ANSI_X9_23, "0102030405060703"),
        (P.ISO_10126, "0102030405060700"),
        (P.ISO_10126, "0102030405060709"),
        (P.SSL3, "0102030405060708"),
        (P.PKCS5, ""),
        (P.ISO_10126, "01020304"),
    ],
)
def test_a_last_block_that_no_padding_made_is_refused(method, block):
    with pytest.raises(CryptographicFailure):
        unpadded(method, 8, bytes.fromhex(block))
