"""The enumerations of KMIP 1.0 to 3.0.

Written by docs/spec/generate.py from docs/spec/vocabulary.csv.
"""

from typing import Final

from kmip.tags import Tag
from kmip.versions import V1_0, V1_1, V1_2, V1_3, V1_4, V2_0, V2_1, V3_0
from kmip.vocabulary import Closed, Enumeration, Named, Renamed


class AdjustmentType(Enumeration):
    """Adjustment Type (2.1 section 11)."""

    INCREMENT = 0x00000001, "Increment", V2_0
    DECREMENT = 0x00000002, "Decrement", V2_0
    NEGATE = 0x00000003, "Negate", V2_0


class AlternativeNameType(Enumeration):
    """Alternative Name Type (2.1 section 11)."""

    UNINTERPRETED_TEXT_STRING = 0x00000001, "UninterpretedTextString", V1_2
    URI = 0x00000002, "URI", V1_2
    OBJECT_SERIAL_NUMBER = 0x00000003, "ObjectSerialNumber", V1_2
    EMAIL_ADDRESS = 0x00000004, "EmailAddress", V1_2
    DNS_NAME = 0x00000005, "DNSName", V1_2
    X_500_DISTINGUISHED_NAME = 0x00000006, "X_500DistinguishedName", V1_2
    IP_ADDRESS = 0x00000007, "IPAddress", V1_2


class AsynchronousIndicator(Enumeration):
    """Asynchronous Indicator (2.1 section 11)."""

    MANDATORY = 0x00000001, "Mandatory", V2_0
    OPTIONAL = 0x00000002, "Optional", V2_0
    PROHIBITED = 0x00000003, "Prohibited", V2_0


class AttestationType(Enumeration):
    """Attestation Type (2.1 section 11)."""

    TPM_QUOTE = 0x00000001, "TPMQuote", V1_2
    TCG_INTEGRITY_REPORT = 0x00000002, "TCGIntegrityReport", V1_2
    SAML_ASSERTION = 0x00000003, "SAMLAssertion", V1_2


class BatchErrorContinuationOption(Enumeration):
    """Batch Error Continuation Option (2.1 section 11)."""

    CONTINUE = 0x00000001, "Continue", V1_0
    STOP = 0x00000002, "Stop", V1_0
    UNDO = 0x00000003, "Undo", V1_0


class BlockCipherMode(Enumeration):
    """Block Cipher Mode (2.1 section 11)."""

    CBC = 0x00000001, "CBC", V1_0
    ECB = 0x00000002, "ECB", V1_0
    PCBC = 0x00000003, "PCBC", V1_0
    CFB = 0x00000004, "CFB", V1_0
    OFB = 0x00000005, "OFB", V1_0
    CTR = 0x00000006, "CTR", V1_0
    CMAC = 0x00000007, "CMAC", V1_0
    CCM = 0x00000008, "CCM", V1_0
    GCM = 0x00000009, "GCM", V1_0
    CBC_MAC = 0x0000000A, "CBC_MAC", V1_0
    XTS = 0x0000000B, "XTS", V1_0
    AESKEYWRAPPADDING = 0x0000000C, "AESKeyWrapPadding", V1_0
    NISTKEYWRAP = 0x0000000D, "NISTKeyWrap", V1_0
    X9_102_AESKW = 0x0000000E, "X9_102AESKW", V1_0
    X9_102_TDKW = 0x0000000F, "X9_102TDKW", V1_0
    X9_102_AKW1 = 0x00000010, "X9_102AKW1", V1_0
    X9_102_AKW2 = 0x00000011, "X9_102AKW2", V1_0
    AEAD = 0x00000012, "AEAD", V1_4


class CancellationResult(Enumeration):
    """Cancellation Result (2.1 section 11)."""

    CANCELED = 0x00000001, "Canceled", V1_0
    UNABLE_TO_CANCEL = 0x00000002, "UnableToCancel", V1_0
    COMPLETED = 0x00000003, "Completed", V1_0
    FAILED = 0x00000004, "Failed", V1_0
    UNAVAILABLE = 0x00000005, "Unavailable", V1_0


class CertificateRequestType(Enumeration):
    """Certificate Request Type (2.1 section 11)."""

    CRMF = 0x00000001, "CRMF", V1_0
    PKCS_10 = 0x00000002, "PKCS_10", V1_0
    PEM = 0x00000003, "PEM", V1_0
    PGP = 0x00000004, "PGP", V1_0, V1_4


class CertificateType(Enumeration):
    """Certificate Type (2.1 section 11)."""

    X_509 = 0x00000001, "X_509", V1_0
    PGP = 0x00000002, "PGP", V1_0


class ClientRegistrationMethod(Enumeration):
    """Client Registration Method (2.1 section 11)."""

    UNSPECIFIED = 0x00000001, "Unspecified", V1_3
    SERVER_PRE_GENERATED = 0x00000002, "ServerPreGenerated", V1_3
    SERVER_ON_DEMAND = 0x00000003, "ServerOnDemand", V1_3
    CLIENT_GENERATED = 0x00000004, "ClientGenerated", V1_3
    CLIENT_REGISTERED = 0x00000005, "ClientRegistered", V1_3


class CredentialType(Enumeration):
    """Credential Type (2.1 section 11)."""

    USERNAME_AND_PASSWORD = 0x00000001, "UsernameAndPassword", V1_0
    DEVICE = 0x00000002, "Device", V1_1
    ATTESTATION = 0x00000003, "Attestation", V1_2
    ONE_TIME_PASSWORD = 0x00000004, "OneTimePassword", V2_0
    HASHED_PASSWORD = 0x00000005, "HashedPassword", V2_0
    TICKET = 0x00000006, "Ticket", V2_0
    PASSWORD = 0x00000007, "Password", V3_0
    CERTIFICATE = 0x00000008, "Certificate", V3_0


class CryptographicAlgorithm(Enumeration):
    """Cryptographic Algorithm (2.1 section 11)."""

    DES = 0x00000001, "DES", V1_0
    DES3 = 0x00000002, "DES3", V1_0
    AES = 0x00000003, "AES", V1_0
    RSA = 0x00000004, "RSA", V1_0
    DSA = 0x00000005, "DSA", V1_0
    ECDSA = 0x00000006, "ECDSA", V1_0
    HMAC_SHA1 = 0x00000007, "HMAC_SHA1", V1_0
    HMAC_SHA224 = 0x00000008, "HMAC_SHA224", V1_0
    HMAC_SHA256 = 0x00000009, "HMAC_SHA256", V1_0
    HMAC_SHA384 = 0x0000000A, "HMAC_SHA384", V1_0
    HMAC_SHA512 = 0x0000000B, "HMAC_SHA512", V1_0
    HMAC_MD5 = 0x0000000C, "HMAC_MD5", V1_0
    DH = 0x0000000D, "DH", V1_0
    ECDH = 0x0000000E, "ECDH", V1_0
    ECMQV = 0x0000000F, "ECMQV", V1_0
    BLOWFISH = 0x00000010, "Blowfish", V1_0
    CAMELLIA = 0x00000011, "Camellia", V1_0
    CAST5 = 0x00000012, "CAST5", V1_0
    IDEA = 0x00000013, "IDEA", V1_0
    MARS = 0x00000014, "MARS", V1_0
    RC2 = 0x00000015, "RC2", V1_0
    RC4 = 0x00000016, "RC4", V1_0
    RC5 = 0x00000017, "RC5", V1_0
    SKIPJACK = 0x00000018, "SKIPJACK", V1_0
    TWOFISH = 0x00000019, "Twofish", V1_0
    EC = 0x0000001A, "EC", V1_2
    ONE_TIME_PAD = 0x0000001B, "OneTimePad", V1_3
    CHACHA20 = 0x0000001C, "ChaCha20", V1_4
    POLY1305 = 0x0000001D, "Poly1305", V1_4
    CHACHA20POLY1305 = 0x0000001E, "ChaCha20Poly1305", V1_4
    SHA3_224 = 0x0000001F, "SHA3_224", V1_4
    SHA3_256 = 0x00000020, "SHA3_256", V1_4
    SHA3_384 = 0x00000021, "SHA3_384", V1_4
    SHA3_512 = 0x00000022, "SHA3_512", V1_4
    HMAC_SHA3_224 = 0x00000023, "HMAC_SHA3_224", V1_4
    HMAC_SHA3_256 = 0x00000024, "HMAC_SHA3_256", V1_4
    HMAC_SHA3_384 = 0x00000025, "HMAC_SHA3_384", V1_4
    HMAC_SHA3_512 = 0x00000026, "HMAC_SHA3_512", V1_4
    SHAKE_128 = 0x00000027, "SHAKE_128", V1_4
    SHAKE_256 = 0x00000028, "SHAKE_256", V1_4
    ARIA = 0x00000029, "ARIA", V2_0
    SEED = 0x0000002A, "SEED", V2_0
    SM2 = 0x0000002B, "SM2", V2_0
    SM3 = 0x0000002C, "SM3", V2_0
    SM4 = 0x0000002D, "SM4", V2_0
    GOST_R_34_10_2012 = 0x0000002E, "GOSTR34_10_2012", V2_0
    GOST_R_34_11_2012 = 0x0000002F, "GOSTR34_11_2012", V2_0
    GOST_R_34_13_2015 = 0x00000030, "GOSTR34_13_2015", V2_0
    GOST_28147_89 = 0x00000031, "GOST28147_89", V2_0
    XMSS = 0x00000032, "XMSS", V2_0
    SPHINCS_256 = 0x00000033, "SPHINCS_256", V2_0
    MCELIECE = 0x00000034, "McEliece", V2_0
    MCELIECE_6960119 = 0x00000035, "McEliece_6960119", V2_0
    MCELIECE_8192128 = 0x00000036, "McEliece_8192128", V2_0
    ED25519 = 0x00000037, "Ed25519", V2_0
    ED448 = 0x00000038, "Ed448", V2_0
    ML_KEM_512 = 0x00000039, "ML_KEM_512", V3_0
    ML_KEM_768 = 0x0000003A, "ML_KEM_768", V3_0
    ML_KEM_1024 = 0x0000003B, "ML_KEM_1024", V3_0
    ML_DSA_44 = 0x0000003C, "ML_DSA_44", V3_0
    ML_DSA_65 = 0x0000003D, "ML_DSA_65", V3_0
    ML_DSA_87 = 0x0000003E, "ML_DSA_87", V3_0
    SLH_DSA_SHA2_128S = 0x0000003F, "SLH_DSA_SHA2_128s", V3_0
    SLH_DSA_SHA2_128F = 0x00000040, "SLH_DSA_SHA2_128f", V3_0
    SLH_DSA_SHA2_192S = 0x00000041, "SLH_DSA_SHA2_192s", V3_0
    SLH_DSA_SHA2_192F = 0x00000042, "SLH_DSA_SHA2_192f", V3_0
    SLH_DSA_SHA2_256S = 0x00000043, "SLH_DSA_SHA2_256s", V3_0
    SLH_DSA_SHA2_256F = 0x00000044, "SLH_DSA_SHA2_256f", V3_0
    SLH_DSA_SHAKE_128S = 0x00000045, "SLH_DSA_SHAKE_128s", V3_0
    SLH_DSA_SHAKE_128F = 0x00000046, "SLH_DSA_SHAKE_128f", V3_0
    SLH_DSA_SHAKE_192S = 0x00000047, "SLH_DSA_SHAKE_192s", V3_0
    SLH_DSA_SHAKE_192F = 0x00000048, "SLH_DSA_SHAKE_192f", V3_0
    SLH_DSA_SHAKE_256S = 0x00000049, "SLH_DSA_SHAKE_256s", V3_0
    SLH_DSA_SHAKE_256F = 0x0000004A, "SLH_DSA_SHAKE_256f", V3_0


class DRBGAlgorithm(Enumeration):
    """DRBGAlgorithm (2.1 section 11)."""

    UNSPECIFIED = 0x00000001, "Unspecified", V1_3
    DUAL_EC = 0x00000002, "Dual_EC", V1_3
    HASH = 0x00000003, "Hash", V1_3
    HMAC = 0x00000004, "HMAC", V1_3
    CTR = 0x00000005, "CTR", V1_3


class Data(Enumeration):
    """Data (2.1 section 11)."""

    DECRYPT = 0x00000001, "Decrypt", V2_0
    ENCRYPT = 0x00000002, "Encrypt", V2_0
    HASH = 0x00000003, "Hash", V2_0
    MAC_MAC_DATA = 0x00000004, "MACMACData", V2_0
    RNG_RETRIEVE = 0x00000005, "RNGRetrieve", V2_0
    SIGN_SIGNATURE_DATA = 0x00000006, "SignSignatureData", V2_0
    SIGNATURE_VERIFY = 0x00000007, "SignatureVerify", V2_0


class DeactivationReasonCode(Enumeration):
    """Deactivation Reason Code (2.1 section 11)."""

    UNSPECIFIED = 0x00000001, "Unspecified", V3_0
    DEACTIVATION_DATE = 0x00000002, "DeactivationDate", V3_0
    PROTECT_STOP_DATE = 0x00000003, "ProtectStopDate", V3_0
    USAGE_LIMIT = 0x00000004, "UsageLimit", V3_0


