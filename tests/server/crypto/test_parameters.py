from kmip.cryptographic import CryptographicParameters
from kmip.enums import BlockCipherMode, PaddingMethod
from server.crypto.parameters import NO_PARAMETERS, choose_parameters

ECB = CryptographicParameters(block_cipher_mode=BlockCipherMode.ECB)
PADDED = CryptographicParameters(padding_method=PaddingMethod.PKCS5)


def test_a_request_that_says_something_stands_alone():
    assert choose_parameters(PADDED, ECB) == PADDED


def test_a_silent_request_goes_by_the_key():
    assert choose_parameters(None, ECB) == ECB
    assert choose_parameters(CryptographicParameters(), ECB) == ECB


def test_where_nobody_says_anything_there_are_none():
    assert choose_parameters(None, None) == NO_PARAMETERS
