"""Hashing: KMIP's Hashing Algorithm to a call, whole or in parts.

Which algorithms exist is data: `HASHES` has a row for every member of the enumeration, None where
the library carries no implementation (a test compares them).
"""

from typing import Final, NamedTuple

from cryptography.hazmat.primitives import hashes

from kmip.cryptographic_parameters import CryptographicParameters
from kmip.enums import HashingAlgorithm as H
from kmip.errors import UnsupportedCryptographicParameters
from server.crypto import costs
from server.crypto.errors import MissingParameters, refuse_legacy


class Hashing(NamedTuple):
    """How a hash is computed.

    Attributes:
        make: the library's algorithm.
        legacy: collisions are practical for anybody; kept for old data only.
    """

    make: type[hashes.HashAlgorithm]
    legacy: bool = False


HASHES: dict[H, Hashing | None] = {
    H.MD2: None,
    H.MD4: None,
    H.MD5: Hashing(hashes.MD5, legacy=True),
    # SHA-1 stays current here: it is the specification's default of MGF1 and OAEP (2.1 section
    # 4.16) and of PBKDF2 (PKCS#5), where collisions do not matter, and clients in use sign with it.
    H.SHA_1: Hashing(hashes.SHA1),
    H.SHA_224: Hashing(hashes.SHA224),
    H.SHA_256: Hashing(hashes.SHA256),
    H.SHA_384: Hashing(hashes.SHA384),
    H.SHA_512: Hashing(hashes.SHA512),
    H.RIPEMD_160: None,
    H.TIGER: None,
    H.WHIRLPOOL: None,
    H.SHA_512_224: Hashing(hashes.SHA512_224),
    H.SHA_512_256: Hashing(hashes.SHA512_256),
    H.SHA_3_224: Hashing(hashes.SHA3_224),
    H.SHA_3_256: Hashing(hashes.SHA3_256),
    H.SHA_3_384: Hashing(hashes.SHA3_384),
    H.SHA_3_512: Hashing(hashes.SHA3_512),
}


def hash_algorithm(algorithm: H, *, allow_legacy: bool = False) -> hashes.HashAlgorithm:
    """The library's algorithm for `algorithm`.

    Raises:
        UnsupportedCryptographicParameters: the library does not carry it.
        LegacyRefused: it is legacy, and `allow_legacy` is not set.
    """
    hashing = HASHES.get(algorithm)
    if hashing is None:
        raise UnsupportedCryptographicParameters("the server cannot compute this hashing algorithm")
    refuse_legacy("this hashing algorithm", legacy=hashing.legacy, allow_legacy=allow_legacy)
    return hashing.make()


def digest(algorithm: H, data: bytes, *, allow_legacy: bool = False) -> bytes:
    """The hash of `data`; raises as `hash_algorithm`.

    Source: 2.1 section 6.1.24 (Hash), 4.21 (Digest).
    """
    stream = hashes.Hash(hash_algorithm(algorithm, allow_legacy=allow_legacy))
    stream.update(data)
    return stream.finalize()


class HashStream:
    """A hash computed in parts (2.1 section 6.1.24, Init and Final Indicator).

    Attributes:
        gathers: whether its parts are kept until the last one.
        rate: what hashing costs.
    """

    gathers: Final = False

    def __init__(self, parameters: CryptographicParameters, *, allow_legacy: bool = False) -> None:
        """Start a hash.

        Raises:
            MissingParameters: no Hashing Algorithm.
            UnsupportedCryptographicParameters, LegacyRefused: as `hash_algorithm`.
        """
        if parameters.hashing_algorithm is None:
            raise MissingParameters("a hash needs a hashing algorithm")
        self.rate = costs.of_hash(parameters.hashing_algorithm)
        self._hash = hashes.Hash(
            hash_algorithm(parameters.hashing_algorithm, allow_legacy=allow_legacy)
        )

    def update(self, data: bytes) -> None:
        """Take a part."""
        self._hash.update(data)

    def finalize(self, data: bytes = b"") -> bytes:
        """The hash of all parts, `data` the last; the stream is over."""
        self._hash.update(data)
        return self._hash.finalize()
