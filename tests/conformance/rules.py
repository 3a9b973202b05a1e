"""The rules of `oasis/README.md` as far as they are tables, by their numbers."""

from dataclasses import dataclass

from kmip.enums import (
    EncodingOption,
    HashingAlgorithm,
    ItemType,
    KeyFormatType,
    Operation,
    QueryFunction,
)
from kmip.items import Item
from kmip.tags import Tag


@dataclass(frozen=True)
class Lists:
    """How a case's Query lists are judged (R18)."""

    may_vary: bool = False
    are_exact: bool = False


ANY_LISTS = Lists()
"""What is expected must be listed, and more may be."""

SERVER_FACTS = {Tag.LEASE_TIME, Tag.RANDOM_NUMBER_GENERATOR, Tag.PROTECTION_STORAGE_MASK}
FREE_IN_HEADER = {
    Tag.SERVER_CORRELATION_VALUE,
    Tag.CLIENT_CORRELATION_VALUE,
    Tag.SERVER_HASHED_PASSWORD,
}
TEMPLATES = {
    Tag.TEMPLATE_ATTRIBUTE,
    Tag.COMMON_TEMPLATE_ATTRIBUTE,
    Tag.PRIVATE_KEY_TEMPLATE_ATTRIBUTE,
    Tag.PUBLIC_KEY_TEMPLATE_ATTRIBUTE,
}
ATTRIBUTE_SETS = {
    Tag.ATTRIBUTES,
    Tag.COMMON_ATTRIBUTES,
    Tag.PRIVATE_KEY_ATTRIBUTES,
    Tag.PUBLIC_KEY_ATTRIBUTES,
}
SET_BY_SERVER = {
    Tag.INITIAL_DATE,
    Tag.LAST_CHANGE_DATE,
    Tag.ORIGINAL_CREATION_DATE,
    Tag.DESTROY_DATE,
    Tag.ARCHIVE_DATE,
    Tag.COMPROMISE_DATE,
    Tag.ACTIVATION_DATE,
}
TEXTS = {
    ItemType.TEXT_STRING,
    ItemType.IDENTIFIER,
    ItemType.REFERENCE,
    ItemType.NAME_REFERENCE,
}
DIGEST_BYTES = {
    HashingAlgorithm.MD5: 16,
    HashingAlgorithm.SHA_1: 20,
    HashingAlgorithm.SHA_224: 28,
    HashingAlgorithm.SHA_256: 32,
    HashingAlgorithm.SHA_384: 48,
    HashingAlgorithm.SHA_512: 64,
}
PLAUSIBLE_FORMATS = {
    Tag.SYMMETRIC_KEY: {KeyFormatType.RAW, KeyFormatType.TRANSPARENT_SYMMETRIC_KEY},
    Tag.PUBLIC_KEY: {
        KeyFormatType.PKCS_1,
        KeyFormatType.X_509,
        KeyFormatType.RAW,
        KeyFormatType.TRANSPARENT_RSA_PUBLIC_KEY,
        KeyFormatType.TRANSPARENT_EC_PUBLIC_KEY,
    },
    Tag.PRIVATE_KEY: {
        KeyFormatType.PKCS_1,
        KeyFormatType.PKCS_8,
        KeyFormatType.ECPRIVATEKEY,
        KeyFormatType.TRANSPARENT_RSA_PRIVATE_KEY,
        KeyFormatType.TRANSPARENT_EC_PRIVATE_KEY,
    },
    Tag.SECRET_DATA: {KeyFormatType.RAW, KeyFormatType.OPAQUE},
}
"""In which a server may hold what it made itself (R8)."""
ASKED_BY = {
    Tag.OPERATION: QueryFunction.QUERY_OPERATIONS,
    Tag.OBJECT_TYPE: QueryFunction.QUERY_OBJECTS,
    Tag.VENDOR_IDENTIFICATION: QueryFunction.QUERY_SERVER_INFORMATION,
    Tag.SERVER_INFORMATION: QueryFunction.QUERY_SERVER_INFORMATION,
    Tag.APPLICATION_NAMESPACE: QueryFunction.QUERY_APPLICATION_NAMESPACES,
    Tag.EXTENSION_INFORMATION: None,
    Tag.ATTESTATION_TYPE: QueryFunction.QUERY_ATTESTATION_TYPES,
    Tag.RNG_PARAMETERS: QueryFunction.QUERY_RNGS,
    Tag.PROFILE_INFORMATION: QueryFunction.QUERY_PROFILES,
    Tag.VALIDATION_INFORMATION: QueryFunction.QUERY_VALIDATIONS,
    Tag.CAPABILITY_INFORMATION: QueryFunction.QUERY_CAPABILITIES,
    Tag.CLIENT_REGISTRATION_METHOD: QueryFunction.QUERY_CLIENT_REGISTRATION_METHODS,
    Tag.DEFAULTS_INFORMATION: None,
    Tag.PROTECTION_STORAGE_MASKS: None,
}
"""The fields of a Query response in their order, and what asks for each."""
LISTED = {Tag.OPERATION, Tag.OBJECT_TYPE}
OPTIONAL_IN_QUERY = {
    Tag.EXTENSION_INFORMATION,
    Tag.APPLICATION_NAMESPACE,
    Tag.SERVER_INFORMATION,
    Tag.VALIDATION_INFORMATION,
}
ENCODED = Item(Tag.ENCODING_OPTION, ItemType.ENUMERATION, EncodingOption.TTLV_ENCODING)
INDEXED = {Operation.ADD_ATTRIBUTE, Operation.MODIFY_ATTRIBUTE, Operation.DELETE_ATTRIBUTE}
"""Where an Attribute Index must be the printed one (R10)."""
