"""Cryptographic Usage Masks of objects whose client gives none (2.1 section 4, Table 28, and 4.17).

The server supplies what a client leaves out and an object must have: such a key may do what keys of
its algorithm are for. Up to 1.3 a Create and a Register of a key without a mask are refused, since
the mask is REQUIRED (1.3 sections 4.1 and 4.3). In 1.4 it is too, but a published case gives none
(OASIS TC-CS-CORVAL-1-14), as others give none for Secret Data (SASED-M-2); and clients in use make
pairs without one in every version.
"""

from __future__ import annotations

from typing import Final

from kmip import attribute_rules
from kmip.enums import CryptographicAlgorithm as A
from kmip.enums import ObjectType, Operation
from kmip.errors import MissingField
from kmip.masks import CryptographicUsageMask as Mask
from kmip.tags import Tag
from server.context import Context
from server.objects.managed_object import ManagedObject

AGREEING: Final = frozenset({A.DH, A.ECDH, A.ECMQV, A.ML_KEM_512, A.ML_KEM_768, A.ML_KEM_1024})
"""Algorithms by which two sides come to a key."""

BOTH_WAYS: Final = frozenset({A.RSA})
"""Algorithms that sign and that encrypt."""


KEYS: Final = frozenset(
    {
        ObjectType.SYMMETRIC_KEY,
        ObjectType.PUBLIC_KEY,
        ObjectType.PRIVATE_KEY,
        ObjectType.SPLIT_KEY,
    }
)
"""What nobody knows the purpose of but its client."""

REQUIRING: Final = frozenset({Operation.CREATE, Operation.REGISTER})
"""Operations by which a client makes one object and says all that is to be said of it."""


def complete(context: Context, managed_object: ManagedObject) -> None:
    """Give a new object a mask where it must have one and its client has given none.

    Raises:
        MissingField: the client's version has the client give it.
    """
    kind, attributes = managed_object.object_type, managed_object.attributes
    tag = Tag.CRYPTOGRAPHIC_USAGE_MASK
    if tag in attributes or not attribute_rules.is_always_set(tag, kind):
        return
    if context.operation == Operation.IMPORT:  # which brings all that there is
        return
    if context.operation in REQUIRING and kind in KEYS and context.requires_usage_mask:
        raise MissingField("Cryptographic Usage Mask is needed")
    attributes.set(tag, default_of(kind, attributes.get(Tag.CRYPTOGRAPHIC_ALGORITHM)))


def default_of(kind: ObjectType, algorithm: A | None) -> Mask:
    """What an object of this type and algorithm is for."""
    if kind == ObjectType.SECRET_DATA:
        return Mask.DERIVE_KEY
    if kind in (ObjectType.SYMMETRIC_KEY, ObjectType.SPLIT_KEY):
        if algorithm is not None and algorithm.name.startswith("HMAC"):
            return Mask.MAC_GENERATE | Mask.MAC_VERIFY
        return Mask.ENCRYPT | Mask.DECRYPT
    if algorithm in AGREEING:
        return Mask.DERIVE_KEY | Mask.KEY_AGREEMENT
    private = kind == ObjectType.PRIVATE_KEY
    signing, hiding = (Mask.SIGN, Mask.DECRYPT) if private else (Mask.VERIFY, Mask.ENCRYPT)
    return signing | hiding if algorithm in BOTH_WAYS else signing