class DerivationMethod(Enumeration):
    """Derivation Method (2.1 section 11)."""

    PBKDF2 = 0x00000001, "PBKDF2", V1_0
    HASH = 0x00000002, "HASH", V1_0
    HMAC = 0x00000003, "HMAC", V1_0
    ENCRYPT = 0x00000004, "ENCRYPT", V1_0
    NIST800_108_C = 0x00000005, "NIST800_108_C", V1_0
    NIST800_108_F = 0x00000006, "NIST800_108_F", V1_0
    NIST800_108_DPI = 0x00000007, "NIST800_108_DPI", V1_0
    ASYMMETRIC_KEY = 0x00000008, "AsymmetricKey", V1_4
    AWS_SIGNATURE_VERSION_4 = 0x00000009, "AWSSignatureVersion4", V2_0
    HKDF = 0x0000000A, "HKDF", V2_0


class DestroyAction(Enumeration):
    """Destroy Action (2.1 section 11)."""

    UNSPECIFIED = 0x00000001, "Unspecified", V1_3
    KEY_MATERIAL_DELETED = 0x00000002, "KeyMaterialDeleted", V1_3
    KEY_MATERIAL_SHREDDED = 0x00000003, "KeyMaterialShredded", V1_3
    META_DATA_DELETED = 0x00000004, "MetaDataDeleted", V1_3
    META_DATA_SHREDDED = 0x00000005, "MetaDataShredded", V1_3
    DELETED = 0x00000006, "Deleted", V1_3
    SHREDDED = 0x00000007, "Shredded", V1_3


class DigitalSignatureAlgorithm(Enumeration):
    """Digital Signature Algorithm (2.1 section 11)."""

    MD2_WITH_RSA_ENCRYPTION_PKCS_1_V1_5 = (
        0x00000001,
        ("MD2WithRSAEncryptionPKCS_1V1_5", Renamed("MD2WithRSAEncryption", V2_0)),
        V1_1,
    )
    MD5_WITH_RSA_ENCRYPTION_PKCS_1_V1_5 = (
        0x00000002,
        ("MD5WithRSAEncryptionPKCS_1V1_5", Renamed("MD5WithRSAEncryption", V2_0)),
        V1_1,
    )
    SHA_1_WITH_RSA_ENCRYPTION_PKCS_1_V1_5 = (
        0x00000003,
        ("SHA_1WithRSAEncryptionPKCS_1V1_5", Renamed("SHA_1WithRSAEncryption", V2_0)),
        V1_1,
    )
    SHA_224_WITH_RSA_ENCRYPTION_PKCS_1_V1_5 = (
        0x00000004,
        ("SHA_224WithRSAEncryptionPKCS_1V1_5", Renamed("SHA_224WithRSAEncryption", V2_0)),
        V1_1,
    )
    SHA_256_WITH_RSA_ENCRYPTION_PKCS_1_V1_5 = (
        0x00000005,
        ("SHA_256WithRSAEncryptionPKCS_1V1_5", Renamed("SHA_256WithRSAEncryption", V2_0)),
        V1_1,
    )
    SHA_384_WITH_RSA_ENCRYPTION_PKCS_1_V1_5 = (
        0x00000006,
        ("SHA_384WithRSAEncryptionPKCS_1V1_5", Renamed("SHA_384WithRSAEncryption", V2_0)),
        V1_1,
    )
    SHA_512_WITH_RSA_ENCRYPTION_PKCS_1_V1_5 = (
        0x00000007,
        ("SHA_512WithRSAEncryptionPKCS_1V1_5", Renamed("SHA_512WithRSAEncryption", V2_0)),
        V1_1,
    )
    RSASSA_PSS_PKCS_1_V2_1 = 0x00000008, ("RSASSA_PSSPKCS_1V2_1", Renamed("RSASSA_PSS", V2_0)), V1_1
    DSA_WITH_SHA_1 = 0x00000009, "DSAWithSHA_1", V1_1
    DSA_WITH_SHA224 = 0x0000000A, "DSAWithSHA224", V1_1
    DSA_WITH_SHA256 = 0x0000000B, "DSAWithSHA256", V1_1
    ECDSA_WITH_SHA_1 = 0x0000000C, "ECDSAWithSHA_1", V1_1
    ECDSA_WITH_SHA224 = 0x0000000D, "ECDSAWithSHA224", V1_1
    ECDSA_WITH_SHA256 = 0x0000000E, "ECDSAWithSHA256", V1_1
    ECDSA_WITH_SHA384 = 0x0000000F, "ECDSAWithSHA384", V1_1
    ECDSA_WITH_SHA512 = 0x00000010, "ECDSAWithSHA512", V1_1
    SHA3_256_WITH_RSA_ENCRYPTION = 0x00000011, "SHA3_256WithRSAEncryption", V1_4
    SHA3_384_WITH_RSA_ENCRYPTION = 0x00000012, "SHA3_384WithRSAEncryption", V1_4
    SHA3_512_WITH_RSA_ENCRYPTION = 0x00000013, "SHA3_512WithRSAEncryption", V1_4


class EncodingOption(Enumeration):
    """Encoding Option (2.1 section 11)."""

    NO_ENCODING = 0x00000001, "NoEncoding", V1_1
    TTLV_ENCODING = 0x00000002, "TTLVEncoding", V1_1


class EndpointRole(Enumeration):
    """Endpoint Role (2.1 section 11)."""

    CLIENT = 0x00000001, "Client", V2_0
    SERVER = 0x00000002, "Server", V2_0


class Ephemeral(Enumeration):
    """Ephemeral (2.1 section 11)."""

    DATA = 0x00000001, "Data", V3_0
    EMPTY = 0x00000002, "Empty", V3_0
    UNIQUE_IDENTIFIER = 0x00000003, "UniqueIdentifier", V3_0


class FIPS186Variation(Enumeration):
    """FIPS186 Variation (2.1 section 11)."""

    UNSPECIFIED = 0x00000001, "Unspecified", V1_3
    GP_X_ORIGINAL = 0x00000002, "GPXOriginal", V1_3
    GP_X_CHANGE_NOTICE = 0x00000003, "GPXChangeNotice", V1_3
    X_ORIGINAL = 0x00000004, "XOriginal", V1_3
    X_CHANGE_NOTICE = 0x00000005, "XChangeNotice", V1_3
    K_ORIGINAL = 0x00000006, "KOriginal", V1_3
    K_CHANGE_NOTICE = 0x00000007, "KChangeNotice", V1_3


class HashingAlgorithm(Enumeration):
    """Hashing Algorithm (2.1 section 11)."""

    MD2 = 0x00000001, "MD2", V1_0
    MD4 = 0x00000002, "MD4", V1_0
    MD5 = 0x00000003, "MD5", V1_0
    SHA_1 = 0x00000004, "SHA_1", V1_0
    SHA_224 = 0x00000005, "SHA_224", V1_0
    SHA_256 = 0x00000006, "SHA_256", V1_0
    SHA_384 = 0x00000007, "SHA_384", V1_0
    SHA_512 = 0x00000008, "SHA_512", V1_0
    RIPEMD_160 = 0x00000009, "RIPEMD_160", V1_0
    TIGER = 0x0000000A, "Tiger", V1_0
    WHIRLPOOL = 0x0000000B, "Whirlpool", V1_0
    SHA_512_224 = 0x0000000C, "SHA_512_224", V1_2
    SHA_512_256 = 0x0000000D, "SHA_512_256", V1_2
    SHA_3_224 = 0x0000000E, ("SHA_3_224", Renamed("SHA3_224", V2_0)), V1_4
    SHA_3_256 = 0x0000000F, ("SHA_3_256", Renamed("SHA3_256", V2_0)), V1_4
    SHA_3_384 = 0x00000010, ("SHA_3_384", Renamed("SHA3_384", V2_0)), V1_4
    SHA_3_512 = 0x00000011, ("SHA_3_512", Renamed("SHA3_512", V2_0)), V1_4


class InteropFunction(Enumeration):
    """Interop Function (2.1 section 11)."""

    BEGIN = 0x00000001, "Begin", V2_0
    END = 0x00000002, "End", V2_0
    RESET = 0x00000003, "Reset", V2_0


class ItemType(Closed):
    """Item Type (2.1 section 11)."""

    STRUCTURE = 0x00000001, "Structure", V2_0
    INTEGER = 0x00000002, "Integer", V2_0
    LONG_INTEGER = 0x00000003, "LongInteger", V2_0
    BIG_INTEGER = 0x00000004, "BigInteger", V2_0
    ENUMERATION = 0x00000005, "Enumeration", V2_0
    BOOLEAN = 0x00000006, "Boolean", V2_0
    TEXT_STRING = 0x00000007, "TextString", V2_0
    BYTE_STRING = 0x00000008, "ByteString", V2_0
    DATE_TIME = 0x00000009, "DateTime", V2_0
    INTERVAL = 0x0000000A, "Interval", V2_0
    DATE_TIME_EXTENDED = 0x0000000B, "DateTimeExtended", V2_0
    IDENTIFIER = 0x0000000C, "Identifier", V3_0
    REFERENCE = 0x0000000D, "Reference", V3_0
    NAME_REFERENCE = 0x0000000E, "NameReference", V3_0


class KeyCompressionType(Enumeration):
    """Key Compression Type (2.1 section 11)."""

    EC_PUBLIC_KEY_TYPE_UNCOMPRESSED = 0x00000001, "ECPublicKeyTypeUncompressed", V1_0
    EC_PUBLIC_KEY_TYPE_X9_62_COMPRESSED_PRIME = (
        0x00000002,
        "ECPublicKeyTypeX9_62CompressedPrime",
        V1_0,
    )
    EC_PUBLIC_KEY_TYPE_X9_62_COMPRESSED_CHAR2 = (
        0x00000003,
        "ECPublicKeyTypeX9_62CompressedChar2",
        V1_0,
    )
    EC_PUBLIC_KEY_TYPE_X9_62_HYBRID = 0x00000004, "ECPublicKeyTypeX9_62Hybrid", V1_0


class KeyFormatType(Enumeration):
    """Key Format Type (2.1 section 11)."""

    RAW = 0x00000001, "Raw", V1_0
    OPAQUE = 0x00000002, "Opaque", V1_0
    PKCS_1 = 0x00000003, "PKCS_1", V1_0
    PKCS_8 = 0x00000004, "PKCS_8", V1_0
    X_509 = 0x00000005, "X_509", V1_0
    ECPRIVATEKEY = 0x00000006, "ECPrivateKey", V1_0
    TRANSPARENT_SYMMETRIC_KEY = 0x00000007, "TransparentSymmetricKey", V1_0
    TRANSPARENT_DSA_PRIVATE_KEY = 0x00000008, "TransparentDSAPrivateKey", V1_0
    TRANSPARENT_DSA_PUBLIC_KEY = 0x00000009, "TransparentDSAPublicKey", V1_0
    TRANSPARENT_RSA_PRIVATE_KEY = 0x0000000A, "TransparentRSAPrivateKey", V1_0
    TRANSPARENT_RSA_PUBLIC_KEY = 0x0000000B, "TransparentRSAPublicKey", V1_0
    TRANSPARENT_DH_PRIVATE_KEY = 0x0000000C, "TransparentDHPrivateKey", V1_0
    TRANSPARENT_DH_PUBLIC_KEY = 0x0000000D, "TransparentDHPublicKey", V1_0
    TRANSPARENT_ECDSA_PRIVATE_KEY = 0x0000000E, "TransparentECDSAPrivateKey", V1_0, V1_4
    TRANSPARENT_ECDSA_PUBLIC_KEY = 0x0000000F, "TransparentECDSAPublicKey", V1_0, V1_4
    TRANSPARENT_ECDH_PRIVATE_KEY = 0x00000010, "TransparentECDHPrivateKey", V1_0, V1_4
    TRANSPARENT_ECDH_PUBLIC_KEY = 0x00000011, "TransparentECDHPublicKey", V1_0, V1_4
    TRANSPARENT_ECMQV_PRIVATE_KEY = 0x00000012, "TransparentECMQVPrivateKey", V1_0, V1_4
    TRANSPARENT_ECMQV_PUBLIC_KEY = 0x00000013, "TransparentECMQVPublicKey", V1_0, V1_4
    TRANSPARENT_EC_PRIVATE_KEY = 0x00000014, "TransparentECPrivateKey", V1_3
    TRANSPARENT_EC_PUBLIC_KEY = 0x00000015, "TransparentECPublicKey", V1_3
    PKCS_12 = 0x00000016, "PKCS_12", V1_4
    PKCS_10 = 0x00000017, "PKCS_10", V2_0


class KeyRoleType(Enumeration):
    """Key Role Type (2.1 section 11)."""

    BDK = 0x00000001, "BDK", V1_0
    CVK = 0x00000002, "CVK", V1_0
    DEK = 0x00000003, "DEK", V1_0
    MKAC = 0x00000004, "MKAC", V1_0
    MKSMC = 0x00000005, "MKSMC", V1_0
    MKSMI = 0x00000006, "MKSMI", V1_0
    MKDAC = 0x00000007, "MKDAC", V1_0
    MKDN = 0x00000008, "MKDN", V1_0
    MKCP = 0x00000009, "MKCP", V1_0
    MKOTH = 0x0000000A, "MKOTH", V1_0
    KEK = 0x0000000B, "KEK", V1_0
    MAC16609 = 0x0000000C, "MAC16609", V1_0
    MAC97971 = 0x0000000D, "MAC97971", V1_0
    MAC97972 = 0x0000000E, "MAC97972", V1_0
    MAC97973 = 0x0000000F, "MAC97973", V1_0
    MAC97974 = 0x00000010, "MAC97974", V1_0
    MAC97975 = 0x00000011, "MAC97975", V1_0
    ZPK = 0x00000012, "ZPK", V1_0
    PVKIBM = 0x00000013, "PVKIBM", V1_0
    PVKPVV = 0x00000014, "PVKPVV", V1_0
    PVKOTH = 0x00000015, "PVKOTH", V1_0
    DUKPT = 0x00000016, "DUKPT", V1_4
    IV = 0x00000017, "IV", V1_4
    TRKBK = 0x00000018, "TRKBK", V1_4


