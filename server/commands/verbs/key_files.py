"""Keys as they are in files, and as managed objects.

    raw     the bytes of a symmetric key
    pem     a private key as PKCS#8 (RFC 5958), a public one as SubjectPublicKeyInfo (RFC 5280
            section 4.1.2.7), in the text form of RFC 7468
    der     the same without the text form
    json    the managed object of KMIP, wrapped or not, in KMIP's JSON encoding

The server gives the form that is asked for (`FORMATS`), so that nothing is converted here but the
text form. A key that is protected by a password is refused: the server is the protection.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any, Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa, x448, x25519

from kmip.encodings import json
from kmip.enums import CryptographicAlgorithm, KeyFormatType, ObjectType
from kmip.errors import KMIPError
from kmip.key_block import plain_block
from kmip.objects import (
    OBJECTS,
    PrivateKey,
    PublicKey,
    SymmetricKey,
    key_block_of,
    object_type_of,
)
from kmip.structures import Structure, from_item, to_item
from server.commands.one_operation import VERSION, plain
from server.setup.failure import Failure

RAW, PEM, DER, JSON = "raw", "pem", "der", "json"

FORMATS: Final[dict[ObjectType, KeyFormatType]] = {
    ObjectType.SYMMETRIC_KEY: KeyFormatType.RAW,
    ObjectType.PRIVATE_KEY: KeyFormatType.PKCS_8,
    ObjectType.PUBLIC_KEY: KeyFormatType.X_509,
}
"""The format that the server is asked for, where a file is to have the key alone."""

LABELS: Final = {KeyFormatType.PKCS_8: "PRIVATE KEY", KeyFormatType.X_509: "PUBLIC KEY"}
"""What RFC 7468 calls the formats (sections 10 and 13)."""
LINE: Final = 64
"""Characters of a line of base64 (RFC 7468 section 2)."""

ALGORITHMS: Final[tuple[tuple[type, CryptographicAlgorithm], ...]] = (
    (rsa.RSAPrivateKey, CryptographicAlgorithm.RSA),
    (ec.EllipticCurvePrivateKey, CryptographicAlgorithm.EC),
    (ed25519.Ed25519PrivateKey, CryptographicAlgorithm.ED25519),
    (ed448.Ed448PrivateKey, CryptographicAlgorithm.ED448),
    (x25519.X25519PrivateKey, CryptographicAlgorithm.EC),
    (x448.X448PrivateKey, CryptographicAlgorithm.EC),
    (rsa.RSAPublicKey, CryptographicAlgorithm.RSA),
    (ec.EllipticCurvePublicKey, CryptographicAlgorithm.EC),
    (ed25519.Ed25519PublicKey, CryptographicAlgorithm.ED25519),
    (ed448.Ed448PublicKey, CryptographicAlgorithm.ED448),
    (x25519.X25519PublicKey, CryptographicAlgorithm.EC),
    (x448.X448PublicKey, CryptographicAlgorithm.EC),
)
"""The algorithm of each kind of key that is read from a file."""


def written(managed: Structure | None, form: str) -> bytes:
    """The bytes of a file that holds a key as the server gave it.

    Raises:
        Failure: the key is wrapped, or there is none, and the form is not `json`.
    """
    if managed is None:
        raise Failure("The server has no key material of this object.")
    if form == JSON:
        return json.encode(to_item(managed, OBJECTS[object_type_of(managed)][0], VERSION), VERSION)
    block = key_block_of(managed)
    material = None if block is None else block.key_material
    if block is None or not isinstance(material, bytes):
        raise Failure(f"The key is wrapped, or is not given as {form}; json holds it as it is.")
    if form != PEM:
        return material
    label = LABELS.get(block.key_format_type)
    if label is None:
        raise Failure(f"The server gave the key as {block.key_format_type.title}, not for PEM.")
    return _pem(material, label)


def _pem(der: bytes, label: str) -> bytes:
    """The text form of RFC 7468."""
    text = base64.b64encode(der).decode()
    lines = [text[at : at + LINE] for at in range(0, len(text), LINE)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""]).encode()


def read_symmetric(content: bytes, algorithm: CryptographicAlgorithm) -> SymmetricKey:
    """The bytes of a symmetric key as an object.

    Raises:
        Failure: there are none.
    """
    if not content:
        raise Failure("The key file is empty.")
    block = plain_block(KeyFormatType.RAW, content, algorithm, 8 * len(content))
    return SymmetricKey(key_block=block)


def read_asymmetric(content: bytes, form: str) -> PrivateKey | PublicKey:
    """A private or public key in PEM or DER as an object.

    Raises:
        Failure: it is none, is protected by a password, or of an algorithm that is not known here.
    """
    key = _loaded(content, form)
    algorithm = next((known for cls, known in ALGORITHMS if isinstance(key, cls)), None)
    if algorithm is None:
        raise Failure("The key file holds a key of an algorithm that is not taken here.")
    length = getattr(key, "key_size", None)
    if hasattr(key, "private_bytes"):
        der = key.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return PrivateKey(key_block=plain_block(KeyFormatType.PKCS_8, der, algorithm, length))
    der = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return PublicKey(key_block=plain_block(KeyFormatType.X_509, der, algorithm, length))


def _loaded(content: bytes, form: str) -> Any:
    """The key that the cryptographic library makes of a file."""
    is_pem = form == PEM
    private = serialization.load_pem_private_key if is_pem else serialization.load_der_private_key
    public = serialization.load_pem_public_key if is_pem else serialization.load_der_public_key
    try:
        return private(content, None)
    except TypeError:
        raise Failure("The key file is protected by a password; give the key without it.") from None
    except Exception:  # noqa: BLE001 - its many errors say one thing, and may tell of the key
        return _public(content, public, form)


def _public(content: bytes, load: Callable[[bytes], Any], form: str) -> Any:
    """The public key in a file that holds no private one."""
    try:
        return load(content)
    except Exception:  # noqa: BLE001 - as above
        raise Failure(f"The key file is no key in {form.upper()}.") from None


def read_object(content: bytes, kinds: tuple[ObjectType, ...]) -> Structure:
    """A key as `written` put it into a file as JSON.

    Args:
        content: of the file.
        kinds: the Object Types that are taken.

    Raises:
        Failure: it is no such object.
    """
    by_tag = {int(OBJECTS[kind][0]): OBJECTS[kind][1] for kind in kinds}
    try:
        item = json.decode(content)
        if item.tag in by_tag:
            return from_item(item, by_tag[item.tag], VERSION)
    except KMIPError as error:
        raise Failure(f"The key file is no object of KMIP in JSON: {plain(error)}.") from None
    names = " or ".join(kind.title for kind in kinds)
    raise Failure(f"The key file holds another object than {names}.")
