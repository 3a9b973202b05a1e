from kmip.cryptographic_parameters import CryptographicParameters
from kmip.enums import BlockCipherMode, CryptographicAlgorithm, PaddingMethod
from server.crypto.parameters import NO_PARAMETERS, choose_parameters

ECB = CryptographicParameters(block_cipher_mode=BlockCipherMode.ECB)
PADDED = CryptographicParameters(padding_method=PaddingMethod.PKCS5)


def test_a_request_that_names_a_method_stands_alone():
    assert choose_parameters(PADDED, ECB) == PADDED


def test_a_silent_request_goes_by_the_key():
    assert choose_parameters(None, ECB) == ECB
    assert choose_parameters(CryptographicParameters(), ECB) == ECB


def test_where_nobody_says_anything_there_are_none():
    assert choose_parameters(None, None) == NO_PARAMETERS


def test_details_complete_what_the_key_says():
    details = CryptographicParameters(random_iv=True, tag_length=12)
    of_key = CryptographicParameters(block_cipher_mode=BlockCipherMode.GCM, tag_length=16)
    assert choose_parameters(details, of_key) == CryptographicParameters(
        block_cipher_mode=BlockCipherMode.GCM, random_iv=True, tag_length=12
    )
    assert choose_parameters(details, None) == details


def test_the_algorithm_is_a_detail_of_the_method():
    aes = CryptographicParameters(cryptographic_algorithm=CryptographicAlgorithm.AES)
    chosen = choose_parameters(aes, ECB)
    assert chosen.block_cipher_mode == BlockCipherMode.ECB
    assert chosen.cryptographic_algorithm == CryptographicAlgorithm.AES
