"""The engine that binds items to declared structures.

Theory: a structure is a dataclass whose fields are declared in the order of the specification. A
field's name gives its tag (`unique_identifier` has `Tag.UNIQUE_IDENTIFIER`), its annotation gives
the form of its value, `| None` makes it optional and `tuple[X, ...]` repeated:

    @structure
    class GetRequest(Structure):
        unique_identifier: Identifier | None = None
        key_format_type: KeyFormatType | None = None
        key_wrap_type: Annotated[KeyWrapType | None, since(V1_4)] = None

What `Annotated` may add: a `Span` (the versions that have the field), a `Tag` (where the name does
not give it), an `ItemType` or a `Form` (how one value is encoded in an item), or a `Carriage` (how
a value is spread over several items, as attributes are).

`from_item` reads liberally in one respect only, as clients need: a field is accepted whatever its
span and its position. Its type, its number and its tag are strict; a vendor's extension tag is
ignored. `to_item` writes strictly: in order, and what the version lacks is left out, unless the
client would be lost without it: a field with the note `NEEDED` that cannot be written is an error.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterable, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import Any, ClassVar, NamedTuple, Protocol, TypeVar, cast, dataclass_transform

from kmip.enums import ItemType
from kmip.errors import FeatureNotSupported, InvalidField, InvalidMessage
from kmip.items import Item, is_extension_tag, tag_name
from kmip.tags import Tag
from kmip.versions import ALWAYS, ProtocolVersion, Span
from kmip.vocabulary import Mask, Named

T = TypeVar("T")
S = TypeVar("S", bound="Structure")


class Needed:
    """The note on a field whose value is never dropped silently."""


NEEDED = Needed()
"""For what a client cannot do without where it is set: the Correlation Value of a stream it has
begun, the tag of what it has had encrypted."""


class Form(Protocol):
    """How one value is encoded in one item."""

    def read(self, item: Item, version: ProtocolVersion) -> Any:
        """The value of `item`; raises InvalidMessage."""

    def write(self, tag: int, value: Any, version: ProtocolVersion) -> Item:
        """The item with `tag` for `value`."""


class Carriage(Protocol):
    """How one value is encoded in several items, or under several tags.

    Attributes:
        tags: every tag it may be read from.
    """

    tags: Sequence[int]

    def read(self, items: Sequence[Item], version: ProtocolVersion) -> Any:
        """The value of all items that have one of its tags, at least one."""

    def write(self, value: Any, version: ProtocolVersion) -> Iterable[Item]:
        """The items that carry `value`."""


class Structure:
    """What every declared structure is."""

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, Any]]

    def __repr__(self) -> str:
        """The names of the fields that are set; never a value, which may be a key."""
        present = [f.name for f in fields(self) if getattr(self, f.name) not in (None, ())]
        return f"{type(self).__name__}({', '.join(present)})"


@dataclass_transform(kw_only_default=True)
def structure(cls: type[T]) -> type[T]:
    """Declare a structure: a dataclass with slots and keywords only, bound on first use."""
    return dataclass(slots=True, repr=False, kw_only=True)(cls)


class Plain(NamedTuple):
    """A value that is its item's value."""

    type: ItemType

    def read(self, item: Item, version: ProtocolVersion) -> Any:
        """The item's own value."""
        if item.type != self.type:
            raise wrong_type(item, self.type)
        return item.value

    def write(self, tag: int, value: Any, version: ProtocolVersion) -> Item:
        """An item of this type."""
        return Item(tag, self.type, value)


class EnumerationForm(NamedTuple):
    """A member of an enumeration."""

    members: type[Named]

    def read(self, item: Item, version: ProtocolVersion) -> Named:
        """The member; a value that no version has is refused."""
        if item.type != ItemType.ENUMERATION or not isinstance(item.value, int):
            raise wrong_type(item, ItemType.ENUMERATION)
        try:
            return self.members(item.value)
        except ValueError:
            message = f"{tag_name(item.tag)} has no value 0x{item.value:08X}"
            raise InvalidField(message) from None

    def write(self, tag: int, value: Any, version: ProtocolVersion) -> Item:
        """An enumeration item."""
        return Item(tag, ItemType.ENUMERATION, int(value))


class MaskForm(NamedTuple):
    """The bits of a mask, 32 of them."""

    bits: type[Mask]

    def read(self, item: Item, version: ProtocolVersion) -> Mask:
        """The mask; unknown bits are kept."""
        if item.type != ItemType.INTEGER or not isinstance(item.value, int):
            raise wrong_type(item, ItemType.INTEGER)
        return self.bits(item.value & 0xFFFFFFFF)

    def write(self, tag: int, value: Any, version: ProtocolVersion) -> Item:
        """An integer item."""
        bits = int(value) & 0xFFFFFFFF
        return Item(tag, ItemType.INTEGER, bits - (bits >> 31 << 32))