class KeyValueLocationType(Enumeration):
    """Key Value Location Type (2.1 section 11)."""

    UNINTERPRETED_TEXT_STRING = 0x00000001, "UninterpretedTextString", V1_2
    URI = 0x00000002, "URI", V1_2


class KeyWrapType(Enumeration):
    """Key Wrap Type (2.1 section 11)."""

    NOT_WRAPPED = 0x00000001, "NotWrapped", V1_4
    AS_REGISTERED = 0x00000002, "AsRegistered", V1_4


class LinkType(Enumeration):
    """Link Type (2.1 section 11)."""

    CERTIFICATE_LINK = 0x00000101, "CertificateLink", V1_0, V2_1
    PUBLIC_KEY_LINK = 0x00000102, "PublicKeyLink", V1_0, V2_1
    PRIVATE_KEY_LINK = 0x00000103, "PrivateKeyLink", V1_0, V2_1
    DERIVATION_BASE_OBJECT_LINK = 0x00000104, "DerivationBaseObjectLink", V1_0, V2_1
    DERIVED_KEY_LINK = 0x00000105, "DerivedKeyLink", V1_0, V2_1
    REPLACEMENT_OBJECT_LINK = 0x00000106, "ReplacementObjectLink", V1_0, V2_1
    REPLACED_OBJECT_LINK = 0x00000107, "ReplacedObjectLink", V1_0, V2_1
    PARENT_LINK = 0x00000108, "ParentLink", V1_2, V2_1
    CHILD_LINK = 0x00000109, "ChildLink", V1_2, V2_1
    PREVIOUS_LINK = 0x0000010A, "PreviousLink", V1_2, V2_1
    NEXT_LINK = 0x0000010B, "NextLink", V1_2, V2_1
    PKCS_12_CERTIFICATE_LINK = 0x0000010C, "PKCS_12CertificateLink", V1_4, V2_1
    PKCS_12_PASSWORD_LINK = 0x0000010D, "PKCS_12PasswordLink", V1_4, V2_1
    WRAPPING_KEY_LINK = 0x0000010E, "WrappingKeyLink", V2_0, V2_1


class MaskGenerator(Enumeration):
    """Mask Generator (2.1 section 11)."""

    MGF1 = 0x00000001, ("MGF1", Renamed("MFG1", V2_0)), V1_4


class NISTKeyType(Enumeration):
    """NISTKey Type (2.1 section 11)."""

    PRIVATE_SIGNATURE_KEY = 0x00000001, "PrivateSignatureKey", V2_0
    PUBLIC_SIGNATURE_VERIFICATION_KEY = 0x00000002, "PublicSignatureVerificationKey", V2_0
    SYMMETRIC_AUTHENTICATION_KEY = 0x00000003, "SymmetricAuthenticationKey", V2_0
    PRIVATE_AUTHENTICATION_KEY = 0x00000004, "PrivateAuthenticationKey", V2_0
    PUBLIC_AUTHENTICATION_KEY = 0x00000005, "PublicAuthenticationKey", V2_0
    SYMMETRIC_DATA_ENCRYPTION_KEY = 0x00000006, "SymmetricDataEncryptionKey", V2_0
    SYMMETRIC_KEY_WRAPPING_KEY = 0x00000007, "SymmetricKeyWrappingKey", V2_0
    SYMMETRIC_RANDOM_NUMBER_GENERATION_KEY = 0x00000008, "SymmetricRandomNumberGenerationKey", V2_0
    SYMMETRIC_MASTER_KEY = 0x00000009, "SymmetricMasterKey", V2_0
    PRIVATE_KEY_TRANSPORT_KEY = 0x0000000A, "PrivateKeyTransportKey", V2_0
    PUBLIC_KEY_TRANSPORT_KEY = 0x0000000B, "PublicKeyTransportKey", V2_0
    SYMMETRIC_KEY_AGREEMENT_KEY = 0x0000000C, "SymmetricKeyAgreementKey", V2_0
    PRIVATE_STATIC_KEY_AGREEMENT_KEY = 0x0000000D, "PrivateStaticKeyAgreementKey", V2_0
    PUBLIC_STATIC_KEY_AGREEMENT_KEY = 0x0000000E, "PublicStaticKeyAgreementKey", V2_0
    PRIVATE_EPHEMERAL_KEY_AGREEMENT_KEY = 0x0000000F, "PrivateEphemeralKeyAgreementKey", V2_0
    PUBLIC_EPHEMERAL_KEY_AGREEMENT_KEY = 0x00000010, "PublicEphemeralKeyAgreementKey", V2_0
    SYMMETRIC_AUTHORIZATION_KEY = 0x00000011, "SymmetricAuthorizationKey", V2_0
    PRIVATE_AUTHORIZATION_KEY = 0x00000012, "PrivateAuthorizationKey", V2_0
    PUBLIC_AUTHORIZATION_KEY = 0x00000013, "PublicAuthorizationKey", V2_0


class NameType(Enumeration):
    """Name Type (2.1 section 11)."""

    UNINTERPRETED_TEXT_STRING = 0x00000001, "UninterpretedTextString", V1_0, V2_1
    URI = 0x00000002, "URI", V1_0, V2_1


class OTPAlgorithm(Enumeration):
    """OTPAlgorithm (2.1 section 11)."""

    HOTP = 0x00000001, "HOTP", V3_0
    TOTP = 0x00000002, "TOTP", V3_0


class ObjectClass(Enumeration):
    """Object Class (2.1 section 11)."""

    USER = 0x00000001, "User", V3_0
    SYSTEM = 0x00000002, "System", V3_0


class ObjectGroupMember(Enumeration):
    """Object Group Member (2.1 section 11)."""

    GROUP_MEMBER_FRESH = 0x00000001, "GroupMemberFresh", V1_1, V2_1
    GROUP_MEMBER_DEFAULT = 0x00000002, "GroupMemberDefault", V1_1, V2_1


class ObjectType(Enumeration):
    """Object Type (2.1 section 11)."""

    CERTIFICATE = 0x00000001, "Certificate", V1_0
    SYMMETRIC_KEY = 0x00000002, "SymmetricKey", V1_0
    PUBLIC_KEY = 0x00000003, "PublicKey", V1_0
    PRIVATE_KEY = 0x00000004, "PrivateKey", V1_0
    SPLIT_KEY = 0x00000005, "SplitKey", V1_0
    TEMPLATE = 0x00000006, "Template", V1_0, V1_4
    SECRET_DATA = 0x00000007, "SecretData", V1_0
    OPAQUE_OBJECT = 0x00000008, "OpaqueObject", V1_0
    PGP_KEY = 0x00000009, "PGPKey", V1_2
    CERTIFICATE_REQUEST = 0x0000000A, "CertificateRequest", V2_0
    USER = 0x0000000B, "User", V3_0
    GROUP = 0x0000000C, "Group", V3_0
    PASSWORD_CREDENTIAL = 0x0000000D, "PasswordCredential", V3_0
    DEVICE_CREDENTIAL = 0x0000000E, "DeviceCredential", V3_0
    ONE_TIME_PASSWORD_CREDENTIAL = 0x0000000F, "OneTimePasswordCredential", V3_0
    HASHED_PASSWORD_CREDENTIAL = 0x00000010, "HashedPasswordCredential", V3_0


class Operation(Enumeration):
    """Operation (2.1 section 11)."""

    CREATE = 0x00000001, "Create", V1_0
    CREATE_KEY_PAIR = 0x00000002, "CreateKeyPair", V1_0
    REGISTER = 0x00000003, "Register", V1_0
    REKEY = 0x00000004, "ReKey", V1_0
    DERIVE_KEY = 0x00000005, "DeriveKey", V1_0
    CERTIFY = 0x00000006, "Certify", V1_0
    RECERTIFY = 0x00000007, "ReCertify", V1_0
    LOCATE = 0x00000008, "Locate", V1_0
    CHECK = 0x00000009, "Check", V1_0
    GET = 0x0000000A, "Get", V1_0
    GET_ATTRIBUTES = 0x0000000B, "GetAttributes", V1_0
    GET_ATTRIBUTE_LIST = 0x0000000C, "GetAttributeList", V1_0
    ADD_ATTRIBUTE = 0x0000000D, "AddAttribute", V1_0
    MODIFY_ATTRIBUTE = 0x0000000E, "ModifyAttribute", V1_0
    DELETE_ATTRIBUTE = 0x0000000F, "DeleteAttribute", V1_0
    OBTAIN_LEASE = 0x00000010, "ObtainLease", V1_0
    GET_USAGE_ALLOCATION = 0x00000011, "GetUsageAllocation", V1_0
    ACTIVATE = 0x00000012, "Activate", V1_0
    REVOKE = 0x00000013, "Revoke", V1_0
    DESTROY = 0x00000014, "Destroy", V1_0
    ARCHIVE = 0x00000015, "Archive", V1_0
    RECOVER = 0x00000016, "Recover", V1_0
    VALIDATE = 0x00000017, "Validate", V1_0
    QUERY = 0x00000018, "Query", V1_0
    CANCEL = 0x00000019, "Cancel", V1_0
    POLL = 0x0000001A, "Poll", V1_0
    NOTIFY = 0x0000001B, "Notify", V1_0
    PUT = 0x0000001C, "Put", V1_0
    REKEY_KEY_PAIR = 0x0000001D, "ReKeyKeyPair", V1_1
    DISCOVER_VERSIONS = 0x0000001E, "DiscoverVersions", V1_1
    ENCRYPT = 0x0000001F, "Encrypt", V1_2
    DECRYPT = 0x00000020, "Decrypt", V1_2
    SIGN = 0x00000021, "Sign", V1_2
    SIGNATURE_VERIFY = 0x00000022, "SignatureVerify", V1_2
    MAC = 0x00000023, "MAC", V1_2
    MAC_VERIFY = 0x00000024, "MACVerify", V1_2
    RNG_RETRIEVE = 0x00000025, "RNGRetrieve", V1_2
    RNG_SEED = 0x00000026, "RNGSeed", V1_2
    HASH = 0x00000027, "Hash", V1_2
    CREATE_SPLIT_KEY = 0x00000028, "CreateSplitKey", V1_2
    JOIN_SPLIT_KEY = 0x00000029, "JoinSplitKey", V1_2
    IMPORT = 0x0000002A, "Import", V1_4
    EXPORT = 0x0000002B, "Export", V1_4
    LOG = 0x0000002C, "Log", V2_0
    LOGIN = 0x0000002D, "Login", V2_0
    LOGOUT = 0x0000002E, "Logout", V2_0
    DELEGATED_LOGIN = 0x0000002F, "DelegatedLogin", V2_0
    ADJUST_ATTRIBUTE = 0x00000030, "AdjustAttribute", V2_0
    SET_ATTRIBUTE = 0x00000031, "SetAttribute", V2_0
    SET_ENDPOINT_ROLE = 0x00000032, "SetEndpointRole", V2_0
    PKCS_11 = 0x00000033, "PKCS_11", V2_0
    INTEROP = 0x00000034, "Interop", V2_0
    REPROVISION = 0x00000035, "ReProvision", V2_0
    SET_DEFAULTS = 0x00000036, "SetDefaults", V2_1
    SET_CONSTRAINTS = 0x00000037, "SetConstraints", V2_1
    GET_CONSTRAINTS = 0x00000038, "GetConstraints", V2_1
    QUERY_ASYNCHRONOUS_REQUESTS = 0x00000039, "QueryAsynchronousRequests", V2_1
    PROCESS = 0x0000003A, "Process", V2_1
    PING = 0x0000003B, "Ping", V2_1
    CREATE_GROUP = 0x0000003C, "CreateGroup", V3_0
    OBLITERATE = 0x0000003D, "Obliterate", V3_0
    CREATE_USER = 0x0000003E, "CreateUser", V3_0
    CREATE_CREDENTIAL = 0x0000003F, "CreateCredential", V3_0
    DEACTIVATE = 0x00000040, "Deactivate", V3_0


