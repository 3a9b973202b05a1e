"""The verbs on keys themselves: create, export, import, activate, re-key, revoke, destroy.

A key is Active from its beginning, by the clock of this machine; with `--pre-active` it waits for
`activate`. The halves of a pair are two objects, revoked and destroyed one by one.
"""

from __future__ import annotations

import argparse
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from kmip.attribute_values import Name, RevocationReason
from kmip.attributes import AttributeName, Attributes, VendorAttributeName
from kmip.cryptographic_parameters import CryptographicDomainParameters
from kmip.enums import (
    CryptographicAlgorithm,
    ItemType,
    ObjectType,
    Operation,
    RecommendedCurve,
    RevocationReasonCode,
)
from kmip.items import Item
from kmip.masks import CryptographicUsageMask as Mask
from kmip.objects import object_type_of
from kmip.tags import Tag
from server.commands import say
from server.commands.one_operation import plain
from server.commands.verbs import key_files
from server.commands.verbs.verb import (
    FILE,
    KEY_ID,
    Argument,
    Verb,
    argument,
    of_key,
    read_data,
    say_identifier,
    write_output,
)

Pairs = list[tuple[AttributeName, Any]]

TAG: Final = VendorAttributeName("cosmian", "tag")
"""The vendor attribute that is a tag of an object, one value for each."""

ALGORITHMS: Final[dict[str, CryptographicAlgorithm]] = {
    "aes": CryptographicAlgorithm.AES,
    "chacha20": CryptographicAlgorithm.CHACHA20,
    "chacha20-poly1305": CryptographicAlgorithm.CHACHA20POLY1305,
    "hmac-sha256": CryptographicAlgorithm.HMAC_SHA256,
    "hmac-sha384": CryptographicAlgorithm.HMAC_SHA384,
    "hmac-sha512": CryptographicAlgorithm.HMAC_SHA512,
}
CURVES: Final[dict[str, tuple[CryptographicAlgorithm, RecommendedCurve | None]]] = {
    "nist-p256": (CryptographicAlgorithm.EC, RecommendedCurve.P_256),
    "nist-p384": (CryptographicAlgorithm.EC, RecommendedCurve.P_384),
    "nist-p521": (CryptographicAlgorithm.EC, RecommendedCurve.P_521),
    "ed25519": (CryptographicAlgorithm.ED25519, None),
    "ed448": (CryptographicAlgorithm.ED448, None),
}
"""The algorithm and the curve of keys that sign."""

USAGES: Final = {
    "encrypt": Mask.ENCRYPT,
    "decrypt": Mask.DECRYPT,
    "sign": Mask.SIGN,
    "verify": Mask.VERIFY,
    "wrap": Mask.WRAP_KEY,
    "unwrap": Mask.UNWRAP_KEY,
    "mac": Mask.MAC_GENERATE,
    "mac-verify": Mask.MAC_VERIFY,
    "derive": Mask.DERIVE_KEY,
    "agree": Mask.KEY_AGREEMENT,
}
CIPHER: Final = Mask.ENCRYPT | Mask.DECRYPT | Mask.WRAP_KEY | Mask.UNWRAP_KEY
MAC: Final = Mask.MAC_GENERATE | Mask.MAC_VERIFY
PRIVATE_RSA: Final = Mask.SIGN | Mask.DECRYPT | Mask.UNWRAP_KEY
PUBLIC_RSA: Final = Mask.VERIFY | Mask.ENCRYPT | Mask.WRAP_KEY
_MACS: Final = frozenset(one for name, one in ALGORITHMS.items() if name.startswith("hmac"))

REASONS: Final = {
    code.name.lower().replace("_", "-"): code
    for code in RevocationReasonCode
    if code.name.isupper()
}
COMPROMISES: Final = frozenset(
    {RevocationReasonCode.KEY_COMPROMISE, RevocationReasonCode.CA_COMPROMISE}
)

TAGS: Final = argument("-t", "--tag", action="append", default=[], help="a tag; may be repeated")
NAME: Final = argument("--name", help="the key's Name")
PRE_ACTIVE: Final = argument(
    "--pre-active", action="store_true", help="not to be used before it is activated"
)
SENSITIVE: Final = argument(
    "--sensitive", action="store_true", help="never to be given out unless wrapped"
)
USAGE: Final = argument(
    "--key-usage",
    action="append",
    choices=tuple(USAGES),
    help="what it is for; may be repeated (default: what its algorithm is for)",
)
_ALGORITHM: Final = argument(
    "-a", "--algorithm", choices=tuple(ALGORITHMS), default="aes", help="(default: aes)"
)
_MADE: Final = (TAGS, NAME, PRE_ACTIVE, SENSITIVE)


def _now() -> int:
    """Seconds since 1970."""
    return int(datetime.now(UTC).timestamp())


