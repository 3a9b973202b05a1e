"""The tags of KMIP 1.0 to 3.0.

Written by docs/spec/generate.py from docs/spec/vocabulary.csv.
"""

from typing import Final

from kmip.versions import V1_0, V1_1, V1_2, V1_3, V1_4, V2_0, V2_1, V3_0
from kmip.vocabulary import Named


class Tag(Named):
    """What an item is, 3 bytes (2.1 section 11.56)."""

    ACTIVATION_DATE = 0x420001, "ActivationDate", V1_0
    APPLICATION_DATA = 0x420002, "ApplicationData", V1_0
    APPLICATION_NAMESPACE = 0x420003, "ApplicationNamespace", V1_0
    APPLICATION_SPECIFIC_INFORMATION = 0x420004, "ApplicationSpecificInformation", V1_0
    ARCHIVE_DATE = 0x420005, "ArchiveDate", V1_0
    ASYNCHRONOUS_CORRELATION_VALUE = 0x420006, "AsynchronousCorrelationValue", V1_0
    ASYNCHRONOUS_INDICATOR = 0x420007, "AsynchronousIndicator", V1_0
    ATTRIBUTE = 0x420008, "Attribute", V1_0
    ATTRIBUTE_INDEX = 0x420009, "AttributeIndex", V1_0, V1_4
    ATTRIBUTE_NAME = 0x42000A, "AttributeName", V1_0
    ATTRIBUTE_VALUE = 0x42000B, "AttributeValue", V1_0
    AUTHENTICATION = 0x42000C, "Authentication", V1_0
    BATCH_COUNT = 0x42000D, "BatchCount", V1_0, V2_1
    BATCH_ERROR_CONTINUATION_OPTION = 0x42000E, "BatchErrorContinuationOption", V1_0
    BATCH_ITEM = 0x42000F, "BatchItem", V1_0
    BATCH_ORDER_OPTION = 0x420010, "BatchOrderOption", V1_0, V2_1
    BLOCK_CIPHER_MODE = 0x420011, "BlockCipherMode", V1_0
    CANCELLATION_RESULT = 0x420012, "CancellationResult", V1_0
    CERTIFICATE = 0x420013, "Certificate", V1_0
    CERTIFICATE_IDENTIFIER = 0x420014, "CertificateIdentifier", V1_0, V1_4
    CERTIFICATE_ISSUER = 0x420015, "CertificateIssuer", V1_0, V1_4
    CERTIFICATE_ISSUER_ALTERNATIVE_NAME = 0x420016, "CertificateIssuerAlternativeName", V1_0, V1_4
    CERTIFICATE_ISSUER_DISTINGUISHED_NAME = (
        0x420017,
        "CertificateIssuerDistinguishedName",
        V1_0,
        V1_4,
    )
    CERTIFICATE_REQUEST = 0x420018, "CertificateRequest", V1_0
    CERTIFICATE_REQUEST_TYPE = 0x420019, "CertificateRequestType", V1_0
    CERTIFICATE_SUBJECT = 0x42001A, "CertificateSubject", V1_0, V1_4
    CERTIFICATE_SUBJECT_ALTERNATIVE_NAME = 0x42001B, "CertificateSubjectAlternativeName", V1_0, V1_4
    CERTIFICATE_SUBJECT_DISTINGUISHED_NAME = (
        0x42001C,
        "CertificateSubjectDistinguishedName",
        V1_0,
        V1_4,
    )
    CERTIFICATE_TYPE = 0x42001D, "CertificateType", V1_0
    CERTIFICATE_VALUE = 0x42001E, "CertificateValue", V1_0
    COMMON_TEMPLATE_ATTRIBUTE = 0x42001F, "CommonTemplateAttribute", V1_0, V1_4
    COMPROMISE_DATE = 0x420020, "CompromiseDate", V1_0
    COMPROMISE_OCCURRENCE_DATE = 0x420021, "CompromiseOccurrenceDate", V1_0
    CONTACT_INFORMATION = 0x420022, "ContactInformation", V1_0
    CREDENTIAL = 0x420023, "Credential", V1_0
    CREDENTIAL_TYPE = 0x420024, "CredentialType", V1_0
    CREDENTIAL_VALUE = 0x420025, "CredentialValue", V1_0
    CRITICALITY_INDICATOR = 0x420026, "CriticalityIndicator", V1_0
    CRT_COEFFICIENT = 0x420027, "CRTCoefficient", V1_0
    CRYPTOGRAPHIC_ALGORITHM = 0x420028, "CryptographicAlgorithm", V1_0
    CRYPTOGRAPHIC_DOMAIN_PARAMETERS = 0x420029, "CryptographicDomainParameters", V1_0
    CRYPTOGRAPHIC_LENGTH = 0x42002A, "CryptographicLength", V1_0
    CRYPTOGRAPHIC_PARAMETERS = 0x42002B, "CryptographicParameters", V1_0
    CRYPTOGRAPHIC_USAGE_MASK = 0x42002C, "CryptographicUsageMask", V1_0
    CUSTOM_ATTRIBUTE = 0x42002D, "CustomAttribute", V1_0, V1_4
    D = 0x42002E, "D", V1_0
    DEACTIVATION_DATE = 0x42002F, "DeactivationDate", V1_0
    DERIVATION_DATA = 0x420030, "DerivationData", V1_0
    DERIVATION_METHOD = 0x420031, "DerivationMethod", V1_0
    DERIVATION_PARAMETERS = 0x420032, "DerivationParameters", V1_0
    DESTROY_DATE = 0x420033, "DestroyDate", V1_0
    DIGEST = 0x420034, "Digest", V1_0
    DIGEST_VALUE = 0x420035, "DigestValue", V1_0
    ENCRYPTION_KEY_INFORMATION = 0x420036, "EncryptionKeyInformation", V1_0
    G = 0x420037, "G", V1_0
    HASHING_ALGORITHM = 0x420038, "HashingAlgorithm", V1_0
    INITIAL_DATE = 0x420039, "InitialDate", V1_0
    INITIALIZATION_VECTOR = 0x42003A, "InitializationVector", V1_0
    ISSUER = 0x42003B, "Issuer", V1_0, V1_4
    ITERATION_COUNT = 0x42003C, "IterationCount", V1_0
    IV_COUNTER_NONCE = 0x42003D, "IVCounterNonce", V1_0
    J = 0x42003E, "J", V1_0
    KEY = 0x42003F, "Key", V1_0
    KEY_BLOCK = 0x420040, "KeyBlock", V1_0
    KEY_COMPRESSION_TYPE = 0x420041, "KeyCompressionType", V1_0
    KEY_FORMAT_TYPE = 0x420042, "KeyFormatType", V1_0
    KEY_MATERIAL = 0x420043, "KeyMaterial", V1_0
    KEY_PART_IDENTIFIER = 0x420044, "KeyPartIdentifier", V1_0
    KEY_VALUE = 0x420045, "KeyValue", V1_0
    KEY_WRAPPING_DATA = 0x420046, "KeyWrappingData", V1_0
    KEY_WRAPPING_SPECIFICATION = 0x420047, "KeyWrappingSpecification", V1_0
    LAST_CHANGE_DATE = 0x420048, "LastChangeDate", V1_0
    LEASE_TIME = 0x420049, "LeaseTime", V1_0
    LINK = 0x42004A, "Link", V1_0, V2_1
    LINK_TYPE = 0x42004B, "LinkType", V1_0, V2_1
    LINKED_OBJECT_IDENTIFIER = 0x42004C, "LinkedObjectIdentifier", V1_0, V2_1
    MAC_SIGNATURE = 0x42004D, "MACSignature", V1_0
    MAC_SIGNATURE_KEY_INFORMATION = 0x42004E, "MACSignatureKeyInformation", V1_0
    MAXIMUM_ITEMS = 0x42004F, "MaximumItems", V1_0
    MAXIMUM_RESPONSE_SIZE = 0x420050, "MaximumResponseSize", V1_0
    MESSAGE_EXTENSION = 0x420051, "MessageExtension", V1_0
    MODULUS = 0x420052, "Modulus", V1_0
    NAME = 0x420053, "Name", V1_0
    NAME_TYPE = 0x420054, "NameType", V1_0, V2_1
    NAME_VALUE = 0x420055, "NameValue", V1_0, V2_1
    OBJECT_GROUP = 0x420056, "ObjectGroup", V1_0, V2_1
    OBJECT_TYPE = 0x420057, "ObjectType", V1_0
    OFFSET = 0x420058, "Offset", V1_0
    OPAQUE_DATA_TYPE = 0x420059, "OpaqueDataType", V1_0
    OPAQUE_DATA_VALUE = 0x42005A, "OpaqueDataValue", V1_0
    OPAQUE_OBJECT = 0x42005B, "OpaqueObject", V1_0
    OPERATION = 0x42005C, "Operation", V1_0
    OPERATION_POLICY_NAME = 0x42005D, "OperationPolicyName", V1_0, V1_4
    P = 0x42005E, "P", V1_0
    PADDING_METHOD = 0x42005F, "PaddingMethod", V1_0
    PRIME_EXPONENT_P = 0x420060, "PrimeExponentP", V1_0
    PRIME_EXPONENT_Q = 0x420061, "PrimeExponentQ", V1_0
    PRIME_FIELD_SIZE = 0x420062, "PrimeFieldSize", V1_0
    PRIVATE_EXPONENT = 0x420063, "PrivateExponent", V1_0
    PRIVATE_KEY = 0x420064, "PrivateKey", V1_0
    PRIVATE_KEY_TEMPLATE_ATTRIBUTE = 0x420065, "PrivateKeyTemplateAttribute", V1_0, V1_4
    PRIVATE_KEY_UNIQUE_IDENTIFIER = 0x420066, "PrivateKeyUniqueIdentifier", V1_0
    PROCESS_START_DATE = 0x420067, "ProcessStartDate", V1_0
    PROTECT_STOP_DATE = 0x420068, "ProtectStopDate", V1_0
    PROTOCOL_VERSION = 0x420069, "ProtocolVersion", V1_0
    PROTOCOL_VERSION_MAJOR = 0x42006A, "ProtocolVersionMajor", V1_0
    PROTOCOL_VERSION_MINOR = 0x42006B, "ProtocolVersionMinor", V1_0
    PUBLIC_EXPONENT = 0x42006C, "PublicExponent", V1_0
    PUBLIC_KEY = 0x42006D, "PublicKey", V1_0
    PUBLIC_KEY_TEMPLATE_ATTRIBUTE = 0x42006E, "PublicKeyTemplateAttribute", V1_0, V1_4
    PUBLIC_KEY_UNIQUE_IDENTIFIER = 0x42006F, "PublicKeyUniqueIdentifier", V1_0
    PUT_FUNCTION = 0x420070, "PutFunction", V1_0
    Q = 0x420071, "Q", V1_0
    Q_STRING = 0x420072, "QString", V1_0
    QLENGTH = 0x420073, "Qlength", V1_0
    QUERY_FUNCTION = 0x420074, "QueryFunction", V1_0
    RECOMMENDED_CURVE = 0x420075, "RecommendedCurve", V1_0
    REPLACED_UNIQUE_IDENTIFIER = 0x420076, "ReplacedUniqueIdentifier", V1_0
    REQUEST_HEADER = 0x420077, "RequestHeader", V1_0
    REQUEST_MESSAGE = 0x420078, "RequestMessage", V1_0
    REQUEST_PAYLOAD = 0x420079, "RequestPayload", V1_0
    RESPONSE_HEADER = 0x42007A, "ResponseHeader", V1_0
    RESPONSE_MESSAGE = 0x42007B, "ResponseMessage", V1_0
    RESPONSE_PAYLOAD = 0x42007C, "ResponsePayload", V1_0
    RESULT_MESSAGE = 0x42007D, "ResultMessage", V1_0
    RESULT_REASON = 0x42007E, "ResultReason", V1_0
    RESULT_STATUS = 0x42007F, "ResultStatus", V1_0
    REVOCATION_MESSAGE = 0x420080, "RevocationMessage", V1_0
    REVOCATION_REASON = 0x420081, "RevocationReason", V1_0
    REVOCATION_REASON_CODE = 0x420082, "RevocationReasonCode", V1_0
    KEY_ROLE_TYPE = 0x420083, "KeyRoleType", V1_0
    SALT = 0x420084, "Salt", V1_0
    SECRET_DATA = 0x420085, "SecretData", V1_0
    SECRET_DATA_TYPE = 0x420086, "SecretDataType", V1_0
    SERIAL_NUMBER = 0x420087, "SerialNumber", V1_0, V1_4
    SERVER_INFORMATION = 0x420088, "ServerInformation", V1_0
    SPLIT_KEY = 0x420089, "SplitKey", V1_0
    SPLIT_KEY_METHOD = 0x42008A, "SplitKeyMethod", V1_0
    SPLIT_KEY_PARTS = 0x42008B, "SplitKeyParts", V1_0
    SPLIT_KEY_THRESHOLD = 0x42008C, "SplitKeyThreshold", V1_0
    STATE = 0x42008D, "State", V1_0
    STORAGE_STATUS_MASK = 0x42008E, "StorageStatusMask", V1_0
    SYMMETRIC_KEY = 0x42008F, "SymmetricKey", V1_0
    TEMPLATE = 0x420090, "Template", V1_0, V1_4
    TEMPLATE_ATTRIBUTE = 0x420091, "TemplateAttribute", V1_0, V1_4
    TIME_STAMP = 0x420092, "TimeStamp", V1_0
    UNIQUE_BATCH_ITEM_ID = 0x420093, "UniqueBatchItemID", V1_0, V2_1
    UNIQUE_IDENTIFIER = 0x420094, "UniqueIdentifier", V1_0
    USAGE_LIMITS = 0x420095, "UsageLimits", V1_0
    USAGE_LIMITS_COUNT = 0x420096, "UsageLimitsCount", V1_0
    USAGE_LIMITS_TOTAL = 0x420097, "UsageLimitsTotal", V1_0
    USAGE_LIMITS_UNIT = 0x420098, "UsageLimitsUnit", V1_0
    USERNAME = 0x420099, "Username", V1_0
    VALIDITY_DATE = 0x42009A, "ValidityDate", V1_0
    VALIDITY_INDICATOR = 0x42009B, "ValidityIndicator", V1_0
    VENDOR_EXTENSION = 0x42009C, "VendorExtension", V1_0
    VENDOR_IDENTIFICATION = 0x42009D, "VendorIdentification", V1_0
    WRAPPING_METHOD = 0x42009E, "WrappingMethod", V1_0
    X = 0x42009F, "X", V1_0
    Y = 0x4200A0, "Y", V1_0
    PASSWORD = 0x4200A1, "Password", V1_0
    DEVICE_IDENTIFIER = 0x4200A2, "DeviceIdentifier", V1_1
    ENCODING_OPTION = 0x4200A3, "EncodingOption", V1_1
    EXTENSION_INFORMATION = 0x4200A4, "ExtensionInformation", V1_1
    EXTENSION_NAME = 0x4200A5, "ExtensionName", V1_1
    EXTENSION_TAG = 0x4200A6, "ExtensionTag", V1_1
    EXTENSION_TYPE = 0x4200A7, "ExtensionType", V1_1
    FRESH = 0x4200A8, "Fresh", V1_1
    MACHINE_IDENTIFIER = 0x4200A9, "MachineIdentifier", V1_1
    MEDIA_IDENTIFIER = 0x4200AA, "MediaIdentifier", V1_1
    NETWORK_IDENTIFIER = 0x4200AB, "NetworkIdentifier", V1_1
    OBJECT_GROUP_MEMBER = 0x4200AC, "ObjectGroupMember", V1_1, V2_1
    CERTIFICATE_LENGTH = 0x4200AD, "CertificateLength", V1_1
    DIGITAL_SIGNATURE_ALGORITHM = 0x4200AE, "DigitalSignatureAlgorithm", V1_1
    CERTIFICATE_SERIAL_NUMBER = 0x4200AF, "CertificateSerialNumber", V1_1
    DEVICE_SERIAL_NUMBER = 0x4200B0, "DeviceSerialNumber", V1_1
    ISSUER_ALTERNATIVE_NAME = 0x4200B1, "IssuerAlternativeName", V1_1
    ISSUER_DISTINGUISHED_NAME = 0x4200B2, "IssuerDistinguishedName", V1_1
    SUBJECT_ALTERNATIVE_NAME = 0x4200B3, "SubjectAlternativeName", V1_1
    SUBJECT_DISTINGUISHED_NAME = 0x4200B4, "SubjectDistinguishedName", V1_1
    X_509_CERTIFICATE_IDENTIFIER = 0x4200B5, "X_509CertificateIdentifier", V1_1
    X_509_CERTIFICATE_ISSUER = 0x4200B6, "X_509CertificateIssuer", V1_1
    X_509_CERTIFICATE_SUBJECT = 0x4200B7, "X_509CertificateSubject", V1_1
    KEY_VALUE_LOCATION = 0x4200B8, "KeyValueLocation", V1_2
    KEY_VALUE_LOCATION_VALUE = 0x4200B9, "KeyValueLocationValue", V1_2
    KEY_VALUE_LOCATION_TYPE = 0x4200BA, "KeyValueLocationType", V1_2
    KEY_VALUE_PRESENT = 0x4200BB, "KeyValuePresent", V1_2
    ORIGINAL_CREATION_DATE = 0x4200BC, "OriginalCreationDate", V1_2
    PGP_KEY = 0x4200BD, "PGPKey", V1_2
    PGP_KEY_VERSION = 0x4200BE, "PGPKeyVersion", V1_2
    ALTERNATIVE_NAME = 0x4200BF, "AlternativeName", V1_2
    ALTERNATIVE_NAME_VALUE = 0x4200C0, "AlternativeNameValue", V1_2
    ALTERNATIVE_NAME_TYPE = 0x4200C1, "AlternativeNameType", V1_2
    DATA = 0x4200C2, "Data", V1_2
    SIGNATURE_DATA = 0x4200C3, "SignatureData", V1_2
    DATA_LENGTH = 0x4200C4, "DataLength", V1_2
    RANDOM_IV = 0x4200C5, "RandomIV", V1_2
    MAC_DATA = 0x4200C6, "MACData", V1_2
    ATTESTATION_TYPE = 0x4200C7, "AttestationType", V1_2
    NONCE = 0x4200C8, "Nonce", V1_2
    NONCE_ID = 0x4200C9, "NonceID", V1_2
    NONCE_VALUE = 0x4200CA, "NonceValue", V1_2
    ATTESTATION_MEASUREMENT = 0x4200CB, "AttestationMeasurement", V1_2
    ATTESTATION_ASSERTION = 0x4200CC, "AttestationAssertion", V1_2
    IV_LENGTH = 0x4200CD, "IVLength", V1_2
    TAG_LENGTH = 0x4200CE, "TagLength", V1_2
    FIXED_FIELD_LENGTH = 0x4200CF, "FixedFieldLength", V1_2
    COUNTER_LENGTH = 0x4200D0, "CounterLength", V1_2
    INITIAL_COUNTER_VALUE = 0x4200D1, "InitialCounterValue", V1_2
    INVOCATION_FIELD_LENGTH = 0x4200D2, "InvocationFieldLength", V1_2
    ATTESTATION_CAPABLE_INDICATOR = 0x4200D3, "AttestationCapableIndicator", V1_2
    OFFSET_ITEMS = 0x4200D4, "OffsetItems", V1_3
    LOCATED_ITEMS = 0x4200D5, "LocatedItems", V1_3
    CORRELATION_VALUE = 0x4200D6, "CorrelationValue", V1_3
    INIT_INDICATOR = 0x4200D7, "InitIndicator", V1_3
    FINAL_INDICATOR = 0x4200D8, "FinalIndicator", V1_3
    RNG_PARAMETERS = 0x4200D9, "RNGParameters", V1_3
    RNG_ALGORITHM = 0x4200DA, "RNGAlgorithm", V1_3
    DRBG_ALGORITHM = 0x4200DB, "DRBGAlgorithm", V1_3
    FIPS186_VARIATION = 0x4200DC, "FIPS186Variation", V1_3
    PREDICTION_RESISTANCE = 0x4200DD, "PredictionResistance", V1_3
    RANDOM_NUMBER_GENERATOR = 0x4200DE, "RandomNumberGenerator", V1_3
    VALIDATION_INFORMATION = 0x4200DF, "ValidationInformation", V1_3
    VALIDATION_AUTHORITY_TYPE = 0x4200E0, "ValidationAuthorityType", V1_3
    VALIDATION_AUTHORITY_COUNTRY = 0x4200E1, "ValidationAuthorityCountry", V1_3
    VALIDATION_AUTHORITY_URI = 0x4200E2, "ValidationAuthorityURI", V1_3
    VALIDATION_VERSION_MAJOR = 0x4200E3, "ValidationVersionMajor", V1_3
    VALIDATION_VERSION_MINOR = 0x4200E4, "ValidationVersionMinor", V1_3
    VALIDATION_TYPE = 0x4200E5, "ValidationType", V1_3
    VALIDATION_LEVEL = 0x4200E6, "ValidationLevel", V1_3
    VALIDATION_CERTIFICATE_IDENTIFIER = 0x4200E7, "ValidationCertificateIdentifier", V1_3
    VALIDATION_CERTIFICATE_URI = 0x4200E8, "ValidationCertificateURI", V1_3
    VALIDATION_VENDOR_URI = 0x4200E9, "ValidationVendorURI", V1_3
    VALIDATION_PROFILE = 0x4200EA, "ValidationProfile", V1_3
    PROFILE_INFORMATION = 0x4200EB, "ProfileInformation", V1_3
    PROFILE_NAME = 0x4200EC, "ProfileName", V1_3
    SERVER_URI = 0x4200ED, "ServerURI", V1_3
    SERVER_PORT = 0x4200EE, "ServerPort", V1_3
    STREAMING_CAPABILITY = 0x4200EF, "StreamingCapability", V1_3
    ASYNCHRONOUS_CAPABILITY = 0x4200F0, "AsynchronousCapability", V1_3
    ATTESTATION_CAPABILITY = 0x4200F1, "AttestationCapability", V1_3
    UNWRAP_MODE = 0x4200F2, "UnwrapMode", V1_3
    DESTROY_ACTION = 0x4200F3, "DestroyAction", V1_3
    SHREDDING_ALGORITHM = 0x4200F4, "ShreddingAlgorithm", V1_3
    RNG_MODE = 0x4200F5, "RNGMode", V1_3
    CLIENT_REGISTRATION_METHOD = 0x4200F6, "ClientRegistrationMethod", V1_3
    CAPABILITY_INFORMATION = 0x4200F7, "CapabilityInformation", V1_3
    KEY_WRAP_TYPE = 0x4200F8, "KeyWrapType", V1_4
    BATCH_UNDO_CAPABILITY = 0x4200F9, "BatchUndoCapability", V1_4
    BATCH_CONTINUE_CAPABILITY = 0x4200FA, "BatchContinueCapability", V1_4
    PKCS_12_FRIENDLY_NAME = 0x4200FB, "PKCS_12FriendlyName", V1_4
    DESCRIPTION = 0x4200FC, "Description", V1_4
    COMMENT = 0x4200FD, "Comment", V1_4
    AUTHENTICATED_ENCRYPTION_ADDITIONAL_DATA = (
        0x4200FE,
        "AuthenticatedEncryptionAdditionalData",
        V1_4,
    )
    AUTHENTICATED_ENCRYPTION_TAG = 0x4200FF, "AuthenticatedEncryptionTag", V1_4
    SALT_LENGTH = 0x420100, "SaltLength", V1_4
    MASK_GENERATOR = 0x420101, "MaskGenerator", V1_4
    MASK_GENERATOR_HASHING_ALGORITHM = 0x420102, "MaskGeneratorHashingAlgorithm", V1_4
    P_SOURCE = 0x420103, "PSource", V1_4
    TRAILER_FIELD = 0x420104, "TrailerField", V1_4
    CLIENT_CORRELATION_VALUE = 0x420105, "ClientCorrelationValue", V1_4
    SERVER_CORRELATION_VALUE = 0x420106, "ServerCorrelationValue", V1_4
    DIGESTED_DATA = 0x420107, "DigestedData", V1_4
    CERTIFICATE_SUBJECT_CN = 0x420108, "CertificateSubjectCN", V1_4
    CERTIFICATE_SUBJECT_O = 0x420109, "CertificateSubjectO", V1_4
    CERTIFICATE_SUBJECT_OU = 0x42010A, "CertificateSubjectOU", V1_4
    CERTIFICATE_SUBJECT_EMAIL = 0x42010B, "CertificateSubjectEmail", V1_4
    CERTIFICATE_SUBJECT_C = 0x42010C, "CertificateSubjectC", V1_4
    CERTIFICATE_SUBJECT_ST = 0x42010D, "CertificateSubjectST", V1_4
    CERTIFICATE_SUBJECT_L = 0x42010E, "CertificateSubjectL", V1_4
    CERTIFICATE_SUBJECT_UID = 0x42010F, "CertificateSubjectUID", V1_4
    CERTIFICATE_SUBJECT_SERIAL_NUMBER = 0x420110, "CertificateSubjectSerialNumber", V1_4
    CERTIFICATE_SUBJECT_TITLE = 0x420111, "CertificateSubjectTitle", V1_4
    CERTIFICATE_SUBJECT_DC = 0x420112, "CertificateSubjectDC", V1_4
    CERTIFICATE_SUBJECT_DN_QUALIFIER = 0x420113, "CertificateSubjectDNQualifier", V1_4
    CERTIFICATE_ISSUER_CN = 0x420114, "CertificateIssuerCN", V1_4
    CERTIFICATE_ISSUER_O = 0x420115, "CertificateIssuerO", V1_4
    CERTIFICATE_ISSUER_OU = 0x420116, "CertificateIssuerOU", V1_4
    CERTIFICATE_ISSUER_EMAIL = 0x420117, "CertificateIssuerEmail", V1_4
    CERTIFICATE_ISSUER_C = 0x420118, "CertificateIssuerC", V1_4
    CERTIFICATE_ISSUER_ST = 0x420119, "CertificateIssuerST", V1_4
    CERTIFICATE_ISSUER_L = 0x42011A, "CertificateIssuerL", V1_4
    CERTIFICATE_ISSUER_UID = 0x42011B, "CertificateIssuerUID", V1_4
    CERTIFICATE_ISSUER_SERIAL_NUMBER = 0x42011C, "CertificateIssuerSerialNumber", V1_4
    CERTIFICATE_ISSUER_TITLE = 0x42011D, "CertificateIssuerTitle", V1_4
    CERTIFICATE_ISSUER_DC = 0x42011E, "CertificateIssuerDC", V1_4
    CERTIFICATE_ISSUER_DN_QUALIFIER = 0x42011F, "CertificateIssuerDNQualifier", V1_4
    SENSITIVE = 0x420120, "Sensitive", V1_4
    ALWAYS_SENSITIVE = 0x420121, "AlwaysSensitive", V1_4
    EXTRACTABLE = 0x420122, "Extractable", V1_4
    NEVER_EXTRACTABLE = 0x420123, "NeverExtractable", V1_4
    REPLACE_EXISTING = 0x420124, "ReplaceExisting", V1_4
    ATTRIBUTES = 0x420125, "Attributes", V2_0
    COMMON_ATTRIBUTES = 0x420126, "CommonAttributes", V2_0
    PRIVATE_KEY_ATTRIBUTES = 0x420127, "PrivateKeyAttributes", V2_0
    PUBLIC_KEY_ATTRIBUTES = 0x420128, "PublicKeyAttributes", V2_0
    EXTENSION_ENUMERATION = 0x420129, "ExtensionEnumeration", V2_0
    EXTENSION_ATTRIBUTE = 0x42012A, "ExtensionAttribute", V2_0
    EXTENSION_PARENT_STRUCTURE_TAG = 0x42012B, "ExtensionParentStructureTag", V2_0
    EXTENSION_DESCRIPTION = 0x42012C, "ExtensionDescription", V2_0
    SERVER_NAME = 0x42012D, "ServerName", V2_0
    SERVER_SERIAL_NUMBER = 0x42012E, "ServerSerialNumber", V2_0
    SERVER_VERSION = 0x42012F, "ServerVersion", V2_0
    SERVER_LOAD = 0x420130, "ServerLoad", V2_0
    PRODUCT_NAME = 0x420131, "ProductName", V2_0
    BUILD_LEVEL = 0x420132, "BuildLevel", V2_0
    BUILD_DATE = 0x420133, "BuildDate", V2_0
    CLUSTER_INFO = 0x420134, "ClusterInfo", V2_0
    ALTERNATE_FAILOVER_ENDPOINTS = 0x420135, "AlternateFailoverEndpoints", V2_0
    SHORT_UNIQUE_IDENTIFIER = 0x420136, "ShortUniqueIdentifier", V2_0
    TAG = 0x420138, "Tag", V2_0
    CERTIFICATE_REQUEST_UNIQUE_IDENTIFIER = 0x420139, "CertificateRequestUniqueIdentifier", V2_0
    NIST_KEY_TYPE = 0x42013A, "NISTKeyType", V2_0
    ATTRIBUTE_REFERENCE = 0x42013B, "AttributeReference", V2_0
    CURRENT_ATTRIBUTE = 0x42013C, "CurrentAttribute", V2_0
    NEW_ATTRIBUTE = 0x42013D, "NewAttribute", V2_0
    CERTIFICATE_REQUEST_VALUE = 0x420140, "CertificateRequestValue", V2_0
    LOG_MESSAGE = 0x420141, "LogMessage", V2_0
    PROFILE_VERSION = 0x420142, "ProfileVersion", V2_0
    PROFILE_VERSION_MAJOR = 0x420143, "ProfileVersionMajor", V2_0
    PROFILE_VERSION_MINOR = 0x420144, "ProfileVersionMinor", V2_0
    PROTECTION_LEVEL = 0x420145, "ProtectionLevel", V2_0
    PROTECTION_PERIOD = 0x420146, "ProtectionPeriod", V2_0
    QUANTUM_SAFE = 0x420147, "QuantumSafe", V2_0
    QUANTUM_SAFE_CAPABILITY = 0x420148, "QuantumSafeCapability", V2_0
    TICKET = 0x420149, "Ticket", V2_0
    TICKET_TYPE = 0x42014A, "TicketType", V2_0
    TICKET_VALUE = 0x42014B, "TicketValue", V2_0
    REQUEST_COUNT = 0x42014C, "RequestCount", V2_0
    RIGHTS = 0x42014D, "Rights", V2_0
    OBJECTS = 0x42014E, "Objects", V2_0
    OPERATIONS = 0x42014F, "Operations", V2_0
    RIGHT = 0x420150, "Right", V2_0
    ENDPOINT_ROLE = 0x420151, "EndpointRole", V2_0
    DEFAULTS_INFORMATION = 0x420152, "DefaultsInformation", V2_0
    OBJECT_DEFAULTS = 0x420153, "ObjectDefaults", V2_0
    EPHEMERAL = 0x420154, "Ephemeral", V2_0
    SERVER_HASHED_PASSWORD = 0x420155, "ServerHashedPassword", V2_0
    ONE_TIME_PASSWORD = 0x420156, "OneTimePassword", V2_0
    HASHED_PASSWORD = 0x420157, "HashedPassword", V2_0
    ADJUSTMENT_TYPE = 0x420158, "AdjustmentType", V2_0
    PKCS_11_INTERFACE = 0x420159, "PKCS_11Interface", V2_0
    PKCS_11_FUNCTION = 0x42015A, "PKCS_11Function", V2_0
    PKCS_11_INPUT_PARAMETERS = 0x42015B, "PKCS_11InputParameters", V2_0
    PKCS_11_OUTPUT_PARAMETERS = 0x42015C, "PKCS_11OutputParameters", V2_0
    PKCS_11_RETURN_CODE = 0x42015D, "PKCS_11ReturnCode", V2_0
    PROTECTION_STORAGE_MASK = 0x42015E, "ProtectionStorageMask", V2_0
    PROTECTION_STORAGE_MASKS = 0x42015F, "ProtectionStorageMasks", V2_0
    INTEROP_FUNCTION = 0x420160, "InteropFunction", V2_0
    INTEROP_IDENTIFIER = 0x420161, "InteropIdentifier", V2_0
    ADJUSTMENT_VALUE = 0x420162, "AdjustmentValue", V2_0
    COMMON_PROTECTION_STORAGE_MASKS = 0x420163, "CommonProtectionStorageMasks", V2_0
    PRIVATE_PROTECTION_STORAGE_MASKS = 0x420164, "PrivateProtectionStorageMasks", V2_0
    PUBLIC_PROTECTION_STORAGE_MASKS = 0x420165, "PublicProtectionStorageMasks", V2_0
    OBJECT_GROUPS = 0x420166, "ObjectGroups", V2_1
    OBJECT_TYPES = 0x420167, "ObjectTypes", V2_1
    CONSTRAINTS = 0x420168, "Constraints", V2_1
    CONSTRAINT = 0x420169, "Constraint", V2_1
    ROTATE_INTERVAL = 0x42016A, "RotateInterval", V2_1
    ROTATE_AUTOMATIC = 0x42016B, "RotateAutomatic", V2_1
    ROTATE_OFFSET = 0x42016C, "RotateOffset", V2_1
    ROTATE_DATE = 0x42016D, "RotateDate", V2_1
    ROTATE_GENERATION = 0x42016E, "RotateGeneration", V2_1
    ROTATE_NAME = 0x42016F, "RotateName", V2_1
    ROTATE_NAME_VALUE = 0x420170, "RotateNameValue", V2_1, V2_1
    ROTATE_NAME_TYPE = 0x420171, "RotateNameType", V2_1, V2_1
    ROTATE_LATEST = 0x420172, "RotateLatest", V2_1
    ASYNCHRONOUS_REQUEST = 0x420173, "AsynchronousRequest", V2_1
    SUBMISSION_DATE = 0x420174, "SubmissionDate", V2_1
    PROCESSING_STAGE = 0x420175, "ProcessingStage", V2_1
    ASYNCHRONOUS_CORRELATION_VALUES = 0x420176, "AsynchronousCorrelationValues", V2_1
    CERTIFICATE_LINK = 0x420190, "CertificateLink", V3_0
    CHILD_LINK = 0x420191, "ChildLink", V3_0
    DERIVATION_OBJECT_LINK = 0x420192, "DerivationObjectLink", V3_0
    DERIVED_OBJECT_LINK = 0x420193, "DerivedObjectLink", V3_0
    NEXT_LINK = 0x420194, "NextLink", V3_0
    PARENT_LINK = 0x420195, "ParentLink", V3_0
    PKCS_12_CERTIFICATE_LINK = 0x420196, "PKCS_12CertificateLink", V3_0
    PKCS_12_PASSWORD_LINK = 0x420197, "PKCS_12PasswordLink", V3_0
    PREVIOUS_LINK = 0x420198, "PreviousLink", V3_0
    PRIVATE_KEY_LINK = 0x420199, "PrivateKeyLink", V3_0
    PUBLIC_KEY_LINK = 0x42019A, "PublicKeyLink", V3_0
    REPLACED_OBJECT_LINK = 0x42019B, "ReplacedObjectLink", V3_0
    REPLACEMENT_OBJECT_LINK = 0x42019C, "ReplacementObjectLink", V3_0
    WRAPPING_KEY_LINK = 0x42019D, "WrappingKeyLink", V3_0
    OBJECT_CLASS = 0x42019E, "ObjectClass", V3_0
    OBJECT_CLASS_MASK = 0x42019F, "ObjectClassMask", V3_0
    CREDENTIAL_LINK = 0x4201A0, "CredentialLink", V3_0
    PASSWORD_CREDENTIAL = 0x4201A1, "PasswordCredential", V3_0
    PASSWORD_SALT = 0x4201A2, "PasswordSalt", V3_0
    PASSWORD_SALT_ALGORITHM = 0x4201A3, "PasswordSaltAlgorithm", V3_0
    SALTED_PASSWORD = 0x4201A4, "SaltedPassword", V3_0
    PASSWORD_LINK = 0x4201A5, "PasswordLink", V3_0
    DEVICE_CREDENTIAL = 0x4201A6, "DeviceCredential", V3_0
    OTP_CREDENTIAL = 0x4201A7, "OTPCredential", V3_0
    OTP_ALGORITHM = 0x4201A8, "OTPAlgorithm", V3_0
    OTP_DIGEST = 0x4201A9, "OTPDigest", V3_0
    OTP_SERIAL = 0x4201AA, "OTPSerial", V3_0
    OTP_SEED = 0x4201AB, "OTPSeed", V3_0
    OTP_INTERVAL = 0x4201AC, "OTPInterval", V3_0
    OTP_DIGITS = 0x4201AD, "OTPDigits", V3_0
    OTP_COUNTER = 0x4201AE, "OTPCounter", V3_0
    HASHED_PASSWORD_CREDENTIAL = 0x4201AF, "HashedPasswordCredential", V3_0
    HASHED_USERNAME_PASSWORD = 0x4201B0, "HashedUsernamePassword", V3_0
    HASHED_PASSWORD_USERNAME = 0x4201B1, "HashedPasswordUsername", V3_0
    CREDENTIAL_INFORMATION = 0x4201B2, "CredentialInformation", V3_0
    GROUP_LINK = 0x4201B3, "GroupLink", V3_0
    SPLIT_KEY_BASE_LINK = 0x4201B4, "SplitKeyBaseLink", V3_0
    JOINED_SPLIT_KEY_PARTS_LINK = 0x4201B5, "JoinedSplitKeyPartsLink", V3_0
    SPLIT_KEY_POLYNOMIAL = 0x4201B6, "SplitKeyPolynomial", V3_0
    DEACTIVATION_MESSAGE = 0x4201B7, "DeactivationMessage", V3_0
    DEACTIVATION_REASON = 0x4201B8, "DeactivationReason", V3_0
    DEACTIVATION_REASON_CODE = 0x4201B9, "DeactivationReasonCode", V3_0
    CERTIFICATE_SUBJECT_DN = 0x4201BA, "CertificateSubjectDN", V3_0
    CERTIFICATE_ISSUER_DN = 0x4201BB, "CertificateIssuerDN", V3_0
    CERTIFICATE_REQUEST_LINK = 0x4201BC, "CertificateRequestLink", V3_0
    CERTIFY_COUNTER = 0x4201BD, "CertifyCounter", V3_0
    DECRYPT_COUNTER = 0x4201BE, "DecryptCounter", V3_0
    ENCRYPT_COUNTER = 0x4201BF, "EncryptCounter", V3_0
    SIGN_COUNTER = 0x4201C0, "SignCounter", V3_0
    SIGNATURE_VERIFY_COUNTER = 0x4201C1, "SignatureVerifyCounter", V3_0
    NIST_SECURITY_CATEGORY = 0x4201C2, "NISTSecurityCategory", V3_0


