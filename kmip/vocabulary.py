"""What the generated tags, enumerations and masks are made of.

A member carries its value, the names that the XML and JSON encodings use for it, and the span of
versions in which it exists: `ACTIVATE = 0x12, "Activate", V1_0`. Where a later version has another
name for it, the versions that have each are told by `Renamed`.
"""

from enum import IntEnum, IntFlag
from typing import NamedTuple, Self

from kmip.versions import ALWAYS, V1_0, ProtocolVersion, Span

EXTENSIONS = range(0x80000000, 0x90000000)
"""Values that every enumeration leaves to vendors (2.1 section 11: "Extensions 8XXXXXXX")."""


def is_extension(value: int) -> bool:
    """Whether a value is a vendor's; unlike `in`, as fast for a member as for a plain int."""
    return EXTENSIONS.start <= value < EXTENSIONS.stop


class Renamed(NamedTuple):
    """The name that a value has from a later version on.

    Attributes:
        name: as the specification writes it from then on.
        since: the first version that does.
    """

    name: str
    since: ProtocolVersion


class Named(IntEnum):
    """A value with the names it has in the specification's texts.

    Attributes:
        span: the versions that have it.
        names: its names in XML and JSON, the oldest first.
        renamed: the name to write from some version on; None: the first of `names` always.
    """

    span: Span
    names: tuple[str, ...]
    renamed: Renamed | None

    def __new__(
        cls,
        value: int,
        names: str | tuple[str | Renamed, ...] = (),
        since: ProtocolVersion = V1_0,
        until: ProtocolVersion | None = None,
    ) -> Self:
        """A member: its value, its names, and the first and last version that has it."""
        all_names = (names,) if isinstance(names, str) else names
        member = int.__new__(cls, value)
        member._value_ = value
        member.names = tuple(each if isinstance(each, str) else each.name for each in all_names)
        member.renamed = next((each for each in all_names if isinstance(each, Renamed)), None)
        member.span = Span(since, until)
        return member

    def name_in(self, version: ProtocolVersion) -> str:
        """Its name as `version` writes it; empty where it has none at all."""
        if self.renamed is not None and version >= self.renamed.since:
            return self.renamed.name
        return self.names[0] if self.names else ""

    @property
    def title(self) -> str:
        """Its name in the specification; a vendor's value, which has none, as a number."""
        return self.names[0] if self.names else f"0x{self:08X}"


class Closed(Named):
    """An enumeration that leaves no room for vendors."""


class Enumeration(Named):
    """An enumeration; a vendor's value (8XXXXXXX) is a member without a name of its own."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, int) or not is_extension(value):
            return None
        member = int.__new__(cls, value)
        member._name_ = f"EXTENSION_{value:08X}"
        member._value_ = value
        member.names = ()
        member.renamed = None
        member.span = ALWAYS
        return member


class Mask(IntFlag):
    """A bit mask; bits without a name are kept."""
