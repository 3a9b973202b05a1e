"""Values as text: what the XML and JSON encodings have in common.

    type                   written            also read
    INTEGER                -12                0xFFFFFFF4; a mask as Encrypt Decrypt or Encrypt|0x8
    LONG_INTEGER           -12                0xFFFFFFFFFFFFFFF4
    BIG_INTEGER            00FF...            with 0x before it
    ENUMERATION            AES, 0x8000000A
    BOOLEAN                true               1, 0x0000000000000001
    BYTE_STRING            00FF
    DATE_TIME              ISO 8601 in UTC    another zone, a fraction (cut), 0x00000000386D4380,
                                              more than four digits of a year, 24:00:00
    INTERVAL               12                 0x0000000C
    DATE_TIME_EXTENDED     ISO 8601 with six digits of a second, or 0x as above
    texts                  themselves

Theory: an enumeration and a mask are written with names, and which names depends on what the value
is about: on its tag, or, for an Attribute Value of 1.x, on the attribute that the Attribute Name
before it names. `about` is that tag; where it has no names the value is written as a number, so
that what was written is always read back. Names are read whatever version they are of, and written
as one version has them. A date beyond the years 1 to 9999 is written as a number too. Every
reader takes any text and raises `InvalidMessage`, without the text in it.

Source: KMIP Additional Message Encodings 1.0 sections 4.1 and 6.1; KMIP Profiles 2.1 section 5; XML
Schema 1.1 Part 2 section 3.3.7 (dates: years as long as they are, year 0, midnight as 24:00:00).
"""

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, NamedTuple

from kmip.encodings.ttlv import STANDARD_TAGS
from kmip.enums import ENUMERATION_OF, ItemType
from kmip.errors import InvalidMessage
from kmip.items import Item, Value, is_extension_tag
from kmip.masks import MASK_OF, NAMES
from kmip.tags import WORDS, Tag
from kmip.versions import V1_0, ProtocolVersion
from kmip.vocabulary import Named

MAX_BYTES: Final = 1 << 25
"""Bytes of one message as text, read or written: 32 times the binary limit of 1 MiB. A key takes
two digits a byte, small items up to 12 times their bytes, and a mask with names for all of its bits
25 times; so whatever a server may send is written, and is read back by the same codec. How much of
that is received at all is up to whoever receives it."""

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
DAY: Final = timedelta(days=1)
SECOND: Final = timedelta(seconds=1)
MICROSECOND: Final = timedelta(microseconds=1)

TAG_OF: Final[dict[str, int]] = {name: int(tag) for tag in Tag for name in tag.names}
"""The tag that a name of the text encodings means."""
TYPE_OF: Final[dict[str, int]] = {name: int(kind) for kind in ItemType for name in kind.names}
"""The item type that a name of the text encodings means."""

_ATTRIBUTES: Final[dict[str, int]] = {words: int(tag) for tag, words in WORDS.items()}
_ENUMERATIONS: Final[dict[Tag, type[Named]]] = {
    **ENUMERATION_OF,
    Tag.ATTRIBUTE_REFERENCE: Tag,  # 2.0 section 11: an attribute is referred to by its tag
    Tag.TAG: Tag,
}
_VALUE_OF: Final[dict[int, dict[str, int]]] = {
    int(tag): {name: int(member) for member in kind for name in member.names}
    for tag, kind in _ENUMERATIONS.items()
}
_MEMBER_OF: Final[dict[int, dict[int, Named]]] = {
    int(tag): {int(member): member for member in kind if member.names}
    for tag, kind in _ENUMERATIONS.items()
}
_BIT_OF: Final[dict[int, dict[str, int]]] = {int(tag): NAMES[mask] for tag, mask in MASK_OF.items()}

