"""Initialization vectors, counters and nonces: which lengths a mode takes, and new ones.

Rules (2.1 sections 4.16 and 6.1.17): the client gives one, or the server makes one and returns it.
Lengths in Cryptographic Parameters are in bits, except Tag Length, which is in bytes. A vector made
here is random throughout: the server keeps no invocation counter of a key, so Fixed Field Length
and Invocation Field Length only tell how long the vector is (NIST SP 800-38D section 8.2.2, the
RBG-based construction).

Limit: with 96 random bits a key should see no more than 2**32 messages (SP 800-38D section 8.3);
the Usage Limits attribute is the place to hold a client to it.
"""

import secrets
from collections.abc import Container
from typing import NamedTuple

from kmip.cryptographic_parameters import CryptographicParameters
from kmip.errors import BadCryptographicParameters, MissingInitializationVector


class VectorRule(NamedTuple):
    """The vectors a mode takes.

    Attributes:
        lengths: allowed, in bytes.
        default: bytes of one the server makes, where the parameters do not say.
    """

    lengths: Container[int]
    default: int


def exactly(length: int) -> VectorRule:
    """Vectors of one length in bytes."""
    return VectorRule((length,), length)


NONE = exactly(0)
COUNTER_BLOCK = VectorRule(range(1, 17), 16)
"""CTR: a whole counter block, or its beginning, the rest being the counter."""
GCM_NONCE = VectorRule(range(8, 129), 12)
"""GCM: what the library takes; 12 bytes unless there is a reason."""
CCM_NONCE = VectorRule(range(7, 14), 12)
"""CCM (RFC 3610 section 2): a longer nonce leaves room for a shorter message."""
CHACHA20_NONCE = VectorRule((8, 12, 16), 12)
"""ChaCha20: 8 bytes after a 64-bit counter (the original), 12 after a 32-bit one (RFC 8439), or
16 with the counter in front."""


def requested_length(parameters: CryptographicParameters) -> int | None:
    """The bytes of vector that the parameters ask for, or None.

    Raises:
        BadCryptographicParameters: not a whole number of bytes.
    """
    bits = parameters.iv_length
    if bits is None and parameters.fixed_field_length and parameters.invocation_field_length:
        bits = parameters.fixed_field_length + parameters.invocation_field_length
    if bits is None and parameters.counter_length:
        bits = 128 - parameters.counter_length
    if bits is None:
        return None
    if bits % 8:
        raise BadCryptographicParameters("the server makes vectors of whole bytes only")
    return bits // 8


def choose_vector(
    rule: VectorRule, parameters: CryptographicParameters, client_vector: bytes | None
) -> tuple[bytes, bytes | None]:
    """The vector for an encryption, and again if the server made it (it is then returned).

    The server makes one where none is given, unless Random IV is false.

    Raises:
        MissingInitializationVector: none given, and Random IV is false.
        BadCryptographicParameters: its length does not fit the mode.
    """
    if client_vector is not None:
        return check_vector(rule, client_vector), None
    if rule is NONE:
        return b"", None
    if parameters.random_iv is False:
        raise MissingInitializationVector("the mode needs an IV and Random IV is false")
    length = requested_length(parameters)
    if length is None:
        length = rule.default
    if length not in rule.lengths:
        raise BadCryptographicParameters("the mode does not take a vector of this length")
    made = secrets.token_bytes(length)
    return made, made


def check_vector(rule: VectorRule, vector: bytes | None) -> bytes:
    """The vector for a decryption.

    Raises:
        MissingInitializationVector: none given where the mode needs one.
        BadCryptographicParameters: its length does not fit the mode.
    """
    if rule is NONE:
        return b""
    if not vector:
        raise MissingInitializationVector("the mode needs the IV, counter or nonce")
    if len(vector) not in rule.lengths:
        raise BadCryptographicParameters("the mode does not take a vector of this length")
    return vector
