"""How a section of a policy file is declared, read and written.

A section is a `Table`, a frozen dataclass. Each of its fields is a key of the file, made by `key`
from a `Kind` (what values look like in TOML) and a default. Reading is strict: a key that is not
declared is an error, so that a misspelt restriction cannot be no restriction; so is a value of
another type, length or range.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import IntFlag, StrEnum
from functools import reduce
from operator import or_
from typing import Any, Protocol, Self, TypeVar, dataclass_transform

from enclave.errors import InvalidPolicy

T = TypeVar("T")


@dataclass(frozen=True)
class Kind:
    """What a value looks like in TOML.

    Attributes:
        form: what it is, for errors and documentation: "list of 48-byte hexadecimal strings".
        read: TOML value → value; raises ValueError or TypeError on any other.
        write: value → TOML source text.
    """

    form: str
    read: Callable[[Any], Any]
    write: Callable[[Any], str]


def key(kind: Kind, *, default: Any = dataclasses.MISSING) -> Any:
    """A key of a section; its value is `default` where the file has none, else it is required."""
    return dataclasses.field(default=default, metadata={"kind": kind})


class Section(Protocol):
    """A TEE's table in a policy: a `Table` that limits the age of collateral."""

    @property
    def max_collateral_age_days(self) -> int:
        """Days after which collateral that the vendor renews is too old."""

    @classmethod
    def keys(cls) -> Mapping[str, Kind]:
        """See `Table.keys`."""

    @classmethod
    def read(cls, table: Any, name: str) -> Self:
        """See `Table.read`."""

    def write(self, name: str) -> str:
        """See `Table.write`."""


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(key,))
class Table:
    """Base of what a TOML table holds: subclass it with fields made by `key`."""

    def __init_subclass__(cls) -> None:
        """Turn the annotated fields into a frozen dataclass."""
        super().__init_subclass__()
        dataclasses.dataclass(frozen=True, kw_only=True)(cls)

    @classmethod
    def keys(cls) -> Mapping[str, Kind]:
        """The keys, in order."""
        fields = dataclasses.fields(cls)  # type: ignore[arg-type]  # subclasses are dataclasses
        return {field.name: field.metadata["kind"] for field in fields}

    @classmethod
    def read(cls, table: Any, name: str) -> Self:
        """The section in a TOML table.

        Args:
            table: what the TOML reader gave.
            name: the section's name in the file, for errors.

        Raises:
            InvalidPolicy: not a table, an unknown key, a value that is not of its kind.
        """
        if not isinstance(table, dict):
            raise InvalidPolicy(f"{name} is not a table")
        kinds = cls.keys()
        if unknown := sorted(set(table) - set(kinds)):
            raise InvalidPolicy(f"{name} has no key {unknown[0]!r}")
        values = {}
        for entry, value in table.items():
            try:
                values[entry] = kinds[entry].read(value)
            except (ValueError, TypeError):
                raise InvalidPolicy(f"{name}.{entry} is not a {kinds[entry].form}") from None
        return cls(**values)

    def write(self, name: str) -> str:
        """TOML source of a section, without the keys that have their default."""
        lines = [f"[{name}]"]
        for field in dataclasses.fields(self):  # type: ignore[arg-type]  # subclasses are
            value = getattr(self, field.name)
            if value != field.default:
                lines.append(f"{field.name} = {field.metadata['kind'].write(value)}")
        return "\n".join(lines) + "\n"


def exactly(kind: type[T], value: Any) -> T:
    """The value, which is of this very type.

    Raises:
        TypeError: it is not.
    """
    if type(value) is not kind:  # a bool is an int, and no number in a policy
        raise TypeError
    return value


def _hexadecimal(value: Any, sizes: tuple[int, ...], zeros: bool = True) -> bytes:
    octets = bytes.fromhex(exactly(str, value))
    if len(octets) not in sizes or not (zeros or any(octets)):
        raise ValueError
    return octets


_NOT_ZERO = {True: "", False: ", not zeros"}


def _list(values: list[str]) -> str:
    return "[" + ", ".join(values) + "]"


