import pytest

from kmip.enums import CryptographicAlgorithm as A
from kmip.enums import KeyCompressionType as K
from kmip.enums import KeyFormatType as F
from kmip.enums import ObjectType as O
from kmip.errors import KeyFormatTypeNotSupported
from kmip.key_block import TRANSPARENT, TransparentRSAPublicKey, TransparentSymmetricKey
from server.crypto.errors import InvalidKey
from server.crypto.keys.der_keys import dump_pkcs_8
from server.crypto.keys.key_formats import (
    FORMATS,
    convert,
    dump_private,
    dump_public,
    dump_symmetric,
    load_private,
    load_public,
    load_symmetric,
)
from tests.server.crypto.samples import KINDS, NAMES, curve_of, private_key

EC_FORMATS = {
    F.ECPRIVATEKEY,
    F.TRANSPARENT_EC_PRIVATE_KEY,
    F.TRANSPARENT_ECDSA_PRIVATE_KEY,
    F.TRANSPARENT_ECDH_PRIVATE_KEY,
    F.TRANSPARENT_ECMQV_PRIVATE_KEY,
}
PRIVATE = {
    A.RSA: {F.PKCS_1, F.PKCS_8, F.TRANSPARENT_RSA_PRIVATE_KEY},
    A.DSA: {F.PKCS_8, F.TRANSPARENT_DSA_PRIVATE_KEY},
    A.DH: {F.PKCS_8, F.TRANSPARENT_DH_PRIVATE_KEY},
    A.EC: {F.RAW, F.PKCS_8} | EC_FORMATS,
    A.ED25519: {F.RAW, F.PKCS_8} | EC_FORMATS - {F.ECPRIVATEKEY},
    A.ML_DSA_44: {F.RAW, F.PKCS_8},
}
PUBLIC = {
    A.RSA: {F.PKCS_1, F.X_509, F.TRANSPARENT_RSA_PUBLIC_KEY},
    A.DSA: {F.X_509, F.TRANSPARENT_DSA_PUBLIC_KEY},
    A.EC: {
        F.RAW,
        F.X_509,
        F.TRANSPARENT_EC_PUBLIC_KEY,
        F.TRANSPARENT_ECDSA_PUBLIC_KEY,
        F.TRANSPARENT_ECDH_PUBLIC_KEY,
        F.TRANSPARENT_ECMQV_PUBLIC_KEY,
    },
    A.ML_KEM_768: {F.RAW, F.X_509},
}


def formats_of(dump, key):
    """The formats a key can be given in."""
    found = {}
    for key_format in F:
        try:
            found[key_format] = dump(key, key_format)
        except KeyFormatTypeNotSupported:
            continue
    return found


def test_every_key_format_has_a_row():
    assert set(FORMATS) == set(F)


@pytest.mark.parametrize("algorithm", PRIVATE)
def test_a_private_key_has_the_formats_it_should(algorithm):
    assert set(formats_of(dump_private, private_key(algorithm))) == PRIVATE[algorithm]


@pytest.mark.parametrize("algorithm", PUBLIC)
def test_a_public_key_has_the_formats_it_should(algorithm):
    assert set(formats_of(dump_public, private_key(algorithm).public_key())) == PUBLIC[algorithm]


@pytest.mark.parametrize("algorithm, curve", KINDS, ids=NAMES)
def test_a_key_comes_back_from_every_format_it_is_given_in(algorithm, curve):
    key = private_key(algorithm, curve)
    named = curve or curve_of(key)
    for key_format, material in formats_of(dump_private, key).items():
        assert isinstance(material, TRANSPARENT.get(key_format, bytes))
        loaded = load_private(key_format, material, algorithm, curve=named)
        assert dump_private(loaded, key_format) == material
    for key_format, material in formats_of(dump_public, key.public_key()).items():
        assert isinstance(material, TRANSPARENT.get(key_format, bytes))
        assert load_public(key_format, material, algorithm, curve=named) == key.public_key()


@pytest.mark.parametrize("key_format", F)
def test_no_format_takes_the_structure_of_another(key_format):
    other = TransparentRSAPublicKey(modulus=15, public_exponent=3)
    for load in (load_private, load_public):
        with pytest.raises((InvalidKey, KeyFormatTypeNotSupported)):
            load(key_format, other)
        with pytest.raises((InvalidKey, KeyFormatTypeNotSupported)):
            load(key_format, b"\x30\x00")


