"""What an object's material tells of it: algorithm, length, format, certificate names, digests.

A client may say some of it, and what it says comes first; the digests are the server's alone (2.1
section 4.21). Of an object that is wrapped, the wrapped bytes tell nothing.
"""

from __future__ import annotations

import hashlib
from typing import Any

from kmip import attribute_rules
from kmip.attribute_values import Digest
from kmip.attributes import AttributeName, Attributes
from kmip.encodings import ttlv
from kmip.enums import HashingAlgorithm, KeyFormatType, ObjectType, Operation
from kmip.errors import KMIPError
from kmip.items import Item
from kmip.key_block import Transparent
from kmip.objects import (
    Certificate,
    CertificateRequest,
    KeyBlock,
    OpaqueObject,
    SplitKey,
    key_block_of,
)
from kmip.structures import Structure, to_item
from kmip.tags import Tag
from kmip.versions import INTERNAL
from server.crypto import costs
from server.crypto.certificates.certificate_facts import CertificateFacts, certificate_facts
from server.crypto.keys import key_costs, key_facts, key_formats
from server.objects.managed_object import ManagedObject


def describe(
    managed_object: ManagedObject,
    content: Structure,
    facts: CertificateFacts | None = None,
) -> None:
    """Set what the material itself tells, where the client has not.

    Args:
        managed_object: the object, which is changed.
        content: the object itself, or its plain form where it is kept wrapped.
        facts: of a certificate that has been read already.
    """
    block = key_block_of(content)
    if block is not None:
        _describe_key(managed_object, block)
    elif isinstance(content, Certificate):
        facts = facts or certificate_facts(content.certificate_value)
        for tag, values in facts.attributes.items():
            if tag not in managed_object.attributes:
                for value in values:
                    managed_object.attributes.add(tag, value)
        # Not X.509, which is only the format asked for in Get (OASIS TC-CERTATTR-1).
        default(managed_object, Tag.KEY_FORMAT_TYPE, KeyFormatType.RAW)
    elif isinstance(content, CertificateRequest):
        default(managed_object, Tag.CERTIFICATE_REQUEST_TYPE, content.certificate_request_type)
    elif isinstance(content, OpaqueObject):
        default(managed_object, Tag.OPAQUE_DATA_TYPE, content.opaque_data_type)
    if isinstance(content, SplitKey):
        for tag in (Tag.SPLIT_KEY_METHOD, Tag.SPLIT_KEY_PARTS, Tag.SPLIT_KEY_THRESHOLD):
            default(managed_object, tag, getattr(content, tag.name.lower()))
        default(managed_object, Tag.KEY_PART_IDENTIFIER, content.key_part_identifier)
    managed_object.attributes.remove(Tag.DIGEST)
    for digest in digests_of(managed_object.object_type, content):
        managed_object.attributes.add(Tag.DIGEST, digest)


def _describe_key(managed_object: ManagedObject, block: KeyBlock) -> None:
    default(managed_object, Tag.KEY_FORMAT_TYPE, block.key_format_type)
    default(managed_object, Tag.CRYPTOGRAPHIC_ALGORITHM, block.cryptographic_algorithm)
    length = block.cryptographic_length
    if length is None and managed_object.object_type != ObjectType.SECRET_DATA:
        material = block.key_material
        if material is not None and block.key_wrapping_data is None:
            length = key_facts.material_length(material)
    default(managed_object, Tag.CRYPTOGRAPHIC_LENGTH, length)


def travelling(object_type: ObjectType, content: Structure, operation: Operation) -> Attributes:
    """The attributes within a Key Value that a client may set by this operation.

    What only the server says of an object is passed over: the Key Value may be from another one.
    """
    block = key_block_of(content)
    own = Attributes() if block is None or block.attributes is None else block.attributes.copy()
    for key in list(own.values):
        if not attribute_rules.may_set(key, object_type, operation):
            own.remove(key)
    return own


def default(managed_object: ManagedObject, key: AttributeName, value: Any) -> None:
    """Set an attribute that the client has not set."""
    if value is not None and key not in managed_object.attributes:
        managed_object.attributes.set(key, value)


def digests_of(object_type: ObjectType, content: Structure) -> list[Digest]:
    """The SHA-256 digests of an object's material (2.1 section 4.21); none where it is not held.

    One is of the material in the format in which it is kept, and another of the object's default
    format where that is a different one and the server converts between them.
    """
    found = digested(content)
    if found is None:
        return []
    block = key_block_of(content)
    default = None if block is None else _in_default_format(object_type, block)
    return [_digest(*one) for one in (found, default) if one is not None]


def _in_default_format(
    object_type: ObjectType, block: KeyBlock
) -> tuple[bytes, KeyFormatType] | None:
    """The digested bytes of a plain key in its default format; None: it is in that already."""
    default = key_facts.default_format(object_type, block.cryptographic_algorithm)
    kept, material = block.key_format_type, block.key_material
    if default == kept or material is None or block.key_wrapping_data is not None:
        return None
    if kept == KeyFormatType.OPAQUE:  # bytes that nobody knows the form of
        return None
    private = object_type == ObjectType.PRIVATE_KEY
    if key_costs.of_loading(material, private=private) >= costs.LOOP_MICROSECONDS:
        return None
    algorithm = block.cryptographic_algorithm
    try:
        converted = key_formats.convert(object_type, material, kept, default, algorithm)
    except KMIPError:
        return None
    return _material_bytes(converted), default


def _digest(data: bytes, key_format: KeyFormatType) -> Digest:
    return Digest(
        hashing_algorithm=HashingAlgorithm.SHA_256,
        digest_value=hashlib.sha256(data).digest(),
        key_format_type=key_format,
    )


def digested(content: Structure) -> tuple[bytes, KeyFormatType] | None:
    """The bytes that an object's digest is of, and their format; None: they are not here."""
    if isinstance(content, Certificate):
        return content.certificate_value, KeyFormatType.X_509
    if isinstance(content, CertificateRequest):
        return content.certificate_request_value, KeyFormatType.PKCS_10
    if isinstance(content, OpaqueObject):
        return content.opaque_data_value, KeyFormatType.OPAQUE
    block = key_block_of(content)
    if block is None or block.key_material is None or block.key_wrapping_data is not None:
        return None
    return _material_bytes(block.key_material), block.key_format_type


def digested_as(object_type: ObjectType, content: Structure, wanted: KeyFormatType) -> bytes | None:
    """The bytes that an object's digest in some format is of; None: it does not have that format.

    A private key is loaded, which takes long (`server.crypto.costs`).
    """
    found, block = digested(content), key_block_of(content)
    if found is None or found[1] == wanted:
        return None if found is None else found[0]
    if block is None or block.key_material is None:
        return None
    kept, algorithm = block.key_format_type, block.cryptographic_algorithm
    try:
        material = key_formats.convert(object_type, block.key_material, kept, wanted, algorithm)
    except KMIPError:
        return None
    return _material_bytes(material)


def _material_bytes(material: bytes | Transparent | Item) -> bytes:
    if isinstance(material, bytes):
        return material
    if isinstance(material, Item):
        return ttlv.encode(material)
    return ttlv.encode(to_item(material, Tag.KEY_MATERIAL, INTERNAL))