class PKCS11Function(Enumeration):
    """PKCS#11  Function (2.1 section 11)."""

    C_INITIALIZE = 0x00000001, "C_Initialize", V2_0
    C_FINALIZE = 0x00000002, "C_Finalize", V2_0
    C_GETINFO = 0x00000003, "C_GetInfo", V2_0
    C_GETFUNCTIONLIST = 0x00000004, "C_GetFunctionList", V2_0
    C_GETSLOTLIST = 0x00000005, "C_GetSlotList", V2_0
    C_GETSLOTINFO = 0x00000006, "C_GetSlotInfo", V2_0
    C_GETTOKENINFO = 0x00000007, "C_GetTokenInfo", V2_0
    C_GETMECHANISMLIST = 0x00000008, "C_GetMechanismList", V2_0
    C_GETMECHANISMINFO = 0x00000009, "C_GetMechanismInfo", V2_0
    C_INITTOKEN = 0x0000000A, "C_InitToken", V2_0
    C_INITPIN = 0x0000000B, "C_InitPIN", V2_0
    C_SETPIN = 0x0000000C, "C_SetPIN", V2_0
    C_OPENSESSION = 0x0000000D, "C_OpenSession", V2_0
    C_CLOSESESSION = 0x0000000E, "C_CloseSession", V2_0
    C_CLOSEALLSESSIONS = 0x0000000F, "C_CloseAllSessions", V2_0
    C_GETSESSIONINFO = 0x00000010, "C_GetSessionInfo", V2_0
    C_GETOPERATIONSTATE = 0x00000011, "C_GetOperationState", V2_0
    C_SETOPERATIONSTATE = 0x00000012, "C_SetOperationState", V2_0
    C_LOGIN = 0x00000013, "C_Login", V2_0
    C_LOGOUT = 0x00000014, "C_Logout", V2_0
    C_CREATEOBJECT = 0x00000015, "C_CreateObject", V2_0
    C_COPYOBJECT = 0x00000016, "C_CopyObject", V2_0
    C_DESTROYOBJECT = 0x00000017, "C_DestroyObject", V2_0
    C_GETOBJECTSIZE = 0x00000018, "C_GetObjectSize", V2_0
    C_GETATTRIBUTEVALUE = 0x00000019, "C_GetAttributeValue", V2_0
    C_SETATTRIBUTEVALUE = 0x0000001A, "C_SetAttributeValue", V2_0
    C_FINDOBJECTSINIT = 0x0000001B, "C_FindObjectsInit", V2_0
    C_FINDOBJECTS = 0x0000001C, "C_FindObjects", V2_0
    C_FINDOBJECTSFINAL = 0x0000001D, "C_FindObjectsFinal", V2_0


class PKCS11ReturnCode(Enumeration):
    """PKCS#11  Return Code (2.1 section 11)."""

    OK = 0x00000000, "OK", V2_0


class PaddingMethod(Enumeration):
    """Padding Method (2.1 section 11)."""

    NONE = 0x00000001, "None", V1_0
    OAEP = 0x00000002, "OAEP", V1_0
    PKCS5 = 0x00000003, "PKCS5", V1_0
    SSL3 = 0x00000004, "SSL3", V1_0
    ZEROS = 0x00000005, "Zeros", V1_0
    ANSI_X9_23 = 0x00000006, "ANSIX9_23", V1_0
    ISO_10126 = 0x00000007, "ISO10126", V1_0
    PKCS1_V1_5 = 0x00000008, "PKCS1V1_5", V1_0
    X9_31 = 0x00000009, "X9_31", V1_0
    PSS = 0x0000000A, "PSS", V1_0


class ProcessingStage(Enumeration):
    """Processing Stage (2.1 section 11)."""

    SUBMITTED = 0x00000001, "Submitted", V2_1
    IN_PROCESS = 0x00000002, "InProcess", V2_1
    COMPLETED = 0x00000003, "Completed", V2_1


