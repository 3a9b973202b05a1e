"""Is an output that differs each time what it claims to be? (Rule R9.)

A signature must verify with the registered key, and a text encrypted with OAEP must decrypt with
it, or with the private key of a case of the same family. Where key, hash or padding are not stated
there is nothing to verify, and the answer is None.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

from kmip.enums import HashingAlgorithm, PaddingMethod
from kmip.items import Value
from kmip.tags import Tag
from tests.conformance.case_state import walk
from tests.conformance.cases import all_cases, read

HASHES: Mapping[Value, Any] = {
    HashingAlgorithm.SHA_1: hashes.SHA1(),  # only verified, never signed with
    HashingAlgorithm.SHA_224: hashes.SHA224(),
    HashingAlgorithm.SHA_256: hashes.SHA256(),
    HashingAlgorithm.SHA_384: hashes.SHA384(),
    HashingAlgorithm.SHA_512: hashes.SHA512(),
}

Parameters = Mapping[int, Value]


@cache
def load(material: bytes) -> Any:
    """The key in DER of any usual form, or None."""
    for read_key in (
        lambda data: serialization.load_der_private_key(data, None),
        serialization.load_der_public_key,
    ):
        try:
            return read_key(material)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            continue
    return None


def _key(parameters: Parameters) -> Any:
    material = parameters.get(Tag.KEY_MATERIAL)
    return load(material) if isinstance(material, bytes) else None


def _public(key: Any) -> Any:
    return key.public_key() if hasattr(key, "private_bytes") else key


def signature_holds(
    parameters: Parameters, data: bytes, digested: bytes | None, signature: bytes
) -> bool | None:
    """Whether a signature is one of `data`, or of the digest.

    Args:
        parameters: the key's and the request's together.
        data: what was signed.
        digested: its digest, where that was given instead.
        signature: what the server gave.
    """
    key = _public(_key(parameters))
    plain = HASHES.get(parameters.get(Tag.HASHING_ALGORITHM, 0))
    if key is None or plain is None:
        return None
    hashed = plain if digested is None else utils.Prehashed(plain)
    content = data if digested is None else digested
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, content, ec.ECDSA(hashed))
        elif isinstance(key, rsa.RSAPublicKey) and (padded := _padding(parameters, plain)):
            key.verify(signature, content, padded, hashed)
        else:
            return None
    except InvalidSignature:
        return False
    except ValueError:  # a digest of another length than the hash's
        return None
    return True


def _padding(parameters: Parameters, hashed: Any) -> Any:
    method = parameters.get(Tag.PADDING_METHOD)
    if method == PaddingMethod.PKCS1_V1_5:
        return padding.PKCS1v15()
    if method != PaddingMethod.PSS:
        return None
    mask = HASHES.get(parameters.get(Tag.MASK_GENERATOR_HASHING_ALGORITHM, 0), hashed)
    salt = parameters.get(Tag.SALT_LENGTH, padding.PSS.AUTO)
    return padding.PSS(padding.MGF1(mask), salt)  # type: ignore[arg-type] # an Integer


def oaep_holds(parameters: Parameters, plain: bytes, encrypted: bytes) -> bool | None:
    """Whether a text encrypted with RSA OAEP decrypts to `plain`."""
    key = _key(parameters)
    hashed = HASHES.get(parameters.get(Tag.HASHING_ALGORITHM, 0))
    if parameters.get(Tag.PADDING_METHOD) != PaddingMethod.OAEP or key is None or hashed is None:
        return None
    if isinstance(key, rsa.RSAPublicKey):
        key = private_keys().get(key.public_numbers().n)
    if not isinstance(key, rsa.RSAPrivateKey):
        return None
    mask = HASHES.get(parameters.get(Tag.MASK_GENERATOR_HASHING_ALGORITHM, 0), hashes.SHA1())
    label = parameters.get(Tag.P_SOURCE)
    padded = padding.OAEP(padding.MGF1(mask), hashed, label if isinstance(label, bytes) else None)
    try:
        return key.decrypt(encrypted, padded) == plain
    except ValueError:
        return False


@cache
def private_keys() -> dict[int, rsa.RSAPrivateKey]:
    """The private RSA keys of the OAEP cases, by modulus."""
    found = {}
    for case in all_cases():
        if "OAEP" not in case.family:
            continue
        for exchange in read(case.path):
            for item in walk(exchange.request):
                if item.tag == Tag.KEY_MATERIAL and isinstance(item.value, bytes):
                    key = load(item.value)
                    if isinstance(key, rsa.RSAPrivateKey):
                        found[key.public_key().public_numbers().n] = key
    return found
