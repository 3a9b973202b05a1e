"""Derive Key by every method that the client names, beside what others compute."""

from cryptography.hazmat.primitives import hashes, hmac, padding
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf import hkdf, kbkdf, pbkdf2
from kmip.core import enums
from kmip.pie import objects

from scenarios import A, Mask, Reason, refused, scenario, value
from scenarios.material import ec_key, pkcs_8, public_x_509

Method, Hash = enums.DerivationMethod, enums.HashingAlgorithm
KEY, SECRET = enums.ObjectType.SYMMETRIC_KEY, enums.ObjectType.SECRET_DATA
BASE = bytes(range(64))
DATA = b"label\x00context"


def base_of(door, material=BASE, algorithm=A.AES):
    """An object to derive from; clients do not activate it."""
    key = objects.SymmetricKey(algorithm, 8 * len(material), material, masks=[Mask.DERIVE_KEY])
    return door.client.register(key)


def derived(door, base, method, parameters, length, algorithm=A.AES):
    """The material that is derived, as a key."""
    uid = door.client.derive_key(
        KEY,
        base if isinstance(base, list) else [base],
        method,
        parameters,
        cryptographic_length=length,
        cryptographic_algorithm=algorithm,
        cryptographic_usage_mask=[Mask.ENCRYPT],
    )
    key = door.client.get(uid)
    assert (key.cryptographic_algorithm, key.cryptographic_length) == (algorithm, length)
    assert value(door.client, uid, "Cryptographic Length") == length
    assert value(door.client, uid, "Cryptographic Usage Mask") == Mask.ENCRYPT.value
    return key.value


