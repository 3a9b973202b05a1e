"""RSA encryption: OAEP and PKCS#1 v1.5.

Defaults are the specification's (2.1 section 4.16): a mask generator MGF1 with SHA-1 and an empty
P Source; OAEP's own hash is SHA-1 where none is named (RFC 8017 appendix A.2.1).

Security: a wrong PKCS#1 v1.5 padding gives random bytes instead of an error, as the library does it
(implicit rejection), so that nobody decrypts by asking. New data belongs under OAEP.
"""

from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric import padding, rsa

from kmip.cryptographic_parameters import CryptographicParameters
from kmip.enums import HashingAlgorithm, MaskGenerator
from kmip.enums import PaddingMethod as P
from kmip.errors import CryptographicFailure, UnsupportedCryptographicParameters
from server.crypto.ciphers.padding import DECRYPTION_FAILED
from server.crypto.errors import MissingParameters
from server.crypto.hashes import hash_algorithm

MakePadding = Callable[[CryptographicParameters, bool], padding.AsymmetricPadding]


def _oaep(parameters: CryptographicParameters, allow_legacy: bool) -> padding.AsymmetricPadding:
    if parameters.mask_generator not in (None, MaskGenerator.MGF1):
        raise UnsupportedCryptographicParameters("the server has no mask generator but MGF1")
    own = parameters.hashing_algorithm or HashingAlgorithm.SHA_1
    mask = parameters.mask_generator_hashing_algorithm or HashingAlgorithm.SHA_1
    return padding.OAEP(
        mgf=padding.MGF1(hash_algorithm(mask, allow_legacy=allow_legacy)),
        algorithm=hash_algorithm(own, allow_legacy=allow_legacy),
        label=parameters.p_source or None,
    )


PADDINGS: dict[P, MakePadding | None] = {
    P.NONE: None,  # textbook RSA: the library refuses it, and so do we
    P.OAEP: _oaep,
    P.PKCS5: None,
    P.SSL3: None,
    P.ZEROS: None,
    P.ANSI_X9_23: None,
    P.ISO_10126: None,
    P.PKCS1_V1_5: lambda parameters, allow_legacy: padding.PKCS1v15(),
    P.X9_31: None,
    P.PSS: None,
}
"""A row for every Padding Method; None where it does not encrypt."""


def _padding(parameters: CryptographicParameters, allow_legacy: bool) -> padding.AsymmetricPadding:
    if parameters.padding_method is None:
        raise MissingParameters("RSA encryption needs a padding method")
    make = PADDINGS.get(parameters.padding_method)
    if make is None:
        raise UnsupportedCryptographicParameters("RSA does not encrypt with this padding method")
    return make(parameters, allow_legacy)


def rsa_encrypt(
    key: rsa.RSAPublicKey,
    parameters: CryptographicParameters,
    data: bytes,
    *,
    allow_legacy: bool = False,
) -> bytes:
    """The cipher text of `data`, as long as the modulus.

    Raises:
        MissingParameters: no padding method.
        UnsupportedCryptographicParameters, LegacyRefused: its padding or a hash.
        CryptographicFailure: the data is too long for the key.

    Source: RFC 8017 sections 7.1 and 7.2.
    """
    chosen = _padding(parameters, allow_legacy)
    try:
        return key.encrypt(data, chosen)
    except ValueError:
        raise CryptographicFailure("the data is too long for the key") from None


def rsa_decrypt(
    key: rsa.RSAPrivateKey,
    parameters: CryptographicParameters,
    data: bytes,
    *,
    allow_legacy: bool = False,
) -> bytes:
    """The plain text of `data`.

    Raises:
        MissingParameters, UnsupportedCryptographicParameters, LegacyRefused: as `rsa_encrypt`.
        CryptographicFailure: it does not decrypt; it does not say why.
    """
    chosen = _padding(parameters, allow_legacy)
    try:
        return key.decrypt(data, chosen)
    except ValueError:
        raise CryptographicFailure(DECRYPTION_FAILED) from None
