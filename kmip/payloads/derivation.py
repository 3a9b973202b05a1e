"""What a derivation needs besides its objects (2.1 section 7.12; 1.4 section 4.6)."""

from __future__ import annotations

from kmip.cryptographic_parameters import CryptographicParameters
from kmip.structures import Structure, structure


@structure
class DerivationParameters(Structure):
    """The parameters of every derivation method; which of them are needed depends on it.

    Attributes:
        derivation_data: one in 1.x; from 2.0 on several for AWS Signature Version 4.
        salt: for PBKDF2 and HKDF.
        iteration_count: for PBKDF2.
    """

    cryptographic_parameters: CryptographicParameters | None = None
    initialization_vector: bytes | None = None
    derivation_data: tuple[bytes, ...] = ()
    salt: bytes | None = None
    iteration_count: int | None = None
