"""Hashed passwords: proofs of a password that do not send it.

    S1 = Hash(Username || Password)        S2 = Hash(Password || Username)
    Hashed Password         = Hash(S1 || Timestamp) || S2
    Server Hashed Password  = Hash(Timestamp || S1 || Hash(S2))

Texts are hashed as UTF-8, and a time stamp as the eight bytes of a Date-Time Extended: microseconds
since 1970, big-endian. The time stamp is near the present and later than the user's last one, so
that a proof that was overheard is refused when it is sent again. Whoever has S1 and S2 can make
proofs: a server that keeps them keeps something like the password.

Source: KMIP 2.1 sections 8.5 and 9.11 (Credential: Hashed Password), 9.1.1.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Final

from kmip.enums import HashingAlgorithm

DIGESTS: Final = {
    HashingAlgorithm.SHA_256: "sha256",
    HashingAlgorithm.SHA_384: "sha384",
    HashingAlgorithm.SHA_512: "sha512",
}
"""Those that are taken; older ones are not."""
SKEW_SECONDS: Final = 300
"""By how much a client's clock may differ."""
MICROSECONDS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Halves:
    """What a proof is made of.

    Attributes:
        first: S1.
        second: S2.
    """

    first: bytes = field(repr=False)
    second: bytes = field(repr=False)

    def proof(self, timestamp: int, digest: str) -> bytes:
        """The Hashed Password of a time, microseconds since 1970."""
        return _hash(digest, self.first, _written(timestamp)) + self.second

    def answer(self, timestamp: int, digest: str) -> bytes:
        """The Server Hashed Password, by which the server proves that it knows them too."""
        return _hash(digest, _written(timestamp), self.first, _hash(digest, self.second))

    def holds(self, proof: bytes, timestamp: int, digest: str) -> bool:
        """Whether a proof is theirs."""
        return hmac.compare_digest(self.proof(timestamp, digest), proof)


def halves_of(username: str, password: str, digest: str) -> Halves:
    """What the proofs of a password are made of."""
    name, secret = _bytes(username), _bytes(password)
    return Halves(_hash(digest, name, secret), _hash(digest, secret, name))


def is_present(timestamp: int, now: float) -> bool:
    """Whether a time stamp is near the present."""
    return abs(timestamp - now * MICROSECONDS) <= SKEW_SECONDS * MICROSECONDS


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _written(timestamp: int) -> bytes:
    return timestamp.to_bytes(8, signed=True)


def _hash(digest: str, *parts: bytes) -> bytes:
    return hashlib.new(digest, b"".join(parts)).digest()