_DECIMAL: Final = re.compile(r"[+-]?[0-9]{1,20}")
_HEXADECIMAL: Final = re.compile(r"0[xX]([0-9A-Fa-f]{1,16})")
_TAG: Final = re.compile(r"0[xX]([0-9A-Fa-f]{6})")
_DATE: Final = re.compile(
    r"(-?(?:[1-9][0-9]{4,11}|[0-9]{4}))-([0-9]{2})-([0-9]{2})"  # 12 digits: what 64 bits can hold
    r"T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?"
    r"(?:Z|([+-])([0-9]{2}):([0-9]{2}))?"
)
_CYCLE_YEARS: Final = 400
_CYCLE_DAYS: Final = 146_097
"""After so many years and days the calendar begins again."""
_MAX_ZONE: Final = timedelta(hours=14)
_BOOLEANS: Final = {
    "true": True,
    "1": True,
    "0x0000000000000001": True,
    "false": False,
    "0": False,
    "0x0000000000000000": False,
}


class Number(NamedTuple):
    """How wide a number is: `bits`, and whether it has a sign."""

    bits: int
    signed: bool = True

    def check(self, number: int) -> int:
        """`number`, which fits.

        Raises:
            InvalidMessage: it does not.
        """
        lowest = -(1 << self.bits - 1) if self.signed else 0
        if not lowest <= number < lowest + (1 << self.bits):
            raise InvalidMessage("a number is out of its type's range")
        return number

    def parse(self, text: str) -> int:
        """The number that `text` writes in decimal, or in hexadecimal as two's complement."""
        text = text.strip()
        if _DECIMAL.fullmatch(text):
            return self.check(int(text))
        return self.wrap(_hexadecimal(text, self.bits))

    def wrap(self, number: int) -> int:
        """The signed number that has the same bits."""
        return number - (1 << self.bits) if self.signed and number >> self.bits - 1 else number

    def hexadecimal(self, number: int) -> str:
        """All digits of `number`."""
        return f"0x{number & (1 << self.bits) - 1:0{self.bits // 4}x}"


INTEGER: Final = Number(32)
LONG_INTEGER: Final = Number(64)
UNSIGNED: Final = Number(32, signed=False)


def tag_of(name: str) -> int:
    """The tag called `name`, or written as six hexadecimal digits.

    Raises:
        InvalidMessage: there is none.
    """
    if name in TAG_OF:
        return TAG_OF[name]
    tag = int(found[1], 16) if (found := _TAG.fullmatch(name)) else 0
    if tag not in STANDARD_TAGS and not is_extension_tag(tag):
        raise InvalidMessage("no such tag")
    return tag


def type_of(name: str) -> int:
    """The item type called `name`, or written as a hexadecimal number.

    Raises:
        InvalidMessage: there is none.
    """
    if name in TYPE_OF:
        return TYPE_OF[name]
    kind = int(name, 16) if _HEXADECIMAL.fullmatch(name) else 0
    if kind not in _TYPES:
        raise InvalidMessage("no such item type")
    return kind


_TYPES: Final = frozenset(TYPE_OF.values())


class Meaning:
    """What the values of one structure are about, in the order in which they stand."""

    __slots__ = ("_attribute",)

    def __init__(self) -> None:
        self._attribute = 0

    def of(self, tag: int) -> int:
        """The tag that decides how the value of the next item is named."""
        return self._attribute if tag == _ATTRIBUTE_VALUE else tag

    def saw(self, tag: int, value: Value) -> None:
        """Take note of an item that was read or written."""
        if tag == _ATTRIBUTE_NAME and isinstance(value, str):
            self._attribute = _ATTRIBUTES.get(value, 0)


_ATTRIBUTE_NAME: Final = int(Tag.ATTRIBUTE_NAME)
_ATTRIBUTE_VALUE: Final = int(Tag.ATTRIBUTE_VALUE)


def _hexadecimal(text: str, bits: int) -> int:
    found = _HEXADECIMAL.fullmatch(text)
    if not found or len(found[1]) * 4 > bits:
        raise InvalidMessage("not a number")
    return int(found[1], 16)


