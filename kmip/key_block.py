"""Key blocks: key material in every format, plain or wrapped (2.1 section 3; 1.4 section 2.1).

Theory: the Key Format Type beside it determines the form of Key Material. A byte string stays
`bytes`; a structure is bound to the class that `TRANSPARENT` names for the format. A Key Value that
is itself a byte string is wrapped as a whole.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Final, NamedTuple

from kmip.attribute_encoding import AttributeList, AttributeReferences
from kmip.attributes import Attributes
from kmip.cryptographic_parameters import CryptographicParameters
from kmip.enums import (
    CryptographicAlgorithm,
    EncodingOption,
    ItemType,
    KeyCompressionType,
    KeyFormatType,
    RecommendedCurve,
    WrappingMethod,
)
from kmip.errors import InvalidMessage
from kmip.items import Item, tag_name
from kmip.structures import Structure, from_item, structure, to_item, wrong_type
from kmip.tags import Tag
from kmip.types import BigInteger, Identifier
from kmip.versions import INTERNAL, V1_0, V1_1, V1_4, ProtocolVersion, since, until


@structure
class TransparentSymmetricKey(Structure):
    """2.1 section 3.4."""

    key: bytes


@structure
class TransparentDSAPrivateKey(Structure):
    """2.1 section 3.5."""

    p: BigInteger
    q: BigInteger
    g: BigInteger
    x: BigInteger


@structure
class TransparentDSAPublicKey(Structure):
    """2.1 section 3.6."""

    p: BigInteger
    q: BigInteger
    g: BigInteger
    y: BigInteger


@structure
class TransparentRSAPrivateKey(Structure):
    """2.1 section 3.7; one of d, (p, q) and (dp, dq) is there."""

    modulus: BigInteger
    private_exponent: BigInteger | None = None
    public_exponent: BigInteger | None = None
    p: BigInteger | None = None
    q: BigInteger | None = None
    prime_exponent_p: BigInteger | None = None
    prime_exponent_q: BigInteger | None = None
    crt_coefficient: BigInteger | None = None


@structure
class TransparentRSAPublicKey(Structure):
    """2.1 section 3.8."""

    modulus: BigInteger
    public_exponent: BigInteger


@structure
class TransparentDHPrivateKey(Structure):
    """2.1 section 3.9."""

    p: BigInteger
    q: BigInteger | None = None
    g: BigInteger
    j: BigInteger | None = None
    x: BigInteger


@structure
class TransparentDHPublicKey(Structure):
    """2.1 section 3.10."""

    p: BigInteger
    q: BigInteger | None = None
    g: BigInteger
    j: BigInteger | None = None
    y: BigInteger


@structure
class TransparentECPrivateKey(Structure):
    """2.1 section 3.11; 1.x has it for ECDSA, ECDH and ECMQV under formats of their own."""

    recommended_curve: RecommendedCurve
    d: BigInteger


@structure
class TransparentECPublicKey(Structure):
    """2.1 section 3.12."""

    recommended_curve: RecommendedCurve
    q_string: bytes


Transparent = (
    TransparentSymmetricKey
    | TransparentDSAPrivateKey
    | TransparentDSAPublicKey
    | TransparentRSAPrivateKey
    | TransparentRSAPublicKey
    | TransparentDHPrivateKey
    | TransparentDHPublicKey
    | TransparentECPrivateKey
    | TransparentECPublicKey
)

TRANSPARENT: Final[dict[KeyFormatType, type[Structure]]] = {
    KeyFormatType.TRANSPARENT_SYMMETRIC_KEY: TransparentSymmetricKey,
    KeyFormatType.TRANSPARENT_DSA_PRIVATE_KEY: TransparentDSAPrivateKey,
    KeyFormatType.TRANSPARENT_DSA_PUBLIC_KEY: TransparentDSAPublicKey,
    KeyFormatType.TRANSPARENT_RSA_PRIVATE_KEY: TransparentRSAPrivateKey,
    KeyFormatType.TRANSPARENT_RSA_PUBLIC_KEY: TransparentRSAPublicKey,
    KeyFormatType.TRANSPARENT_DH_PRIVATE_KEY: TransparentDHPrivateKey,
    KeyFormatType.TRANSPARENT_DH_PUBLIC_KEY: TransparentDHPublicKey,
    KeyFormatType.TRANSPARENT_ECDSA_PRIVATE_KEY: TransparentECPrivateKey,
    KeyFormatType.TRANSPARENT_ECDSA_PUBLIC_KEY: TransparentECPublicKey,
    KeyFormatType.TRANSPARENT_ECDH_PRIVATE_KEY: TransparentECPrivateKey,
    KeyFormatType.TRANSPARENT_ECDH_PUBLIC_KEY: TransparentECPublicKey,
    KeyFormatType.TRANSPARENT_ECMQV_PRIVATE_KEY: TransparentECPrivateKey,
    KeyFormatType.TRANSPARENT_ECMQV_PUBLIC_KEY: TransparentECPublicKey,
    KeyFormatType.TRANSPARENT_EC_PRIVATE_KEY: TransparentECPrivateKey,
    KeyFormatType.TRANSPARENT_EC_PUBLIC_KEY: TransparentECPublicKey,
}
"""The structure of Key Material in each transparent format."""


@structure
class EncryptionKeyInformation(Structure):
    """The key that encrypts, and how (2.1 section 3.3)."""

    unique_identifier: Identifier
    cryptographic_parameters: CryptographicParameters | None = None


@structure
class MACSignatureKeyInformation(Structure):
    """The key that MACs or signs, and how (2.1 section 3.3)."""

    unique_identifier: Identifier
    cryptographic_parameters: CryptographicParameters | None = None


@structure
class KeyWrappingData(Structure):
    """How a Key Value is wrapped (2.1 section 3.3)."""

    wrapping_method: WrappingMethod
    encryption_key_information: EncryptionKeyInformation | None = None
    mac_signature_key_information: MACSignatureKeyInformation | None = None
    mac_signature: bytes | None = None
    iv_counter_nonce: bytes | None = None
    encoding_option: Annotated[EncodingOption | None, since(V1_1)] = None


@structure
class KeyWrappingSpecification(Structure):
    """How a Key Value is to be wrapped (2.1 section 7.18)."""

    wrapping_method: WrappingMethod
    encryption_key_information: EncryptionKeyInformation | None = None
    mac_signature_key_information: MACSignatureKeyInformation | None = None
    attribute_names: AttributeReferences = ()
    encoding_option: Annotated[EncodingOption | None, since(V1_1)] = None


class MaterialForm(NamedTuple):
    """Key Material: bytes, or a structure that the key block binds by its format."""

    def read(self, item: Item, version: ProtocolVersion) -> bytes | Item:
        """The bytes, or the item of a structure."""
        if item.type == ItemType.BYTE_STRING and isinstance(item.value, bytes):
            return item.value
        if item.type == ItemType.STRUCTURE:
            return item
        raise wrong_type(item, ItemType.BYTE_STRING)

    def write(self, tag: int, value: Any, version: ProtocolVersion) -> Item:
        """A byte string or a structure."""
        if isinstance(value, Structure):
            return to_item(value, tag, version)
        if isinstance(value, Item):
            return Item(tag, value.type, value.value)
        return Item(tag, ItemType.BYTE_STRING, value)


@structure
class KeyValue(Structure):
    """Key Material and attributes that travel with it (2.1 section 3.2)."""

    key_material: Annotated[bytes | Transparent | Item, MaterialForm()]
    attributes: AttributeList | None = None


class KeyValueForm(NamedTuple):
    """Key Value: a structure, or the bytes of a wrapped one."""

    def read(self, item: Item, version: ProtocolVersion) -> bytes | KeyValue:
        """The wrapped bytes or the structure."""
        if item.type == ItemType.BYTE_STRING and isinstance(item.value, bytes):
            return item.value
        return from_item(item, KeyValue, version)

    def write(self, tag: int, value: Any, version: ProtocolVersion) -> Item:
        """A byte string or a structure."""
        if isinstance(value, bytes):
            return Item(tag, ItemType.BYTE_STRING, value)
        return to_item(value, tag, version)


@structure
class KeyBlock(Structure):
    """A key with all that is closely associated with it (2.1 section 3.1).

    Attributes:
        key_value: bytes where it is wrapped; absent where the server does not have it (from 1.2
            on, with Key Value Location).
    """

    key_format_type: KeyFormatType
    key_compression_type: KeyCompressionType | None = None
    key_value: Annotated[bytes | KeyValue | None, KeyValueForm()] = None
    cryptographic_algorithm: CryptographicAlgorithm | None = None
    cryptographic_length: int | None = None
    key_wrapping_data: KeyWrappingData | None = None

    @property
    def key_material(self) -> bytes | Transparent | Item | None:
        """The plain material; None where it is wrapped or absent."""
        return self.key_value.key_material if isinstance(self.key_value, KeyValue) else None

    @property
    def attributes(self) -> Attributes | None:
        """The attributes within the Key Value."""
        return self.key_value.attributes if isinstance(self.key_value, KeyValue) else None


def plain_block(
    key_format: KeyFormatType,
    material: bytes | Transparent,
    algorithm: CryptographicAlgorithm | None = None,
    length: int | None = None,
) -> KeyBlock:
    """The block of a key that is not wrapped.

    Args:
        key_format: of the material.
        material: the key.
        algorithm: it is for, where the format does not tell.
        length: of the key, in bits.
    """
    return KeyBlock(
        key_format_type=key_format,
        key_value=KeyValue(key_material=material),
        cryptographic_algorithm=algorithm,
        cryptographic_length=length,
    )


BARE: Final = {KeyFormatType.PKCS_12: until(V1_4)}
"""Formats whose material is the Key Value itself, without a structure around it, and when (OASIS
TC-PKCS12-1 in 1.4 and in 2.0)."""


class KeyBlockForm(NamedTuple):
    """A Key Block whose transparent material is bound by its format."""

    def read(self, item: Item, version: ProtocolVersion) -> KeyBlock:
        """The block; raises InvalidMessage where material and format do not go together."""
        return self.bound(from_item(item, KeyBlock, version), version)

    def bound(self, block: KeyBlock, version: ProtocolVersion) -> KeyBlock:
        """A block as it was read, with its material bound; raises InvalidMessage likewise."""
        if _may_be_bare(block) and isinstance(block.key_value, bytes):
            block.key_value = KeyValue(key_material=block.key_value)
        if isinstance(block.key_value, KeyValue):
            block.key_value.key_material = bind(
                block.key_value.key_material, block.key_format_type, version
            )
        return block

    def write(self, tag: int, value: Any, version: ProtocolVersion) -> Item:
        """The block's structure."""
        return to_item(self.bare(value, version), tag, version)

    def bare(self, block: KeyBlock, version: ProtocolVersion) -> KeyBlock:
        """A block as it is written: without the structure around material that is to be bare."""
        if (
            _may_be_bare(block)
            and version != INTERNAL
            and BARE[block.key_format_type].covers(version)
        ):
            inner = block.key_value
            if isinstance(inner, KeyValue) and inner.attributes is None:
                bare: Any = inner.key_material  # bytes, as all that may be bare
                return replace(block, key_value=bare)
        return block


def _may_be_bare(block: KeyBlock) -> bool:
    """Whether a byte string in place of the Key Value is the material, and nothing wrapped."""
    return block.key_format_type in BARE and block.key_wrapping_data is None


def bind(
    material: bytes | Transparent | Item,
    key_format: KeyFormatType,
    version: ProtocolVersion = V1_0,
) -> bytes | Transparent | Item:
    """Key material as its format has it.

    Raises:
        InvalidMessage: bytes where the format has a structure, or a structure where it has bytes.
    """
    cls = TRANSPARENT.get(key_format)
    if (cls is None) == isinstance(material, bytes):
        if cls is not None and isinstance(material, Item):
            return from_item(material, cls, version)  # type: ignore[return-value]  # TRANSPARENT has material only
        return material
    raise InvalidMessage("is not what the Key Format Type says", tag_name(Tag.KEY_MATERIAL))


KeyBlockField = Annotated[KeyBlock, KeyBlockForm()]
