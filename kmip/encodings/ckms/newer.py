"""What the newer dialect has in its own way: spellings, and fields that KMIP does not have.

It writes names without the marks that the specification has in them (`SHA256`, `P256`, `RSASSAPSS`,
`Qlength`), and reads no other; masks and intervals are numbers. A few requests have a field more,
or one under another tag:

    Revoke, Destroy  Cascade, and the type that is expected: only what is named is revoked or
                     destroyed here, whatever it is
    Derive Key       Object Unique Identifier, for Unique Identifier
    Import           an empty Unique Identifier: it is a Register then, as the server is to choose
    Certify          every name of subject and issuer, empty where there is none; the days of
                     validity as a vendor attribute
    Create Key Pair  the private key's Key Format Type and Object Type among the public one's
    Encrypt, …       CBC without a Padding Method, which means PKCS5
    Sign, …          no Cryptographic Parameters, which means SHA-256, and PSS with RSA

Source: requests as `ckms` 5.28 sends them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from kmip.encodings.ckms.nodes import Node, children, enumeration, fields, mapped
from kmip.encodings.literals import LONG_INTEGER, TAG_OF
from kmip.enums import ENUMERATION_OF, Operation
from kmip.errors import FeatureNotSupported
from kmip.masks import MASK_OF, NAMES


def plain(name: str) -> str:
    """A name without what its spellings differ in."""
    return "".join(each for each in name.lower() if each.isalnum())


_TAGS: Final = {plain(name): name for name in TAG_OF}
_OF_TAG: Final = {tag.names[0]: members for tag, members in ENUMERATION_OF.items()}
_VALUES: Final[Mapping[str, Mapping[str, str]]] = {
    tag: {plain(name): name for member in members for name in member.names}
    for tag, members in _OF_TAG.items()
}
_BITS: Final[Mapping[str, Mapping[str, int]]] = {
    tag.names[0]: NAMES[mask] for tag, mask in MASK_OF.items()
}
_OTHER_NAMES: Final[Mapping[str, str]] = {"THREE_DES": "3DES", "DES3": "3DES"}
_SPELT: Final[Mapping[str, str]] = {
    "3DES": "THREE_DES",
    "DestroyedCompromised": "Destroyed_Compromised",
    "GroupMemberDefault": "Group_Member_Default",
    "GroupMemberFresh": "Group_Member_Fresh",
}
"""Names that this dialect spells with marks, or otherwise."""
_NUMBERED: Final = frozenset({"UnwrapMode"})
"""Enumerations that this dialect reads by number only."""
_UNREAD: Final = frozenset({"ProtectionStorageMasks"})
"""What this dialect cannot read at all."""
_INTERVALS: Final = frozenset({"RotateInterval", "RotateOffset"})
"""Seconds, which this dialect has as Long Integers."""
_FOREIGN: Final[Mapping[Operation, frozenset[str]]] = {
    Operation.REVOKE: frozenset({"Cascade"}),
    Operation.DESTROY: frozenset({"Cascade", "ExpectedObjectType"}),
}
_SIGNING: Final[Node] = {
    "tag": "CryptographicParameters",
    "value": [enumeration("HashingAlgorithm", "SHA_256"), enumeration("PaddingMethod", "PSS")],
}
"""How this dialect expects to sign where it does not say how: padded so only by RSA."""
_NAMES: Final = ("CertificateSubject", "CertificateIssuer")
_PAIR_ATTRIBUTES: Final = frozenset(
    {"CommonAttributes", "PrivateKeyAttributes", "PublicKeyAttributes"}
)
_ONCE: Final = frozenset({"Digest"})
"""Attributes of which this dialect reads one value only."""


def read(root: Node, operation: Operation) -> tuple[Operation, Node]:
    """A request as KMIP would have it, and its operation."""
    made: Node = {**mapped(root, _respelled), "tag": root["tag"]}
    foreign = _FOREIGN.get(operation, frozenset())
    made["value"] = [each for each in children(made) if _tag(each) not in foreign]
    match operation:
        case Operation.DERIVE_KEY:
            for each in children(made):
                if _tag(each) == "ObjectUniqueIdentifier":
                    each["tag"] = "UniqueIdentifier"
        case Operation.IMPORT if fields(made).get("UniqueIdentifier") == "":
            operation = Operation.REGISTER
            left = {"UniqueIdentifier", "ReplaceExisting", "KeyWrapType"}
            made["value"] = [each for each in children(made) if _tag(each) not in left]
            _leave_out(made, {"Attributes"}, {"UniqueIdentifier"})
        case Operation.CREATE_KEY_PAIR:
            _leave_out(made, _PAIR_ATTRIBUTES, {"KeyFormatType", "ObjectType"})
        case Operation.ENCRYPT | Operation.DECRYPT:
            _pad(made)
        case Operation.SIGN | Operation.SIGNATURE_VERIFY:
            if "CryptographicParameters" not in fields(made):
                made["value"] = [*children(made), _SIGNING]
        case Operation.CERTIFY:
            _certify(made)
        case _:
            pass
    return operation, made


def _tag(node: Any) -> str:
    return str(node.get("tag")) if isinstance(node, dict) else ""


def _respelled(nodes: list[Any]) -> list[Any]:
    made = [_as_kmip(node) if isinstance(node, dict) else node for node in nodes]
    return [node for node in made if not _is_empty_name(node)]


def _is_empty_name(node: Any) -> bool:
    """Whether an item is a part of a certificate's names of which there is none."""
    return _tag(node).startswith(_NAMES) and node.get("value") == ""


