"""The verbs on data: encrypt, decrypt, sign, verify-signature. The key does not leave the server.

What is encrypted by a symmetric key is one file: the IV, the ciphertext, and with GCM the tag (16
bytes), in this order and with nothing around them, as `ckms` has it. GCM's IV has 12 bytes, CBC's
16 (NIST SP 800-38D, SP 800-38A with the padding of PKCS#7). The server chooses it.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from kmip.cryptographic_parameters import CryptographicParameters
from kmip.enums import (
    BlockCipherMode,
    DigitalSignatureAlgorithm,
    HashingAlgorithm,
    MaskGenerator,
    Operation,
    PaddingMethod,
    ValidityIndicator,
)
from server.commands import say
from server.commands.verbs.verb import (
    FILE,
    KEY_ID,
    MAX_DATA_BYTES,
    OUTPUT,
    Argument,
    Verb,
    argument,
    of_key,
    read_data,
    write_output,
)
from server.setup.failure import Failure


class Mode(NamedTuple):
    """How a file is encrypted by a symmetric key.

    Attributes:
        parameters: as the server is told of it.
        iv_bytes: at the beginning of the file.
        tag_bytes: at its end.
    """

    parameters: CryptographicParameters
    iv_bytes: int
    tag_bytes: int


MODES: Final[dict[str, Mode]] = {
    "aes-gcm": Mode(
        CryptographicParameters(
            block_cipher_mode=BlockCipherMode.GCM, random_iv=True, iv_length=96, tag_length=16
        ),
        12,
        16,
    ),
    "aes-cbc": Mode(
        CryptographicParameters(
            block_cipher_mode=BlockCipherMode.CBC,
            padding_method=PaddingMethod.PKCS5,
            random_iv=True,
        ),
        16,
        0,
    ),
}
ADDED_BYTES: Final = 32
"""What encryption adds at most: IV, and tag or padding."""

HASHES: Final[dict[str, HashingAlgorithm]] = {
    "sha256": HashingAlgorithm.SHA_256,
    "sha384": HashingAlgorithm.SHA_384,
    "sha512": HashingAlgorithm.SHA_512,
}
PADDINGS: Final[dict[str, PaddingMethod]] = {
    "pss": PaddingMethod.PSS,
    "pkcs1": PaddingMethod.PKCS1_V1_5,
}
SIGNATURES: Final[dict[str, DigitalSignatureAlgorithm | None]] = {
    "ecdsa-sha256": DigitalSignatureAlgorithm.ECDSA_WITH_SHA256,
    "ecdsa-sha384": DigitalSignatureAlgorithm.ECDSA_WITH_SHA384,
    "ecdsa-sha512": DigitalSignatureAlgorithm.ECDSA_WITH_SHA512,
    "eddsa": None,
}
"""Ed25519 and Ed448 have one signature each, which needs no name."""


# by a symmetric key


def _authenticated(arguments: argparse.Namespace) -> Mapping[str, Any]:
    """The additional data, where there are some."""
    if arguments.authentication_data is None:
        return {}
    if not MODES[arguments.data_encryption_algorithm].tag_bytes:
        raise Failure("Authentication data go with aes-gcm alone.")
    data = read_data(arguments.authentication_data, "The authentication data")
    return {"authenticated_encryption_additional_data": data}


def _encrypted(arguments: argparse.Namespace) -> Mapping[str, Any]:
    return {
        **of_key(arguments),
        **_authenticated(arguments),
        "cryptographic_parameters": MODES[arguments.data_encryption_algorithm].parameters,
        "data": read_data(arguments.file, "The file"),
    }


def _write_encrypted(arguments: argparse.Namespace, answer: Any) -> None:
    """Write IV, ciphertext and tag, of exactly the lengths by which they are found again."""
    mode = MODES[arguments.data_encryption_algorithm]
    iv = answer.iv_counter_nonce or b""
    tag = answer.authenticated_encryption_tag or b""
    if len(iv) != mode.iv_bytes or len(tag) != mode.tag_bytes or answer.data is None:
        raise Failure("The server encrypted in another way than it was asked to.")
    write_output(arguments.output, iv + answer.data + tag)


def _decrypted(arguments: argparse.Namespace) -> Mapping[str, Any]:
    mode = MODES[arguments.data_encryption_algorithm]
    content = read_data(arguments.file, "The file", MAX_DATA_BYTES + ADDED_BYTES)
    end = len(content) - mode.tag_bytes
    if end < mode.iv_bytes:
        raise Failure("The file is too short to have been encrypted so.")
    fields = {
        **of_key(arguments),
        **_authenticated(arguments),
        "cryptographic_parameters": mode.parameters,
        "iv_counter_nonce": content[: mode.iv_bytes],
        "data": content[mode.iv_bytes : end],
    }
    if mode.tag_bytes:
        fields["authenticated_encryption_tag"] = content[end:]
    return fields


def _write_data(arguments: argparse.Namespace, answer: Any) -> None:
    write_output(arguments.output, answer.data or b"")


# by RSA


def _oaep(arguments: argparse.Namespace) -> Mapping[str, Any]:
    """The data with OAEP, whose two hashes are one."""
    hashing = HASHES[arguments.hash]
    parameters = CryptographicParameters(
        padding_method=PaddingMethod.OAEP,
        hashing_algorithm=hashing,
        mask_generator=MaskGenerator.MGF1,
        mask_generator_hashing_algorithm=hashing,
    )
    return {
        **of_key(arguments),
        "cryptographic_parameters": parameters,
        "data": read_data(arguments.file, "The file"),
    }


# signatures


def _rsa_signature(arguments: argparse.Namespace) -> CryptographicParameters:
    padding, hashing = PADDINGS[arguments.padding], HASHES[arguments.hash]
    if padding != PaddingMethod.PSS:
        return CryptographicParameters(padding_method=padding, hashing_algorithm=hashing)
    return CryptographicParameters(
        padding_method=padding,
        hashing_algorithm=hashing,
        mask_generator=MaskGenerator.MGF1,
        mask_generator_hashing_algorithm=hashing,
    )


def _elliptic_signature(arguments: argparse.Namespace) -> CryptographicParameters | None:
    algorithm = SIGNATURES[arguments.signature_algorithm]
    if algorithm is None:
        return None
    return CryptographicParameters(digital_signature_algorithm=algorithm)


def _signed(arguments: argparse.Namespace) -> Mapping[str, Any]:
    """Data and scheme, of which each command has those arguments that its keys know."""
    is_rsa = hasattr(arguments, "padding")
    return {
        **of_key(arguments),
        "cryptographic_parameters": (
            _rsa_signature(arguments) if is_rsa else _elliptic_signature(arguments)
        ),
        "data": read_data(arguments.file, "The file"),
    }


def _to_verify(arguments: argparse.Namespace) -> Mapping[str, Any]:
    signature = read_data(arguments.signature, "The signature")
    return {**_signed(arguments), "signature_data": signature}


def _write_signature(arguments: argparse.Namespace, answer: Any) -> None:
    if not answer.signature_data:
        raise Failure("The server's answer holds no signature.")
    write_output(arguments.output, answer.signature_data)


def _say_validity(_: argparse.Namespace, answer: Any) -> None:
    if answer.validity_indicator != ValidityIndicator.VALID:
        raise Failure("The signature is not valid.")
    say("The signature is valid.")


# The table

OP = Operation
_MODE: Final = argument(
    "-d",
    "--data-encryption-algorithm",
    choices=tuple(MODES),
    default="aes-gcm",
    help="(default: aes-gcm)",
)
_AUTHENTICATED: Final = argument(
    "-a",
    "--authentication-data",
    type=Path,
    metavar="FILE",
    help="data that are authenticated with the file, and are not in it (aes-gcm)",
)
_HASH: Final = argument(
    "-s", "--hash", choices=tuple(HASHES), default="sha256", help="(default: sha256)"
)
_SIGNATURE: Final = argument("signature", type=Path, metavar="SIGNATURE", help="its file")
_PADDING: Final = argument(
    "--padding", choices=tuple(PADDINGS), default="pss", help="(default: pss)"
)
_ECDSA: Final = argument(
    "-s",
    "--signature-algorithm",
    choices=tuple(SIGNATURES),
    default="ecdsa-sha256",
    help="(default: ecdsa-sha256)",
)

_OF_CIPHER: Final = (FILE, KEY_ID, OUTPUT, _MODE, _AUTHENTICATED)


def _signing(*options: Argument) -> tuple[Verb, ...]:
    """To sign and to verify by one kind of key, with its options; `sign-verify` is ckms's word."""
    sign, verify = (FILE, KEY_ID, OUTPUT, *options), (FILE, _SIGNATURE, KEY_ID, *options)
    what = "verify the signature of a file"
    return (
        Verb(("sign",), "sign a file", OP.SIGN, sign, _signed, _write_signature),
        *(
            Verb((word,), what, OP.SIGNATURE_VERIFY, verify, _to_verify, _say_validity)
            for word in ("sign-verify", "verify-signature")
        ),
    )


SYMMETRIC: Final = (
    Verb(("encrypt",), "encrypt a file", OP.ENCRYPT, _OF_CIPHER, _encrypted, _write_encrypted),
    Verb(("decrypt",), "decrypt a file", OP.DECRYPT, _OF_CIPHER, _decrypted, _write_data),
)
_OF_OAEP: Final = (FILE, KEY_ID, OUTPUT, _HASH)
RSA: Final = (
    Verb(("encrypt",), "encrypt some bytes by OAEP", OP.ENCRYPT, _OF_OAEP, _oaep, _write_data),
    Verb(("decrypt",), "decrypt what OAEP encrypted", OP.DECRYPT, _OF_OAEP, _oaep, _write_data),
    *_signing(_PADDING, _HASH),
)
ELLIPTIC: Final = _signing(_ECDSA)
