import pytest

from kmip.cryptographic_parameters import CryptographicParameters as Parameters
from kmip.enums import CryptographicAlgorithm as A
from kmip.enums import HashingAlgorithm as H
from kmip.errors import MissingData
from server.crypto.derivation.inputs import Base, Inputs
from server.crypto.errors import InvalidKey, MissingParameters
from tests.server.crypto.samples import private_key


def inputs(parameters=None, data=()):
    return Inputs(16, parameters or Parameters(), data, None, None, None, False)


def test_a_base_hides_its_key():
    assert "secret" not in repr(Base(b"secret", A.AES))


def test_a_secret_is_bytes():
    assert Base(b"key").secret() == b"key"
    with pytest.raises(InvalidKey):
        Base(private_key(A.EC)).secret()


def test_derivation_data_may_be_empty_but_not_absent():
    assert inputs(data=(b"",)).data() == b""
    assert inputs(data=(b"a", b"b")).data() == b"ab"
    with pytest.raises(MissingData):
        inputs().data()


@pytest.mark.parametrize(
    "parameters, algorithm, default, name",
    [
        (Parameters(hashing_algorithm=H.SHA_384), A.HMAC_SHA1, None, "sha384"),
        (Parameters(cryptographic_algorithm=A.HMAC_SHA512), A.HMAC_SHA1, None, "sha512"),
        (Parameters(), A.HMAC_SHA1, H.SHA_256, "sha1"),
        (Parameters(), A.AES, H.SHA_256, "sha256"),
    ],
)
def test_the_hash_is_named_by_parameters_then_key_then_method(parameters, algorithm, default, name):
    assert inputs(parameters).hash(Base(b"", algorithm), default).name == name


def test_no_hash_at_all_is_refused():
    with pytest.raises(MissingParameters):
        inputs().hash(Base(b"", A.AES))
