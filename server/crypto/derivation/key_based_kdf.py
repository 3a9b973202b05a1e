"""Key-based key derivation: the three modes of NIST SP 800-108, and its pseudorandom functions.

The derivation data is the whole fixed input (2.1 section 7.12: "Label||{0x00}||Context"); the
counter has 32 bits and stands before it, after the feedback of the feedback modes; the length is
not appended. PyKMIP computes the counter mode so.
"""

from collections.abc import Callable

from cryptography.hazmat.primitives import cmac, hashes, hmac
from cryptography.hazmat.primitives.ciphers import algorithms

from kmip.enums import CryptographicAlgorithm as A
from kmip.errors import ServerLimitExceeded
from server.crypto.derivation.inputs import Base, Inputs
from server.crypto.errors import InvalidKey

SHORTEST_BLOCK = 16
"""Bytes that a step gives at least: those of CMAC."""

MAX_WORK = 256 * 1024 * 1024
"""Bytes that all steps go through, at most: half a second of a core; more would let one request of
a megabyte hold a thread for half a minute."""

PRF = Callable[[bytes], bytes]


def prf_hmac(key: bytes, algorithm: hashes.HashAlgorithm) -> PRF:
    """HMAC under a key (RFC 2104)."""

    def compute(data: bytes) -> bytes:
        context = hmac.HMAC(key, algorithm)
        context.update(data)
        return context.finalize()

    return compute


def _prf(base: Base, inputs: Inputs) -> PRF:
    """HMAC where a hash is named or the key is one of HMAC, else CMAC with AES (SP 800-108 4)."""
    named = inputs.parameters.cryptographic_algorithm or base.algorithm
    if named != A.AES or inputs.parameters.hashing_algorithm is not None:
        return prf_hmac(base.secret(), inputs.hash(base))
    try:
        cipher = algorithms.AES(base.secret())
    except ValueError:
        raise InvalidKey("the key is not of a length that the algorithm has") from None

    def compute(data: bytes) -> bytes:
        context = cmac.CMAC(cipher)
        context.update(data)
        return context.finalize()

    return compute


def _fixed(inputs: Inputs) -> bytes:
    """The fixed input; raises ServerLimitExceeded where it would be gone through too often."""
    fixed = inputs.data()
    if len(fixed) * (inputs.length // SHORTEST_BLOCK) > MAX_WORK:
        raise ServerLimitExceeded("the server does not go through this much data for one request")
    return fixed


def _iterate(step: Callable[[bytes, int], bytes], first: bytes, length: int) -> bytes:
    """`step` of the last block and the counter, until there are `length` bytes."""
    output, block, counter = b"", first, 0
    while len(output) < length:
        counter += 1
        block = step(block, counter)
        output += block
    return output


def counter_mode(base: Base, inputs: Inputs) -> bytes:
    """SP 800-108 section 5.1 (revision 1: 4.1)."""
    prf, fixed = _prf(base, inputs), _fixed(inputs)
    return _iterate(lambda _, i: prf(i.to_bytes(4, "big") + fixed), b"", inputs.length)


def feedback_mode(base: Base, inputs: Inputs) -> bytes:
    """SP 800-108 section 5.2 (4.2): K(0) is the Initialization Vector."""
    prf, fixed = _prf(base, inputs), _fixed(inputs)
    return _iterate(
        lambda block, i: prf(block + i.to_bytes(4, "big") + fixed),
        inputs.initialization_vector or b"",
        inputs.length,
    )


def double_pipeline_mode(base: Base, inputs: Inputs) -> bytes:
    """SP 800-108 section 5.3 (4.3): A(0) is the fixed input."""
    prf, fixed = _prf(base, inputs), _fixed(inputs)
    output, a, counter = b"", fixed, 0
    while len(output) < inputs.length:
        counter += 1
        a = prf(a)
        output += prf(a + counter.to_bytes(4, "big") + fixed)
    return output
