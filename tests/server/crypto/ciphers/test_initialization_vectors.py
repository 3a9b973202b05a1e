import pytest

from kmip.cryptographic_parameters import CryptographicParameters as Parameters
from kmip.errors import BadCryptographicParameters, MissingInitializationVector
from server.crypto.ciphers.initialization_vectors import (
    COUNTER_BLOCK,
    GCM_NONCE,
    NONE,
    check_vector,
    choose_vector,
    exactly,
)


def test_the_clients_vector_is_used_and_not_given_back():
    assert choose_vector(exactly(16), Parameters(), bytes(16)) == (bytes(16), None)
    assert choose_vector(exactly(16), Parameters(random_iv=True), bytes(16)) == (bytes(16), None)


@pytest.mark.parametrize("random_iv", [None, True])
def test_the_server_makes_one_and_gives_it_back(random_iv):
    vector, made = choose_vector(exactly(16), Parameters(random_iv=random_iv), None)
    assert vector == made != choose_vector(exactly(16), Parameters(), None)[1]
    assert len(vector) == 16


def test_random_iv_false_means_that_the_client_must_bring_one():
    with pytest.raises(MissingInitializationVector):
        choose_vector(exactly(16), Parameters(random_iv=False), None)


@pytest.mark.parametrize(
    "rule, parameters, length",
    [
        (GCM_NONCE, Parameters(), 12),
        (GCM_NONCE, Parameters(iv_length=128), 16),
        (GCM_NONCE, Parameters(fixed_field_length=32, invocation_field_length=64), 12),
        (COUNTER_BLOCK, Parameters(), 16),
        (COUNTER_BLOCK, Parameters(counter_length=32), 12),
    ],
)
def test_its_length_follows_the_parameters(rule, parameters, length):
    assert len(choose_vector(rule, parameters, None)[0]) == length


@pytest.mark.parametrize(
    "rule, parameters",
    [
        (GCM_NONCE, Parameters(iv_length=97)),
        (GCM_NONCE, Parameters(iv_length=32)),
        (exactly(16), Parameters(iv_length=96)),
    ],
)
def test_a_length_the_mode_lacks_is_refused(rule, parameters):
    with pytest.raises(BadCryptographicParameters):
        choose_vector(rule, parameters, None)


def test_a_mode_without_a_vector_takes_none():
    assert choose_vector(NONE, Parameters(), None) == (b"", None)
    assert check_vector(NONE, bytes(16)) == b""


def test_a_decryption_needs_the_vector_of_the_right_length():
    assert check_vector(exactly(8), bytes(8)) == bytes(8)
    for missing in (None, b""):
        with pytest.raises(MissingInitializationVector):
            check_vector(exactly(8), missing)
    with pytest.raises(BadCryptographicParameters):
        check_vector(exactly(8), bytes(16))
