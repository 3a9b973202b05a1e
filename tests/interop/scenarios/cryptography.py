"""Keys in use: what the server computes, others can compute too."""

import os

from cryptography.hazmat.primitives import cmac, hashes, hmac, padding, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric import padding as asymmetric
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from kmip.core import enums
from kmip.pie import objects

from scenarios import A, Mask, Reason, refused, scenario
from scenarios.material import (
    certificate,
    ec_key,
    pkcs_1,
    pkcs_8,
    public_pkcs_1,
    public_x_509,
    rsa_key,
)

Mode, Padding = enums.BlockCipherMode, enums.PaddingMethod
Hash, Signature = enums.HashingAlgorithm, enums.DigitalSignatureAlgorithm
Format = enums.KeyFormatType
BOTH = [Mask.ENCRYPT, Mask.DECRYPT]
PLAIN = b"This is a secret message."
IV = bytes(range(16))


def key_of(door, algorithm, material, masks=BOTH):
    """An active key with this material."""
    managed_object = objects.SymmetricKey(algorithm, 8 * len(material), material, masks=masks)
    uid = door.client.register(managed_object)
    door.client.activate(uid)
    return uid


def padded(data, block=16):
    """PKCS#7 padding."""
    padder = padding.PKCS7(8 * block).padder()
    return padder.update(data) + padder.finalize()


def enciphered(cipher, mode, data):
    """What pyca makes of it."""
    encryptor = Cipher(cipher, mode).encryptor()
    return encryptor.update(data) + encryptor.finalize()


MODES = [
    (Mode.CBC, Padding.PKCS5, modes.CBC(IV), True),
    (Mode.ECB, Padding.PKCS5, modes.ECB(), True),
    (Mode.CTR, None, modes.CTR(IV), False),
]
"""Mode and padding, the same in pyca, and whether data are padded."""


@scenario(since="1.2")
def encrypt_and_decrypt(door):
    """In every mode: another implementation makes the same of it."""
    material = os.urandom(32)
    uid = key_of(door, A.AES, material)
    for mode, padding_method, theirs, is_padded in MODES:
        parameters = {"cryptographic_algorithm": A.AES, "block_cipher_mode": mode}
        if padding_method:
            parameters["padding_method"] = padding_method
        iv = None if mode == Mode.ECB else IV
        cipher_text, made = door.client.encrypt(PLAIN, uid, parameters, iv)
        assert made is None
        data = padded(PLAIN) if is_padded else PLAIN
        assert cipher_text == enciphered(algorithms.AES(material), theirs, data)
        assert door.client.decrypt(cipher_text, uid, parameters, iv) == PLAIN


@scenario(since="1.2")
def encrypt_with_a_vector_of_the_server(door):
    """Where the client gives none, the server makes one and says which."""
    material = os.urandom(16)
    uid = key_of(door, A.AES, material)
    parameters = {
        "cryptographic_algorithm": A.AES,
        "block_cipher_mode": Mode.CBC,
        "padding_method": Padding.PKCS5,
    }
    texts = set()
    for more in ({}, {"random_iv": True}):
        cipher_text, vector = door.client.encrypt(PLAIN, uid, parameters | more)
        assert len(vector) == 16
        assert cipher_text == enciphered(algorithms.AES(material), modes.CBC(vector), padded(PLAIN))
        assert door.client.decrypt(cipher_text, uid, parameters, vector) == PLAIN
        texts.add(cipher_text)
    assert len(texts) == 2


@scenario(since="1.2")
def encrypt_with_older_ciphers(door):
    """Those that PyKMIP's server knows."""
    for algorithm, length, vector in [
        (A.TRIPLE_DES, 24, 8),
        (A.BLOWFISH, 16, 8),
        (A.CAMELLIA, 32, 16),
        (A.CAST5, 16, 8),
        (A.IDEA, 16, 8),
    ]:
        uid = key_of(door, algorithm, os.urandom(length))
        parameters = {
            "cryptographic_algorithm": algorithm,
            "block_cipher_mode": Mode.CBC,
            "padding_method": Padding.PKCS5,
        }
        cipher_text, _ = door.client.encrypt(PLAIN, uid, parameters, IV[:vector])
        assert len(cipher_text) == 32
        assert door.client.decrypt(cipher_text, uid, parameters, IV[:vector]) == PLAIN
    uid = key_of(door, A.RC4, os.urandom(16))
    cipher_text, _ = door.client.encrypt(PLAIN, uid, {"cryptographic_algorithm": A.RC4})
    assert door.client.decrypt(cipher_text, uid, {"cryptographic_algorithm": A.RC4}) == PLAIN


