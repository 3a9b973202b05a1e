"""The bit masks of KMIP 1.0 to 3.0.

Written by docs/spec/generate.py from docs/spec/vocabulary.csv.
"""

from typing import Final

from kmip.tags import Tag
from kmip.vocabulary import Mask


class CryptographicUsageMask(Mask):
    """Cryptographic Usage Mask (2.1 section 11)."""

    SIGN = 0x00000001
    VERIFY = 0x00000002
    ENCRYPT = 0x00000004
    DECRYPT = 0x00000008
    WRAP_KEY = 0x00000010
    UNWRAP_KEY = 0x00000020
    EXPORT = 0x00000040
    MAC_GENERATE = 0x00000080
    MAC_VERIFY = 0x00000100
    DERIVE_KEY = 0x00000200
    CONTENT_COMMITMENT_NON_REPUDIATION = 0x00000400
    KEY_AGREEMENT = 0x00000800
    CERTIFICATE_SIGN = 0x00001000
    CRL_SIGN = 0x00002000
    GENERATE_CRYPTOGRAM = 0x00004000
    VALIDATE_CRYPTOGRAM = 0x00008000
    TRANSLATE_ENCRYPT = 0x00010000
    TRANSLATE_DECRYPT = 0x00020000
    TRANSLATE_WRAP = 0x00040000
    TRANSLATE_UNWRAP = 0x00080000
    AUTHENTICATE = 0x00100000
    UNRESTRICTED = 0x00200000
    FPE_ENCRYPT = 0x00400000
    FPE_DECRYPT = 0x00800000


class ProtectionStorageMask(Mask):
    """Protection Storage Mask (2.1 section 11)."""

    SOFTWARE = 0x00000001
    HARDWARE = 0x00000002
    ON_PROCESSOR = 0x00000004
    ON_SYSTEM = 0x00000008
    OFF_SYSTEM = 0x00000010
    HYPERVISOR = 0x00000020
    OPERATING_SYSTEM = 0x00000040
    CONTAINER = 0x00000080
    ON_PREMISES = 0x00000100
    OFF_PREMISES = 0x00000200
    SELF_MANAGED = 0x00000400
    OUTSOURCED = 0x00000800
    VALIDATED = 0x00001000
    SAME_JURISDICTION = 0x00002000


class StorageStatusMask(Mask):
    """Storage Status Mask (2.1 section 11)."""

    ON_LINE_STORAGE = 0x00000001
    ARCHIVAL_STORAGE = 0x00000002
    DESTROYED_STORAGE = 0x00000004


NAMES: Final[dict[type[Mask], dict[str, int]]] = {
    CryptographicUsageMask: {
        "Sign": 0x00000001,
        "Verify": 0x00000002,
        "Encrypt": 0x00000004,
        "Decrypt": 0x00000008,
        "WrapKey": 0x00000010,
        "UnwrapKey": 0x00000020,
        "Export": 0x00000040,
        "MACGenerate": 0x00000080,
        "MACVerify": 0x00000100,
        "DeriveKey": 0x00000200,
        "ContentCommitment": 0x00000400,
        "ContentCommitmentNonRepudiation": 0x00000400,
        "KeyAgreement": 0x00000800,
        "CertificateSign": 0x00001000,
        "CRLSign": 0x00002000,
        "GenerateCryptogram": 0x00004000,
        "ValidateCryptogram": 0x00008000,
        "TranslateEncrypt": 0x00010000,
        "TranslateDecrypt": 0x00020000,
        "TranslateWrap": 0x00040000,
        "TranslateUnwrap": 0x00080000,
        "Authenticate": 0x00100000,
        "Unrestricted": 0x00200000,
        "FPEEncrypt": 0x00400000,
        "FPEDecrypt": 0x00800000,
    },
    ProtectionStorageMask: {
        "Software": 0x00000001,
        "Hardware": 0x00000002,
        "OnProcessor": 0x00000004,
        "OnSystem": 0x00000008,
        "OffSystem": 0x00000010,
        "Hypervisor": 0x00000020,
        "OperatingSystem": 0x00000040,
        "Container": 0x00000080,
        "OnPremises": 0x00000100,
        "OffPremises": 0x00000200,
        "SelfManaged": 0x00000400,
        "Outsourced": 0x00000800,
        "Validated": 0x00001000,
        "SameJurisdiction": 0x00002000,
    },
    StorageStatusMask: {
        "OnLineStorage": 0x00000001,
        "ArchivalStorage": 0x00000002,
        "DestroyedStorage": 0x00000004,
    },
}
"""The names that the text encodings use for each bit."""

MASK_OF: Final[dict[Tag, type[Mask]]] = {
    Tag.CRYPTOGRAPHIC_USAGE_MASK: CryptographicUsageMask,
    Tag.PROTECTION_STORAGE_MASK: ProtectionStorageMask,
    Tag.STORAGE_STATUS_MASK: StorageStatusMask,
}
"""The mask whose bits stand under a tag."""
