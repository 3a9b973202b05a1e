"""The few CBOR forms that tagged evidence needs, read strictly and written one way only.

Tagged evidence (TCG DICE, CCC interoperable RA-TLS) is a tag over an array of two byte strings,
and its claims are a map from text to byte strings. That takes five of CBOR's major types, so the
reader is a page long and can refuse everything else: indefinite lengths, heads longer than they
need be, floats, negative numbers, unordered or repeated map keys, trailing bytes. What it accepts
is therefore deterministic CBOR (RFC 8949 section 4.2.1), and `encode(decode(data)) == data`.
Certificates made by others keep to definite lengths and short heads too, but do not always sort
their map keys; `decode(..., sorted_keys=False)` reads those.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from enclave.errors import InvalidEvidence

MAX_DEPTH: Final = 4  # tag, array, byte string: evidence has three; one is left over
MAX_ITEMS: Final = 64  # entries of one array or map; our claims have about a dozen
MAX_BYTES: Final = 1 << 20  # a quote with its certificates is below 64 KiB


@dataclass(frozen=True, slots=True)
class Tagged:
    """A tag (RFC 8949 section 3.4) and the item under it."""

    tag: int
    value: "Value"


Value = int | bytes | str | Sequence["Value"] | Mapping[str, "Value"] | Tagged

_UNSIGNED, _BYTES, _TEXT, _ARRAY, _MAP, _TAG = 0, 2, 3, 4, 5, 6
_WIDTHS: Final = {24: 1, 25: 2, 26: 4, 27: 8}  # additional information → bytes of argument


def encode(value: Value) -> bytes:
    """The deterministic encoding of `value`: shortest heads, sorted map keys."""
    match value:
        case bool():
            raise TypeError("booleans have no place in evidence")
        case int():
            return _head(_UNSIGNED, value)
        case bytes():
            return _head(_BYTES, len(value)) + value
        case str():
            text = value.encode()
            return _head(_TEXT, len(text)) + text
        case Tagged():
            return _head(_TAG, value.tag) + encode(value.value)
        case Mapping():
            entries = sorted((encode(key), encode(entry)) for key, entry in value.items())
            return _head(_MAP, len(entries)) + b"".join(key + entry for key, entry in entries)
        case _:
            return _head(_ARRAY, len(value)) + b"".join(encode(entry) for entry in value)


def decode(data: bytes, *, sorted_keys: bool = True) -> Value:
    """The one item that `data` holds from its first to its last byte.

    Args:
        data: at most `MAX_BYTES` bytes.
        sorted_keys: refuse maps whose keys are not in deterministic order.

    Raises:
        InvalidEvidence: anything else than the forms named at the top of this module.
    """
    if len(data) > MAX_BYTES:
        raise InvalidEvidence("CBOR", "too long")
    value, end = _item(data, 0, MAX_DEPTH, sorted_keys)
    if end != len(data):
        raise InvalidEvidence("CBOR", "bytes follow the item")
    return value


def _head(major: int, argument: int) -> bytes:
    if not 0 <= argument < 1 << 64:
        raise ValueError("a CBOR argument is an unsigned number of 64 bits")
    if argument < 24:
        return bytes([major << 5 | argument])
    information, width = next(
        (information, width) for information, width in _WIDTHS.items() if argument < 1 << 8 * width
    )
    return bytes([major << 5 | information]) + argument.to_bytes(width, "big")


def _item(data: bytes, start: int, depth: int, sorted_keys: bool) -> tuple[Value, int]:
    if depth == 0:
        raise InvalidEvidence("CBOR", "nested too deeply")
    major, argument, at = _read_head(data, start)
    match major:
        case 0:
            return argument, at
        case 2:
            return _take(data, at, argument)
        case 3:
            text, end = _take(data, at, argument)
            try:
                return text.decode(), end
            except UnicodeDecodeError:
                raise InvalidEvidence("CBOR", "text that is not UTF-8") from None
        case 4:
            return _array(data, at, argument, depth - 1, sorted_keys)
        case 5:
            return _map(data, at, argument, depth - 1, sorted_keys)
        case 6:
            value, end = _item(data, at, depth - 1, sorted_keys)
            return Tagged(argument, value), end
        case _:
            raise InvalidEvidence("CBOR", f"major type {major} has no place in evidence")


def _read_head(data: bytes, at: int) -> tuple[int, int, int]:
    """Major type, argument, and where the content begins."""
    first, at = _take(data, at, 1)
    major, information = first[0] >> 5, first[0] & 0x1F
    if information < 24:
        return major, information, at
    if information not in _WIDTHS:
        raise InvalidEvidence("CBOR", "indefinite or reserved length")
    raw, end = _take(data, at, _WIDTHS[information])
    argument = int.from_bytes(raw, "big")
    if _head(major, argument) != data[at - 1 : end]:
        raise InvalidEvidence("CBOR", "a head longer than it need be")
    return major, argument, end


def _take(data: bytes, at: int, length: int) -> tuple[bytes, int]:
    if length > len(data) - at:
        raise InvalidEvidence("CBOR", "ends too early")
    return data[at : at + length], at + length


def _array(
    data: bytes, at: int, count: int, depth: int, sorted_keys: bool
) -> tuple[list[Value], int]:
    values = []
    for _ in range(_bounded(count)):
        value, at = _item(data, at, depth, sorted_keys)
        values.append(value)
    return values, at


def _map(
    data: bytes, at: int, count: int, depth: int, sorted_keys: bool
) -> tuple[dict[str, Value], int]:
    values: dict[str, Value] = {}
    last = b""
    for _ in range(_bounded(count)):
        start = at
        key, at = _item(data, at, depth, sorted_keys)
        if not isinstance(key, str) or key in values:
            raise InvalidEvidence("CBOR", "a map key that is not text, or is repeated")
        if sorted_keys and data[start:at] <= last:
            raise InvalidEvidence("CBOR", "map keys out of order")
        last = data[start:at]
        values[key], at = _item(data, at, depth, sorted_keys)
    return values, at


def _bounded(count: int) -> int:
    if count > MAX_ITEMS:
        raise InvalidEvidence("CBOR", "too many entries")
    return count