WORDS: Final[dict[Tag, str]] = {
    Tag.ACTIVATION_DATE: "Activation Date",
    Tag.APPLICATION_DATA: "Application Data",
    Tag.APPLICATION_NAMESPACE: "Application Namespace",
    Tag.APPLICATION_SPECIFIC_INFORMATION: "Application Specific Information",
    Tag.ARCHIVE_DATE: "Archive Date",
    Tag.ASYNCHRONOUS_CORRELATION_VALUE: "Asynchronous Correlation Value",
    Tag.ASYNCHRONOUS_INDICATOR: "Asynchronous Indicator",
    Tag.ATTRIBUTE: "Attribute",
    Tag.ATTRIBUTE_INDEX: "Attribute Index",
    Tag.ATTRIBUTE_NAME: "Attribute Name",
    Tag.ATTRIBUTE_VALUE: "Attribute Value",
    Tag.AUTHENTICATION: "Authentication",
    Tag.BATCH_COUNT: "Batch Count",
    Tag.BATCH_ERROR_CONTINUATION_OPTION: "Batch Error Continuation Option",
    Tag.BATCH_ITEM: "Batch Item",
    Tag.BATCH_ORDER_OPTION: "Batch Order Option",
    Tag.BLOCK_CIPHER_MODE: "Block Cipher Mode",
    Tag.CANCELLATION_RESULT: "Cancellation Result",
    Tag.CERTIFICATE: "Certificate",
    Tag.CERTIFICATE_IDENTIFIER: "Certificate Identifier",
    Tag.CERTIFICATE_ISSUER: "Certificate Issuer",
    Tag.CERTIFICATE_ISSUER_ALTERNATIVE_NAME: "Certificate Issuer Alternative Name",
    Tag.CERTIFICATE_ISSUER_DISTINGUISHED_NAME: "Certificate Issuer Distinguished Name",
    Tag.CERTIFICATE_REQUEST: "Certificate Request",
    Tag.CERTIFICATE_REQUEST_TYPE: "Certificate Request Type",
    Tag.CERTIFICATE_SUBJECT: "Certificate Subject",
    Tag.CERTIFICATE_SUBJECT_ALTERNATIVE_NAME: "Certificate Subject Alternative Name",
    Tag.CERTIFICATE_SUBJECT_DISTINGUISHED_NAME: "Certificate Subject Distinguished Name",
    Tag.CERTIFICATE_TYPE: "Certificate Type",
    Tag.CERTIFICATE_VALUE: "Certificate Value",
    Tag.COMMON_TEMPLATE_ATTRIBUTE: "Common Template-Attribute",
    Tag.COMPROMISE_DATE: "Compromise Date",
    Tag.COMPROMISE_OCCURRENCE_DATE: "Compromise Occurrence Date",
    Tag.CONTACT_INFORMATION: "Contact Information",
    Tag.CREDENTIAL: "Credential",
    Tag.CREDENTIAL_TYPE: "Credential Type",
    Tag.CREDENTIAL_VALUE: "Credential Value",
    Tag.CRITICALITY_INDICATOR: "Criticality Indicator",
    Tag.CRT_COEFFICIENT: "CRT Coefficient",
    Tag.CRYPTOGRAPHIC_ALGORITHM: "Cryptographic Algorithm",
    Tag.CRYPTOGRAPHIC_DOMAIN_PARAMETERS: "Cryptographic Domain Parameters",
    Tag.CRYPTOGRAPHIC_LENGTH: "Cryptographic Length",
    Tag.CRYPTOGRAPHIC_PARAMETERS: "Cryptographic Parameters",
    Tag.CRYPTOGRAPHIC_USAGE_MASK: "Cryptographic Usage Mask",
    Tag.CUSTOM_ATTRIBUTE: "Custom Attribute",
    Tag.D: "D",
    Tag.DEACTIVATION_DATE: "Deactivation Date",
    Tag.DERIVATION_DATA: "Derivation Data",
    Tag.DERIVATION_METHOD: "Derivation Method",
    Tag.DERIVATION_PARAMETERS: "Derivation Parameters",
    Tag.DESTROY_DATE: "Destroy Date",
    Tag.DIGEST: "Digest",
    Tag.DIGEST_VALUE: "Digest Value",
    Tag.ENCRYPTION_KEY_INFORMATION: "Encryption Key Information",
    Tag.G: "G",
    Tag.HASHING_ALGORITHM: "Hashing Algorithm",
    Tag.INITIAL_DATE: "Initial Date",
    Tag.INITIALIZATION_VECTOR: "Initialization Vector",
    Tag.ISSUER: "Issuer",
    Tag.ITERATION_COUNT: "Iteration Count",
    Tag.IV_COUNTER_NONCE: "IV/Counter/Nonce",
    Tag.J: "J",
    Tag.KEY: "Key",
    Tag.KEY_BLOCK: "Key Block",
    Tag.KEY_COMPRESSION_TYPE: "Key Compression Type",
    Tag.KEY_FORMAT_TYPE: "Key Format Type",
    Tag.KEY_MATERIAL: "Key Material",
    Tag.KEY_PART_IDENTIFIER: "Key Part Identifier",
    Tag.KEY_VALUE: "Key Value",
    Tag.KEY_WRAPPING_DATA: "Key Wrapping Data",
    Tag.KEY_WRAPPING_SPECIFICATION: "Key Wrapping Specification",
    Tag.LAST_CHANGE_DATE: "Last Change Date",
    Tag.LEASE_TIME: "Lease Time",
    Tag.LINK: "Link",
    Tag.LINK_TYPE: "Link Type",
    Tag.LINKED_OBJECT_IDENTIFIER: "Linked Object Identifier",
    Tag.MAC_SIGNATURE: "MAC/Signature",
    Tag.MAC_SIGNATURE_KEY_INFORMATION: "MAC/Signature Key Information",
    Tag.MAXIMUM_ITEMS: "Maximum Items",
    Tag.MAXIMUM_RESPONSE_SIZE: "Maximum Response Size",
    Tag.MESSAGE_EXTENSION: "Message Extension",
    Tag.MODULUS: "Modulus",
    Tag.NAME: "Name",
    Tag.NAME_TYPE: "Name Type",
    Tag.NAME_VALUE: "Name Value",
    Tag.OBJECT_GROUP: "Object Group",
    Tag.OBJECT_TYPE: "Object Type",
    Tag.OFFSET: "Offset",
    Tag.OPAQUE_DATA_TYPE: "Opaque Data Type",
    Tag.OPAQUE_DATA_VALUE: "Opaque Data Value",
    Tag.OPAQUE_OBJECT: "Opaque Object",
    Tag.OPERATION: "Operation",
    Tag.OPERATION_POLICY_NAME: "Operation Policy Name",
    Tag.P: "P",
    Tag.PADDING_METHOD: "Padding Method",
    Tag.PRIME_EXPONENT_P: "Prime Exponent P",
    Tag.PRIME_EXPONENT_Q: "Prime Exponent Q",
    Tag.PRIME_FIELD_SIZE: "Prime Field Size",
    Tag.PRIVATE_EXPONENT: "Private Exponent",
    Tag.PRIVATE_KEY: "Private Key",
    Tag.PRIVATE_KEY_TEMPLATE_ATTRIBUTE: "Private Key Template-Attribute",
    Tag.PRIVATE_KEY_UNIQUE_IDENTIFIER: "Private Key Unique Identifier",
    Tag.PROCESS_START_DATE: "Process Start Date",
    Tag.PROTECT_STOP_DATE: "Protect Stop Date",
    Tag.PROTOCOL_VERSION: "Protocol Version",
    Tag.PROTOCOL_VERSION_MAJOR: "Protocol Version Major",
    Tag.PROTOCOL_VERSION_MINOR: "Protocol Version Minor",
    Tag.PUBLIC_EXPONENT: "Public Exponent",
    Tag.PUBLIC_KEY: "Public Key",
    Tag.PUBLIC_KEY_TEMPLATE_ATTRIBUTE: "Public Key Template-Attribute",
    Tag.PUBLIC_KEY_UNIQUE_IDENTIFIER: "Public Key Unique Identifier",
    Tag.PUT_FUNCTION: "Put Function",
    Tag.Q: "Q",
    Tag.Q_STRING: "Q String",
    Tag.QLENGTH: "Qlength",
    Tag.QUERY_FUNCTION: "Query Function",
    Tag.RECOMMENDED_CURVE: "Recommended Curve",
    Tag.REPLACED_UNIQUE_IDENTIFIER: "Replaced Unique Identifier",
    Tag.REQUEST_HEADER: "Request Header",
    Tag.REQUEST_MESSAGE: "Request Message",
    Tag.REQUEST_PAYLOAD: "Request Payload",
    Tag.RESPONSE_HEADER: "Response Header",
    Tag.RESPONSE_MESSAGE: "Response Message",
    Tag.RESPONSE_PAYLOAD: "Response Payload",
    Tag.RESULT_MESSAGE: "Result Message",
    Tag.RESULT_REASON: "Result Reason",
    Tag.RESULT_STATUS: "Result Status",
    Tag.REVOCATION_MESSAGE: "Revocation Message",
    Tag.REVOCATION_REASON: "Revocation Reason",
    Tag.REVOCATION_REASON_CODE: "Revocation Reason Code",
    Tag.KEY_ROLE_TYPE: "Key Role Type",
    Tag.SALT: "Salt",
    Tag.SECRET_DATA: "Secret Data",
    Tag.SECRET_DATA_TYPE: "Secret Data Type",
    Tag.SERIAL_NUMBER: "Serial Number",
    Tag.SERVER_INFORMATION: "Server Information",
    Tag.SPLIT_KEY: "Split Key",
    Tag.SPLIT_KEY_METHOD: "Split Key Method",
    Tag.SPLIT_KEY_PARTS: "Split Key Parts",
    Tag.SPLIT_KEY_THRESHOLD: "Split Key Threshold",
    Tag.STATE: "State",
    Tag.STORAGE_STATUS_MASK: "Storage Status Mask",
    Tag.SYMMETRIC_KEY: "Symmetric Key",
    Tag.TEMPLATE: "Template",
    Tag.TEMPLATE_ATTRIBUTE: "Template-Attribute",
    Tag.TIME_STAMP: "Time Stamp",
    Tag.UNIQUE_BATCH_ITEM_ID: "Unique Batch Item ID",
    Tag.UNIQUE_IDENTIFIER: "Unique Identifier",
    Tag.USAGE_LIMITS: "Usage Limits",
    Tag.USAGE_LIMITS_COUNT: "Usage Limits Count",
    Tag.USAGE_LIMITS_TOTAL: "Usage Limits Total",
    Tag.USAGE_LIMITS_UNIT: "Usage Limits Unit",
    Tag.USERNAME: "Username",
    Tag.VALIDITY_DATE: "Validity Date",
    Tag.VALIDITY_INDICATOR: "Validity Indicator",
    Tag.VENDOR_EXTENSION: "Vendor Extension",
    Tag.VENDOR_IDENTIFICATION: "Vendor Identification",
    Tag.WRAPPING_METHOD: "Wrapping Method",
    Tag.X: "X",
    Tag.Y: "Y",
    Tag.PASSWORD: "Password",
    Tag.DEVICE_IDENTIFIER: "Device Identifier",
    Tag.ENCODING_OPTION: "Encoding Option",
    Tag.EXTENSION_INFORMATION: "Extension Information",
    Tag.EXTENSION_NAME: "Extension Name",
    Tag.EXTENSION_TAG: "Extension Tag",
    Tag.EXTENSION_TYPE: "Extension Type",
    Tag.FRESH: "Fresh",
    Tag.MACHINE_IDENTIFIER: "Machine Identifier",
    Tag.MEDIA_IDENTIFIER: "Media Identifier",
    Tag.NETWORK_IDENTIFIER: "Network Identifier",
    Tag.OBJECT_GROUP_MEMBER: "Object Group Member",
    Tag.CERTIFICATE_LENGTH: "Certificate Length",
    Tag.DIGITAL_SIGNATURE_ALGORITHM: "Digital Signature Algorithm",
    Tag.CERTIFICATE_SERIAL_NUMBER: "Certificate Serial Number",
    Tag.DEVICE_SERIAL_NUMBER: "Device Serial Number",
    Tag.ISSUER_ALTERNATIVE_NAME: "Issuer Alternative Name",
    Tag.ISSUER_DISTINGUISHED_NAME: "Issuer Distinguished Name",
    Tag.SUBJECT_ALTERNATIVE_NAME: "Subject Alternative Name",
    Tag.SUBJECT_DISTINGUISHED_NAME: "Subject Distinguished Name",
    Tag.X_509_CERTIFICATE_IDENTIFIER: "X.509 Certificate Identifier",
    Tag.X_509_CERTIFICATE_ISSUER: "X.509 Certificate Issuer",
    Tag.X_509_CERTIFICATE_SUBJECT: "X.509 Certificate Subject",
    Tag.KEY_VALUE_LOCATION: "Key Value Location",
    Tag.KEY_VALUE_LOCATION_VALUE: "Key Value Location Value",
    Tag.KEY_VALUE_LOCATION_TYPE: "Key Value Location Type",
    Tag.KEY_VALUE_PRESENT: "Key Value Present",
    Tag.ORIGINAL_CREATION_DATE: "Original Creation Date",
    Tag.PGP_KEY: "PGP Key",
    Tag.PGP_KEY_VERSION: "PGP Key Version",
    Tag.ALTERNATIVE_NAME: "Alternative Name",
    Tag.ALTERNATIVE_NAME_VALUE: "Alternative Name Value",
    Tag.ALTERNATIVE_NAME_TYPE: "Alternative Name Type",
    Tag.DATA: "Data",
    Tag.SIGNATURE_DATA: "Signature Data",
    Tag.DATA_LENGTH: "Data Length",
    Tag.RANDOM_IV: "Random IV",
    Tag.MAC_DATA: "MAC Data",
    Tag.ATTESTATION_TYPE: "Attestation Type",
    Tag.NONCE: "Nonce",
    Tag.NONCE_ID: "Nonce ID",
    Tag.NONCE_VALUE: "Nonce Value",
    Tag.ATTESTATION_MEASUREMENT: "Attestation Measurement",
    Tag.ATTESTATION_ASSERTION: "Attestation Assertion",
    Tag.IV_LENGTH: "IV Length",
    Tag.TAG_LENGTH: "Tag Length",
    Tag.FIXED_FIELD_LENGTH: "Fixed Field Length",
    Tag.COUNTER_LENGTH: "Counter Length",
    Tag.INITIAL_COUNTER_VALUE: "Initial Counter Value",
    Tag.INVOCATION_FIELD_LENGTH: "Invocation Field Length",
    Tag.ATTESTATION_CAPABLE_INDICATOR: "Attestation Capable Indicator",
    Tag.OFFSET_ITEMS: "Offset Items",
    Tag.LOCATED_ITEMS: "Located Items",
    Tag.CORRELATION_VALUE: "Correlation Value",
    Tag.INIT_INDICATOR: "Init Indicator",
    Tag.FINAL_INDICATOR: "Final Indicator",
    Tag.RNG_PARAMETERS: "RNG Parameters",
    Tag.RNG_ALGORITHM: "RNG Algorithm",
    Tag.DRBG_ALGORITHM: "DRBG Algorithm",
    Tag.FIPS186_VARIATION: "FIPS186 Variation",
    Tag.PREDICTION_RESISTANCE: "Prediction Resistance",
    Tag.RANDOM_NUMBER_GENERATOR: "Random Number Generator",
    Tag.VALIDATION_INFORMATION: "Validation Information",
    Tag.VALIDATION_AUTHORITY_TYPE: "Validation Authority Type",
    Tag.VALIDATION_AUTHORITY_COUNTRY: "Validation Authority Country",
    Tag.VALIDATION_AUTHORITY_URI: "Validation Authority URI",
    Tag.VALIDATION_VERSION_MAJOR: "Validation Version Major",
    Tag.VALIDATION_VERSION_MINOR: "Validation Version Minor",
    Tag.VALIDATION_TYPE: "Validation Type",
    Tag.VALIDATION_LEVEL: "Validation Level",
    Tag.VALIDATION_CERTIFICATE_IDENTIFIER: "Validation Certificate Identifier",
    Tag.VALIDATION_CERTIFICATE_URI: "Validation Certificate URI",
    Tag.VALIDATION_VENDOR_URI: "Validation Vendor URI",
    Tag.VALIDATION_PROFILE: "Validation Profile",
    Tag.PROFILE_INFORMATION: "Profile Information",
    Tag.PROFILE_NAME: "Profile Name",
    Tag.SERVER_URI: "Server URI",
    Tag.SERVER_PORT: "Server Port",
    Tag.STREAMING_CAPABILITY: "Streaming Capability",
    Tag.ASYNCHRONOUS_CAPABILITY: "Asynchronous Capability",
    Tag.ATTESTATION_CAPABILITY: "Attestation Capability",
    Tag.UNWRAP_MODE: "Unwrap Mode",
    Tag.DESTROY_ACTION: "Destroy Action",
    Tag.SHREDDING_ALGORITHM: "Shredding Algorithm",
    Tag.RNG_MODE: "RNG Mode",
    Tag.CLIENT_REGISTRATION_METHOD: "Client Registration Method",
    Tag.CAPABILITY_INFORMATION: "Capability Information",
    Tag.KEY_WRAP_TYPE: "Key Wrap Type",
    Tag.BATCH_UNDO_CAPABILITY: "Batch Undo Capability",
    Tag.BATCH_CONTINUE_CAPABILITY: "Batch Continue Capability",
    Tag.PKCS_12_FRIENDLY_NAME: "PKCS#12 Friendly Name",
    Tag.DESCRIPTION: "Description",
    Tag.COMMENT: "Comment",
    Tag.AUTHENTICATED_ENCRYPTION_ADDITIONAL_DATA: "Authenticated Encryption Additional Data",
    Tag.AUTHENTICATED_ENCRYPTION_TAG: "Authenticated Encryption Tag",
    Tag.SALT_LENGTH: "Salt Length",
    Tag.MASK_GENERATOR: "Mask Generator",
    Tag.MASK_GENERATOR_HASHING_ALGORITHM: "Mask Generator Hashing Algorithm",
    Tag.P_SOURCE: "P Source",
    Tag.TRAILER_FIELD: "Trailer Field",
    Tag.CLIENT_CORRELATION_VALUE: "Client Correlation Value",
    Tag.SERVER_CORRELATION_VALUE: "Server Correlation Value",
    Tag.DIGESTED_DATA: "Digested Data",
    Tag.CERTIFICATE_SUBJECT_CN: "Certificate Subject CN",
    Tag.CERTIFICATE_SUBJECT_O: "Certificate Subject O",
    Tag.CERTIFICATE_SUBJECT_OU: "Certificate Subject OU",
    Tag.CERTIFICATE_SUBJECT_EMAIL: "Certificate Subject Email",
    Tag.CERTIFICATE_SUBJECT_C: "Certificate Subject C",
    Tag.CERTIFICATE_SUBJECT_ST: "Certificate Subject ST",
    Tag.CERTIFICATE_SUBJECT_L: "Certificate Subject L",
    Tag.CERTIFICATE_SUBJECT_UID: "Certificate Subject UID",
    Tag.CERTIFICATE_SUBJECT_SERIAL_NUMBER: "Certificate Subject Serial Number",
    Tag.CERTIFICATE_SUBJECT_TITLE: "Certificate Subject Title",
    Tag.CERTIFICATE_SUBJECT_DC: "Certificate Subject DC",
    Tag.CERTIFICATE_SUBJECT_DN_QUALIFIER: "Certificate Subject DN Qualifier",
    Tag.CERTIFICATE_ISSUER_CN: "Certificate Issuer CN",
    Tag.CERTIFICATE_ISSUER_O: "Certificate Issuer O",
    Tag.CERTIFICATE_ISSUER_OU: "Certificate Issuer OU",
    Tag.CERTIFICATE_ISSUER_EMAIL: "Certificate Issuer Email",
    Tag.CERTIFICATE_ISSUER_C: "Certificate Issuer C",
    Tag.CERTIFICATE_ISSUER_ST: "Certificate Issuer ST",
    Tag.CERTIFICATE_ISSUER_L: "Certificate Issuer L",
    Tag.CERTIFICATE_ISSUER_UID: "Certificate Issuer UID",
    Tag.CERTIFICATE_ISSUER_SERIAL_NUMBER: "Certificate Issuer Serial Number",
    Tag.CERTIFICATE_ISSUER_TITLE: "Certificate Issuer Title",
    Tag.CERTIFICATE_ISSUER_DC: "Certificate Issuer DC",
    Tag.CERTIFICATE_ISSUER_DN_QUALIFIER: "Certificate Issuer DN Qualifier",
    Tag.SENSITIVE: "Sensitive",
    Tag.ALWAYS_SENSITIVE: "Always Sensitive",
    Tag.EXTRACTABLE: "Extractable",
    Tag.NEVER_EXTRACTABLE: "Never Extractable",
    Tag.REPLACE_EXISTING: "Replace Existing",
    Tag.ATTRIBUTES: "Attributes",
    Tag.COMMON_ATTRIBUTES: "Common Attributes",
    Tag.PRIVATE_KEY_ATTRIBUTES: "Private Key Attributes",
    Tag.PUBLIC_KEY_ATTRIBUTES: "Public Key Attributes",
    Tag.EXTENSION_ENUMERATION: "Extension Enumeration",
    Tag.EXTENSION_ATTRIBUTE: "Extension Attribute",
    Tag.EXTENSION_PARENT_STRUCTURE_TAG: "Extension Parent Structure Tag",
    Tag.EXTENSION_DESCRIPTION: "Extension Description",
    Tag.SERVER_NAME: "Server Name",
    Tag.SERVER_SERIAL_NUMBER: "Server Serial Number",
    Tag.SERVER_VERSION: "Server Version",
    Tag.SERVER_LOAD: "Server Load",
    Tag.PRODUCT_NAME: "Product Name",
    Tag.BUILD_LEVEL: "Build Level",
    Tag.BUILD_DATE: "Build Date",
    Tag.CLUSTER_INFO: "Cluster Info",
    Tag.ALTERNATE_FAILOVER_ENDPOINTS: "Alternate Failover Endpoints",
    Tag.SHORT_UNIQUE_IDENTIFIER: "Short Unique Identifier",
    Tag.TAG: "Tag",
    Tag.CERTIFICATE_REQUEST_UNIQUE_IDENTIFIER: "Certificate Request Unique Identifier",
    Tag.NIST_KEY_TYPE: "NIST Key Type",
    Tag.ATTRIBUTE_REFERENCE: "Attribute Reference",
    Tag.CURRENT_ATTRIBUTE: "Current Attribute",
    Tag.NEW_ATTRIBUTE: "New Attribute",
    Tag.CERTIFICATE_REQUEST_VALUE: "Certificate Request Value",
    Tag.LOG_MESSAGE: "Log Message",
    Tag.PROFILE_VERSION: "Profile Version",
    Tag.PROFILE_VERSION_MAJOR: "Profile Version Major",
    Tag.PROFILE_VERSION_MINOR: "Profile Version Minor",
    Tag.PROTECTION_LEVEL: "Protection Level",
    Tag.PROTECTION_PERIOD: "Protection Period",
    Tag.QUANTUM_SAFE: "Quantum Safe",
    Tag.QUANTUM_SAFE_CAPABILITY: "Quantum Safe Capability",
    Tag.TICKET: "Ticket",
    Tag.TICKET_TYPE: "Ticket Type",
    Tag.TICKET_VALUE: "Ticket Value",
    Tag.REQUEST_COUNT: "Request Count",
    Tag.RIGHTS: "Rights",
    Tag.OBJECTS: "Objects",
    Tag.OPERATIONS: "Operations",
    Tag.RIGHT: "Right",
    Tag.ENDPOINT_ROLE: "Endpoint Role",
    Tag.DEFAULTS_INFORMATION: "Defaults Information",
    Tag.OBJECT_DEFAULTS: "Object Defaults",
    Tag.EPHEMERAL: "Ephemeral",
    Tag.SERVER_HASHED_PASSWORD: "Server Hashed Password",
    Tag.ONE_TIME_PASSWORD: "One Time Password",
    Tag.HASHED_PASSWORD: "Hashed Password",
    Tag.ADJUSTMENT_TYPE: "Adjustment Type",
    Tag.PKCS_11_INTERFACE: "PKCS#11 Interface",
    Tag.PKCS_11_FUNCTION: "PKCS#11 Function",
    Tag.PKCS_11_INPUT_PARAMETERS: "PKCS#11 Input Parameters",
    Tag.PKCS_11_OUTPUT_PARAMETERS: "PKCS#11 Output Parameters",
    Tag.PKCS_11_RETURN_CODE: "PKCS#11 Return Code",
    Tag.PROTECTION_STORAGE_MASK: "Protection Storage Mask",
    Tag.PROTECTION_STORAGE_MASKS: "Protection Storage Masks",
    Tag.INTEROP_FUNCTION: "Interop Function",
    Tag.INTEROP_IDENTIFIER: "Interop Identifier",
    Tag.ADJUSTMENT_VALUE: "Adjustment Value",
    Tag.COMMON_PROTECTION_STORAGE_MASKS: "Common Protection Storage Masks",
    Tag.PRIVATE_PROTECTION_STORAGE_MASKS: "Private Protection Storage Masks",
    Tag.PUBLIC_PROTECTION_STORAGE_MASKS: "Public Protection Storage Masks",
    Tag.OBJECT_GROUPS: "Object Groups",
    Tag.OBJECT_TYPES: "Object Types",
    Tag.CONSTRAINTS: "Constraints",
    Tag.CONSTRAINT: "Constraint",
    Tag.ROTATE_INTERVAL: "Rotate Interval",
    Tag.ROTATE_AUTOMATIC: "Rotate Automatic",
    Tag.ROTATE_OFFSET: "Rotate Offset",
    Tag.ROTATE_DATE: "Rotate Date",
    Tag.ROTATE_GENERATION: "Rotate Generation",
    Tag.ROTATE_NAME: "Rotate Name",
    Tag.ROTATE_NAME_VALUE: "Rotate Name Value",
    Tag.ROTATE_NAME_TYPE: "Rotate Name Type",
    Tag.ROTATE_LATEST: "Rotate Latest",
    Tag.ASYNCHRONOUS_REQUEST: "Asynchronous Request",
    Tag.SUBMISSION_DATE: "Submission Date",
    Tag.PROCESSING_STAGE: "Processing Stage",
    Tag.ASYNCHRONOUS_CORRELATION_VALUES: "Asynchronous Correlation Values",
    Tag.CERTIFICATE_LINK: "Certificate Link",
    Tag.CHILD_LINK: "Child Link",
    Tag.DERIVATION_OBJECT_LINK: "Derivation Object Link",
    Tag.DERIVED_OBJECT_LINK: "Derived Object Link",
    Tag.NEXT_LINK: "Next Link",
    Tag.PARENT_LINK: "Parent Link",
    Tag.PKCS_12_CERTIFICATE_LINK: "PKCS#12 Certificate Link",
    Tag.PKCS_12_PASSWORD_LINK: "PKCS#12 Password Link",
    Tag.PREVIOUS_LINK: "Previous Link",
    Tag.PRIVATE_KEY_LINK: "Private Key Link",
    Tag.PUBLIC_KEY_LINK: "Public Key Link",
    Tag.REPLACED_OBJECT_LINK: "Replaced Object Link",
    Tag.REPLACEMENT_OBJECT_LINK: "Replacement Object Link",
    Tag.WRAPPING_KEY_LINK: "Wrapping Key Link",
    Tag.OBJECT_CLASS: "Object Class",
    Tag.OBJECT_CLASS_MASK: "Object Class Mask",
    Tag.CREDENTIAL_LINK: "Credential Link",
    Tag.PASSWORD_CREDENTIAL: "Password Credential",
    Tag.PASSWORD_SALT: "Password Salt",
    Tag.PASSWORD_SALT_ALGORITHM: "Password Salt Algorithm",
    Tag.SALTED_PASSWORD: "Salted Password",
    Tag.PASSWORD_LINK: "Password Link",
    Tag.DEVICE_CREDENTIAL: "Device Credential",
    Tag.OTP_CREDENTIAL: "OTP Credential",
    Tag.OTP_ALGORITHM: "OTP Algorithm",
    Tag.OTP_DIGEST: "OTP Digest",
    Tag.OTP_SERIAL: "OTP Serial",
    Tag.OTP_SEED: "OTP Seed",
    Tag.OTP_INTERVAL: "OTP Interval",
    Tag.OTP_DIGITS: "OTP Digits",
    Tag.OTP_COUNTER: "OTP Counter",
    Tag.HASHED_PASSWORD_CREDENTIAL: "Hashed Password Credential",
    Tag.HASHED_USERNAME_PASSWORD: "Hashed Username Password",
    Tag.HASHED_PASSWORD_USERNAME: "Hashed Password Username",
    Tag.CREDENTIAL_INFORMATION: "Credential Information",
    Tag.GROUP_LINK: "Group Link",
    Tag.SPLIT_KEY_BASE_LINK: "Split Key Base Link",
    Tag.JOINED_SPLIT_KEY_PARTS_LINK: "Joined Split Key Parts Link",
    Tag.SPLIT_KEY_POLYNOMIAL: "Split Key Polynomial",
    Tag.DEACTIVATION_MESSAGE: "Deactivation Message",
    Tag.DEACTIVATION_REASON: "Deactivation Reason",
    Tag.DEACTIVATION_REASON_CODE: "Deactivation Reason Code",
    Tag.CERTIFICATE_SUBJECT_DN: "Certificate Subject DN",
    Tag.CERTIFICATE_ISSUER_DN: "Certificate Issuer DN",
    Tag.CERTIFICATE_REQUEST_LINK: "Certificate Request Link",
    Tag.CERTIFY_COUNTER: "Certify Counter",
    Tag.DECRYPT_COUNTER: "Decrypt Counter",
    Tag.ENCRYPT_COUNTER: "Encrypt Counter",
    Tag.SIGN_COUNTER: "Sign Counter",
    Tag.SIGNATURE_VERIFY_COUNTER: "Signature Verify Counter",
    Tag.NIST_SECURITY_CATEGORY: "NIST Security Category",
}
"""The words of the specification, which are the attribute names of 1.x."""