def _read_integer(text: str, about: int) -> int:
    bits = _BIT_OF.get(about)
    if bits is None or _DECIMAL.fullmatch(text.strip()):
        return INTEGER.parse(text)
    mask = 0
    for word in text.replace("|", " ").split():
        mask |= bits[word] if word in bits else _hexadecimal(word, INTEGER.bits)
    return INTEGER.wrap(mask)


def mask_names(number: int, about: int) -> list[str]:
    """The names of the bits of `number`, and last a number with the bits that have no name.

    Returns:
        Nothing where a tag has no mask, no bit is set, or no bit has a name.
    """
    names, left = [], number & 0xFFFFFFFF
    for name, bit in _BIT_OF.get(about, {}).items():
        if left & bit:
            names.append(name)
            left &= ~bit
    return [*names, f"0x{left:08x}"] if names and left else names


def _write_integer(number: Any, about: int) -> str:
    return " ".join(mask_names(number, about)) or f"{INTEGER.check(number):d}"


def _read_enumeration(text: str, about: int) -> int:
    text = text.strip()
    number = _VALUE_OF.get(about, {}).get(text)
    if number is not None:
        return number
    if not _HEXADECIMAL.fullmatch(text):
        raise InvalidMessage("no such name of a value here, and no number in hexadecimal")
    return _hexadecimal(text, 32)


def write_enumeration(number: Any, about: int, version: ProtocolVersion = V1_0) -> str:
    """The name of `number` as `version` writes it, or eight hexadecimal digits."""
    member = _MEMBER_OF.get(about, {}).get(number)
    return (
        UNSIGNED.hexadecimal(UNSIGNED.check(number)) if member is None else member.name_in(version)
    )


def _read_boolean(text: str, about: int) -> bool:
    try:
        return _BOOLEANS[text.strip().lower()]
    except KeyError:
        raise InvalidMessage("neither true nor false") from None


def _read_bytes(text: str, about: int) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise InvalidMessage("not hexadecimal digits") from None


def _read_big_integer(text: str, about: int) -> bytes:
    number = _read_bytes(re.sub("^0[xX]", "", text.strip()), about)
    if not number or len(number) % 8:
        raise InvalidMessage("a big integer is a multiple of 8 bytes")
    return number


