"""The table of costs has a row for whatever the engine computes, and for nothing else."""

from typing import Any

import pytest

from kmip.cryptographic_parameters import CryptographicDomainParameters, CryptographicParameters
from kmip.enums import BlockCipherMode as M
from kmip.enums import CryptographicAlgorithm as A
from kmip.enums import DerivationMethod as D
from kmip.enums import HashingAlgorithm as H
from kmip.enums import KeyFormatType as F
from kmip.enums import RecommendedCurve as C
from kmip.enums import SplitKeyMethod as S
from server.crypto import costs, macs, wrapping
from server.crypto.ciphers.suites import CIPHERS, KEY_WRAPS
from server.crypto.costs import LOOP_MICROSECONDS
from server.crypto.derivation import methods
from server.crypto.derivation.inputs import Base
from server.crypto.hashes import HASHES
from server.crypto.keys import key_costs
from server.crypto.keys.key_facts import algorithm_of
from server.crypto.keys.key_formats import dump_private, dump_public
from server.crypto.keys.key_pairs import PAIRS
from server.crypto.keys.key_types import public_half
from server.crypto.keys.symmetric_keys import MAX_LENGTH
from server.crypto.secret_sharing import split_keys
from server.crypto.signatures import signing
from server.crypto.signatures.schemes import SCHEMES
from tests.server.crypto.samples import private_key

KEYS = (A.RSA, A.DSA, A.DH, A.EC, A.ECDH, A.ED25519, A.ED448, A.ML_DSA_44, A.ML_DSA_65, A.ML_DSA_87)
"""The kinds that sign, decrypt or agree."""


def test_all_that_is_computed_has_a_rate_and_nothing_else():
    assert set(costs.HASHES) == {algorithm for algorithm, row in HASHES.items() if row}
    assert set(costs.CIPHERS) == set(CIPHERS)
    assert set(costs.KEY_WRAPS) == set(KEY_WRAPS)
    assert set(costs.BLOCK_MACS) == set(macs.MAC_CIPHERS)
    assert set(costs.KEY_PAIRS) == set(PAIRS)
    assert {*costs.DERIVATIONS, D.ENCRYPT, D.ASYMMETRIC_KEY} == set(methods.METHODS)
    assert set(costs.SHARES) == set(split_keys.METHODS)


def test_each_kind_of_key_has_a_rate():
    assert set(costs.PRIVATE_KEYS) == set(KEYS)
    for scheme in SCHEMES:
        keys = [private_key(kind) for kind in KEYS]
        kinds = {algorithm_of(key) for key in keys if isinstance(key, scheme.private)}
        assert kinds
        assert kinds <= set(costs.PUBLIC_KEYS)


@pytest.mark.parametrize("algorithm", KEYS)
def test_every_use_of_a_key_costs_something(algorithm: A):
    key = private_key(algorithm)
    assert key_costs.of_use(key) > 0
    if algorithm not in (A.DH, A.ECDH):
        assert key_costs.of_use(public_half(key)) > 0


def test_every_rate_grows_from_the_loop_into_a_thread():
    for rates in (costs.HASHES, costs.CIPHERS, costs.KEY_WRAPS, costs.BLOCK_MACS):
        for rate in rates.values():
            assert 0 < rate.of(0) < LOOP_MICROSECONDS < rate.of(1024 * 1024)
    for algorithm in macs.HMACS:
        rate = macs.rate_of(algorithm, CryptographicParameters())
        assert 0 < rate.of(0) < LOOP_MICROSECONDS < rate.of(1024 * 1024)
    assert 0 < costs.POLY1305.of(0) < LOOP_MICROSECONDS < costs.POLY1305.of(1024 * 1024)


def test_a_part_costs_only_its_bytes():
    rate = signing.rate_of(private_key(A.RSA), CryptographicParameters(hashing_algorithm=H.SHA_256))
    assert rate.part(1024) < rate.of(0)
    assert rate.of(1024) == rate.of(0) + rate.part(1024)