class ProfileName(Enumeration):
    """Profile Name (2.1 section 11)."""

    BASELINE_SERVER_BASIC_KMIP_V1_2 = 0x00000001, "BaselineServerBasicKMIPV1_2", V1_3, V1_4
    BASELINE_SERVER_TLS_V1_2_KMIP_V1_2 = 0x00000002, "BaselineServerTLSV1_2KMIPV1_2", V1_3, V1_4
    BASELINE_CLIENT_BASIC_KMIP_V1_2 = 0x00000003, "BaselineClientBasicKMIPV1_2", V1_3, V1_4
    BASELINE_CLIENT_TLS_V1_2_KMIP_V1_2 = 0x00000004, "BaselineClientTLSV1_2KMIPV1_2", V1_3, V1_4
    COMPLETE_SERVER_BASIC_KMIP_V1_2 = 0x00000005, "CompleteServerBasicKMIPV1_2", V1_3, V1_4
    COMPLETE_SERVER_TLS_V1_2_KMIP_V1_2 = 0x00000006, "CompleteServerTLSV1_2KMIPV1_2", V1_3, V1_4
    TAPE_LIBRARY_CLIENT_KMIP_V1_0 = 0x00000007, "TapeLibraryClientKMIPV1_0", V1_3, V1_4
    TAPE_LIBRARY_CLIENT_KMIP_V1_1 = 0x00000008, "TapeLibraryClientKMIPV1_1", V1_3, V1_4
    TAPE_LIBRARY_CLIENT_KMIP_V1_2 = 0x00000009, "TapeLibraryClientKMIPV1_2", V1_3, V1_4
    TAPE_LIBRARY_SERVER_KMIP_V1_0 = 0x0000000A, "TapeLibraryServerKMIPV1_0", V1_3, V1_4
    TAPE_LIBRARY_SERVER_KMIP_V1_1 = 0x0000000B, "TapeLibraryServerKMIPV1_1", V1_3, V1_4
    TAPE_LIBRARY_SERVER_KMIP_V1_2 = 0x0000000C, "TapeLibraryServerKMIPV1_2", V1_3, V1_4
    SYMMETRIC_KEY_LIFECYCLE_CLIENT_KMIP_V1_0 = (
        0x0000000D,
        "SymmetricKeyLifecycleClientKMIPV1_0",
        V1_3,
        V1_4,
    )
    SYMMETRIC_KEY_LIFECYCLE_CLIENT_KMIP_V1_1 = (
        0x0000000E,
        "SymmetricKeyLifecycleClientKMIPV1_1",
        V1_3,
        V1_4,
    )
    SYMMETRIC_KEY_LIFECYCLE_CLIENT_KMIP_V1_2 = (
        0x0000000F,
        "SymmetricKeyLifecycleClientKMIPV1_2",
        V1_3,
        V1_4,
    )
    SYMMETRIC_KEY_LIFECYCLE_SERVER_KMIP_V1_0 = (
        0x00000010,
        "SymmetricKeyLifecycleServerKMIPV1_0",
        V1_3,
        V1_4,
    )
    SYMMETRIC_KEY_LIFECYCLE_SERVER_KMIP_V1_1 = (
        0x00000011,
        "SymmetricKeyLifecycleServerKMIPV1_1",
        V1_3,
        V1_4,
    )
    SYMMETRIC_KEY_LIFECYCLE_SERVER_KMIP_V1_2 = (
        0x00000012,
        "SymmetricKeyLifecycleServerKMIPV1_2",
        V1_3,
        V1_4,
    )
    ASYMMETRIC_KEY_LIFECYCLE_CLIENT_KMIP_V1_0 = (
        0x00000013,
        "AsymmetricKeyLifecycleClientKMIPV1_0",
        V1_3,
        V1_4,
    )
    ASYMMETRIC_KEY_LIFECYCLE_CLIENT_KMIP_V1_1 = (
        0x00000014,
        "AsymmetricKeyLifecycleClientKMIPV1_1",
        V1_3,
        V1_4,
    )
    ASYMMETRIC_KEY_LIFECYCLE_CLIENT_KMIP_V1_2 = (
        0x00000015,
        "AsymmetricKeyLifecycleClientKMIPV1_2",
        V1_3,
        V1_4,
    )
    ASYMMETRIC_KEY_LIFECYCLE_SERVER_KMIP_V1_0 = (
        0x00000016,
        "AsymmetricKeyLifecycleServerKMIPV1_0",
        V1_3,
        V1_4,
    )
    ASYMMETRIC_KEY_LIFECYCLE_SERVER_KMIP_V1_1 = (
        0x00000017,
        "AsymmetricKeyLifecycleServerKMIPV1_1",
        V1_3,
        V1_4,
    )
    ASYMMETRIC_KEY_LIFECYCLE_SERVER_KMIP_V1_2 = (
        0x00000018,
        "AsymmetricKeyLifecycleServerKMIPV1_2",
        V1_3,
        V1_4,
    )
    BASIC_CRYPTOGRAPHIC_CLIENT_KMIP_V1_2 = (
        0x00000019,
        "BasicCryptographicClientKMIPV1_2",
        V1_3,
        V1_4,
    )
    BASIC_CRYPTOGRAPHIC_SERVER_KMIP_V1_2 = (
        0x0000001A,
        "BasicCryptographicServerKMIPV1_2",
        V1_3,
        V1_4,
    )
    ADVANCED_CRYPTOGRAPHIC_CLIENT_KMIP_V1_2 = (
        0x0000001B,
        "AdvancedCryptographicClientKMIPV1_2",
        V1_3,
        V1_4,
    )
    ADVANCED_CRYPTOGRAPHIC_SERVER_KMIP_V1_2 = (
        0x0000001C,
        "AdvancedCryptographicServerKMIPV1_2",
        V1_3,
        V1_4,
    )
    RNG_CRYPTOGRAPHIC_CLIENT_KMIP_V1_2 = 0x0000001D, "RNGCryptographicClientKMIPV1_2", V1_3, V1_4
    RNG_CRYPTOGRAPHIC_SERVER_KMIP_V1_2 = 0x0000001E, "RNGCryptographicServerKMIPV1_2", V1_3, V1_4
    BASIC_SYMMETRIC_KEY_FOUNDRY_CLIENT_KMIP_V1_0 = (
        0x0000001F,
        "BasicSymmetricKeyFoundryClientKMIPV1_0",
        V1_3,
        V1_4,
    )
    INTERMEDIATE_SYMMETRIC_KEY_FOUNDRY_CLIENT_KMIP_V1_0 = (
        0x00000020,
        "IntermediateSymmetricKeyFoundryClientKMIPV1_0",
        V1_3,
        V1_4,
    )
    ADVANCED_SYMMETRIC_KEY_FOUNDRY_CLIENT_KMIP_V1_0 = (
        0x00000021,
        "AdvancedSymmetricKeyFoundryClientKMIPV1_0",
        V1_3,
        V1_4,
    )
    BASIC_SYMMETRIC_KEY_FOUNDRY_CLIENT_KMIP_V1_1 = (
        0x00000022,
        "BasicSymmetricKeyFoundryClientKMIPV1_1",
        V1_3,
        V1_4,
    )
    INTERMEDIATE_SYMMETRIC_KEY_FOUNDRY_CLIENT_KMIP_V1_1 = (
        0x00000023,
        "IntermediateSymmetricKeyFoundryClientKMIPV1_1",
        V1_3,
        V1_4,
    )
    ADVANCED_SYMMETRIC_KEY_FOUNDRY_CLIENT_KMIP_V1_1 = (
        0x00000024,
        "AdvancedSymmetricKeyFoundryClientKMIPV1_1",
        V1_3,
        V1_4,
    )
    BASIC_SYMMETRIC_KEY_FOUNDRY_CLIENT_KMIP_V1_2 = (
        0x00000025,
        "BasicSymmetricKeyFoundryClientKMIPV1_2",
        V1_3,
        V1_4,
    )
    INTERMEDIATE_SYMMETRIC_KEY_FOUNDRY_CLIENT_KMIP_V1_2 = (
        0x00000026,
        "IntermediateSymmetricKeyFoundryClientKMIPV1_2",
        V1_3,
        V1_4,
    )
    ADVANCED_SYMMETRIC_KEY_FOUNDRY_CLIENT_KMIP_V1_2 = (
        0x00000027,
        "AdvancedSymmetricKeyFoundryClientKMIPV1_2",
        V1_3,
        V1_4,
    )
    SYMMETRIC_KEY_FOUNDRY_SERVER_KMIP_V1_0 = (
        0x00000028,
        "SymmetricKeyFoundryServerKMIPV1_0",
        V1_3,
        V1_4,
    )
    SYMMETRIC_KEY_FOUNDRY_SERVER_KMIP_V1_1 = (
        0x00000029,
        "SymmetricKeyFoundryServerKMIPV1_1",
        V1_3,
        V1_4,
    )
    SYMMETRIC_KEY_FOUNDRY_SERVER_KMIP_V1_2 = (
        0x0000002A,
        "SymmetricKeyFoundryServerKMIPV1_2",
        V1_3,
        V1_4,
    )
    OPAQUE_MANAGED_OBJECT_STORE_CLIENT_KMIP_V1_0 = (
        0x0000002B,
        "OpaqueManagedObjectStoreClientKMIPV1_0",
        V1_3,
        V1_4,
    )
    OPAQUE_MANAGED_OBJECT_STORE_CLIENT_KMIP_V1_1 = (
        0x0000002C,
        "OpaqueManagedObjectStoreClientKMIPV1_1",
        V1_3,
        V1_4,
    )
    OPAQUE_MANAGED_OBJECT_STORE_CLIENT_KMIP_V1_2 = (
        0x0000002D,
        "OpaqueManagedObjectStoreClientKMIPV1_2",
        V1_3,
        V1_4,
    )
    OPAQUE_MANAGED_OBJECT_STORE_SERVER_KMIP_V1_0 = (
        0x0000002E,
        "OpaqueManagedObjectStoreServerKMIPV1_0",
        V1_3,
        V1_4,
    )
    OPAQUE_MANAGED_OBJECT_STORE_SERVER_KMIP_V1_1 = (
        0x0000002F,
        "OpaqueManagedObjectStoreServerKMIPV1_1",
        V1_3,
        V1_4,
    )
    OPAQUE_MANAGED_OBJECT_STORE_SERVER_KMIP_V1_2 = (
        0x00000030,
        "OpaqueManagedObjectStoreServerKMIPV1_2",
        V1_3,
        V1_4,
    )
    SUITE_B_MINLOS_128_CLIENT_KMIP_V1_0 = 0x00000031, "SuiteBMinLOS_128ClientKMIPV1_0", V1_3, V1_4
    SUITE_B_MINLOS_128_CLIENT_KMIP_V1_1 = 0x00000032, "SuiteBMinLOS_128ClientKMIPV1_1", V1_3, V1_4
    SUITE_B_MINLOS_128_CLIENT_KMIP_V1_2 = 0x00000033, "SuiteBMinLOS_128ClientKMIPV1_2", V1_3, V1_4
    SUITE_B_MINLOS_128_SERVER_KMIP_V1_0 = 0x00000034, "SuiteBMinLOS_128ServerKMIPV1_0", V1_3, V1_4
    SUITE_B_MINLOS_128_SERVER_KMIP_V1_1 = 0x00000035, "SuiteBMinLOS_128ServerKMIPV1_1", V1_3, V1_4
    SUITE_B_MINLOS_128_SERVER_KMIP_V1_2 = 0x00000036, "SuiteBMinLOS_128ServerKMIPV1_2", V1_3, V1_4
    SUITE_B_MINLOS_192_CLIENT_KMIP_V1_0 = 0x00000037, "SuiteBMinLOS_192ClientKMIPV1_0", V1_3, V1_4
    SUITE_B_MINLOS_192_CLIENT_KMIP_V1_1 = 0x00000038, "SuiteBMinLOS_192ClientKMIPV1_1", V1_3, V1_4
    SUITE_B_MINLOS_192_CLIENT_KMIP_V1_2 = 0x00000039, "SuiteBMinLOS_192ClientKMIPV1_2", V1_3, V1_4
    SUITE_B_MINLOS_192_SERVER_KMIP_V1_0 = 0x0000003A, "SuiteBMinLOS_192ServerKMIPV1_0", V1_3, V1_4
    SUITE_B_MINLOS_192_SERVER_KMIP_V1_1 = 0x0000003B, "SuiteBMinLOS_192ServerKMIPV1_1", V1_3, V1_4
    SUITE_B_MINLOS_192_SERVER_KMIP_V1_2 = 0x0000003C, "SuiteBMinLOS_192ServerKMIPV1_2", V1_3, V1_4
    STORAGE_ARRAY_WITH_SELF_ENCRYPTING_DRIVE_CLIENT_KMIP_V1_0 = (
        0x0000003D,
        "StorageArrayWithSelfEncryptingDriveClientKMIPV1_0",
        V1_3,
        V1_4,
    )
    STORAGE_ARRAY_WITH_SELF_ENCRYPTING_DRIVE_CLIENT_KMIP_V1_1 = (
        0x0000003E,
        "StorageArrayWithSelfEncryptingDriveClientKMIPV1_1",
        V1_3,
        V1_4,
    )
    STORAGE_ARRAY_WITH_SELF_ENCRYPTING_DRIVE_CLIENT_KMIP_V1_2 = (
        0x0000003F,
        "StorageArrayWithSelfEncryptingDriveClientKMIPV1_2",
        V1_3,
        V1_4,
    )
    STORAGE_ARRAY_WITH_SELF_ENCRYPTING_DRIVE_SERVER_KMIP_V1_0 = (
        0x00000040,
        "StorageArrayWithSelfEncryptingDriveServerKMIPV1_0",
        V1_3,
        V1_4,
    )
    STORAGE_ARRAY_WITH_SELF_ENCRYPTING_DRIVE_SERVER_KMIP_V1_1 = (
        0x00000041,
        "StorageArrayWithSelfEncryptingDriveServerKMIPV1_1",
        V1_3,
        V1_4,
    )
    STORAGE_ARRAY_WITH_SELF_ENCRYPTING_DRIVE_SERVER_KMIP_V1_2 = (
        0x00000042,
        "StorageArrayWithSelfEncryptingDriveServerKMIPV1_2",
        V1_3,
        V1_4,
    )
    HTTPS_CLIENT_KMIP_V1_0 = 0x00000043, "HTTPSClientKMIPV1_0", V1_3, V1_4
    HTTPS_CLIENT_KMIP_V1_1 = 0x00000044, "HTTPSClientKMIPV1_1", V1_3, V1_4
    HTTPS_CLIENT_KMIP_V1_2 = 0x00000045, "HTTPSClientKMIPV1_2", V1_3, V1_4
    HTTPS_SERVER_KMIP_V1_0 = 0x00000046, "HTTPSServerKMIPV1_0", V1_3, V1_4
    HTTPS_SERVER_KMIP_V1_1 = 0x00000047, "HTTPSServerKMIPV1_1", V1_3, V1_4
    HTTPS_SERVER_KMIP_V1_2 = 0x00000048, "HTTPSServerKMIPV1_2", V1_3, V1_4
    JSON_CLIENT_KMIP_V1_0 = 0x00000049, "JSONClientKMIPV1_0", V1_3, V1_4
    JSON_CLIENT_KMIP_V1_1 = 0x0000004A, "JSONClientKMIPV1_1", V1_3, V1_4
    JSON_CLIENT_KMIP_V1_2 = 0x0000004B, "JSONClientKMIPV1_2", V1_3, V1_4
    JSON_SERVER_KMIP_V1_0 = 0x0000004C, "JSONServerKMIPV1_0", V1_3, V1_4
    JSON_SERVER_KMIP_V1_1 = 0x0000004D, "JSONServerKMIPV1_1", V1_3, V1_4
    JSON_SERVER_KMIP_V1_2 = 0x0000004E, "JSONServerKMIPV1_2", V1_3, V1_4
    XML_CLIENT_KMIP_V1_0 = 0x0000004F, "XMLClientKMIPV1_0", V1_3, V1_4
    XML_CLIENT_KMIP_V1_1 = 0x00000050, "XMLClientKMIPV1_1", V1_3, V1_4
    XML_CLIENT_KMIP_V1_2 = 0x00000051, "XMLClientKMIPV1_2", V1_3, V1_4
    XML_SERVER_KMIP_V1_0 = 0x00000052, "XMLServerKMIPV1_0", V1_3, V1_4
    XML_SERVER_KMIP_V1_1 = 0x00000053, "XMLServerKMIPV1_1", V1_3, V1_4
    XML_SERVER_KMIP_V1_2 = 0x00000054, "XMLServerKMIPV1_2", V1_3, V1_4
    BASELINE_SERVER_BASIC_KMIP_V1_3 = 0x00000055, "BaselineServerBasicKMIPV1_3", V1_3, V1_4
    BASELINE_SERVER_TLS_V1_2_KMIP_V1_3 = 0x00000056, "BaselineServerTLSV1_2KMIPV1_3", V1_3, V1_4
    BASELINE_CLIENT_BASIC_KMIP_V1_3 = 0x00000057, "BaselineClientBasicKMIPV1_3", V1_3, V1_4
    BASELINE_CLIENT_TLS_V1_2_KMIP_V1_3 = 0x00000058, "BaselineClientTLSV1_2KMIPV1_3", V1_3, V1_4
    COMPLETE_SERVER_BASIC_KMIP_V1_3 = 0x00000059, "CompleteServerBasicKMIPV1_3", V1_3, V1_4
    COMPLETE_SERVER_TLS_V1_2_KMIP_V1_3 = 0x0000005A, "CompleteServerTLSV1_2KMIPV1_3", V1_3, V1_4
    TAPE_LIBRARY_CLIENT_KMIP_V1_3 = 0x0000005B, "TapeLibraryClientKMIPV1_3", V1_3, V1_4
    TAPE_LIBRARY_SERVER_KMIP_V1_3 = 0x0000005C, "TapeLibraryServerKMIPV1_3", V1_3, V1_4
    SYMMETRIC_KEY_LIFECYCLE_CLIENT_KMIP_V1_3 = (
        0x0000005D,
        "SymmetricKeyLifecycleClientKMIPV1_3",
        V1_3,
        V1_4,
    )
    SYMMETRIC_KEY_LIFECYCLE_SERVER_KMIP_V1_3 = (
        0x0000005E,
        "SymmetricKeyLifecycleServerKMIPV1_3",
        V1_3,
        V1_4,
    )
    ASYMMETRIC_KEY_LIFECYCLE_CLIENT_KMIP_V1_3 = (
        0x0000005F,
        "AsymmetricKeyLifecycleClientKMIPV1_3",
        V1_3,
        V1_4,
    )
    ASYMMETRIC_KEY_LIFECYCLE_SERVER_KMIP_V1_3 = (
        0x00000060,
        "AsymmetricKeyLifecycleServerKMIPV1_3",
        V1_3,
        V1_4,
    )
    BASIC_CRYPTOGRAPHIC_CLIENT_KMIP_V1_3 = (
        0x00000061,
        "BasicCryptographicClientKMIPV1_3",
        V1_3,
        V1_4,
    )
    BASIC_CRYPTOGRAPHIC_SERVER_KMIP_V1_3 = (
        0x00000062,
        "BasicCryptographicServerKMIPV1_3",
        V1_3,
        V1_4,
    )
    ADVANCED_CRYPTOGRAPHIC_CLIENT_KMIP_V1_3 = (
        0x00000063,
        "AdvancedCryptographicClientKMIPV1_3",
        V1_3,
        V1_4,
    )
    ADVANCED_CRYPTOGRAPHIC_SERVER_KMIP_V1_3 = (
        0x00000064,
        "AdvancedCryptographicServerKMIPV1_3",
        V1_3,
        V1_4,
    )
    RNG_CRYPTOGRAPHIC_CLIENT_KMIP_V1_3 = 0x00000065, "RNGCryptographicClientKMIPV1_3", V1_3, V1_4
    RNG_CRYPTOGRAPHIC_SERVER_KMIP_V1_3 = 0x00000066, "RNGCryptographicServerKMIPV1_3", V1_3, V1_4
    BASIC_SYMMETRIC_KEY_FOUNDRY_CLIENT_KMIP_V1_3 = (
        0x00000067,
        "BasicSymmetricKeyFoundryClientKMIPV1_3",
        V1_3,
        V1_4,
    )
    INTERMEDIATE_SYMMETRIC_KEY_FOUNDRY_CLIENT_KMIP_V1_3 = (
        0x00000068,
        "IntermediateSymmetricKeyFoundryClientKMIPV1_3",
        V1_3,
        V1_4,
    )
    ADVANCED_SYMMETRIC_KEY_FOUNDRY_CLIENT_KMIP_V1_3 = (
        0x00000069,
        "AdvancedSymmetricKeyFoundryClientKMIPV1_3",
        V1_3,
        V1_4,
    )
    SYMMETRIC_KEY_FOUNDRY_SERVER_KMIP_V1_3 = (
        0x0000006A,
        "SymmetricKeyFoundryServerKMIPV1_3",
        V1_3,
        V1_4,
    )
    OPAQUE_MANAGED_OBJECT_STORE_CLIENT_KMIP_V1_3 = (
        0x0000006B,
        "OpaqueManagedObjectStoreClientKMIPV1_3",
        V1_3,
        V1_4,
    )
    OPAQUE_MANAGED_OBJECT_STORE_SERVER_KMIP_V1_3 = (
        0x0000006C,
        "OpaqueManagedObjectStoreServerKMIPV1_3",
        V1_3,
        V1_4,
    )
    SUITE_B_MINLOS_128_CLIENT_KMIP_V1_3 = 0x0000006D, "SuiteBMinLOS_128ClientKMIPV1_3", V1_3, V1_4
    SUITE_B_MINLOS_128_SERVER_KMIP_V1_3 = 0x0000006E, "SuiteBMinLOS_128ServerKMIPV1_3", V1_3, V1_4
    SUITE_B_MINLOS_192_CLIENT_KMIP_V1_3 = 0x0000006F, "SuiteBMinLOS_192ClientKMIPV1_3", V1_3, V1_4
    SUITE_B_MINLOS_192_SERVER_KMIP_V1_3 = 0x00000070, "SuiteBMinLOS_192ServerKMIPV1_3", V1_3, V1_4
    STORAGE_ARRAY_WITH_SELF_ENCRYPTING_DRIVE_CLIENT_KMIP_V1_3 = (
        0x00000071,
        "StorageArrayWithSelfEncryptingDriveClientKMIPV1_3",
        V1_3,
        V1_4,
    )
    STORAGE_ARRAY_WITH_SELF_ENCRYPTING_DRIVE_SERVER_KMIP_V1_3 = (
        0x00000072,
        "StorageArrayWithSelfEncryptingDriveServerKMIPV1_3",
        V1_3,
        V1_4,
    )
    HTTPS_CLIENT_KMIP_V1_3 = 0x00000073, "HTTPSClientKMIPV1_3", V1_3, V1_4
    HTTPS_SERVER_KMIP_V1_3 = 0x00000074, "HTTPSServerKMIPV1_3", V1_3, V1_4
    JSON_CLIENT_KMIP_V1_3 = 0x00000075, "JSONClientKMIPV1_3", V1_3, V1_4
    JSON_SERVER_KMIP_V1_3 = 0x00000076, "JSONServerKMIPV1_3", V1_3, V1_4
    XML_CLIENT_KMIP_V1_3 = 0x00000077, "XMLClientKMIPV1_3", V1_3, V1_4
    XML_SERVER_KMIP_V1_3 = 0x00000078, "XMLServerKMIPV1_3", V1_3, V1_4
    BASELINE_SERVER_BASIC_KMIP_V1_4 = 0x00000079, "BaselineServerBasicKMIPV1_4", V1_4, V1_4
    BASELINE_SERVER_TLS_V1_2_KMIP_V1_4 = 0x0000007A, "BaselineServerTLSV1_2KMIPV1_4", V1_4, V1_4
    BASELINE_CLIENT_BASIC_KMIP_V1_4 = 0x0000007B, "BaselineClientBasicKMIPV1_4", V1_4, V1_4
    BASELINE_CLIENT_TLS_V1_2_KMIP_V1_4 = 0x0000007C, "BaselineClientTLSV1_2KMIPV1_4", V1_4, V1_4
    COMPLETE_SERVER_BASIC_KMIP_V1_4 = 0x0000007D, "CompleteServerBasicKMIPV1_4", V1_4, V1_4
    COMPLETE_SERVER_TLS_V1_2_KMIP_V1_4 = 0x0000007E, "CompleteServerTLSV1_2KMIPV1_4", V1_4, V1_4
    TAPE_LIBRARY_CLIENT_KMIP_V1_4 = 0x0000007F, "TapeLibraryClientKMIPV1_4", V1_4, V1_4
    TAPE_LIBRARY_SERVER_KMIP_V1_4 = 0x00000080, "TapeLibraryServerKMIPV1_4", V1_4, V1_4
    SYMMETRIC_KEY_LIFECYCLE_CLIENT_KMIP_V1_4 = (
        0x00000081,
        "SymmetricKeyLifecycleClientKMIPV1_4",
        V1_4,
        V1_4,
    )
    SYMMETRIC_KEY_LIFECYCLE_SERVER_KMIP_V1_4 = (
        0x00000082,
        "SymmetricKeyLifecycleServerKMIPV1_4",
        V1_4,
        V1_4,
    )
    ASYMMETRIC_KEY_LIFECYCLE_CLIENT_KMIP_V1_4 = (
        0x00000083,
        "AsymmetricKeyLifecycleClientKMIPV1_4",
        V1_4,
        V1_4,
    )
    ASYMMETRIC_KEY_LIFECYCLE_SERVER_KMIP_V1_4 = (
        0x00000084,
        "AsymmetricKeyLifecycleServerKMIPV1_4",
        V1_4,
        V1_4,
    )
    BASIC_CRYPTOGRAPHIC_CLIENT_KMIP_V1_4 = (
        0x00000085,
        "BasicCryptographicClientKMIPV1_4",
        V1_4,
        V1_4,
    )
    BASIC_CRYPTOGRAPHIC_SERVER_KMIP_V1_4 = (
        0x00000086,
        "BasicCryptographicServerKMIPV1_4",
        V1_4,
        V1_4,
    )
    ADVANCED_CRYPTOGRAPHIC_CLIENT_KMIP_V1_4 = (
        0x00000087,
        "AdvancedCryptographicClientKMIPV1_4",
        V1_4,
        V1_4,
    )
    ADVANCED_CRYPTOGRAPHIC_SERVER_KMIP_V1_4 = (
        0x00000088,
        "AdvancedCryptographicServerKMIPV1_4",
        V1_4,
        V1_4,
    )
    RNG_CRYPTOGRAPHIC_CLIENT_KMIP_V1_4 = 0x00000089, "RNGCryptographicClientKMIPV1_4", V1_4, V1_4
    RNG_CRYPTOGRAPHIC_SERVER_KMIP_V1_4 = 0x0000008A, "RNGCryptographicServerKMIPV1_4", V1_4, V1_4
    BASIC_SYMMETRIC_KEY_FOUNDRY_CLIENT_KMIP_V1_4 = (
        0x0000008B,
        "BasicSymmetricKeyFoundryClientKMIPV1_4",
        V1_4,
        V1_4,
    )
    INTERMEDIATE_SYMMETRIC_KEY_FOUNDRY_CLIENT_KMIP_V1_4 = (
        0x0000008C,
        "IntermediateSymmetricKeyFoundryClientKMIPV1_4",
        V1_4,
        V1_4,
    )
    ADVANCED_SYMMETRIC_KEY_FOUNDRY_CLIENT_KMIP_V1_4 = (
        0x0000008D,
        "AdvancedSymmetricKeyFoundryClientKMIPV1_4",
        V1_4,
        V1_4,
    )
    SYMMETRIC_KEY_FOUNDRY_SERVER_KMIP_V1_4 = (
        0x0000008E,
        "SymmetricKeyFoundryServerKMIPV1_4",
        V1_4,
        V1_4,
    )
    OPAQUE_MANAGED_OBJECT_STORE_CLIENT_KMIP_V1_4 = (
        0x0000008F,
        "OpaqueManagedObjectStoreClientKMIPV1_4",
        V1_4,
        V1_4,
    )
    OPAQUE_MANAGED_OBJECT_STORE_SERVER_KMIP_V1_4 = (
        0x00000090,
        "OpaqueManagedObjectStoreServerKMIPV1_4",
        V1_4,
        V1_4,
    )
    SUITE_B_MINLOS_128_CLIENT_KMIP_V1_4 = 0x00000091, "SuiteBMinLOS_128ClientKMIPV1_4", V1_4, V1_4
    SUITE_B_MINLOS_128_SERVER_KMIP_V1_4 = 0x00000092, "SuiteBMinLOS_128ServerKMIPV1_4", V1_4, V1_4
    SUITE_B_MINLOS_192_CLIENT_KMIP_V1_4 = 0x00000093, "SuiteBMinLOS_192ClientKMIPV1_4", V1_4, V1_4
    SUITE_B_MINLOS_192_SERVER_KMIP_V1_4 = 0x00000094, "SuiteBMinLOS_192ServerKMIPV1_4", V1_4, V1_4
    STORAGE_ARRAY_WITH_SELF_ENCRYPTING_DRIVE_CLIENT_KMIP_V1_4 = (
        0x00000095,
        "StorageArrayWithSelfEncryptingDriveClientKMIPV1_4",
        V1_4,
        V1_4,
    )
    STORAGE_ARRAY_WITH_SELF_ENCRYPTING_DRIVE_SERVER_KMIP_V1_4 = (
        0x00000096,
        "StorageArrayWithSelfEncryptingDriveServerKMIPV1_4",
        V1_4,
        V1_4,
    )
    HTTPS_CLIENT_KMIP_V1_4 = 0x00000097, "HTTPSClientKMIPV1_4", V1_4, V1_4
    HTTPS_SERVER_KMIP_V1_4 = 0x00000098, "HTTPSServerKMIPV1_4", V1_4, V1_4
    JSON_CLIENT_KMIP_V1_4 = 0x00000099, "JSONClientKMIPV1_4", V1_4, V1_4
    JSON_SERVER_KMIP_V1_4 = 0x0000009A, "JSONServerKMIPV1_4", V1_4, V1_4
    XML_CLIENT_KMIP_V1_4 = 0x0000009B, "XMLClientKMIPV1_4", V1_4, V1_4
    XML_SERVER_KMIP_V1_4 = 0x0000009C, "XMLServerKMIPV1_4", V1_4, V1_4
    COMPLETE_SERVER_BASIC = 0x00000104, "CompleteServerBasic", V2_0
    COMPLETE_SERVER_TLS_V1_2 = 0x00000105, "CompleteServerTLSV1_2", V2_0
    TAPE_LIBRARY_CLIENT = 0x00000106, "TapeLibraryClient", V2_0
    TAPE_LIBRARY_SERVER = 0x00000107, "TapeLibraryServer", V2_0
    SYMMETRIC_KEY_LIFECYCLE_CLIENT = 0x00000108, "SymmetricKeyLifecycleClient", V2_0
    SYMMETRIC_KEY_LIFECYCLE_SERVER = 0x00000109, "SymmetricKeyLifecycleServer", V2_0
    ASYMMETRIC_KEY_LIFECYCLE_CLIENT = 0x0000010A, "AsymmetricKeyLifecycleClient", V2_0
    ASYMMETRIC_KEY_LIFECYCLE_SERVER = 0x0000010B, "AsymmetricKeyLifecycleServer", V2_0
    BASIC_CRYPTOGRAPHIC_CLIENT = 0x0000010C, "BasicCryptographicClient", V2_0
    BASIC_CRYPTOGRAPHIC_SERVER = 0x0000010D, "BasicCryptographicServer", V2_0
    ADVANCED_CRYPTOGRAPHIC_CLIENT = 0x0000010E, "AdvancedCryptographicClient", V2_0
    ADVANCED_CRYPTOGRAPHIC_SERVER = 0x0000010F, "AdvancedCryptographicServer", V2_0
    RNG_CRYPTOGRAPHIC_CLIENT = 0x00000110, "RNGCryptographicClient", V2_0
    RNG_CRYPTOGRAPHIC_SERVER = 0x00000111, "RNGCryptographicServer", V2_0
    BASIC_SYMMETRIC_KEY_FOUNDRY_CLIENT = 0x00000112, "BasicSymmetricKeyFoundryClient", V2_0
    INTERMEDIATE_SYMMETRIC_KEY_FOUNDRY_CLIENT = (
        0x00000113,
        "IntermediateSymmetricKeyFoundryClient",
        V2_0,
    )
    ADVANCED_SYMMETRIC_KEY_FOUNDRY_CLIENT = 0x00000114, "AdvancedSymmetricKeyFoundryClient", V2_0
    SYMMETRIC_KEY_FOUNDRY_SERVER = 0x00000115, "SymmetricKeyFoundryServer", V2_0
    OPAQUE_MANAGED_OBJECT_STORE_CLIENT = 0x00000116, "OpaqueManagedObjectStoreClient", V2_0
    OPAQUE_MANAGED_OBJECT_STORE_SERVER = 0x00000117, "OpaqueManagedObjectStoreServer", V2_0
    STORAGE_ARRAY_WITH_SELF_ENCRYPTING_DRIVE_CLIENT = (
        0x0000011C,
        "StorageArrayWithSelfEncryptingDriveClient",
        V2_0,
    )
    STORAGE_ARRAY_WITH_SELF_ENCRYPTING_DRIVE_SERVER = (
        0x0000011D,
        "StorageArrayWithSelfEncryptingDriveServer",
        V2_0,
    )
    HTTPS_CLIENT = 0x0000011E, "HTTPSClient", V2_0
    HTTPS_SERVER = 0x0000011F, "HTTPSServer", V2_0
    JSON_CLIENT = 0x00000120, "JSONClient", V2_0
    JSON_SERVER = 0x00000121, "JSONServer", V2_0
    XML_CLIENT = 0x00000122, "XMLClient", V2_0
    XML_SERVER = 0x00000123, "XMLServer", V2_0
    AES_XTS_CLIENT = 0x00000124, "AESXTSClient", V2_0
    AES_XTS_SERVER = 0x00000125, "AESXTSServer", V2_0
    QUANTUM_SAFE_CLIENT = 0x00000126, "QuantumSafeClient", V2_0
    QUANTUM_SAFE_SERVER = 0x00000127, "QuantumSafeServer", V2_0
    PKCS_11_CLIENT = 0x00000128, "PKCS_11Client", V2_0
    PKCS_11_SERVER = 0x00000129, "PKCS_11Server", V2_0
    BASELINE_CLIENT = 0x0000012A, "BaselineClient", V2_0
    BASELINE_SERVER = 0x0000012B, "BaselineServer", V2_0
    COMPLETE_SERVER = 0x0000012C, "CompleteServer", V2_0


