"""Keys that travel wrapped, out and in.

The client reads a Key Value only where it is a structure, as it is in 1.x with No Encoding; in 2.0
and with TTLV Encoding wrapped bytes are the Key Value themselves.
"""

import os

from cryptography.hazmat.primitives import keywrap
from kmip.core import enums
from kmip.pie import objects

from scenarios import A, Mask, Reason, refused, scenario

Mode, Method, Option = enums.BlockCipherMode, enums.WrappingMethod, enums.EncodingOption
WRAPPING = [Mask.WRAP_KEY, Mask.UNWRAP_KEY]


def specification(uid, mode=Mode.NIST_KEY_WRAP, option=Option.NO_ENCODING, **more):
    """How to wrap."""
    return {
        "wrapping_method": Method.ENCRYPT,
        "encryption_key_information": {
            "unique_identifier": uid,
            "cryptographic_parameters": {"block_cipher_mode": mode},
        },
        "encoding_option": option,
        **more,
    }


def encoding_option(door):
    """What is told of the encoding; 1.0 has no field for it."""
    return Option.NO_ENCODING if door.version >= "1.1" else None


def wrapping_key(door, material):
    """An active key that may wrap."""
    key = objects.SymmetricKey(A.AES, 8 * len(material), material, masks=WRAPPING)
    uid = door.client.register(key)
    door.client.activate(uid)
    return uid


@scenario(until="1.4")
def get_wrapped(door):
    """What comes out wrapped, others unwrap."""
    material, kek = os.urandom(32), os.urandom(32)
    uid = door.client.register(objects.SymmetricKey(A.AES, 256, material))
    wrapping = wrapping_key(door, kek)
    wrapped = door.client.get(uid, key_wrapping_specification=specification(wrapping))
    assert keywrap.aes_key_unwrap(kek, wrapped.value) == material
    assert (wrapped.cryptographic_algorithm, wrapped.cryptographic_length) == (A.AES, 256)
    wrapping_data = wrapped.key_wrapping_data
    assert wrapping_data["wrapping_method"] == Method.ENCRYPT
    assert wrapping_data.get("encoding_option") == encoding_option(door)
    information = wrapping_data["encryption_key_information"]
    assert information["unique_identifier"] == wrapping
    mode = information["cryptographic_parameters"]["block_cipher_mode"]
    assert mode == Mode.NIST_KEY_WRAP
    assert door.client.get(uid).value == material


@scenario(until="1.4")
def get_wrapped_with_padding(door):
    """AES key wrap with padding wraps secrets of any length."""
    kek = os.urandom(16)
    key = objects.SymmetricKey(A.HMAC_SHA1, 168, b"twenty-one bytes long")
    uid = door.client.register(key)
    key_wrapping = specification(wrapping_key(door, kek), Mode.AES_KEY_WRAP_PADDING)
    wrapped = door.client.get(uid, key_wrapping_specification=key_wrapping)
    assert keywrap.aes_key_unwrap_with_padding(kek, wrapped.value) == key.value


@scenario()
def register_what_the_server_wrapped(door):
    """A wrapped key comes back as it was registered, and can be unwrapped outside."""
    material, kek = os.urandom(16), os.urandom(16)
    wrapping = wrapping_key(door, kek)
    data = specification(wrapping)
    key = objects.SymmetricKey(
        A.AES, 128, keywrap.aes_key_wrap(kek, material), key_wrapping_data=data
    )
    uid = door.client.register(key)
    found = door.client.get(uid)
    assert found.value == key.value
    assert found.cryptographic_length == 128
    assert keywrap.aes_key_unwrap(kek, found.value) == material
    assert found.key_wrapping_data["encryption_key_information"]["unique_identifier"] == wrapping


@scenario()
def register_wrapped_by_an_unknown_key(door):
    """The wrapping key is elsewhere, and the material is not even as long as wrapped keys are."""
    data = specification("42")
    key = objects.SymmetricKey(A.AES, 128, bytes(range(16)), key_wrapping_data=data)
    uid = door.client.register(key)
    found = door.client.get(uid)
    assert found.value == key.value
    wrapping_data = found.key_wrapping_data
    assert wrapping_data["wrapping_method"] == Method.ENCRYPT
    assert wrapping_data.get("encoding_option") == encoding_option(door)
    assert wrapping_data["encryption_key_information"]["unique_identifier"] == "42"
    parameters = wrapping_data["encryption_key_information"]["cryptographic_parameters"]
    assert parameters["block_cipher_mode"] == Mode.NIST_KEY_WRAP
    door.client.revoke(enums.RevocationReasonCode.KEY_COMPROMISE, uid)
    door.client.destroy(uid)
    with refused(Reason.ITEM_NOT_FOUND, Reason.OBJECT_DESTROYED):
        door.client.get(uid)


@scenario()
def get_wrapped_what_cannot_be(door):
    """By no key, by one that may not wrap or is not active, and with attributes unencoded."""
    uid = door.client.create(A.AES, 128)
    get = door.client.get
    with refused(Reason.ITEM_NOT_FOUND, Reason.WRAPPING_OBJECT_NOT_FOUND):
        get(uid, key_wrapping_specification=specification("42"))
    plain = door.client.create(A.AES, 128)
    door.client.activate(plain)
    with refused(Reason.PERMISSION_DENIED, Reason.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK):
        get(uid, key_wrapping_specification=specification(plain))
    idle = door.client.create(A.AES, 128, cryptographic_usage_mask=WRAPPING)
    with refused(Reason.PERMISSION_DENIED, Reason.WRONG_KEY_LIFECYCLE_STATE):
        get(uid, key_wrapping_specification=specification(idle))
    door.client.activate(idle)
    secret = door.client.register(objects.OpaqueObject(b"opaque", enums.OpaqueDataType.NONE))
    with refused(
        Reason.ILLEGAL_OPERATION,
        Reason.INVALID_FIELD,
        Reason.INVALID_OBJECT_TYPE,
        Reason.KEY_WRAP_TYPE_NOT_SUPPORTED,
        Reason.NOT_EXTRACTABLE,
        Reason.PERMISSION_DENIED,
    ):
        get(secret, key_wrapping_specification=specification(idle))
    if door.version >= "1.1":
        with refused(Reason.ENCODING_OPTION_ERROR):
            key_wrapping = specification(idle, attribute_names=["Cryptographic Algorithm"])
            get(uid, key_wrapping_specification=key_wrapping)


@scenario(since="1.4", until="1.4")
def sensitive_objects_come_out_wrapped_only(door):
    """Which the client learns from the reason."""
    from scenarios import Type
    from scenarios.search import made

    uid = made(door, (Type.SENSITIVE, True))
    with refused(Reason.SENSITIVE):
        door.client.get(uid)
    kek = os.urandom(16)
    key_wrapping = specification(wrapping_key(door, kek))
    wrapped = door.client.get(uid, key_wrapping_specification=key_wrapping)
    assert len(keywrap.aes_key_unwrap(kek, wrapped.value)) == 16
