"""Where objects are kept, and how well, as far as clients may ask for it (2.1 section 4.42 ff.)."""

from __future__ import annotations

from typing import Final

from kmip.attributes import Attributes
from kmip.enums import CryptographicAlgorithm as A
from kmip.errors import KMIPError, ProtectionStorageUnavailable
from kmip.masks import ProtectionStorageMask as Mask
from kmip.payloads.protection_storage import ProtectionStorageMasks
from kmip.tags import Tag

OFFERED: Final = Mask.SOFTWARE | Mask.ON_SYSTEM | Mask.SELF_MANAGED | Mask.OPERATING_SYSTEM
"""What the sealed store is: software on this system, in nobody else's hands."""

QUANTUM_SAFE_BITS: Final = 256
"""Bits of a symmetric key that a quantum computer's square root leaves strong enough."""

QUANTUM_SAFE_PAIRS: Final = frozenset(
    {A.ML_KEM_512, A.ML_KEM_768, A.ML_KEM_1024, A.ML_DSA_44, A.ML_DSA_65, A.ML_DSA_87}
)

NOT_SAFE_PAIRS: Final = frozenset(
    {A.RSA, A.DSA, A.DH, A.EC, A.ECDSA, A.ECDH, A.ECMQV, A.ED25519, A.ED448}
)


class NotQuantumSafe(KMIPError):
    """The key would not withstand a quantum computer (General Failure, as in QS-M-2)."""


def check(attributes: Attributes, masks: ProtectionStorageMasks | None) -> None:
    """Refuse what the server cannot protect as it is asked to.

    Args:
        attributes: of the object to be made.
        masks: alternatives of where it may be kept.

    Raises:
        ProtectionStorageUnavailable: none of the alternatives is offered.
        NotQuantumSafe: the object is to be quantum safe, and its algorithm or length is not.
    """
    requested = masks.protection_storage_mask if masks else ()
    for wanted in (requested, attributes.all(Tag.PROTECTION_STORAGE_MASK)):
        if wanted and not any(mask & ~OFFERED == 0 for mask in wanted):
            raise ProtectionStorageUnavailable("objects are kept in software on this system")
    if attributes.get(Tag.QUANTUM_SAFE) and not is_quantum_safe(attributes):
        raise NotQuantumSafe("a key of this algorithm and length is not quantum safe")


def is_quantum_safe(attributes: Attributes) -> bool:
    """Whether a key of these attributes withstands a quantum computer."""
    algorithm = attributes.get(Tag.CRYPTOGRAPHIC_ALGORITHM)
    if algorithm in QUANTUM_SAFE_PAIRS:
        return True
    length = attributes.get(Tag.CRYPTOGRAPHIC_LENGTH) or 0
    return algorithm not in NOT_SAFE_PAIRS and length >= QUANTUM_SAFE_BITS