class ProtectionLevel(Enumeration):
    """Protection Level (2.1 section 11)."""

    HIGH = 0x00000001, "High", V2_0
    LOW = 0x00000002, "Low", V2_0


class PutFunction(Enumeration):
    """Put Function (2.1 section 11)."""

    NEW = 0x00000001, "New", V1_0
    REPLACE = 0x00000002, "Replace", V1_0


class QueryFunction(Enumeration):
    """Query Function (2.1 section 11)."""

    QUERY_OPERATIONS = 0x00000001, "QueryOperations", V1_0
    QUERY_OBJECTS = 0x00000002, "QueryObjects", V1_0
    QUERY_SERVER_INFORMATION = 0x00000003, "QueryServerInformation", V1_0
    QUERY_APPLICATION_NAMESPACES = 0x00000004, "QueryApplicationNamespaces", V1_0
    QUERY_EXTENSION_LIST = 0x00000005, "QueryExtensionList", V1_1
    QUERY_EXTENSION_MAP = 0x00000006, "QueryExtensionMap", V1_1
    QUERY_ATTESTATION_TYPES = 0x00000007, "QueryAttestationTypes", V1_2
    QUERY_RNGS = 0x00000008, "QueryRNGs", V1_3
    QUERY_VALIDATIONS = 0x00000009, "QueryValidations", V1_3
    QUERY_PROFILES = 0x0000000A, "QueryProfiles", V1_3
    QUERY_CAPABILITIES = 0x0000000B, "QueryCapabilities", V1_3
    QUERY_CLIENT_REGISTRATION_METHODS = 0x0000000C, "QueryClientRegistrationMethods", V1_3
    QUERY_DEFAULTS_INFORMATION = 0x0000000D, "QueryDefaultsInformation", V2_0
    QUERY_STORAGE_PROTECTION_MASKS = 0x0000000E, "QueryStorageProtectionMasks", V2_0
    QUERY_CREDENTIAL_INFORMATION = 0x0000000F, "QueryCredentialInformation", V3_0


class RNGAlgorithm(Enumeration):
    """RNGAlgorithm (2.1 section 11)."""

    UNSPECIFIED = 0x00000001, "Unspecified", V1_3
    FIPS_186_2 = 0x00000002, "FIPS186_2", V1_3
    DRBG = 0x00000003, "DRBG", V1_3
    NRBG = 0x00000004, "NRBG", V1_3
    ANSI_X9_31 = 0x00000005, "ANSIX9_31", V1_3
    ANSI_X9_62 = 0x00000006, "ANSIX9_62", V1_3


