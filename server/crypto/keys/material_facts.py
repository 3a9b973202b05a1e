"""What registered key material is, told from the material itself.

Register takes keys that the server cannot compute with (a curve the library dropped, DSA of 512
bits, an opaque key), and keys whose stated length or algorithm is missing (2.1 section 3.1: "MAY be
omitted only if this information is available from the Key Value").
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from kmip.enums import CryptographicAlgorithm as A
from kmip.enums import KeyFormatType as F
from kmip.enums import ObjectType as O
from kmip.errors import KeyFormatTypeNotSupported, UnsupportedCryptographicParameters
from server.crypto.errors import InvalidKey
from server.crypto.keys.key_facts import algorithm_of, length_of, material_length
from server.crypto.keys.key_formats import load_private, load_public
from server.crypto.keys.key_types import PrivateKey, PublicKey


class MaterialFacts(NamedTuple):
    """What material is.

    Attributes:
        algorithm: as stated, else as the key has it; None where neither tells.
        length: Cryptographic Length in bits; None where nothing tells.
        key: the key, checked; None where the server cannot compute with it, or for symmetric keys
            and secrets, which are their bytes.
    """

    algorithm: A | None
    length: int | None
    key: PrivateKey | PublicKey | None


LOADERS: dict[O, Callable[[F, Any, A | None], PrivateKey | PublicKey]] = {
    O.PRIVATE_KEY: load_private,
    O.PUBLIC_KEY: load_public,
}


def material_facts(
    object_type: O, key_format: F, material: Any, algorithm: A | None = None
) -> MaterialFacts:
    """Algorithm, length and key of plain material.

    An RSA private key is checked here, which takes long (`server.crypto.costs`): afterwards it may
    be loaded as validated.

    Args:
        object_type: of the object.
        key_format: its Key Format Type.
        material: bytes or a transparent structure.
        algorithm: as the client states it, if it does.
    """
    load = LOADERS.get(object_type)
    if load is None:
        return MaterialFacts(algorithm, material_length(material), None)
    try:
        key = load(key_format, material, algorithm)
    except (InvalidKey, KeyFormatTypeNotSupported, UnsupportedCryptographicParameters):
        return MaterialFacts(algorithm, material_length(material), None)
    return MaterialFacts(algorithm or algorithm_of(key), length_of(key), key)