def _quoted(value: object) -> str:
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def octets(*sizes: int, zeros: bool = True) -> Kind:
    """Hexadecimal strings of one of `sizes` bytes, as a set.

    Args:
        sizes: in bytes.
        zeros: whether one of nothing but zeros is a value; where it means "none is there", a list
            with it would accept everything that has none.
    """
    return Kind(
        f"list of hexadecimal strings of {' or '.join(map(str, sizes))} bytes{_NOT_ZERO[zeros]}",
        lambda value: frozenset(
            _hexadecimal(entry, sizes, zeros) for entry in exactly(list, value)
        ),
        lambda values: _list([_quoted(entry.hex()) for entry in sorted(values)]),
    )


def names(enum: type[StrEnum]) -> Kind:
    """Members of an enumeration by value, as a set."""
    return Kind(
        f"list of {', '.join(enum)}",
        lambda value: frozenset(enum(exactly(str, entry)) for entry in exactly(list, value)),
        lambda values: _list([_quoted(entry) for entry in sorted(values)]),
    )


def flags(enum: type[IntFlag]) -> Kind:
    """Bits of an IntFlag by name."""
    members = enum.__members__
    return Kind(
        f"list of {', '.join(members)}",
        lambda value: enum(reduce(or_, map(members.__getitem__, _flag_names(members, value)), 0)),
        lambda bits: _list([_quoted(n) for n, b in members.items() if b & bits == b]),
    )


def _flag_names(members: Mapping[str, Any], value: Any) -> list[str]:
    entries = exactly(list, value)
    if not all(isinstance(entry, str) and entry in members for entry in entries):
        raise ValueError
    return entries


def one_of(*choices: str) -> Kind:
    """Strings among `choices`, as a set."""
    return Kind(
        f"list of {', '.join(choices)}",
        lambda value: frozenset(choices[choices.index(entry)] for entry in exactly(list, value)),
        lambda values: _list([_quoted(entry) for entry in sorted(values)]),
    )


def numbers(maximum: int) -> Kind:
    """Integers from 0 to `maximum`, as a set."""
    return Kind(
        f"list of integers from 0 to {maximum}",
        lambda value: frozenset(_natural(entry, maximum) for entry in exactly(list, value)),
        lambda values: _list([str(entry) for entry in sorted(values)]),
    )


def number(maximum: int) -> Kind:
    """An integer from 0 to `maximum`."""
    return Kind(
        f"integer from 0 to {maximum}", lambda value: _natural(value, maximum), lambda v: f"{v:#x}"
    )


def _natural(value: Any, maximum: int) -> int:
    if not 0 <= exactly(int, value) <= maximum:
        raise ValueError
    return int(value)


BOOLEAN = Kind(
    "boolean", lambda value: exactly(bool, value), lambda value: "true" if value else "false"
)
STRINGS = Kind(
    "list of strings",
    lambda value: frozenset(exactly(str, entry) for entry in exactly(list, value)),
    lambda values: _list([_quoted(entry) for entry in sorted(values)]),
)
DATE = Kind(
    "date",
    lambda value: datetime.combine(exactly(date, value), time(), UTC),
    lambda value: f"{value:%Y-%m-%d}",
)


def tables(row: type[Table]) -> Kind:
    """A list of inline tables of one kind, as a tuple."""
    return Kind(
        f"list of tables of {', '.join(row.keys())}",
        lambda value: tuple(_row(row, entry) for entry in exactly(list, value)),
        lambda rows: _list([_inline(entry) for entry in rows]),
    )


def _row(row: type[Table], table: Any) -> Table:
    kinds = row.keys()
    if set(exactly(dict, table)) - set(kinds):
        raise ValueError
    return row(**{name: kinds[name].read(value) for name, value in table.items()})


def _inline(row: Table) -> str:
    kinds = row.keys()
    entries = [f"{name} = {kind.write(getattr(row, name))}" for name, kind in kinds.items()]
    return "{ " + ", ".join(entries) + " }"


def one_octets(size: int, *, zeros: bool = True) -> Kind:
    """One hexadecimal string of `size` bytes; `zeros` as in `octets`."""
    return Kind(
        f"hexadecimal string of {size} bytes{_NOT_ZERO[zeros]}",
        lambda value: _hexadecimal(value, (size,), zeros),
        lambda value: _quoted(value.hex()),
    )