def test_the_longest_random_bytes_stay():
    assert costs.RANDOM.of(MAX_LENGTH // 8) < LOOP_MICROSECONDS


@pytest.mark.parametrize(
    "algorithm, short, long", [(A.RSA, 1024, 2048), (A.EC, 256, 384), (A.DH, 1024, 2048)]
)
def test_long_keys_compute_in_a_thread(algorithm: A, short: int, long: int):
    assert costs.of_private_key(algorithm, short) < LOOP_MICROSECONDS
    assert costs.of_private_key(algorithm, long) >= LOOP_MICROSECONDS


def test_a_public_exponent_as_long_as_a_modulus_is_not_cheap():
    assert costs.of_public_key(A.RSA, 2048) < LOOP_MICROSECONDS
    assert costs.of_public_key(A.RSA, 2048, exponent=2048) >= LOOP_MICROSECONDS


def test_a_pair_goes_by_the_length_or_the_curve():
    for curve, length in ((C.P_256, None), (None, 256)):
        domain = CryptographicDomainParameters(recommended_curve=curve)
        assert key_costs.of_pair(A.EC, length, domain) < LOOP_MICROSECONDS
    domain = CryptographicDomainParameters(recommended_curve=C.BRAINPOOLP512R1)
    assert key_costs.of_pair(A.EC, None, domain) >= LOOP_MICROSECONDS
    assert key_costs.of_pair(A.ED25519, None, None) < LOOP_MICROSECONDS
    assert key_costs.of_pair(A.RSA, None, None) >= LOOP_MICROSECONDS


def test_what_the_server_does_not_compute_costs_nothing():
    assert costs.of_hash(H.MD2).of(1 << 20) == 0
    assert costs.of_hash(None).of(1 << 20) == 0
    assert costs.of_cipher(A.MARS, M.CBC).of(1 << 20) == 0
    assert costs.of_mac(A.MARS, None).of(1 << 20) == 0
    assert costs.of_private_key(A.MARS, 4096) == costs.of_public_key(A.MARS, 4096) == 0
    assert costs.of_key_pair(A.MARS, 4096) == 0
    assert key_costs.of_use(bytes(32)) == 0


def test_what_is_not_loaded_yet_may_be_any_key():
    """The algorithm that a client names does not count: a long RSA key may come as one of EC."""
    ec = dump_private(private_key(A.EC), F.PKCS_8)
    rsa = dump_private(private_key(A.RSA), F.PKCS_8)
    transparent = dump_private(private_key(A.RSA), F.TRANSPARENT_RSA_PRIVATE_KEY)
    assert 0 < key_costs.of_loading(ec, private=True) < LOOP_MICROSECONDS
    assert key_costs.of_loading(rsa, private=True) >= LOOP_MICROSECONDS
    assert key_costs.of_loading(transparent, private=True) >= LOOP_MICROSECONDS
    public = dump_public(public_half(private_key(A.EC)), F.X_509)
    assert 0 < key_costs.of_loading(public, private=False) < LOOP_MICROSECONDS


def wrapping_key(algorithm: A, **parameters) -> wrapping.WrappingKey:
    key = bytes(32) if algorithm in (A.AES, A.HMAC_SHA256) else private_key(algorithm)
    return wrapping.WrappingKey(key, algorithm, CryptographicParameters(**parameters))


def test_wrapping_costs_what_its_keys_do():
    kek = wrapping_key(A.AES, block_cipher_mode=M.NISTKEYWRAP)
    mac = wrapping_key(A.HMAC_SHA256)
    signing_key = wrapping_key(A.ML_DSA_65)
    assert wrapping.cost(32) == 0
    assert 0 < wrapping.cost(32, kek) < wrapping.cost(32, kek, mac) < LOOP_MICROSECONDS
    assert wrapping.cost(32, kek, signing_key) >= LOOP_MICROSECONDS
    assert wrapping.cost(16 * 1024, kek) >= LOOP_MICROSECONDS


BASE = Base(bytes(32), A.AES)
CBC = CryptographicParameters(block_cipher_mode=M.CBC)


@pytest.mark.parametrize(
    "method, big",
    [
        (D.PBKDF2, {"iteration_count": 10_000}),
        (D.HASH, {"derivation_data": [bytes(1 << 20)]}),
        (D.HMAC, {"derivation_data": [bytes(1 << 20)]}),
        (D.ENCRYPT, {"derivation_data": [bytes(1 << 20)]}),
        (D.AWS_SIGNATURE_VERSION_4, {"derivation_data": [bytes(1 << 20)]}),
        (D.HKDF, {"length": 8 * 4096}),
        (D.NIST800_108_C, {"length": 8 * 4096}),
        (D.NIST800_108_F, {"length": 8 * 4096}),
        (D.NIST800_108_DPI, {"length": 8 * 4096}),
    ],
)
def test_a_derivation_goes_by_what_it_goes_through(method: D, big: dict):
    small: dict[str, Any] = {
        "length": 256,
        "parameters": CBC,
        "derivation_data": [b"x"],
        "iteration_count": 1,
    }
    assert 0 < methods.cost(method, BASE, **small) < LOOP_MICROSECONDS
    assert methods.cost(method, BASE, **small | big) >= LOOP_MICROSECONDS


def test_an_agreement_costs_what_its_key_does():
    for algorithm in (A.DH, A.ECDH):
        key = private_key(algorithm)
        assert methods.cost(D.ASYMMETRIC_KEY, Base(key), 256) == key_costs.of_use(key)
    assert methods.cost(D.ASYMMETRIC_KEY, BASE, 256) == 0


@pytest.mark.parametrize("method", [method for method in S if method != S.XOR])
def test_sharing_goes_by_bytes_parts_and_threshold(method: S):
    prime = (1 << 521) - 1 if method == S.POLYNOMIAL_SHARING_PRIME_FIELD else None
    sharing = split_keys.Sharing(method, 10, 5, prime)
    assert sharing.splitting_cost(64) >= LOOP_MICROSECONDS
    assert sharing.joining_cost({1: bytes(64)}) >= LOOP_MICROSECONDS
    xor = split_keys.Sharing(S.XOR, 5, 5)
    assert 0 < xor.splitting_cost(64) < LOOP_MICROSECONDS
    assert 0 < xor.joining_cost({1: bytes(64)}) < LOOP_MICROSECONDS
