"""What a key is derived from: the object, and the Derivation Parameters of the request."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from cryptography.hazmat.primitives import hashes

from kmip.cryptographic_parameters import CryptographicParameters
from kmip.enums import CryptographicAlgorithm as A
from kmip.enums import HashingAlgorithm as H
from kmip.errors import MissingData
from server.crypto.errors import InvalidKey, MissingParameters
from server.crypto.hashes import hash_algorithm
from server.crypto.keys.key_types import PrivateKey, PublicKey
from server.crypto.macs import HMACS


@dataclass(frozen=True)
class Base:
    """What is derived from.

    Attributes:
        key: the bytes of a symmetric key or secret data; for ASYMMETRIC_KEY a private key.
        algorithm: its Cryptographic Algorithm, where it has one.
        peer: for ASYMMETRIC_KEY, the public key of the other side.
    """

    key: bytes | PrivateKey = field(repr=False)
    algorithm: A | None = None
    peer: PublicKey | None = None

    def secret(self) -> bytes:
        """The key's bytes; raises InvalidKey where it has none of use."""
        if not isinstance(self.key, bytes):
            raise InvalidKey("this derivation needs a symmetric key or secret data")
        return self.key


class Inputs(NamedTuple):
    """What the Derivation Parameters say (2.1 section 7.12).

    Attributes:
        length: bytes wanted.
        parameters: Cryptographic Parameters.
        derivation_data: empty where neither the request nor a second object gives any.
        salt: None where the request has none.
        iteration_count: of PBKDF2.
        initialization_vector: of ENCRYPT and of the feedback mode.
        allow_legacy: the policy.
    """

    length: int
    parameters: CryptographicParameters
    derivation_data: Sequence[bytes]
    salt: bytes | None
    iteration_count: int | None
    initialization_vector: bytes | None
    allow_legacy: bool

    def data(self) -> bytes:
        """The derivation data as one; raises MissingData where there is none."""
        if not self.derivation_data:
            raise MissingData("this derivation needs derivation data")
        return b"".join(self.derivation_data)

    def hash(self, base: Base, default: H | None = None) -> hashes.HashAlgorithm:
        """The hash of the pseudorandom function.

        From the parameters, else from an HMAC algorithm in them or of the key ("the attributes of
        the derivation key provide enough information"), else `default`; raises MissingParameters.
        """
        named = self.parameters.hashing_algorithm
        for algorithm in (self.parameters.cryptographic_algorithm, base.algorithm):
            if named is None and algorithm is not None:
                named = HMACS.get(algorithm)
        if named is None:
            named = default
        if named is None:
            raise MissingParameters("this derivation needs a hashing algorithm")
        return hash_algorithm(named, allow_legacy=self.allow_legacy)
