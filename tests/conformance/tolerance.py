"""How far bytes may differ from the printed ones (R2, R7, R9, R15), and what must hold then.

Keys that the server made are its own, and so is what was computed with them. Outputs of operations
that are random by nature differ each time, but a signature must verify and a cipher text decrypt.
"""

from enum import Enum

from kmip.enums import BlockCipherMode, CryptographicAlgorithm, Operation, PaddingMethod
from kmip.items import Item, tag_name
from kmip.tags import Tag
from tests.conformance import outputs
from tests.conformance.case_state import CaseState, parameters_of
from tests.conformance.difference import Place, different
from tests.conformance.parts import name_of, value_of

REPEATABLE = {Operation.HASH, Operation.SIGNATURE_VERIFY, Operation.MAC_VERIFY}
CURVES = {"EC", "ECDSA", "ECDH", "DSA"}
OPAQUE_MATERIAL = (Tag.SYMMETRIC_KEY, Tag.SPLIT_KEY, Tag.SECRET_DATA)
OUTPUTS = {
    Tag.DATA,
    Tag.SIGNATURE_DATA,
    Tag.MAC_DATA,
    Tag.IV_COUNTER_NONCE,
    Tag.AUTHENTICATED_ENCRYPTION_TAG,
}


class Tolerance(Enum):
    """How far a value may differ from the printed one."""

    NONE = "equal"
    LENGTH = "of the same length"
    VALUE = "not empty"


def is_from_client(known: CaseState, place: Place) -> bool:
    """Whether the client gave the material of the object that is asked about."""
    about = known.object(place.identifier)
    return about is not None and about.is_from_client


def tolerance(known: CaseState, expected: Item, place: Place) -> Tolerance:
    """How far a value may differ from the printed one."""
    tag, path, from_client = expected.tag, place.path, is_from_client(known, place)
    if tag in (Tag.PKCS_11_OUTPUT_PARAMETERS, Tag.DIGEST_VALUE):
        return Tolerance.VALUE
    if tag == Tag.SHORT_UNIQUE_IDENTIFIER:
        return Tolerance.LENGTH
    if tag == Tag.CERTIFICATE_VALUE:
        return Tolerance.NONE if from_client else Tolerance.VALUE
    if "/KeyValue" in path:
        return _of_key(known, place, from_client=from_client)
    if tag in OUTPUTS:
        return _of_output(known, expected, place, from_client=from_client)
    return Tolerance.NONE


def _of_key(known: CaseState, place: Place, *, from_client: bool) -> Tolerance:
    """R7."""
    if not from_client:
        plain = any(f"/{tag_name(tag)}/" in place.path for tag in OPAQUE_MATERIAL)
        return Tolerance.LENGTH if plain else Tolerance.VALUE
    wrapping = place.request.first(Tag.KEY_WRAPPING_SPECIFICATION)
    key = wrapping.first(Tag.ENCRYPTION_KEY_INFORMATION) if wrapping else None
    if wrapping is None or key is None or not place.path.endswith("/KeyValue"):
        return Tolerance.NONE
    wrapper = known.object(value_of(key, Tag.UNIQUE_IDENTIFIER))
    mode = parameters_of(wrapping).get(Tag.BLOCK_CIPHER_MODE, BlockCipherMode.NISTKEYWRAP)
    repeatable = (
        wrapper is not None and wrapper.is_from_client and mode == BlockCipherMode.NISTKEYWRAP
    )
    return Tolerance.NONE if repeatable else Tolerance.LENGTH


def _of_output(known: CaseState, expected: Item, place: Place, *, from_client: bool) -> Tolerance:
    """R9."""
    operation = place.operation
    if operation == Operation.RNG_RETRIEVE:
        return Tolerance.LENGTH
    if operation in REPEATABLE:
        return Tolerance.NONE
    if operation == Operation.DECRYPT:
        own = from_client or (expected.type, expected.value) in known.requested
        return Tolerance.NONE if own else Tolerance.LENGTH
    if not from_client:
        return Tolerance.VALUE if operation == Operation.SIGN else Tolerance.LENGTH
    about = known.object(place.identifier)
    parameters = {**(about.parameters if about else {}), **parameters_of(place.request)}
    padded = parameters.get(Tag.PADDING_METHOD)
    algorithm = parameters.get(Tag.CRYPTOGRAPHIC_ALGORITHM)
    if operation == Operation.ENCRYPT:
        is_random = parameters.get(Tag.RANDOM_IV) or expected.tag == Tag.IV_COUNTER_NONCE
        is_rsa = algorithm == CryptographicAlgorithm.RSA and padded != PaddingMethod.NONE
        return Tolerance.LENGTH if is_random or is_rsa else Tolerance.NONE
    if operation == Operation.SIGN:
        named = name_of(Tag.DIGITAL_SIGNATURE_ALGORITHM, parameters)
        if "DSA" in named or name_of(Tag.CRYPTOGRAPHIC_ALGORITHM, parameters) in CURVES:
            return Tolerance.VALUE
        return Tolerance.LENGTH if padded == PaddingMethod.PSS or "PSS" in named else Tolerance.NONE
    return Tolerance.NONE


def check_output(known: CaseState, expected: Item, got: Item, place: Place) -> None:
    """R9: what is random must still be right."""
    about = known.object(place.identifier)
    if about is None or not about.is_from_client or not isinstance(got.value, bytes):
        return
    parameters = about.parameters
    if stated := place.request.first(Tag.CRYPTOGRAPHIC_PARAMETERS):
        kept = {Tag.KEY_MATERIAL, Tag.CRYPTOGRAPHIC_ALGORITHM}
        parameters = {tag: value for tag, value in parameters.items() if tag in kept}
        parameters.update(parameters_of(stated))
    data, digested = (value_of(place.request, tag) for tag in (Tag.DATA, Tag.DIGESTED_DATA))
    plain = data if isinstance(data, bytes) else b""
    holds: bool | None = None
    if place.operation == Operation.SIGN and expected.tag == Tag.SIGNATURE_DATA:
        begun = about.signed if place.request.first(Tag.CORRELATION_VALUE) else b""
        digest = digested if isinstance(digested, bytes) else None
        holds = outputs.signature_holds(parameters, begun + plain, digest, got.value)
    elif place.operation == Operation.ENCRYPT and expected.tag == Tag.DATA:
        holds = outputs.oaep_holds(parameters, plain, got.value)
    if holds is False:
        raise different(place.path, "an output that holds with the registered key", got)