class BigIntegerForm(NamedTuple):
    """A whole number of any size, two's complement in a multiple of 8 bytes."""

    def read(self, item: Item, version: ProtocolVersion) -> int:
        """The number."""
        if item.type != ItemType.BIG_INTEGER or not isinstance(item.value, bytes):
            raise wrong_type(item, ItemType.BIG_INTEGER)
        return int.from_bytes(item.value, "big", signed=True)

    def write(self, tag: int, value: Any, version: ProtocolVersion) -> Item:
        """The shortest encoding of the number."""
        size = ((value if value >= 0 else ~value).bit_length() // 64 + 1) * 8
        return Item(tag, ItemType.BIG_INTEGER, value.to_bytes(size, "big", signed=True))


class Nested(NamedTuple):
    """A structure within a structure."""

    cls: type[Structure]

    def read(self, item: Item, version: ProtocolVersion) -> Structure:
        """The inner structure."""
        return from_item(item, self.cls, version)

    def write(self, tag: int, value: Any, version: ProtocolVersion) -> Item:
        """The inner structure's item."""
        return to_item(value, tag, version)


class Raw(NamedTuple):
    """An item that stays an item, to be bound later; it is written under the field's tag."""

    def read(self, item: Item, version: ProtocolVersion) -> Item:
        """The item itself."""
        return item

    def write(self, tag: int, value: Any, version: ProtocolVersion) -> Item:
        """The item under the field's tag."""
        return Item(tag, value.type, value.value)


class Versioned:
    """A value whose form differs by version.

    Args:
        rows: the span of versions and the form used in them; reading selects the form by the
            item's type, so that an older or newer form is understood too.
    """

    def __init__(self, *rows: tuple[Span, ItemType, Form]) -> None:
        self.rows = rows
        self.readers = {int(kind): form for _, kind, form in rows}

    def read(self, item: Item, version: ProtocolVersion) -> Any:
        """The value in whichever form it came."""
        form = self.readers.get(item.type)
        if form is None:
            raise wrong_type(item, self.rows[-1][1])
        return form.read(item, version)

    def write(self, tag: int, value: Any, version: ProtocolVersion) -> Item:
        """The value in the version's form."""
        for span, _, form in self.rows:
            if span.covers(version):
                return form.write(tag, value, version)
        raise ValueError(f"{tag_name(tag)} has no form in version {version}")


class Converted(NamedTuple):
    """A value that another form encodes, converted both ways."""

    form: Form
    into: Callable[[Any], Any]
    out: Callable[[Any], Any]

    def read(self, item: Item, version: ProtocolVersion) -> Any:
        """The converted value."""
        return self.into(self.form.read(item, version))

    def write(self, tag: int, value: Any, version: ProtocolVersion) -> Item:
        """The value converted back."""
        return self.form.write(tag, self.out(value), version)


class StructureField(NamedTuple):
    """One field's declaration, resolved."""

    name: str
    tag: int
    form: Form
    many: bool
    required: bool
    span: Span
    carriage: Carriage | None
    needed: bool = False


class Plan(NamedTuple):
    """A structure's declaration, resolved.

    Attributes:
        fields: in the specification's order.
        by_tag: the field that an item with this tag belongs to.
        required: names of the fields without which a structure is not read.
        gathered: the fields that are read from several items.
        writing: the fields that each version has, as far as they have been written.
        needed: the fields that are not to be left out.
    """

    fields: tuple[StructureField, ...]
    by_tag: dict[int, StructureField]
    required: frozenset[str]
    gathered: tuple[StructureField, ...]
    writing: dict[ProtocolVersion, tuple[StructureField, ...]]
    needed: tuple[StructureField, ...] = ()


PLAIN: dict[type, Form] = {
    str: Plain(ItemType.TEXT_STRING),
    bytes: Plain(ItemType.BYTE_STRING),
    bool: Plain(ItemType.BOOLEAN),
    int: Plain(ItemType.INTEGER),
    Item: Raw(),
}


FORMS: dict[type, Callable[[Any], Form]] = {
    Named: EnumerationForm,
    Mask: MaskForm,
    Structure: Nested,
}


def from_item(item: Item, cls: type[S], version: ProtocolVersion) -> S:
    """The structure that `item` holds.

    Args:
        item: a structure item; its own tag is ignored.
        cls: a class declared with `structure`.
        version: the protocol version the item came in.

    Raises:
        InvalidMessage: a field is missing, repeated, unknown or of another type; the message has
            the path to it.
        InvalidField: an enumeration's value does not exist.
    """
    if item.type != ItemType.STRUCTURE:
        raise wrong_type(item, ItemType.STRUCTURE)
    plan = plan_of(cls)
    by_tag, required = plan.by_tag, plan.required
    values: dict[str, Any] = {}
    for child in item.children:
        field = by_tag.get(child.tag)
        if field is None:
            if is_extension_tag(child.tag):
                continue
            raise InvalidMessage(f"{tag_name(child.tag)} is not expected here", tag_name(item.tag))
        if field.carriage is not None:
            values.setdefault(field.name, []).append(child)
        elif field.many:
            values.setdefault(field.name, []).append(field.form.read(child, version))
        elif field.name in values:
            raise InvalidMessage("occurs twice", f"{tag_name(item.tag)}/{tag_name(child.tag)}")
        else:
            values[field.name] = field.form.read(child, version)
    for field in plan.gathered:
        if field.name in values:
            found = values[field.name]
            values[field.name] = (
                tuple(found) if field.carriage is None else field.carriage.read(found, version)
            )
    if not required <= values.keys():
        missing = next(field for field in plan.fields if field.name in required - values.keys())
        raise InvalidMessage("is missing", f"{tag_name(item.tag)}/{tag_name(missing.tag)}")
    return cls(**values)


def to_item(value: Structure, tag: int, version: ProtocolVersion) -> Item:
    """The structure item with `tag` that holds `value`, encoded for protocol `version`.

    Raises:
        FeatureNotSupported: the version lacks a field that the client needs.
    """
    plan = plan_of(type(value))
    for field in plan.needed:
        if not field.span.covers(version) and getattr(value, field.name) is not None:
            raise FeatureNotSupported(f"KMIP {version} has no {tag_name(field.tag)}")
    writing = plan.writing.get(version)
    if writing is None:
        writing = tuple(field for field in plan.fields if field.span.covers(version))
        plan.writing[version] = writing
    children: list[Item] = []
    for field in writing:
        field_value = getattr(value, field.name)
        if field_value is None:
            continue
        if field.carriage is not None:
            children.extend(field.carriage.write(field_value, version))
        elif field.many:
            children.extend(field.form.write(field.tag, each, version) for each in field_value)
        else:
            children.append(field.form.write(field.tag, field_value, version))
    return Item(tag, ItemType.STRUCTURE, tuple(children))


def plan_of(cls: type[Structure]) -> Plan:
    """The declared fields of `cls`, resolved once."""
    plan = _PLANS.get(cls)
    if plan is None:
        plan = _PLANS[cls] = _planned(cls)
    return plan


_PLANS: dict[type, Plan] = {}


def _planned(cls: type[Structure]) -> Plan:
    hints = typing.get_type_hints(cls, include_extras=True)
    resolved = tuple(_resolved(field, hints[field.name]) for field in fields(cls))
    by_tag: dict[int, StructureField] = {}
    for field in resolved:
        for tag in (field.tag,) if field.carriage is None else field.carriage.tags:
            if tag in by_tag:
                raise TypeError(f"{cls.__name__} has two fields for {tag_name(tag)}")
            by_tag[tag] = field
    required = frozenset(field.name for field in resolved if field.required)
    gathered = tuple(field for field in resolved if field.many or field.carriage is not None)
    needed = tuple(field for field in resolved if field.needed)
    return Plan(resolved, by_tag, required, gathered, {}, needed)


def _resolved(field: Any, hint: Any) -> StructureField:
    """One field's declaration, resolved from its dataclass field and its annotation."""
    inner, notes = _unfold(hint)
    many = typing.get_origin(inner) is tuple
    if many:
        inner, more = _unfold(typing.get_args(inner)[0])
        notes = [*more, *notes]
    span = next((note for note in notes if isinstance(note, Span)), ALWAYS)
    carriage = next((note for note in notes if hasattr(note, "tags")), None)
    tag = next((note for note in notes if isinstance(note, Tag)), None)
    if tag is None and carriage is None:
        tag = Tag[field.name.upper()]
    required = field.default is MISSING and field.default_factory is MISSING
    form = cast("Form", Raw()) if carriage is not None else form_of(inner, notes)
    needed = NEEDED in notes
    return StructureField(field.name, int(tag or 0), form, many, required, span, carriage, needed)


def _unfold(hint: Any) -> tuple[Any, list[Any]]:
    """The bare type of an annotation, and all that `Annotated` says of it."""
    notes: list[Any] = []
    while True:
        if typing.get_origin(hint) is typing.Annotated:
            notes = [*hint.__metadata__, *notes]
            hint = hint.__origin__
        elif typing.get_origin(hint) in (typing.Union, types.UnionType):
            members = [arg for arg in typing.get_args(hint) if arg is not type(None)]
            if len(members) > 1:
                return hint, notes
            (hint,) = members
        else:
            return hint, notes


def form_of(hint: Any, notes: Sequence[Any] = ()) -> Form:
    """The form of a value of the annotated type `hint`."""
    for note in notes:
        if isinstance(note, ItemType):
            return cast("Form", BigIntegerForm() if note == ItemType.BIG_INTEGER else Plain(note))
        if hasattr(note, "read") and not hasattr(note, "tags"):
            return cast("Form", note)
    if hint in PLAIN:
        return PLAIN[hint]
    if isinstance(hint, type):
        for kind, form in FORMS.items():
            if issubclass(hint, kind):
                return form(hint)
    raise TypeError(f"{hint} has no form")


def wrong_type(item: Item, expected: ItemType) -> InvalidMessage:
    """The error for an item of another type than its field has."""
    found = ItemType(item.type).name
    return InvalidMessage(f"expected {expected.name}, got {found}", tag_name(item.tag))