@scenario(since="1.2")
def encrypt_for_a_public_key(door):
    """RSA: what the public half encrypts, the private half of the pair decrypts."""
    public, private = door.client.create_key_pair(
        A.RSA, 2048, public_usage_mask=[Mask.ENCRYPT], private_usage_mask=[Mask.DECRYPT]
    )
    for uid in (public, private):
        door.client.activate(uid)
    key = serialization.load_der_private_key(door.client.get(private).value, None)
    for parameters, theirs in [
        ({"padding_method": Padding.PKCS1v15}, asymmetric.PKCS1v15()),
        (
            {"padding_method": Padding.OAEP, "hashing_algorithm": Hash.SHA_256},
            # MGF1 with SHA-1, as the client cannot name another (1.4 section 3.6).
            asymmetric.OAEP(asymmetric.MGF1(hashes.SHA1()), hashes.SHA256(), None),
        ),
    ]:
        rsa = {"cryptographic_algorithm": A.RSA, **parameters}
        cipher_text, _ = door.client.encrypt(PLAIN, public, rsa)
        assert door.client.decrypt(cipher_text, private, rsa) == PLAIN
        assert key.decrypt(cipher_text, theirs) == PLAIN


@scenario(since="1.2")
def decrypt_what_is_damaged(door):
    """A wrong padding does not tell what is wrong."""
    uid = key_of(door, A.AES, bytes(16))  # under which 16 zeros have no padding
    parameters = {
        "cryptographic_algorithm": A.AES,
        "block_cipher_mode": Mode.CBC,
        "padding_method": Padding.PKCS5,
    }
    with refused(Reason.CRYPTOGRAPHIC_FAILURE, Reason.INVALID_FIELD):
        door.client.decrypt(bytes(15), uid, parameters, IV)
    with refused(Reason.CRYPTOGRAPHIC_FAILURE):
        door.client.decrypt(bytes(16), uid, parameters, IV)


SIGNATURES = [
    ({"padding_method": Padding.PKCS1v15, "hashing_algorithm": Hash.SHA_256}, hashes.SHA256()),
    ({"padding_method": Padding.PKCS1v15, "hashing_algorithm": Hash.SHA_512}, hashes.SHA512()),
    ({"padding_method": Padding.PSS, "hashing_algorithm": Hash.SHA_256}, hashes.SHA256()),
    (
        {
            "padding_method": Padding.PKCS1v15,
            "digital_signature_algorithm": Signature.SHA256_WITH_RSA_ENCRYPTION,
        },
        hashes.SHA256(),
    ),
]


@scenario(since="1.2")
def sign_and_verify(door):
    """RSA signatures that others verify, and theirs here."""
    public, private = door.client.create_key_pair(
        A.RSA, 2048, public_usage_mask=[Mask.VERIFY], private_usage_mask=[Mask.SIGN]
    )
    for uid in (public, private):
        door.client.activate(uid)
    key = serialization.load_der_private_key(door.client.get(private).value, None)
    for parameters, digest in SIGNATURES:
        rsa = {"cryptographic_algorithm": A.RSA, **parameters}
        signature = door.client.sign(PLAIN, private, rsa)
        pss = asymmetric.PSS(asymmetric.MGF1(digest), asymmetric.PSS.AUTO)
        scheme = pss if parameters["padding_method"] == Padding.PSS else asymmetric.PKCS1v15()
        key.public_key().verify(signature, PLAIN, scheme, digest)
        verify = door.client.signature_verify
        assert verify(PLAIN, signature, public, rsa) == enums.ValidityIndicator.VALID
        assert verify(b"else", signature, public, rsa) == enums.ValidityIndicator.INVALID
        if scheme is not pss:
            theirs = key.sign(b"theirs", scheme, digest)
            assert verify(b"theirs", theirs, public, rsa) == enums.ValidityIndicator.VALID


@scenario(since="1.2")
def sign_on_a_curve(door):
    """ECDSA with a key that the client brings."""
    key = ec_key()
    private = door.client.register(
        objects.PrivateKey(A.ECDSA, 256, pkcs_8(key), Format.PKCS_8, masks=[Mask.SIGN])
    )
    public = door.client.register(
        objects.PublicKey(A.ECDSA, 256, public_x_509(key), Format.X_509, masks=[Mask.VERIFY])
    )
    for uid in (public, private):
        door.client.activate(uid)
    parameters = {"cryptographic_algorithm": A.ECDSA, "hashing_algorithm": Hash.SHA_256}
    signature = door.client.sign(PLAIN, private, parameters)
    key.public_key().verify(signature, PLAIN, ec.ECDSA(hashes.SHA256()))
    valid = door.client.signature_verify(PLAIN, signature, public, parameters)
    assert valid == enums.ValidityIndicator.VALID
    invalid = door.client.signature_verify(b"else", signature, public, parameters)
    assert invalid == enums.ValidityIndicator.INVALID