def _described(arguments: argparse.Namespace) -> Pairs:
    """The attributes that any new key has by what was typed."""
    pairs: Pairs = [(TAG, text_value(text)) for text in arguments.tag]
    if arguments.name is not None:
        pairs.append((Tag.NAME, Name(name_value=arguments.name)))
    if not arguments.pre_active:
        pairs.append((Tag.ACTIVATION_DATE, _now()))
    if arguments.sensitive:
        pairs.append((Tag.SENSITIVE, True))
    return pairs


def text_value(text: str) -> Item:
    """A text as the value of a vendor attribute."""
    return Item(Tag.ATTRIBUTE_VALUE, ItemType.TEXT_STRING, text)


def _usage(arguments: argparse.Namespace, usual: Mask) -> tuple[AttributeName, Mask]:
    """The usage mask, as typed or as usual."""
    typed = Mask(0)
    for name in arguments.key_usage or ():
        typed |= USAGES[name]
    return Tag.CRYPTOGRAPHIC_USAGE_MASK, typed or usual


# create


def _symmetric(arguments: argparse.Namespace) -> Mapping[str, Any]:
    algorithm = ALGORITHMS[arguments.algorithm]
    attributes = Attributes(
        [
            *_described(arguments),
            (Tag.CRYPTOGRAPHIC_ALGORITHM, algorithm),
            (Tag.CRYPTOGRAPHIC_LENGTH, arguments.number_of_bits),
            _usage(arguments, MAC if algorithm in _MACS else CIPHER),
        ]
    )
    return {"object_type": ObjectType.SYMMETRIC_KEY, "attributes": attributes}


def _rsa_pair(arguments: argparse.Namespace) -> Mapping[str, Any]:
    common: Pairs = [
        (Tag.CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm.RSA),
        (Tag.CRYPTOGRAPHIC_LENGTH, arguments.number_of_bits),
    ]
    return _pair(arguments, common, PRIVATE_RSA, PUBLIC_RSA)


def _elliptic_pair(arguments: argparse.Namespace) -> Mapping[str, Any]:
    algorithm, curve = CURVES[arguments.curve]
    common: Pairs = [(Tag.CRYPTOGRAPHIC_ALGORITHM, algorithm)]
    if curve is not None:
        domain = CryptographicDomainParameters(recommended_curve=curve)
        common.append((Tag.CRYPTOGRAPHIC_DOMAIN_PARAMETERS, domain))
    return _pair(arguments, common, Mask.SIGN, Mask.VERIFY)


def _pair(
    arguments: argparse.Namespace, common: Pairs, private: Mask, public: Mask
) -> Mapping[str, Any]:
    """The fields that make a pair; what is Sensitive, and the Name, is the private key's alone."""
    own = [pair for pair in _described(arguments) if pair[0] in (Tag.SENSITIVE, Tag.NAME)]
    shared = [pair for pair in _described(arguments) if pair[0] not in (Tag.SENSITIVE, Tag.NAME)]
    mask = Tag.CRYPTOGRAPHIC_USAGE_MASK
    return {
        "common_attributes": Attributes([*common, *shared]),
        "private_key_attributes": Attributes([*own, (mask, private)]),
        "public_key_attributes": Attributes([(mask, public)]),
    }


def _say_pair(_: argparse.Namespace, answer: Any) -> None:
    say(f"private {plain(answer.private_key_unique_identifier)}")
    say(f"public  {plain(answer.public_key_unique_identifier)}")


# export and import


def _exported(arguments: argparse.Namespace) -> Mapping[str, Any]:
    if arguments.key_format == key_files.JSON:
        return of_key(arguments)
    if arguments.key_format == key_files.RAW:
        kind = ObjectType.SYMMETRIC_KEY
    else:
        kind = ObjectType.PUBLIC_KEY if arguments.public else ObjectType.PRIVATE_KEY
    return {**of_key(arguments), "key_format_type": key_files.FORMATS[kind]}


def _write_key(arguments: argparse.Namespace, answer: Any) -> None:
    write_output(arguments.output, key_files.written(answer.object, arguments.key_format))


def _imported(arguments: argparse.Namespace) -> Mapping[str, Any]:
    content = read_data(arguments.file, "The key file")
    if arguments.key_format == key_files.JSON:
        managed = key_files.read_object(content, tuple(key_files.FORMATS))
    elif arguments.key_format == key_files.RAW:
        managed = key_files.read_symmetric(content, ALGORITHMS[arguments.algorithm])
    else:
        managed = key_files.read_asymmetric(content, arguments.key_format)
    kind = object_type_of(managed)
    algorithm = managed.key_block.cryptographic_algorithm  # type: ignore[attr-defined]  # all have one
    usual = _usual(kind, algorithm)
    return {
        "unique_identifier": arguments.key_id or str(uuid.uuid4()),
        "object_type": kind,
        "replace_existing": arguments.replace_existing or None,
        "attributes": Attributes([*_described(arguments), _usage(arguments, usual)]),
        "object": managed,
    }


