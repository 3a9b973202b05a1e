import pytest

from kmip.cryptographic_parameters import CryptographicDomainParameters as Domain
from kmip.enums import CryptographicAlgorithm as A
from kmip.enums import RecommendedCurve as C
from kmip.errors import BadCryptographicParameters, UnsupportedCryptographicParameters
from server.crypto.errors import LegacyRefused, MissingParameters
from server.crypto.keys.curves import CURVES
from server.crypto.keys.key_facts import algorithm_of, is_of_algorithm, length_of
from server.crypto.keys.key_pairs import PAIRS, generate_key_pair
from tests.server.crypto.samples import curve_of, private_key


@pytest.mark.parametrize("algorithm", PAIRS)
def test_a_pair_is_of_the_algorithm_asked_for(algorithm):
    assert is_of_algorithm(private_key(algorithm), algorithm)


@pytest.mark.parametrize("named", CURVES)
def test_a_pair_on_every_curve(named):
    key = generate_key_pair(A.EC, None, Domain(recommended_curve=named), allow_legacy=True)
    assert curve_of(key) == named


@pytest.mark.parametrize(
    "algorithm, named, made",
    [
        (A.ECDH, C.CURVE25519, A.ECDH),
        (A.EC, C.CURVE448, A.ECDH),
        (A.ECDSA, C.CURVE25519, A.ED25519),
        (A.ECDSA, C.CURVE448, A.ED448),
    ],
)
def test_the_algorithm_tells_which_form_of_curve25519(algorithm, named, made):
    key = generate_key_pair(algorithm, None, Domain(recommended_curve=named))
    assert algorithm_of(key) == made
    assert curve_of(key) == named


def test_rsa_has_the_length_and_the_usual_exponent():
    key = private_key(A.RSA)
    assert length_of(key) == 1024
    assert key.public_key().public_numbers().e == 65537


@pytest.mark.parametrize(
    "algorithm, length, qlength",
    [(A.DSA, 1024, 160), (A.DH, 2048, 2047), (A.EC, 384, None), (A.EC, None, 521)],
)
def test_qlength_is_the_order(algorithm, length, qlength):
    key = generate_key_pair(algorithm, length, Domain(qlength=qlength), allow_legacy=True)
    assert length_of(key) == (length or qlength)


@pytest.mark.parametrize(
    "algorithm, length, domain",
    [
        (A.RSA, 1024, None),
        (A.DSA, 1024, None),
        (A.EC, 192, None),
        (A.EC, None, Domain(recommended_curve=C.P_192)),
    ],
)
def test_short_keys_need_the_policy(algorithm, length, domain):
    with pytest.raises(LegacyRefused):
        generate_key_pair(algorithm, length, domain)


@pytest.mark.parametrize(
    "algorithm, length, domain",
    [
        (A.RSA, 512, None),
        (A.RSA, 2049, None),
        (A.RSA, 16384, None),
        (A.DSA, 2048, Domain(qlength=224)),
        (A.DSA, 512, None),
        (A.DH, 1024, None),
        (A.DH, 2048, Domain(qlength=256)),
        (A.EC, 255, None),
        (A.EC, 384, Domain(recommended_curve=C.P_256)),
    ],
)
def test_lengths_the_algorithm_lacks_are_refused(algorithm, length, domain):
    with pytest.raises(BadCryptographicParameters):
        generate_key_pair(algorithm, length, domain, allow_legacy=True)


@pytest.mark.parametrize("algorithm", [A.RSA, A.DSA, A.DH, A.EC])
def test_a_length_is_needed(algorithm):
    with pytest.raises(MissingParameters):
        generate_key_pair(algorithm)


def test_what_the_server_makes_no_pairs_of_is_refused():
    for algorithm in (A.AES, A.ML_KEM_512, A.SLH_DSA_SHA2_128S, A.SM2):
        with pytest.raises(UnsupportedCryptographicParameters):
            generate_key_pair(algorithm, 256)
    for named in (C.K_233, C.BRAINPOOLP320R1):
        with pytest.raises(UnsupportedCryptographicParameters):
            generate_key_pair(A.EC, None, Domain(recommended_curve=named))
    with pytest.raises(UnsupportedCryptographicParameters):
        generate_key_pair(A.ECMQV, None, Domain(recommended_curve=C.CURVE25519))