@scenario(since="1.2")
def sign_with_registered_keys_of_every_form(door):
    """A key is usable in whatever form it came."""
    key = rsa_key()
    parameters = {
        "cryptographic_algorithm": A.RSA,
        "padding_method": Padding.PKCS1v15,
        "hashing_algorithm": Hash.SHA_256,
    }
    signatures = set()
    for made, form in [(pkcs_1(key), Format.PKCS_1), (pkcs_8(key), Format.PKCS_8)]:
        uid = door.client.register(objects.PrivateKey(A.RSA, 2048, made, form, [Mask.SIGN]))
        door.client.activate(uid)
        signatures.add(door.client.sign(PLAIN, uid, parameters))
    (signature,) = signatures
    for managed_object in [
        objects.PublicKey(A.RSA, 2048, public_pkcs_1(key), Format.PKCS_1, [Mask.VERIFY]),
        objects.PublicKey(A.RSA, 2048, public_x_509(key), Format.X_509, [Mask.VERIFY]),
        objects.X509Certificate(certificate(), [Mask.VERIFY]),
    ]:
        uid = door.client.register(managed_object)
        door.client.activate(uid)
        valid = door.client.signature_verify(PLAIN, signature, uid, parameters)
        assert valid == enums.ValidityIndicator.VALID


@scenario(since="1.2")
def mac(door):
    """HMAC with every hash, and CMAC."""
    material = os.urandom(32)
    for algorithm, digest in [
        (A.HMAC_SHA1, hashes.SHA1()),
        (A.HMAC_SHA224, hashes.SHA224()),
        (A.HMAC_SHA256, hashes.SHA256()),
        (A.HMAC_SHA384, hashes.SHA384()),
        (A.HMAC_SHA512, hashes.SHA512()),
    ]:
        uid = key_of(door, algorithm, material, [Mask.MAC_GENERATE])
        expected = hmac.HMAC(material, digest)
        expected.update(PLAIN)
        answered, found = door.client.mac(PLAIN, uid, algorithm)
        assert answered == uid
        assert found == expected.finalize()
    uid = key_of(door, A.AES, material, [Mask.MAC_GENERATE])
    expected = cmac.CMAC(algorithms.AES(material))
    expected.update(PLAIN)
    assert door.client.mac(PLAIN, uid, A.AES) == (uid, expected.finalize())


@scenario(since="1.2")
def mac_without_saying_how(door):
    """The key's own algorithm; the client sends empty parameters then."""
    material = os.urandom(32)
    uid = key_of(door, A.HMAC_SHA256, material, [Mask.MAC_GENERATE])
    expected = hmac.HMAC(material, hashes.SHA256())
    expected.update(PLAIN)
    assert door.client.mac(PLAIN, uid) == (uid, expected.finalize())


@scenario(since="1.2")
def mac_without_a_key(door):
    """The client then sends an empty identifier, and there is no placeholder."""
    with refused(Reason.ITEM_NOT_FOUND, Reason.INVALID_FIELD):
        door.client.mac(PLAIN, algorithm=A.HMAC_SHA256)


@scenario(since="1.2")
def use_against_the_mask(door):
    """A key serves only for what it is for."""
    parameters = {
        "cryptographic_algorithm": A.AES,
        "block_cipher_mode": Mode.ECB,
        "padding_method": Padding.PKCS5,
    }
    uid = key_of(door, A.AES, os.urandom(16), [Mask.DECRYPT])
    denied = (Reason.PERMISSION_DENIED, Reason.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK)
    with refused(*denied):
        door.client.encrypt(PLAIN, uid, parameters)
    with refused(*denied):
        door.client.mac(PLAIN, uid, A.AES)
    with refused(*denied):
        door.client.sign(PLAIN, uid, parameters)


@scenario(since="1.2")
def use_in_every_state(door):
    """Only an Active key protects; a deactivated one still opens what it protected."""
    parameters = {
        "cryptographic_algorithm": A.AES,
        "block_cipher_mode": Mode.ECB,
        "padding_method": Padding.PKCS5,
    }
    denied = (Reason.PERMISSION_DENIED, Reason.WRONG_KEY_LIFECYCLE_STATE)
    uid = door.client.create(A.AES, 128)
    with refused(*denied):
        door.client.encrypt(PLAIN, uid, parameters)
    door.client.activate(uid)
    cipher_text, _ = door.client.encrypt(PLAIN, uid, parameters)
    door.client.revoke(enums.RevocationReasonCode.CESSATION_OF_OPERATION, uid)
    with refused(*denied):
        door.client.encrypt(PLAIN, uid, parameters)
    assert door.client.decrypt(cipher_text, uid, parameters) == PLAIN
    door.client.destroy(uid)
    with refused(Reason.ITEM_NOT_FOUND, Reason.OBJECT_DESTROYED, *denied):
        door.client.decrypt(cipher_text, uid, parameters)


@scenario(since="1.2")
def use_of_what_is_no_key(door):
    """Secrets and opaque objects do not encrypt."""
    uid = door.client.register(objects.OpaqueObject(b"opaque", enums.OpaqueDataType.NONE))
    with refused(
        Reason.INVALID_FIELD,
        Reason.PERMISSION_DENIED,
        Reason.INVALID_OBJECT_TYPE,
        Reason.ILLEGAL_OPERATION,
        Reason.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK,
        Reason.WRONG_KEY_LIFECYCLE_STATE,
    ):
        door.client.encrypt(PLAIN, uid, {"cryptographic_algorithm": A.AES})