def _usual(kind: ObjectType, algorithm: CryptographicAlgorithm | None) -> Mask:
    """What an imported key is for, where nobody says."""
    if kind == ObjectType.SYMMETRIC_KEY:
        return MAC if algorithm in _MACS else CIPHER
    is_private = kind == ObjectType.PRIVATE_KEY
    if algorithm == CryptographicAlgorithm.RSA:
        return PRIVATE_RSA if is_private else PUBLIC_RSA
    return Mask.SIGN if is_private else Mask.VERIFY


# the end of a key


def _revoked(arguments: argparse.Namespace) -> Mapping[str, Any]:
    code = REASONS[arguments.reason_code]
    reason = RevocationReason(revocation_reason_code=code, revocation_message=arguments.reason)
    fields = {**of_key(arguments), "revocation_reason": reason}
    if code in COMPROMISES:
        fields["compromise_occurrence_date"] = _now()
    return fields


# The table

OP = Operation


def _forms(*forms: str) -> Argument:
    return argument(
        "-f", "--key-format", choices=forms, default=forms[0], help=f"(default: {forms[0]})"
    )


_TO: Final = argument("output", type=Path, metavar="FILE", help="a new file; - is standard output")
_PUBLIC: Final = argument("--public", action="store_true", help="it is the public key")
_IMPORT: Final = (
    FILE,
    argument("key_id", nargs="?", metavar="ID", help="its identifier (default: a new one)"),
    *_MADE,
    USAGE,
    argument("-r", "--replace-existing", action="store_true", help="in place of what has the ID"),
)


def _import(*more: Argument) -> Verb:
    return Verb(
        ("keys", "import"),
        "bring a key from a file",
        OP.IMPORT,
        (*_IMPORT, *more),
        _imported,
        say_identifier,
    )


def _export(*more: Argument) -> Verb:
    return Verb(
        ("keys", "export"),
        "write a key to a file",
        OP.GET,
        (_TO, KEY_ID, *more),
        _exported,
        _write_key,
    )


_ENDS: Final = (
    Verb(
        ("keys", "activate"),
        "let a key be used",
        OP.ACTIVATE,
        (KEY_ID,),
        of_key,
        say_identifier,
    ),
    Verb(
        ("keys", "revoke"),
        "let a key be used no longer, or say that it is compromised",
        OP.REVOKE,
        (
            argument("reason", help="why, as a text"),
            KEY_ID,
            argument(
                "--reason-code",
                choices=tuple(REASONS),
                default="unspecified",
                help="why, as KMIP calls it (default: unspecified)",
            ),
        ),
        _revoked,
        say_identifier,
    ),
    Verb(
        ("keys", "destroy"),
        "delete a key's material, once it is revoked",
        OP.DESTROY,
        (KEY_ID,),
        of_key,
        say_identifier,
    ),
)
_RE_KEY_PAIR: Final = Verb(
    ("keys", "re-key"),
    "make a pair that takes the place of one",
    OP.REKEY_KEY_PAIR,
    (argument("-k", "--key-id", required=True, metavar="ID", help="the private key"),),
    lambda arguments: {"private_key_unique_identifier": arguments.key_id},
    _say_pair,
)

SYMMETRIC: Final = (
    Verb(
        ("keys", "create"),
        "make a key",
        OP.CREATE,
        (
            argument("-l", "--number-of-bits", type=int, default=256, help="(default: 256)"),
            _ALGORITHM,
            *_MADE,
            USAGE,
        ),
        _symmetric,
        say_identifier,
    ),
    _export(_forms(key_files.RAW, key_files.JSON)),
    _import(_forms(key_files.RAW, key_files.JSON), _ALGORITHM),
    Verb(
        ("keys", "re-key"),
        "make a key that takes the place of one",
        OP.REKEY,
        (KEY_ID,),
        of_key,
        say_identifier,
    ),
    *_ENDS,
)
_PAIR_FORMS: Final = _forms(key_files.PEM, key_files.DER, key_files.JSON)
_PAIR: Final = (_export(_PAIR_FORMS, _PUBLIC), _import(_PAIR_FORMS), _RE_KEY_PAIR, *_ENDS)
RSA: Final = (
    Verb(
        ("keys", "create"),
        "make a pair of keys",
        OP.CREATE_KEY_PAIR,
        (
            argument("-l", "--number-of-bits", type=int, default=4096, help="(default: 4096)"),
            *_MADE,
        ),
        _rsa_pair,
        _say_pair,
    ),
    *_PAIR,
)
ELLIPTIC: Final = (
    Verb(
        ("keys", "create"),
        "make a pair of keys that sign",
        OP.CREATE_KEY_PAIR,
        (
            argument(
                "-c",
                "--curve",
                choices=tuple(CURVES),
                default="nist-p256",
                help="(default: nist-p256)",
            ),
            *_MADE,
        ),
        _elliptic_pair,
        _say_pair,
    ),
    *_PAIR,
)
