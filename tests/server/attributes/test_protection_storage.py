"""What the server promises of where and how well objects are kept."""

import pytest

from kmip.attributes import Attributes
from kmip.enums import CryptographicAlgorithm as A
from kmip.errors import ProtectionStorageUnavailable
from kmip.masks import ProtectionStorageMask as Mask
from kmip.payloads.protection_storage import ProtectionStorageMasks
from kmip.tags import Tag
from server.attributes.protection_storage import OFFERED, NotQuantumSafe, check, is_quantum_safe


def key(algorithm: A | None, length: int | None) -> Attributes:
    pairs = [(Tag.CRYPTOGRAPHIC_ALGORITHM, algorithm), (Tag.CRYPTOGRAPHIC_LENGTH, length)]
    return Attributes([(tag, value) for tag, value in pairs if value is not None])


@pytest.mark.parametrize(
    "algorithm,length,safe",
    [
        (A.AES, 256, True),
        (A.AES, 128, False),
        (A.RSA, 16_384, False),
        (A.ECDSA, 521, False),
        (A.ML_KEM_768, None, True),
        (A.ML_DSA_44, 0, True),
        (None, 256, True),
        (None, None, False),
    ],
)
def test_what_withstands_a_quantum_computer(algorithm: A, length: int, safe: bool):
    attributes = key(algorithm, length)
    assert is_quantum_safe(attributes) is safe
    attributes.set(Tag.QUANTUM_SAFE, value=True)
    if safe:
        check(attributes, None)
    else:
        with pytest.raises(NotQuantumSafe):
            check(attributes, None)
    attributes.set(Tag.QUANTUM_SAFE, value=False)
    check(attributes, None)


def masks(*requested: Mask) -> ProtectionStorageMasks:
    return ProtectionStorageMasks(protection_storage_mask=requested)


def test_one_of_the_places_asked_for_must_be_offered():
    check(Attributes(), masks())
    check(Attributes(), masks(Mask.HARDWARE, Mask.SOFTWARE))
    check(Attributes([(Tag.PROTECTION_STORAGE_MASK, OFFERED)]), None)
    for requested in (masks(Mask.HARDWARE), masks(Mask.SOFTWARE | Mask.HARDWARE)):
        with pytest.raises(ProtectionStorageUnavailable):
            check(Attributes(), requested)
    with pytest.raises(ProtectionStorageUnavailable):
        check(Attributes([(Tag.PROTECTION_STORAGE_MASK, Mask.OFF_SYSTEM)]), None)