def _read_date(text: str, unit: timedelta) -> int:
    text = text.strip()
    found = _DATE.fullmatch(text)
    if not found:
        if not _HEXADECIMAL.fullmatch(text):
            raise InvalidMessage("neither a date nor a number in hexadecimal")
        return LONG_INTEGER.wrap(_hexadecimal(text, 64))
    year, month, day, *of_day, fraction, sign, hours, minutes = found.groups()
    try:
        days = _days(int(year), int(month), int(day))
        since = _of_day(*map(int, of_day))
        since += timedelta(microseconds=int(f"{fraction or '':0<6}"[:6]))
        since -= _ahead(sign, hours, minutes)
    except ValueError:
        raise InvalidMessage("not a date") from None
    return LONG_INTEGER.check(days * (DAY // unit) + since // unit)


def _days(year: int, month: int, day: int) -> int:
    """Days from 1970-01-01 to a date in the Gregorian calendar, of any year."""
    cycles, within = divmod(year, _CYCLE_YEARS)
    known = date(within + _CYCLE_YEARS, month, day)  # the same date in years that Python has
    return known.toordinal() - EPOCH.toordinal() + (cycles - 1) * _CYCLE_DAYS


def _of_day(hour: int, minute: int, second: int) -> timedelta:
    """Since midnight; 24:00:00 is the next one."""
    if (hour, minute, second) == (24, 0, 0):
        return DAY
    time(hour, minute, second)  # raises ValueError for what no clock shows
    return timedelta(hours=hour, minutes=minute, seconds=second)


def _ahead(sign: str | None, hours: str, minutes: str) -> timedelta:
    """How far a zone is ahead of UTC."""
    if sign is None:
        return timedelta()
    ahead = timedelta(hours=int(hours), minutes=int(minutes))
    if ahead > _MAX_ZONE or int(minutes) > 59:
        raise ValueError("no such zone")
    return -ahead if sign == "-" else ahead


def _write_date(number: Any, unit: timedelta, timespec: str) -> str:
    try:
        moment: datetime = EPOCH + number * unit
        return moment.isoformat(timespec=timespec)
    except OverflowError:
        return LONG_INTEGER.hexadecimal(LONG_INTEGER.check(number))


def _same(text: Any, about: int) -> Any:
    return text


class Literal(NamedTuple):
    """How the values of one type are read from text and written to it; both take `about`."""

    read: Callable[[str, int], Value]
    write: Callable[[Any, int], str]


_TEXT: Final = Literal(_same, _same)

LITERALS: Final[dict[int, Literal]] = {
    ItemType.INTEGER: Literal(_read_integer, _write_integer),
    ItemType.LONG_INTEGER: Literal(
        lambda text, about: LONG_INTEGER.parse(text),
        lambda number, about: f"{LONG_INTEGER.check(number):d}",
    ),
    ItemType.BIG_INTEGER: Literal(_read_big_integer, lambda number, about: number.hex()),
    ItemType.ENUMERATION: Literal(_read_enumeration, write_enumeration),
    ItemType.BOOLEAN: Literal(_read_boolean, lambda truth, about: "true" if truth else "false"),
    ItemType.TEXT_STRING: _TEXT,
    ItemType.BYTE_STRING: Literal(_read_bytes, lambda value, about: value.hex()),
    ItemType.DATE_TIME: Literal(
        lambda text, about: _read_date(text, SECOND),
        lambda number, about: _write_date(number, SECOND, "seconds"),
    ),
    ItemType.INTERVAL: Literal(
        lambda text, about: UNSIGNED.parse(text),
        lambda number, about: f"{UNSIGNED.check(number):d}",
    ),
    ItemType.DATE_TIME_EXTENDED: Literal(
        lambda text, about: _read_date(text, MICROSECOND),
        lambda number, about: _write_date(number, MICROSECOND, "microseconds"),
    ),
    ItemType.IDENTIFIER: _TEXT,
    ItemType.REFERENCE: _TEXT,
    ItemType.NAME_REFERENCE: _TEXT,
}
"""The forms of all types but Structure."""

_PYTHON_TYPE: Final[dict[int, type]] = {
    kind: bytes
    if kind in (ItemType.BIG_INTEGER, ItemType.BYTE_STRING)
    else str
    if literal is _TEXT
    else bool
    if kind == ItemType.BOOLEAN
    else int
    for kind, literal in LITERALS.items()
}


def write(item: Item, about: int, version: ProtocolVersion = V1_0) -> str:
    """The value of `item`, which is no structure, as text.

    Args:
        item: what is to be written.
        about: the tag that decides which names its value has.
        version: whose words they are.

    Raises:
        ValueError: it does not fit its type; the caller's mistake.
    """
    wanted = _PYTHON_TYPE.get(item.type)
    if wanted is not None and isinstance(item.value, wanted):
        with suppress(InvalidMessage):
            if item.type == ItemType.ENUMERATION:  # no other type has names that changed
                return write_enumeration(item.value, about, version)
            return LITERALS[item.type].write(item.value, about)
    raise ValueError(f"{item!r} has a value that does not fit its type")


def encoded(text: str, max_bytes: int) -> bytes:
    """A whole message in UTF-8.

    Raises:
        InvalidMessage: it has half a character (a surrogate), or is longer than `max_bytes`.
    """
    try:
        data = text.encode()
    except UnicodeEncodeError:
        raise InvalidMessage("half a character") from None
    if len(data) > max_bytes:
        raise InvalidMessage(f"a message is at most {max_bytes} bytes long")
    return data
