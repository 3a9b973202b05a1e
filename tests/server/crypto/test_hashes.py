import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kmip.cryptographic_parameters import CryptographicParameters
from kmip.enums import HashingAlgorithm as H
from kmip.errors import UnsupportedCryptographicParameters
from server.crypto.errors import LegacyRefused, MissingParameters
from server.crypto.hashes import HASHES, HashStream, digest

PYTHON = {
    H.MD5: "md5",
    H.SHA_1: "sha1",
    H.SHA_224: "sha224",
    H.SHA_256: "sha256",
    H.SHA_384: "sha384",
    H.SHA_512: "sha512",
    H.SHA_512_224: "sha512_224",
    H.SHA_512_256: "sha512_256",
    H.SHA_3_224: "sha3_224",
    H.SHA_3_256: "sha3_256",
    H.SHA_3_384: "sha3_384",
    H.SHA_3_512: "sha3_512",
}


def test_every_hashing_algorithm_has_a_row():
    assert set(HASHES) == set(H)


@pytest.mark.parametrize("algorithm", PYTHON)
def test_a_digest_is_what_python_computes(algorithm):
    expected = hashlib.new(PYTHON[algorithm], b"abc").digest()
    assert digest(algorithm, b"abc", allow_legacy=True) == expected


@pytest.mark.parametrize("algorithm", set(H) - set(PYTHON))
def test_what_the_library_lacks_is_refused(algorithm):
    with pytest.raises(UnsupportedCryptographicParameters):
        digest(algorithm, b"", allow_legacy=True)


def test_md5_needs_the_policy():
    with pytest.raises(LegacyRefused):
        digest(H.MD5, b"")


@given(st.lists(st.binary(max_size=200), max_size=5), st.binary(max_size=80))
def test_parts_hash_like_the_whole(parts, last):
    stream = HashStream(CryptographicParameters(hashing_algorithm=H.SHA_256))
    for part in parts:
        stream.update(part)
    assert stream.finalize(last) == hashlib.sha256(b"".join(parts) + last).digest()


def test_a_stream_needs_an_algorithm():
    with pytest.raises(MissingParameters):
        HashStream(CryptographicParameters())