class RNGMode(Enumeration):
    """RNGMode (2.1 section 11)."""

    UNSPECIFIED = 0x00000001, "Unspecified", V1_3
    SHARED_INSTANTIATION = 0x00000002, "SharedInstantiation", V1_3
    NON_SHARED_INSTANTIATION = 0x00000003, "NonSharedInstantiation", V1_3


class RecommendedCurve(Enumeration):
    """Recommended Curve (2.1 section 11)."""

    P_192 = 0x00000001, "P_192", V1_0
    K_163 = 0x00000002, "K_163", V1_0
    B_163 = 0x00000003, "B_163", V1_0
    P_224 = 0x00000004, "P_224", V1_0
    K_233 = 0x00000005, "K_233", V1_0
    B_233 = 0x00000006, "B_233", V1_0
    P_256 = 0x00000007, "P_256", V1_0
    K_283 = 0x00000008, "K_283", V1_0
    B_283 = 0x00000009, "B_283", V1_0
    P_384 = 0x0000000A, "P_384", V1_0
    K_409 = 0x0000000B, "K_409", V1_0
    B_409 = 0x0000000C, "B_409", V1_0
    P_521 = 0x0000000D, "P_521", V1_0
    K_571 = 0x0000000E, "K_571", V1_0
    B_571 = 0x0000000F, "B_571", V1_0
    SECP112R1 = 0x00000010, "SECP112R1", V1_2
    SECP112R2 = 0x00000011, "SECP112R2", V1_2
    SECP128R1 = 0x00000012, "SECP128R1", V1_2
    SECP128R2 = 0x00000013, "SECP128R2", V1_2
    SECP160K1 = 0x00000014, "SECP160K1", V1_2
    SECP160R1 = 0x00000015, "SECP160R1", V1_2
    SECP160R2 = 0x00000016, "SECP160R2", V1_2
    SECP192K1 = 0x00000017, "SECP192K1", V1_2
    SECP224K1 = 0x00000018, "SECP224K1", V1_2
    SECP256K1 = 0x00000019, "SECP256K1", V1_2
    SECT113R1 = 0x0000001A, "SECT113R1", V1_2
    SECT113R2 = 0x0000001B, "SECT113R2", V1_2
    SECT131R1 = 0x0000001C, "SECT131R1", V1_2
    SECT131R2 = 0x0000001D, "SECT131R2", V1_2
    SECT163R1 = 0x0000001E, "SECT163R1", V1_2
    SECT193R1 = 0x0000001F, "SECT193R1", V1_2
    SECT193R2 = 0x00000020, "SECT193R2", V1_2
    SECT239K1 = 0x00000021, "SECT239K1", V1_2
    ANSIX9P192V2 = 0x00000022, "ANSIX9P192V2", V1_2
    ANSIX9P192V3 = 0x00000023, "ANSIX9P192V3", V1_2
    ANSIX9P239V1 = 0x00000024, "ANSIX9P239V1", V1_2
    ANSIX9P239V2 = 0x00000025, "ANSIX9P239V2", V1_2
    ANSIX9P239V3 = 0x00000026, "ANSIX9P239V3", V1_2
    ANSIX9C2PNB163V1 = 0x00000027, "ANSIX9C2PNB163V1", V1_2
    ANSIX9C2PNB163V2 = 0x00000028, "ANSIX9C2PNB163V2", V1_2
    ANSIX9C2PNB163V3 = 0x00000029, "ANSIX9C2PNB163V3", V1_2
    ANSIX9C2PNB176V1 = 0x0000002A, "ANSIX9C2PNB176V1", V1_2
    ANSIX9C2TNB191V1 = 0x0000002B, "ANSIX9C2TNB191V1", V1_2
    ANSIX9C2TNB191V2 = 0x0000002C, "ANSIX9C2TNB191V2", V1_2
    ANSIX9C2TNB191V3 = 0x0000002D, "ANSIX9C2TNB191V3", V1_2
    ANSIX9C2PNB208W1 = 0x0000002E, "ANSIX9C2PNB208W1", V1_2
    ANSIX9C2TNB239V1 = 0x0000002F, "ANSIX9C2TNB239V1", V1_2
    ANSIX9C2TNB239V2 = 0x00000030, "ANSIX9C2TNB239V2", V1_2
    ANSIX9C2TNB239V3 = 0x00000031, "ANSIX9C2TNB239V3", V1_2
    ANSIX9C2PNB272W1 = 0x00000032, "ANSIX9C2PNB272W1", V1_2
    ANSIX9C2PNB304W1 = 0x00000033, "ANSIX9C2PNB304W1", V1_2
    ANSIX9C2TNB359V1 = 0x00000034, "ANSIX9C2TNB359V1", V1_2
    ANSIX9C2PNB368W1 = 0x00000035, "ANSIX9C2PNB368W1", V1_2
    ANSIX9C2TNB431R1 = 0x00000036, "ANSIX9C2TNB431R1", V1_2
    BRAINPOOLP160R1 = 0x00000037, "BRAINPOOLP160R1", V1_2
    BRAINPOOLP160T1 = 0x00000038, "BRAINPOOLP160T1", V1_2
    BRAINPOOLP192R1 = 0x00000039, "BRAINPOOLP192R1", V1_2
    BRAINPOOLP192T1 = 0x0000003A, "BRAINPOOLP192T1", V1_2
    BRAINPOOLP224R1 = 0x0000003B, "BRAINPOOLP224R1", V1_2
    BRAINPOOLP224T1 = 0x0000003C, "BRAINPOOLP224T1", V1_2
    BRAINPOOLP256R1 = 0x0000003D, "BRAINPOOLP256R1", V1_2
    BRAINPOOLP256T1 = 0x0000003E, "BRAINPOOLP256T1", V1_2
    BRAINPOOLP320R1 = 0x0000003F, "BRAINPOOLP320R1", V1_2
    BRAINPOOLP320T1 = 0x00000040, "BRAINPOOLP320T1", V1_2
    BRAINPOOLP384R1 = 0x00000041, "BRAINPOOLP384R1", V1_2
    BRAINPOOLP384T1 = 0x00000042, "BRAINPOOLP384T1", V1_2
    BRAINPOOLP512R1 = 0x00000043, "BRAINPOOLP512R1", V1_2
    BRAINPOOLP512T1 = 0x00000044, "BRAINPOOLP512T1", V1_2
    CURVE25519 = 0x00000045, "CURVE25519", V2_0
    CURVE448 = 0x00000046, "CURVE448", V2_0


class ResultReason(Enumeration):
    """Result Reason (2.1 section 11)."""

    ITEM_NOT_FOUND = 0x00000001, "ItemNotFound", V1_0
    RESPONSE_TOO_LARGE = 0x00000002, "ResponseTooLarge", V1_0
    AUTHENTICATION_NOT_SUCCESSFUL = 0x00000003, "AuthenticationNotSuccessful", V1_0
    INVALID_MESSAGE = 0x00000004, "InvalidMessage", V1_0
    OPERATION_NOT_SUPPORTED = 0x00000005, "OperationNotSupported", V1_0
    MISSING_DATA = 0x00000006, "MissingData", V1_0
    INVALID_FIELD = 0x00000007, "InvalidField", V1_0
    FEATURE_NOT_SUPPORTED = 0x00000008, "FeatureNotSupported", V1_0
    OPERATION_CANCELED_BY_REQUESTER = 0x00000009, "OperationCanceledByRequester", V1_0
    CRYPTOGRAPHIC_FAILURE = 0x0000000A, "CryptographicFailure", V1_0
    ILLEGAL_OPERATION = 0x0000000B, "IllegalOperation", V1_0, V1_4
    PERMISSION_DENIED = 0x0000000C, "PermissionDenied", V1_0
    OBJECT_ARCHIVED = 0x0000000D, "ObjectArchived", V1_0
    INDEX_OUT_OF_BOUNDS = 0x0000000E, "IndexOutOfBounds", V1_0, V1_4
    APPLICATION_NAMESPACE_NOT_SUPPORTED = 0x0000000F, "ApplicationNamespaceNotSupported", V1_0
    KEY_FORMAT_TYPE_NOT_SUPPORTED = 0x00000010, "KeyFormatTypeNotSupported", V1_0
    KEY_COMPRESSION_TYPE_NOT_SUPPORTED = 0x00000011, "KeyCompressionTypeNotSupported", V1_0
    ENCODING_OPTION_ERROR = 0x00000012, "EncodingOptionError", V1_1
    KEY_VALUE_NOT_PRESENT = 0x00000013, "KeyValueNotPresent", V1_2
    ATTESTATION_REQUIRED = 0x00000014, "AttestationRequired", V1_2
    ATTESTATION_FAILED = 0x00000015, "AttestationFailed", V1_2
    SENSITIVE = 0x00000016, "Sensitive", V1_4
    NOT_EXTRACTABLE = 0x00000017, "NotExtractable", V1_4
    OBJECT_ALREADY_EXISTS = 0x00000018, "ObjectAlreadyExists", V1_4
    INVALID_TICKET = 0x00000019, "InvalidTicket", V2_0
    USAGE_LIMIT_EXCEEDED = 0x0000001A, "UsageLimitExceeded", V2_0
    NUMERIC_RANGE = 0x0000001B, "NumericRange", V2_0
    INVALID_DATA_TYPE = 0x0000001C, "InvalidDataType", V2_0
    READ_ONLY_ATTRIBUTE = 0x0000001D, "ReadOnlyAttribute", V2_0
    MULTI_VALUED_ATTRIBUTE = 0x0000001E, "MultiValuedAttribute", V2_0
    UNSUPPORTED_ATTRIBUTE = 0x0000001F, "UnsupportedAttribute", V2_0
    ATTRIBUTE_INSTANCE_NOT_FOUND = 0x00000020, "AttributeInstanceNotFound", V2_0
    ATTRIBUTE_NOT_FOUND = 0x00000021, "AttributeNotFound", V2_0
    ATTRIBUTE_READ_ONLY = 0x00000022, "AttributeReadOnly", V2_0
    ATTRIBUTE_SINGLE_VALUED = 0x00000023, "AttributeSingleValued", V2_0
    BAD_CRYPTOGRAPHIC_PARAMETERS = 0x00000024, "BadCryptographicParameters", V2_0
    BAD_PASSWORD = 0x00000025, "BadPassword", V2_0
    CODEC_ERROR = 0x00000026, "CodecError", V2_0
    ILLEGAL_OBJECT_TYPE = 0x00000028, "IllegalObjectType", V2_0
    INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK = 0x00000029, "IncompatibleCryptographicUsageMask", V2_0
    INTERNAL_SERVER_ERROR = 0x0000002A, "InternalServerError", V2_0
    INVALID_ASYNCHRONOUS_CORRELATION_VALUE = 0x0000002B, "InvalidAsynchronousCorrelationValue", V2_0
    INVALID_ATTRIBUTE = 0x0000002C, "InvalidAttribute", V2_0
    INVALID_ATTRIBUTE_VALUE = 0x0000002D, "InvalidAttributeValue", V2_0
    INVALID_CORRELATION_VALUE = 0x0000002E, "InvalidCorrelationValue", V2_0
    INVALID_CSR = 0x0000002F, "InvalidCSR", V2_0
    INVALID_OBJECT_TYPE = 0x00000030, "InvalidObjectType", V2_0
    KEY_WRAP_TYPE_NOT_SUPPORTED = 0x00000032, "KeyWrapTypeNotSupported", V2_0
    MISSING_INITIALIZATION_VECTOR = 0x00000034, "MissingInitializationVector", V2_0
    NON_UNIQUE_NAME_ATTRIBUTE = 0x00000035, "NonUniqueNameAttribute", V2_0
    OBJECT_DESTROYED = 0x00000036, "ObjectDestroyed", V2_0
    OBJECT_NOT_FOUND = 0x00000037, "ObjectNotFound", V2_0
    NOT_AUTHORISED = 0x00000039, ("NotAuthorised", "NotAuthorized"), V2_0
    SERVER_LIMIT_EXCEEDED = 0x0000003A, "ServerLimitExceeded", V2_0
    UNKNOWN_ENUMERATION = 0x0000003B, "UnknownEnumeration", V2_0
    UNKNOWN_MESSAGE_EXTENSION = 0x0000003C, "UnknownMessageExtension", V2_0
    UNKNOWN_TAG = 0x0000003D, "UnknownTag", V2_0
    UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS = 0x0000003E, "UnsupportedCryptographicParameters", V2_0
    UNSUPPORTED_PROTOCOL_VERSION = 0x0000003F, "UnsupportedProtocolVersion", V2_0
    WRAPPING_OBJECT_ARCHIVED = 0x00000040, "WrappingObjectArchived", V2_0
    WRAPPING_OBJECT_DESTROYED = 0x00000041, "WrappingObjectDestroyed", V2_0
    WRAPPING_OBJECT_NOT_FOUND = 0x00000042, "WrappingObjectNotFound", V2_0
    WRONG_KEY_LIFECYCLE_STATE = 0x00000043, "WrongKeyLifecycleState", V2_0
    PROTECTION_STORAGE_UNAVAILABLE = 0x00000044, "ProtectionStorageUnavailable", V2_0
    PKCS_11_CODEC_ERROR = 0x00000045, "PKCS_11CodecError", V2_0
    PKCS_11_INVALID_FUNCTION = 0x00000046, "PKCS_11InvalidFunction", V2_0
    PKCS_11_INVALID_INTERFACE = 0x00000047, "PKCS_11InvalidInterface", V2_0
    PRIVATE_PROTECTION_STORAGE_UNAVAILABLE = 0x00000048, "PrivateProtectionStorageUnavailable", V2_0
    PUBLIC_PROTECTION_STORAGE_UNAVAILABLE = 0x00000049, "PublicProtectionStorageUnavailable", V2_0
    UNKNOWN_OBJECT_GROUP = 0x0000004A, "UnknownObjectGroup", V2_1, V2_1
    CONSTRAINT_VIOLATION = 0x0000004B, "ConstraintViolation", V2_1
    DUPLICATE_PROCESS_REQUEST = 0x0000004C, "DuplicateProcessRequest", V2_1
    CIRCULAR_LINK_ERROR = 0x0000004D, "CircularLinkError", V3_0
    GENERAL_FAILURE = 0x00000100, "GeneralFailure", V1_0