def _as_kmip(node: Node) -> Node:
    """An item with its tag and its value under the names of the specification."""
    tag, value = node.get("tag"), node.get("value")
    if not isinstance(tag, str):
        return node
    if tag not in TAG_OF:
        tag = _TAGS.get(plain(tag), tag)
    if node.get("type") == "Enumeration" and isinstance(value, str):
        value = _OTHER_NAMES.get(value, value)
        value = _VALUES.get(tag, {}).get(plain(value), value)
    kind = node.get("type")
    if tag in _INTERVALS and kind == "LongInteger":
        kind = "Interval"
        if isinstance(value, str) and value.startswith("0x00000000"):
            value = "0x" + value[10:]
    return {**node, "tag": tag, **({"type": kind} if kind else {}), "value": value}


def _certify(payload: Node) -> None:
    """The names of a certificate as attributes of their own, as 2.1 has them.

    Raises:
        FeatureNotSupported: an authority other than the server's is to certify.
    """
    for each in children(payload):
        if _tag(each) != "Attributes":
            continue
        inner: list[Any] = []
        for one in children(each):
            if _tag(one) == "Link":
                raise FeatureNotSupported("certificates are issued by the server's authority only")
            inner += children(one) if _tag(one) == "CertificateAttributes" else [one]
        each["value"] = inner
    _leave_out(payload, {"Attributes"}, {"ObjectType"})


def _leave_out(payload: Node, within: Collection[str], tags: Collection[str]) -> None:
    """Leave out what some structures of a payload have under some tags."""
    for each in children(payload):
        if _tag(each) in within:
            each["value"] = [one for one in children(each) if _tag(one) not in tags]


def _pad(payload: Node) -> None:
    """Say how CBC is padded, where a request does not."""
    for each in children(payload):
        found = fields(each)
        if (
            _tag(each) == "CryptographicParameters"
            and found.get("BlockCipherMode") == "CBC"
            and "PaddingMethod" not in found
        ):
            each["value"] = [*children(each), enumeration("PaddingMethod", "PKCS5")]


def write(nodes: list[Any]) -> list[Any]:
    """What is in a structure of an answer, in this dialect's words, equal tags together."""
    by_tag: dict[str, list[Node]] = {}
    for node in nodes:
        if node["tag"] in _UNREAD:
            continue
        found = by_tag.setdefault(node["tag"], [])
        if not found or node["tag"] not in _ONCE:
            found.append(_written(node))
    return [node for found in by_tag.values() for node in found]


def _written(node: Node) -> Node:
    kind, value, tag = node.get("type"), node.get("value"), node["tag"]
    if tag in _NUMBERED and isinstance(value, str):
        member = next(one for one in _OF_TAG[tag] if value in one.names)
        return {**node, "value": f"0x{member:08X}"}
    if kind == "Enumeration" and isinstance(value, str):
        return {**node, "value": _unmarked(value)}
    if kind == "Integer" and isinstance(value, str):
        return {**node, "value": _number(_BITS.get(tag, {}), value)}
    if tag in _INTERVALS and isinstance(value, int):
        number = "0x" + LONG_INTEGER.hexadecimal(value)[2:].upper()
        return {**node, "type": "LongInteger", "value": number}
    return node


def _unmarked(name: str) -> str:
    if name.startswith("0x"):
        return name
    bare = name.replace("_", "").replace("-", "")
    return _SPELT.get(bare, bare)


def _number(bits: Mapping[str, int], names: str) -> int:
    """The number of a mask that is written by names."""
    number = 0
    for word in names.replace("|", " ").split():
        number |= bits[word] if word in bits else int(word, 16)
    return number - (number >> 31 << 32)
