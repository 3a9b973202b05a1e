"""What an object's attributes are to the rest of the program: one model for all versions.

An `AttributeName` is a tag for an attribute of the specification, a `VendorAttributeName` for a
client's or a vendor's. `Attributes` maps names to instances. An instance keeps its index for as
long as it exists, because 1.x clients address it by the index (1.4 section 2.1.1); 2.x clients
address it by its value.

Messages carry attributes in two forms, see `kmip.attribute_encoding`. Nothing here knows a version.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from kmip.attribute_table import ATTRIBUTES, Attribute
from kmip.attribute_values import Name
from kmip.enums import LinkType
from kmip.items import Item
from kmip.tags import WORDS, Tag
from kmip.versions import INTERNAL

CUSTOM_PREFIXES = ("x", "y")
"""What begins a 1.x custom attribute's name: `x-` a client's, `y-` the server's; in 2.x the same
letters are its Vendor Identification (2.1 section 4.60)."""


class VendorAttributeName(NamedTuple):
    """The name of a vendor attribute (2.1 section 4.60), in 1.x a custom one (1.4 section 3.39).

    Attributes:
        vendor: the Vendor Identification.
        name: the Attribute Name, without the prefix that 1.x gives it.
    """

    vendor: str
    name: str

    def __str__(self) -> str:
        return f"{self.vendor}-{self.name}"


AttributeName = Tag | VendorAttributeName

AttributeReference = Tag | VendorAttributeName | LinkType
"""What a request names an attribute by (2.1 section 5.5): its name, or one type of link, which 3.0
has as an attribute of its own."""


@dataclass(frozen=True, slots=True, repr=False)
class AttributeInstance:
    """One value of an attribute in a request that adds, changes or removes it.

    Attributes:
        attribute: which attribute.
        value: its value; for a custom attribute an `Item`, whose type is the value's type.
        index: which instance a 1.x client means, where it says so.
    """

    attribute: AttributeName
    value: Any
    index: int | None = None


@dataclass(frozen=True, slots=True)
class InstanceReference:
    """An attribute, or one instance of it by its index, without a value."""

    attribute: AttributeReference
    index: int | None = None


@dataclass(slots=True, repr=False)
class Attributes:
    """Attributes with their instances, in the order in which they were added.

    Attributes:
        values: for each attribute its instances by index.
        templates: names of Template objects to take more from (1.x Template-Attribute).
    """

    values: dict[AttributeName, dict[int, Any]]
    templates: tuple[Name, ...] = ()
    _following: dict[AttributeName, int] = field(init=False, compare=False)
    """For each attribute the lowest index never used, once it is known: searching it among the
    instances each time would take minutes for a client's ten thousand values."""

    def __init__(
        self, instances: Iterable[tuple[AttributeName, Any]] = (), templates: tuple[Name, ...] = ()
    ) -> None:
        self.values = {}
        self.templates = templates
        self._following = {}
        for attribute, value in instances:
            self.add(attribute, value)

    def __repr__(self) -> str:
        """The attributes' names; values may be secret."""
        return f"Attributes({', '.join(name_of(attribute) for attribute in self.values)})"

    def __contains__(self, attribute: AttributeName) -> bool:
        return attribute in self.values

    def __iter__(self) -> Iterator[tuple[AttributeName, Any]]:
        """Every instance as (attribute, value)."""
        for attribute, instances in self.values.items():
            for value in instances.values():
                yield attribute, value

    def __bool__(self) -> bool:
        return bool(self.values)

    @property
    def count(self) -> int:
        """How many values there are."""
        return sum(map(len, self.values.values()))

    def get(self, attribute: AttributeName, default: Any = None) -> Any:
        """The first value of `attribute`, or `default`."""
        instances = self.values.get(attribute)
        return default if not instances else next(iter(instances.values()))

    def all(self, attribute: AttributeName) -> tuple[Any, ...]:
        """Every value of `attribute`."""
        return tuple(self.values.get(attribute, {}).values())

    def instances(self) -> Iterator[tuple[AttributeName, int, Any]]:
        """Every instance as (attribute, index, value)."""
        for attribute, instances in self.values.items():
            for index, value in instances.items():
                yield attribute, index, value

    def add(self, attribute: AttributeName, value: Any, index: int | None = None) -> int:
        """Add an instance; its index: `index` if that is free, else the next one never used."""
        instances = self.values.setdefault(attribute, {})
        following = self._following.get(attribute)
        if following is None:
            following = max(instances, default=-1) + 1
        if index is None or index in instances:
            index = following
        instances[index] = value
        self._following[attribute] = max(following, index + 1)
        return index

    def set(self, attribute: AttributeName, value: Any) -> None:
        """Make `value` the only instance of `attribute`; None removes it."""
        if value is None:
            self.remove(attribute)
        else:
            self.values[attribute] = {0: value}
            self._following.pop(attribute, None)

    def remove(self, attribute: AttributeName, index: int | None = None) -> None:
        """Remove one instance, or all of them."""
        instances = self.values.get(attribute, {})
        if index is not None:
            instances.pop(index, None)
        if index is None or not instances:
            self.values.pop(attribute, None)
            self._following.pop(attribute, None)

    def find(self, attribute: AttributeName, value: Any) -> int | None:
        """The index of the instance with this value, if there is one."""
        for index, instance in self.values.get(attribute, {}).items():
            if instance == value:
                return index
        return None

    def select(self, references: Iterable[AttributeReference]) -> Attributes:
        """Only the attributes that are referred to, each once, with their indices."""
        found = Attributes()
        wanted = dict.fromkeys(references)
        if Tag.OBJECT_GROUP in wanted:  # in 3.0 a Group Link is either
            wanted[Tag.GROUP_LINK] = None
        kinds = {reference for reference in wanted if isinstance(reference, LinkType)}
        links = self.values.get(Tag.LINK, {})
        if kinds and Tag.LINK not in wanted:
            chosen = {index: link for index, link in links.items() if link.link_type in kinds}
            if chosen:
                found.values[Tag.LINK] = chosen
        for attribute in wanted:
            if not isinstance(attribute, LinkType) and attribute in self.values:
                found.values[attribute] = dict(self.values[attribute])
        return found

    def copy(self) -> Attributes:
        """An independent copy; values are shared and never changed in place."""
        twin = Attributes(templates=self.templates)
        twin.values = {attribute: dict(instances) for attribute, instances in self.values.items()}
        twin._following = dict(self._following)
        return twin

    def united(self, other: Attributes) -> Attributes:
        """These, and those of `other`: of a single value these, of several the union."""
        both = self.copy()
        for attribute in other.values:
            if is_single(attribute) and attribute in both:
                continue
            seen = {written(attribute, value) for value in both.all(attribute)}
            for value in other.all(attribute):
                item = written(attribute, value)
                if item not in seen:
                    seen.add(item)
                    both.add(attribute, value)
        return both

    def update(self, other: Attributes) -> None:
        """Take the instances of `other`: in place of a single value, beside several."""
        for attribute, value in other:
            if is_single(attribute):
                self.set(attribute, value)
            else:
                self.add(attribute, value)


def written(attribute: AttributeName, value: Any) -> Item:
    """A value as an item, which can be looked up in a set where a structure cannot."""
    row = definition(attribute)
    if row is None:
        return custom_value(value)
    return row.form.write(Tag.ATTRIBUTE_VALUE, value, INTERNAL)


def name_of(attribute: AttributeReference) -> str:
    """The attribute's name in text, which is also the 1.x name."""
    if isinstance(attribute, LinkType):
        return attribute.title
    return str(attribute) if isinstance(attribute, VendorAttributeName) else WORDS[attribute]


def definition(attribute: AttributeName) -> Attribute | None:
    """The row of `ATTRIBUTES`; None for a custom attribute."""
    return None if isinstance(attribute, VendorAttributeName) else ATTRIBUTES[attribute]


def is_single(attribute: AttributeName) -> bool:
    """Whether an object has at most one value; custom attributes may have several."""
    row = definition(attribute)
    return row is not None and not row.many


def custom_value(value: Item) -> Item:
    """A custom attribute's value as an item of its own type, whatever tag it came under."""
    return Item(Tag.ATTRIBUTE_VALUE, value.type, value.value)