def test_a_key_of_another_algorithm_than_it_says_is_refused():
    rsa = private_key(A.RSA)
    with pytest.raises(InvalidKey):
        load_private(F.PKCS_8, dump_pkcs_8(rsa), A.EC)
    with pytest.raises(InvalidKey):
        load_public(F.X_509, dump_public(rsa.public_key(), F.X_509), A.DSA)


@pytest.mark.parametrize("algorithm", [A.EC, A.ECDSA, A.ECDH, A.ECMQV])
def test_a_curve_key_may_be_called_by_any_algorithm_of_curves(algorithm):
    key = private_key(A.EC)
    load_private(F.PKCS_8, dump_pkcs_8(key), algorithm)
    ed25519 = private_key(A.ED25519)
    load_private(F.PKCS_8, dump_pkcs_8(ed25519), algorithm)


def test_symmetric_keys_are_bytes():
    for key_format in (F.RAW, F.OPAQUE, F.TRANSPARENT_SYMMETRIC_KEY):
        assert load_symmetric(key_format, dump_symmetric(b"key", key_format)) == b"key"
    assert dump_symmetric(b"key", F.TRANSPARENT_SYMMETRIC_KEY) == TransparentSymmetricKey(
        key=b"key"
    )
    with pytest.raises(KeyFormatTypeNotSupported):
        dump_symmetric(b"key", F.PKCS_1)
    for key_format, material in [(F.RAW, b""), (F.RAW, None), (F.PKCS_8, b"key")]:
        with pytest.raises(InvalidKey):
            load_symmetric(key_format, material)


def test_converting_goes_through_the_key():
    key = private_key(A.RSA)
    pkcs_1 = dump_private(key, F.PKCS_1)
    assert convert(O.PRIVATE_KEY, pkcs_1, F.PKCS_1, F.PKCS_8, A.RSA) == dump_pkcs_8(key)
    public = dump_public(key.public_key(), F.PKCS_1)
    x_509 = dump_public(key.public_key(), F.X_509)
    assert convert(O.PUBLIC_KEY, x_509, F.X_509, F.PKCS_1, A.RSA) == public
    secret = TransparentSymmetricKey(key=b"k")
    transparent = F.TRANSPARENT_SYMMETRIC_KEY
    assert convert(O.SYMMETRIC_KEY, secret, transparent, F.RAW) == b"k"
    assert convert(O.SECRET_DATA, b"k", F.OPAQUE, F.RAW) == b"k"


def test_converting_to_the_same_format_gives_the_very_material():
    """Also where the server cannot load it."""
    assert convert(O.PRIVATE_KEY, b"opaque", F.OPAQUE, F.OPAQUE) == b"opaque"
    assert convert(O.PGP_KEY, b"pgp", F.RAW, F.RAW) == b"pgp"


def test_a_compression_is_a_conversion_too():
    public = private_key(A.EC).public_key()
    raw = dump_public(public, F.RAW)
    compressed = K.EC_PUBLIC_KEY_TYPE_X9_62_COMPRESSED_PRIME
    point = convert(O.PUBLIC_KEY, dump_public(public, F.X_509), F.X_509, F.RAW, A.EC, compressed)
    assert (len(raw), len(point)) == (65, 33)


def test_where_there_is_no_way_it_says_so():
    for object_type, here, there in [
        (O.PRIVATE_KEY, F.PKCS_8, F.X_509),
        (O.PRIVATE_KEY, F.OPAQUE, F.RAW),
        (O.PUBLIC_KEY, F.X_509, F.PKCS_8),
        (O.CERTIFICATE, F.X_509, F.RAW),
        (O.SYMMETRIC_KEY, F.RAW, F.PKCS_12),
    ]:
        material = {
            F.PKCS_8: dump_pkcs_8(private_key(A.EC)),
            F.X_509: dump_public(private_key(A.EC).public_key(), F.X_509),
        }.get(here, b"k")
        with pytest.raises(KeyFormatTypeNotSupported):
            convert(object_type, material, here, there)