class ResultStatus(Enumeration):
    """Result Status (2.1 section 11)."""

    SUCCESS = 0x00000000, "Success", V1_0
    OPERATION_FAILED = 0x00000001, "OperationFailed", V1_0
    OPERATION_PENDING = 0x00000002, "OperationPending", V1_0
    OPERATION_UNDONE = 0x00000003, "OperationUndone", V1_0


class RevocationReasonCode(Enumeration):
    """Revocation Reason Code (2.1 section 11)."""

    UNSPECIFIED = 0x00000001, "Unspecified", V1_0
    KEY_COMPROMISE = 0x00000002, "KeyCompromise", V1_0
    CA_COMPROMISE = 0x00000003, "CACompromise", V1_0
    AFFILIATION_CHANGED = 0x00000004, "AffiliationChanged", V1_0
    SUPERSEDED = 0x00000005, "Superseded", V1_0
    CESSATION_OF_OPERATION = 0x00000006, "CessationOfOperation", V1_0
    PRIVILEGE_WITHDRAWN = 0x00000007, "PrivilegeWithdrawn", V1_0


class RotateNameType(Enumeration):
    """Rotate Name Type (2.1 section 11)."""

    UNINTERPRETED_TEXT_STRING = 0x00000001, "UninterpretedTextString", V2_1, V2_1
    URI = 0x00000002, "URI", V2_1, V2_1


class SecretDataType(Enumeration):
    """Secret Data Type (2.1 section 11)."""

    PASSWORD = 0x00000001, "Password", V1_0
    SEED = 0x00000002, "Seed", V1_0


class ShreddingAlgorithm(Enumeration):
    """Shredding Algorithm (2.1 section 11)."""

    UNSPECIFIED = 0x00000001, "Unspecified", V1_3
    CRYPTOGRAPHIC = 0x00000002, "Cryptographic", V1_3
    UNSUPPORTED = 0x00000003, "Unsupported", V1_3


class SplitKeyMethod(Enumeration):
    """Split Key Method (2.1 section 11)."""

    XOR = 0x00000001, "XOR", V1_0
    POLYNOMIAL_SHARING_GF_2_16 = (
        0x00000002,
        ("PolynomialSharingGF2_16", Renamed("PolynomialSharingGF216", V3_0)),
        V1_0,
    )
    POLYNOMIAL_SHARING_PRIME_FIELD = 0x00000003, "PolynomialSharingPrimeField", V1_0
    POLYNOMIAL_SHARING_GF_2_8 = (
        0x00000004,
        ("PolynomialSharingGF2_8", Renamed("PolynomialSharingGF28", V3_0)),
        V1_2,
    )


class SplitKeyPolynomial(Enumeration):
    """Split Key Polynomial (2.1 section 11)."""

    POLYNOMIAL_283 = 0x00000001, "Polynomial_283", V3_0
    POLYNOMIAL_285 = 0x00000002, "Polynomial_285", V3_0


class State(Enumeration):
    """State (2.1 section 11)."""

    PRE_ACTIVE = 0x00000001, "PreActive", V1_0
    ACTIVE = 0x00000002, "Active", V1_0
    DEACTIVATED = 0x00000003, "Deactivated", V1_0
    COMPROMISED = 0x00000004, "Compromised", V1_0
    DESTROYED = 0x00000005, "Destroyed", V1_0
    DESTROYED_COMPROMISED = 0x00000006, "DestroyedCompromised", V1_0


class TicketType(Enumeration):
    """Ticket Type (2.1 section 11)."""

    LOGIN = 0x00000001, "Login", V2_0


class UniqueIdentifier(Enumeration):
    """Unique Identifier (2.1 section 11)."""

    ID_PLACEHOLDER = 0x00000001, "IDPlaceholder", V2_0
    CERTIFY = 0x00000002, "Certify", V2_0
    CREATE = 0x00000003, "Create", V2_0
    CREATE_KEY_PAIR = 0x00000004, "CreateKeyPair", V2_0
    CREATE_KEY_PAIR_PRIVATE_KEY = 0x00000005, "CreateKeyPairPrivateKey", V2_0
    CREATE_KEY_PAIR_PUBLIC_KEY = 0x00000006, "CreateKeyPairPublicKey", V2_0
    CREATE_SPLIT_KEY = 0x00000007, "CreateSplitKey", V2_0
    DERIVE_KEY = 0x00000008, "DeriveKey", V2_0
    IMPORT = 0x00000009, "Import", V2_0
    JOIN_SPLIT_KEY = 0x0000000A, "JoinSplitKey", V2_0
    LOCATE = 0x0000000B, "Locate", V2_0
    REGISTER = 0x0000000C, "Register", V2_0
    REKEY = 0x0000000D, "ReKey", V2_0
    RECERTIFY = 0x0000000E, "ReCertify", V2_0
    REKEY_KEY_PAIR = 0x0000000F, "ReKeyKeyPair", V2_0
    REKEY_KEY_PAIR_PRIVATE_KEY = 0x00000010, "ReKeyKeyPairPrivateKey", V2_0
    REKEY_KEY_PAIR_PUBLIC_KEY = 0x00000011, "ReKeyKeyPairPublicKey", V2_0
    REPROVISION = 0x00000012, "ReProvision", V3_0
    CREATE_USER = 0x00000013, "CreateUser", V3_0
    CREATE_GROUP = 0x00000014, "CreateGroup", V3_0
    CREATE_CREDENTIAL = 0x00000015, "CreateCredential", V3_0


class UnwrapMode(Enumeration):
    """Unwrap Mode (2.1 section 11)."""

    UNSPECIFIED = 0x00000001, "Unspecified", V1_3
    PROCESSED = 0x00000002, "Processed", V1_3
    NOT_PROCESSED = 0x00000003, "NotProcessed", V1_3


class UsageLimitsUnit(Enumeration):
    """Usage Limits Unit (2.1 section 11)."""

    BYTE = 0x00000001, "Byte", V1_0
    OBJECT = 0x00000002, "Object", V1_0


class ValidationAuthorityType(Enumeration):
    """Validation Authority Type (2.1 section 11)."""

    UNSPECIFIED = 0x00000001, "Unspecified", V1_3
    NIST_CMVP = 0x00000002, "NISTCMVP", V1_3
    COMMON_CRITERIA = 0x00000003, "CommonCriteria", V1_3


class ValidationType(Enumeration):
    """Validation Type (2.1 section 11)."""

    UNSPECIFIED = 0x00000001, "Unspecified", V1_3
    HARDWARE = 0x00000002, "Hardware", V1_3
    SOFTWARE = 0x00000003, "Software", V1_3
    FIRMWARE = 0x00000004, "Firmware", V1_3
    HYBRID = 0x00000005, "Hybrid", V1_3


class ValidityIndicator(Enumeration):
    """Validity Indicator (2.1 section 11)."""

    VALID = 0x00000001, "Valid", V1_0
    INVALID = 0x00000002, "Invalid", V1_0
    UNKNOWN = 0x00000003, "Unknown", V1_0


class WrappingMethod(Enumeration):
    """Wrapping Method (2.1 section 11)."""

    ENCRYPT = 0x00000001, "Encrypt", V1_0
    MAC_SIGN = 0x00000002, "MACSign", V1_0
    ENCRYPT_THEN_MAC_SIGN = 0x00000003, "EncryptThenMACSign", V1_0
    MAC_SIGN_THEN_ENCRYPT = 0x00000004, "MACSignThenEncrypt", V1_0
    TR_31 = 0x00000005, "TR_31", V1_0


ENUMERATION_OF: Final[dict[Tag, type[Named]]] = {
    Tag.ASYNCHRONOUS_INDICATOR: AsynchronousIndicator,
    Tag.BATCH_ERROR_CONTINUATION_OPTION: BatchErrorContinuationOption,
    Tag.BLOCK_CIPHER_MODE: BlockCipherMode,
    Tag.CANCELLATION_RESULT: CancellationResult,
    Tag.CERTIFICATE_REQUEST_TYPE: CertificateRequestType,
    Tag.CERTIFICATE_TYPE: CertificateType,
    Tag.CREDENTIAL_TYPE: CredentialType,
    Tag.CRYPTOGRAPHIC_ALGORITHM: CryptographicAlgorithm,
    Tag.DERIVATION_METHOD: DerivationMethod,
    Tag.HASHING_ALGORITHM: HashingAlgorithm,
    Tag.KEY_COMPRESSION_TYPE: KeyCompressionType,
    Tag.KEY_FORMAT_TYPE: KeyFormatType,
    Tag.LINK_TYPE: LinkType,
    Tag.NAME_TYPE: NameType,
    Tag.OBJECT_TYPE: ObjectType,
    Tag.OPERATION: Operation,
    Tag.PADDING_METHOD: PaddingMethod,
    Tag.PUT_FUNCTION: PutFunction,
    Tag.QUERY_FUNCTION: QueryFunction,
    Tag.RECOMMENDED_CURVE: RecommendedCurve,
    Tag.RESULT_REASON: ResultReason,
    Tag.RESULT_STATUS: ResultStatus,
    Tag.REVOCATION_REASON_CODE: RevocationReasonCode,
    Tag.KEY_ROLE_TYPE: KeyRoleType,
    Tag.SECRET_DATA_TYPE: SecretDataType,
    Tag.SPLIT_KEY_METHOD: SplitKeyMethod,
    Tag.STATE: State,
    Tag.UNIQUE_IDENTIFIER: UniqueIdentifier,
    Tag.USAGE_LIMITS_UNIT: UsageLimitsUnit,
    Tag.VALIDITY_INDICATOR: ValidityIndicator,
    Tag.WRAPPING_METHOD: WrappingMethod,
    Tag.ENCODING_OPTION: EncodingOption,
    Tag.EXTENSION_TYPE: ItemType,
    Tag.OBJECT_GROUP_MEMBER: ObjectGroupMember,
    Tag.DIGITAL_SIGNATURE_ALGORITHM: DigitalSignatureAlgorithm,
    Tag.KEY_VALUE_LOCATION_TYPE: KeyValueLocationType,
    Tag.ALTERNATIVE_NAME_TYPE: AlternativeNameType,
    Tag.DATA: Data,
    Tag.ATTESTATION_TYPE: AttestationType,
    Tag.RNG_ALGORITHM: RNGAlgorithm,
    Tag.DRBG_ALGORITHM: DRBGAlgorithm,
    Tag.FIPS186_VARIATION: FIPS186Variation,
    Tag.VALIDATION_AUTHORITY_TYPE: ValidationAuthorityType,
    Tag.VALIDATION_TYPE: ValidationType,
    Tag.PROFILE_NAME: ProfileName,
    Tag.UNWRAP_MODE: UnwrapMode,
    Tag.DESTROY_ACTION: DestroyAction,
    Tag.SHREDDING_ALGORITHM: ShreddingAlgorithm,
    Tag.RNG_MODE: RNGMode,
    Tag.CLIENT_REGISTRATION_METHOD: ClientRegistrationMethod,
    Tag.KEY_WRAP_TYPE: KeyWrapType,
    Tag.MASK_GENERATOR: MaskGenerator,
    Tag.MASK_GENERATOR_HASHING_ALGORITHM: HashingAlgorithm,
    Tag.NIST_KEY_TYPE: NISTKeyType,
    Tag.PROTECTION_LEVEL: ProtectionLevel,
    Tag.TICKET_TYPE: TicketType,
    Tag.ENDPOINT_ROLE: EndpointRole,
    Tag.EPHEMERAL: Ephemeral,
    Tag.ADJUSTMENT_TYPE: AdjustmentType,
    Tag.PKCS_11_FUNCTION: PKCS11Function,
    Tag.PKCS_11_RETURN_CODE: PKCS11ReturnCode,
    Tag.INTEROP_FUNCTION: InteropFunction,
    Tag.ROTATE_NAME_TYPE: RotateNameType,
    Tag.PROCESSING_STAGE: ProcessingStage,
    Tag.OBJECT_CLASS: ObjectClass,
    Tag.PASSWORD_SALT_ALGORITHM: HashingAlgorithm,
    Tag.OTP_ALGORITHM: OTPAlgorithm,
    Tag.SPLIT_KEY_POLYNOMIAL: SplitKeyPolynomial,
    Tag.DEACTIVATION_REASON_CODE: DeactivationReasonCode,
}
"""The enumeration whose values stand under a tag."""
