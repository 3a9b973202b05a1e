"""Cryptographic parameters, domain parameters and random number generators, as KMIP names them."""

from __future__ import annotations

from typing import Annotated

from kmip.enums import (
    BlockCipherMode,
    CryptographicAlgorithm,
    DigitalSignatureAlgorithm,
    DRBGAlgorithm,
    FIPS186Variation,
    HashingAlgorithm,
    KeyRoleType,
    MaskGenerator,
    PaddingMethod,
    RecommendedCurve,
    RNGAlgorithm,
)
from kmip.structures import Structure, structure
from kmip.tags import Tag
from kmip.versions import V1_2, V1_4, since


@structure
class CryptographicParameters(Structure):
    """How a key is used (2.1 section 4.16; 1.4 section 3.6)."""

    block_cipher_mode: BlockCipherMode | None = None
    padding_method: PaddingMethod | None = None
    hashing_algorithm: HashingAlgorithm | None = None
    key_role_type: KeyRoleType | None = None
    digital_signature_algorithm: Annotated[DigitalSignatureAlgorithm | None, since(V1_2)] = None
    cryptographic_algorithm: Annotated[CryptographicAlgorithm | None, since(V1_2)] = None
    random_iv: Annotated[bool | None, since(V1_2)] = None
    iv_length: Annotated[int | None, since(V1_2)] = None
    tag_length: Annotated[int | None, since(V1_2)] = None
    fixed_field_length: Annotated[int | None, since(V1_2)] = None
    invocation_field_length: Annotated[int | None, since(V1_2)] = None
    counter_length: Annotated[int | None, since(V1_2)] = None
    initial_counter_value: Annotated[int | None, since(V1_2)] = None
    salt_length: Annotated[int | None, since(V1_4)] = None
    mask_generator: Annotated[MaskGenerator | None, since(V1_4)] = None
    mask_generator_hashing_algorithm: Annotated[HashingAlgorithm | None, since(V1_4)] = None
    p_source: Annotated[bytes | None, since(V1_4)] = None
    trailer_field: Annotated[int | None, since(V1_4)] = None


@structure
class CryptographicDomainParameters(Structure):
    """The group or curve of a key pair to be made (2.1 section 4.14)."""

    qlength: int | None = None
    recommended_curve: RecommendedCurve | None = None


@structure
class RNGParameters(Structure):
    """A random number generator (2.1 section 7.23)."""

    rng_algorithm: RNGAlgorithm
    cryptographic_algorithm: CryptographicAlgorithm | None = None
    cryptographic_length: int | None = None
    hashing_algorithm: HashingAlgorithm | None = None
    drbg_algorithm: DRBGAlgorithm | None = None
    recommended_curve: RecommendedCurve | None = None
    fips186_variation: Annotated[FIPS186Variation | None, Tag.FIPS186_VARIATION] = None
    prediction_resistance: bool | None = None