@scenario()
def by_pbkdf2(door):
    """From a password, a key of a length that the algorithm has not."""
    base = door.client.register(
        objects.SecretData(b"password", enums.SecretDataType.PASSWORD, [Mask.DERIVE_KEY])
    )
    for name, digest, rounds, length in [
        (Hash.SHA_1, hashes.SHA1(), 4096, 160),
        (Hash.SHA_256, hashes.SHA256(), 1000, 256),
    ]:
        parameters = {
            "cryptographic_parameters": {"hashing_algorithm": name},
            "salt": b"salt",
            "iteration_count": rounds,
        }
        kdf = pbkdf2.PBKDF2HMAC(digest, length // 8, b"salt", rounds)
        expected = kdf.derive(b"password")
        assert derived(door, base, Method.PBKDF2, parameters, length) == expected


@scenario()
def by_hash(door):
    """The hash of the key."""
    parameters = {"cryptographic_parameters": {"hashing_algorithm": Hash.SHA_256}}
    digest = hashes.Hash(hashes.SHA256())
    digest.update(BASE)
    expected = digest.finalize()
    found = derived(door, base_of(door), Method.HASH, parameters, 256)
    assert found == expected
    with refused(
        Reason.INVALID_FIELD, Reason.CRYPTOGRAPHIC_FAILURE, Reason.BAD_CRYPTOGRAPHIC_PARAMETERS
    ):
        derived(door, base_of(door), Method.HASH, parameters, 512)


@scenario()
def by_hmac(door):
    """With a salt the client means HKDF, the empty one included; without, one HMAC."""
    base = door.client.register(
        objects.SecretData(b"\x0c" * 22, enums.SecretDataType.SEED, [Mask.DERIVE_KEY])
    )
    for data, salt in [(b"", b""), (b"info", b"salt")]:
        uid = door.client.derive_key(
            SECRET,
            [base],
            Method.HMAC,
            {
                "cryptographic_parameters": {"hashing_algorithm": Hash.SHA_1},
                "derivation_data": data,
                "salt": salt,
            },
            cryptographic_length=336,
        )
        expected = hkdf.HKDF(hashes.SHA1(), 42, salt, data).derive(b"\x0c" * 22)
        assert door.client.get(uid).value == expected
    parameters = {
        "cryptographic_parameters": {"hashing_algorithm": Hash.SHA_256},
        "derivation_data": DATA,
    }
    one = hmac.HMAC(BASE, hashes.SHA256())
    one.update(DATA)
    assert derived(door, base_of(door), Method.HMAC, parameters, 256) == one.finalize()


@scenario()
def by_encryption(door):
    """Also with ciphers that one would not choose today."""
    data = b"The fox jumped over the lazy dog"
    for algorithm, cipher in [
        (A.AES, algorithms.AES(BASE[:16])),
        (A.BLOWFISH, None),
        (A.TRIPLE_DES, None),
    ]:
        block = 16 if algorithm == A.AES else 8
        material = BASE[:24] if algorithm == A.TRIPLE_DES else BASE[:16]
        base = base_of(door, material, algorithm)
        uid = door.client.derive_key(
            SECRET,
            [base],
            Method.ENCRYPT,
            {
                "cryptographic_parameters": {
                    "block_cipher_mode": enums.BlockCipherMode.CBC,
                    "padding_method": enums.PaddingMethod.PKCS5,
                    "cryptographic_algorithm": algorithm,
                },
                "initialization_vector": bytes(block),
                "derivation_data": data,
            },
            cryptographic_length=256,
        )
        found = door.client.get(uid).value
        assert len(found) == 32
        if cipher is not None:
            padder = padding.PKCS7(128).padder()
            encryptor = Cipher(cipher, modes.CBC(bytes(16))).encryptor()
            expected = encryptor.update(padder.update(data) + padder.finalize())
            assert found == expected[:32]


def _prf(data):
    computed = hmac.HMAC(BASE, hashes.SHA512())
    computed.update(data)
    return computed.finalize()


@scenario()
def by_nist_800_108(door):
    """Counter, feedback and double pipeline mode, the counter in 32 bits before the input."""
    base = base_of(door)
    parameters = {
        "cryptographic_parameters": {"hashing_algorithm": Hash.SHA_512},
        "derivation_data": DATA,
    }
    one, two = (number.to_bytes(4, "big") for number in (1, 2))
    counter = kbkdf.KBKDFHMAC(
        hashes.SHA512(), kbkdf.Mode.CounterMode, 96, 4, None,
        kbkdf.CounterLocation.BeforeFixed, None, None, DATA,
    ).derive(BASE)  # fmt: skip
    first = _prf(one + DATA)
    feedback = first + _prf(first + two + DATA)
    a_1 = _prf(DATA)
    pipeline = _prf(a_1 + one + DATA) + _prf(_prf(a_1) + two + DATA)
    for method, expected in [
        (Method.NIST800_108_C, counter),
        (Method.NIST800_108_F, feedback),
        (Method.NIST800_108_DPI, pipeline),
    ]:
        for bits in (128, 768):
            found = derived(door, base, method, parameters, bits, A.HMAC_SHA256)
            assert found == expected[: bits // 8], method


@scenario(since="1.2")
def by_agreement(door):
    """Asymmetric Key: ECDH of a private and a public key."""
    mine, theirs = ec_key(), ec.generate_private_key(ec.SECP256R1())
    form = enums.KeyFormatType
    private = door.client.register(
        objects.PrivateKey(A.ECDH, 256, pkcs_8(mine), form.PKCS_8, masks=[Mask.DERIVE_KEY])
    )
    public = door.client.register(
        objects.PublicKey(A.ECDH, 256, public_x_509(theirs), form.X_509, masks=[Mask.DERIVE_KEY])
    )
    found = derived(door, [private, public], Method.ASYMMETRIC_KEY, {}, 256)
    assert found == theirs.exchange(ec.ECDH(), mine.public_key())


@scenario()
def derive_what_cannot_be(door):
    """No such object, no mask for it, no length, a type that is not derived."""
    parameters = {"cryptographic_parameters": {"hashing_algorithm": Hash.SHA_256}}
    with refused(Reason.ITEM_NOT_FOUND, Reason.OBJECT_NOT_FOUND):
        derived(door, "42", Method.HASH, parameters, 128)
    uid = door.client.create(A.AES, 128)
    with refused(Reason.PERMISSION_DENIED, Reason.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK):
        derived(door, uid, Method.HASH, parameters, 128)
    base = base_of(door)
    with refused(Reason.INVALID_MESSAGE, Reason.INVALID_FIELD):
        door.client.derive_key(KEY, [base], Method.HASH, parameters)
    with refused(Reason.INVALID_FIELD, Reason.INVALID_OBJECT_TYPE):
        door.client.derive_key(
            enums.ObjectType.CERTIFICATE, [base], Method.HASH, parameters, cryptographic_length=128
        )
    assert sorted(door.client.locate()) == sorted([uid, base])
