"""Objects for tests to work with, made as clients make them."""

from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from kmip.attribute_values import RevocationReason, UsageLimits
from kmip.attributes import AttributeName, Attributes
from kmip.cryptographic_parameters import CryptographicDomainParameters
from kmip.enums import (
    CertificateType,
    CryptographicAlgorithm,
    KeyFormatType,
    ObjectType,
    Operation,
    RecommendedCurve,
    RevocationReasonCode,
    SecretDataType,
    State,
    UsageLimitsUnit,
)
from kmip.errors import KMIPError
from kmip.key_block import KeyBlock, KeyValue
from kmip.masks import CryptographicUsageMask as Mask
from kmip.messages import ResponseBatchItem
from kmip.objects import (
    Certificate,
    OpaqueObject,
    PrivateKey,
    PublicKey,
    SecretData,
    SplitKey,
    SymmetricKey,
    key_block_of,
)
from kmip.tags import Tag
from tests.server.conftest import NOW, Failed, InProcessClient

Pair = tuple[AttributeName, Any]

ACTIVE: Pair = (Tag.ACTIVATION_DATE, NOW - 10)
"""Makes an object Active from its beginning."""

ANY_USE = Mask(0x000FFFFF & ~Mask.UNRESTRICTED)


def attributes(*pairs: Pair, mask: Mask = ANY_USE) -> Attributes:
    """Attributes with a usage mask."""
    return Attributes([*pairs, (Tag.CRYPTOGRAPHIC_USAGE_MASK, mask)])


def aes(*pairs: Pair, mask: Mask = ANY_USE, length: int = 256) -> Attributes:
    """The attributes of an AES key."""
    algorithm = (Tag.CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm.AES)
    return attributes(*pairs, algorithm, (Tag.CRYPTOGRAPHIC_LENGTH, length), mask=mask)


async def create(
    ask: InProcessClient, *pairs: Pair, mask: Mask = ANY_USE, length: int = 256
) -> str:
    """A new AES key."""
    fields = aes(*pairs, mask=mask, length=length)
    made = await ask(Operation.CREATE, object_type=ObjectType.SYMMETRIC_KEY, attributes=fields)
    identifier: str = made.unique_identifier
    return identifier


async def create_pair(
    ask: InProcessClient,
    *pairs: Pair,
    algorithm: CryptographicAlgorithm = CryptographicAlgorithm.EC,
    mask: Mask = ANY_USE,
) -> tuple[str, str]:
    """A new key pair on P-256: private, public."""
    curve = CryptographicDomainParameters(recommended_curve=RecommendedCurve.P_256)
    domain = (Tag.CRYPTOGRAPHIC_DOMAIN_PARAMETERS, curve)
    common = attributes(*pairs, (Tag.CRYPTOGRAPHIC_ALGORITHM, algorithm), domain, mask=mask)
    made = await ask(Operation.CREATE_KEY_PAIR, common_attributes=common)
    return made.private_key_unique_identifier, made.public_key_unique_identifier


def symmetric_key(material: bytes, **fields: Any) -> SymmetricKey:
    """A raw AES key as an object."""
    return SymmetricKey(
        key_block=KeyBlock(
            key_format_type=KeyFormatType.RAW,
            key_value=KeyValue(key_material=material),
            **{
                "cryptographic_algorithm": CryptographicAlgorithm.AES,
                "cryptographic_length": 8 * len(material),
            }
            | fields,
        )
    )


def secret(material: bytes = b"correct horse") -> SecretData:
    """A password as an object."""
    return SecretData(
        secret_data_type=SecretDataType.PASSWORD,
        key_block=KeyBlock(
            key_format_type=KeyFormatType.OPAQUE, key_value=KeyValue(key_material=material)
        ),
    )


def opaque(value: bytes = b"whatever") -> OpaqueObject:
    """Bytes that nobody looks into, as an object."""
    return OpaqueObject(opaque_data_type=0x80000001, opaque_data_value=value)


async def register(ask: InProcessClient, managed: Any, *pairs: Pair, mask: Mask = ANY_USE) -> str:
    """The object, registered."""
    kinds = {
        SymmetricKey: ObjectType.SYMMETRIC_KEY,
        SecretData: ObjectType.SECRET_DATA,
        OpaqueObject: ObjectType.OPAQUE_OBJECT,
        Certificate: ObjectType.CERTIFICATE,
        SplitKey: ObjectType.SPLIT_KEY,
        PrivateKey: ObjectType.PRIVATE_KEY,
        PublicKey: ObjectType.PUBLIC_KEY,
    }
    made = await ask(
        Operation.REGISTER,
        object_type=kinds[type(managed)],
        attributes=attributes(*pairs, mask=mask),
        object=managed,
    )
    identifier: str = made.unique_identifier
    return identifier


async def attribute(ask: InProcessClient, identifier: str, key: AttributeName) -> Any:
    """The first value of an object's attribute."""
    got = await ask(Operation.GET_ATTRIBUTES, unique_identifier=identifier, attribute_names=(key,))
    return got.attributes.get(key)


async def values(ask: InProcessClient, identifier: str, key: AttributeName) -> tuple[Any, ...]:
    """Every value of an object's attribute."""
    got = await ask(Operation.GET_ATTRIBUTES, unique_identifier=identifier, attribute_names=(key,))
    found: tuple[Any, ...] = got.attributes.all(key)
    return found


async def state(ask: InProcessClient, identifier: str) -> State:
    """An object's state."""
    found: State = await attribute(ask, identifier, Tag.STATE)
    return found


async def material(ask: InProcessClient, identifier: str, **fields: Any) -> Any:
    """The key material of an object."""
    got = await ask(Operation.GET, unique_identifier=identifier, **fields)
    block = key_block_of(got.object)
    assert block is not None
    return block.key_material


def reason(code: RevocationReasonCode) -> dict[str, RevocationReason]:
    """The fields of a Revoke request for this reason."""
    return {"revocation_reason": RevocationReason(revocation_reason_code=code)}


STOPPED = reason(RevocationReasonCode.CESSATION_OF_OPERATION)
COMPROMISED = reason(RevocationReasonCode.KEY_COMPROMISE)


async def refused(
    ask: InProcessClient, kind: type[KMIPError], operation: Operation, **fields: Any
) -> ResponseBatchItem:
    """The answer to an operation that must fail with this error's reason."""
    with pytest.raises(Failed) as failure:
        await ask(operation, **fields)
    assert failure.value.reason == kind("").reason(ask.version), failure.value
    return failure.value.item


async def destroyed(ask: InProcessClient, *pairs: Pair) -> str:
    """A new AES key, destroyed."""
    identifier = await create(ask, *pairs)
    await ask(Operation.DESTROY, unique_identifier=identifier)
    return identifier


async def archived(ask: InProcessClient, *pairs: Pair) -> str:
    """A new AES key, archived."""
    identifier = await create(ask, *pairs)
    await ask(Operation.ARCHIVE, unique_identifier=identifier)
    return identifier


def limits(unit: UsageLimitsUnit, total: int) -> Pair:
    """Usage Limits of so many units."""
    return Tag.USAGE_LIMITS, UsageLimits(usage_limits_total=total, usage_limits_unit=unit)


def certificate() -> Certificate:
    """A certificate that nobody has signed but itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "alice")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.fromtimestamp(NOW, UTC))
        .not_valid_after(datetime.fromtimestamp(NOW + 86_400, UTC))
        .sign(key, hashes.SHA256())
    )
    return Certificate(
        certificate_type=CertificateType.X_509,
        certificate_value=made.public_bytes(serialization.Encoding.DER),
    )
