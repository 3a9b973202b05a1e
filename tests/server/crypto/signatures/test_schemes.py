import pytest

from kmip.cryptographic_parameters import CryptographicParameters as Parameters
from kmip.enums import CryptographicAlgorithm as A
from kmip.enums import DigitalSignatureAlgorithm as D
from kmip.enums import HashingAlgorithm as H
from kmip.enums import PaddingMethod as P
from kmip.errors import BadCryptographicParameters, UnsupportedCryptographicParameters
from server.crypto.certificates.certificate_facts import SIGNATURE_ALGORITHMS
from server.crypto.signatures.schemes import DIGITAL_SIGNATURES, SCHEMES, choose, scheme_of
from tests.server.crypto.samples import private_key

RSA = scheme_of(private_key(A.RSA))


def chosen(parameters):
    return choose(RSA, parameters, allow_legacy=False)


def test_every_digital_signature_algorithm_has_a_row():
    assert set(DIGITAL_SIGNATURES) == set(D)
    assert set(SIGNATURE_ALGORITHMS.values()) <= set(D)


def test_a_row_is_for_a_kind_of_key_that_there_is():
    assert {row.name for row in DIGITAL_SIGNATURES.values()} <= {each.name for each in SCHEMES}


@pytest.mark.parametrize("named", D)
def test_the_name_tells_the_hash_and_the_key(named):
    row = DIGITAL_SIGNATURES[named]
    written = named.name.replace("SHA3", "SHA_3").replace("SHA2", "SHA_2").replace("SHA5", "SHA_5")
    written = written.replace("WITH_SHA3", "WITH_SHA_3")
    assert row.hashing is None or row.hashing.name in written
    assert named.name.startswith("RSASSA") == (row.padding == P.PSS)
    assert (row.name == "RSA") == ("RSA" in named.name)


def test_a_digital_signature_algorithm_stands_for_hash_and_padding():
    found = chosen(
        Parameters(
            digital_signature_algorithm=D.SHA_256_WITH_RSA_ENCRYPTION_PKCS_1_V1_5,
            padding_method=P.PSS,
        )
    )
    assert (found.hashing, found.padding) == (H.SHA_256, P.PKCS1_V1_5)


def test_pss_takes_its_hash_from_beside_it():
    pss = D.RSASSA_PSS_PKCS_1_V2_1
    found = chosen(Parameters(digital_signature_algorithm=pss, hashing_algorithm=H.SHA_384))
    assert (found.hashing, found.padding) == (H.SHA_384, P.PSS)


def test_contradictions_are_refused():
    with pytest.raises(BadCryptographicParameters):
        chosen(Parameters(digital_signature_algorithm=D.ECDSA_WITH_SHA256))
    with pytest.raises(BadCryptographicParameters):
        chosen(
            Parameters(
                digital_signature_algorithm=D.SHA_256_WITH_RSA_ENCRYPTION_PKCS_1_V1_5,
                hashing_algorithm=H.SHA_1,
            )
        )
    with pytest.raises(UnsupportedCryptographicParameters):
        chosen(Parameters(digital_signature_algorithm=D(0x80000001)))


def test_keys_that_agree_do_not_sign():
    for algorithm in (A.DH, A.ML_KEM_768):
        with pytest.raises(UnsupportedCryptographicParameters):
            scheme_of(private_key(algorithm))
