"""What a case has established so far: values of placeholders, and facts about objects.

A placeholder gets its value from the first response that has it (rules R2, R3), and requests that
follow are sent with it. Facts about objects decide how far an answer may differ from the printed
one: whether the client gave the material (R7), which parameters an operation has (R9), which dates
and attributes the client chose (R12).
"""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from kmip.enums import ItemType, Operation
from kmip.items import Item, Value
from kmip.tags import WORDS, Tag
from tests.conformance.cases import NOW, is_relative

GENERATING = {
    Operation.CREATE,
    Operation.CREATE_KEY_PAIR,
    Operation.REKEY,
    Operation.REKEY_KEY_PAIR,
    Operation.CERTIFY,
    Operation.RECERTIFY,
    Operation.CREATE_SPLIT_KEY,
}
REGISTERING = {
    Operation.REGISTER,
    Operation.IMPORT,
    Operation.CREATE_CREDENTIAL,
    Operation.CREATE_USER,
    Operation.CREATE_GROUP,
}
DERIVING = {Operation.DERIVE_KEY, Operation.JOIN_SPLIT_KEY}
REPLACING = {Operation.REKEY, Operation.REKEY_KEY_PAIR, Operation.RECERTIFY}
CHANGING = {Operation.ADD_ATTRIBUTE, Operation.MODIFY_ATTRIBUTE, Operation.SET_ATTRIBUTE}

IDENTIFIERS = {
    Tag.UNIQUE_IDENTIFIER,
    Tag.PRIVATE_KEY_UNIQUE_IDENTIFIER,
    Tag.PUBLIC_KEY_UNIQUE_IDENTIFIER,
}

PARAMETERS = {
    Tag.RANDOM_IV,
    Tag.CRYPTOGRAPHIC_ALGORITHM,
    Tag.PADDING_METHOD,
    Tag.DIGITAL_SIGNATURE_ALGORITHM,
    Tag.BLOCK_CIPHER_MODE,
    Tag.HASHING_ALGORITHM,
    Tag.MASK_GENERATOR_HASHING_ALGORITHM,
    Tag.SALT_LENGTH,
    Tag.P_SOURCE,
    Tag.KEY_MATERIAL,
}
"""What decides whether an output is repeatable, and how to verify one that is not."""

_TAG_OF = {words: tag for tag, words in WORDS.items()}


class Unbound(Exception):
    """A request needs a value that no response has given."""


@dataclass
class Object:
    """What is known of an object on the server.

    Attributes:
        is_from_client: the client gave its material, or all that it was made of.
        parameters: see `PARAMETERS`.
        chosen: values that the client gave its attributes.
        is_derived, is_replacement: made of another object's material, or in another's place.
        source: the object that a split key part is of.
        signed: the data of a signature that is made in parts.
    """

    is_from_client: bool
    parameters: dict[int, Value] = field(default_factory=dict)
    chosen: dict[int, set[Value]] = field(default_factory=dict)
    is_derived: bool = False
    is_replacement: bool = False
    source: Value | None = None
    signed: bytes = b""


class CaseState:
    """What the cases of one chain have established.

    Args:
        now: the time at which they are played, seconds since 1970.
    """

    def __init__(self, now: int) -> None:
        self.objects: dict[Value, Object] = {}
        self.requested: set[tuple[int, Value]] = set()
        self.derived: dict[Value, Value] = {}
        self.started = now
        self.begin_case(now)

    def begin_case(self, now: int) -> None:
        """Forget placeholders: each case has its own."""
        self.now = now
        self.bound: dict[str, Value] = {}
        self.replaced: dict[bytes, bytes] = {}
        self.material: dict[object, Value] = {}
        self.latest: dict[int, Value] = {}
        self._random = itertools.count()

    # Requests

    def resolve(self, item: Item) -> Item:
        """A request as it is sent.

        Raises:
            Unbound: it has a placeholder without a value.
        """
        if item.type == ItemType.STRUCTURE:
            return item._replace(value=tuple(map(self.resolve, item.children)))
        if is_relative(item.value):
            return item._replace(value=self.time(item.value))
        name = placeholder(item.value)
        if name is not None:
            return item._replace(value=self._value_of(name, item))
        # An output that the case printed, and for which this server gave another (R9).
        if isinstance(item.value, bytes) and len(item.value) >= 4:
            return item._replace(value=self.replaced.get(item.value, item.value))
        return item

    def time(self, value: int) -> int:
        """The time that `$NOW` with an offset means."""
        return self.now + value - NOW

    def _value_of(self, name: str, item: Item) -> Value:
        if name not in self.bound:
            if "RANDOM" in name:
                serial = next(self._random)
                text = f"chosen-{serial}"
                self.bound[name] = (
                    bytes(31) + bytes([serial + 1]) if item.type == ItemType.BYTE_STRING else text
                )
            elif item.tag in self.latest:
                self.bound[name] = self.latest[item.tag]
            else:
                raise Unbound(name)
        return self.bound[name]

    def note_request(self, item: Item) -> None:
        """Remember the values that a printed request chooses."""
        for inner in walk(item):
            if inner.type != ItemType.STRUCTURE and placeholder(inner.value) is None:
                self.requested.add((inner.type, inner.value))

    # Responses

    def object(self, identifier: Value | None) -> Object | None:
        """What is known of an object."""
        return None if identifier is None else self.objects.get(identifier)

    def learn(
        self, operation: int | None, request: Item, response: Item, identifier_before: Value | None
    ) -> Value | None:
        """Learn from a successful response payload.

        Args:
            operation: what was performed.
            request: its payload as it was sent.
            response: its payload.
            identifier_before: the ID Placeholder before it.

        Returns:
            The ID Placeholder after it.
        """
        for item in walk(response):
            if item.type != ItemType.STRUCTURE:
                self.latest[item.tag] = item.value
        made = [item.value for item in response.children if item.tag in IDENTIFIERS]
        sources = [
            item.value for item in request.children if item.tag == Tag.UNIQUE_IDENTIFIER
        ] or ([] if identifier_before is None else [identifier_before])
        if operation in GENERATING | REGISTERING | DERIVING:
            for identifier in made:
                self.objects[identifier] = self._made(operation, request, sources)
            return (
                made[-1 if operation == Operation.CREATE_SPLIT_KEY else 0]
                if made
                else identifier_before
            )
        self._change(operation, request, response, made[:1] or sources[:1])
        if operation == Operation.LOCATE:
            return made[0] if len(made) == 1 else None
        return identifier_before

    def _made(self, operation: int, request: Item, sources: list[Value]) -> Object:
        known = [self.objects.get(source) for source in sources]
        roots = [self.objects.get(o.source) if o and o.source else o for o in known]
        roots_from_client = bool(roots) and all(
            root is not None and root.is_from_client for root in roots
        )
        made = Object(
            is_from_client=operation in REGISTERING
            or (operation in DERIVING and roots_from_client),
            is_derived=operation == Operation.DERIVE_KEY,
            is_replacement=operation in REPLACING,
            source=sources[0] if operation == Operation.CREATE_SPLIT_KEY and sources else None,
        )
        if known and known[0]:
            made.parameters.update(known[0].parameters)
        made.parameters.update(parameters_of(request))
        self._choose(made, request)
        return made

    def _change(
        self, operation: int | None, request: Item, response: Item, identifiers: list[Value]
    ) -> None:
        changed = self.objects.get(identifiers[0]) if identifiers else None
        if changed is None:
            return
        if operation in CHANGING:
            self._choose(changed, request)
            if any(item.tag == Tag.CRYPTOGRAPHIC_PARAMETERS for item in walk(request)) or any(
                item.value == WORDS[Tag.CRYPTOGRAPHIC_PARAMETERS] for item in walk(request)
            ):
                changed.parameters.update(parameters_of(request))
        elif operation == Operation.REVOKE:
            occurred = request.first(Tag.COMPROMISE_OCCURRENCE_DATE)
            if occurred is not None:
                changed.chosen.setdefault(occurred.tag, set()).add(occurred.value)
        elif operation == Operation.ACTIVATE:
            changed.chosen.pop(Tag.ACTIVATION_DATE, None)
        elif operation == Operation.SIGN and response.first(Tag.CORRELATION_VALUE):
            data = request.first(Tag.DATA)
            begun = b"" if request.first(Tag.INIT_INDICATOR) else changed.signed
            changed.signed = begun + (data.value if data and isinstance(data.value, bytes) else b"")

    @staticmethod
    def _choose(changed: Object, request: Item) -> None:
        for tag, value in attributes_of(request):
            changed.chosen.setdefault(tag, set()).add(value)


def placeholder(value: Value) -> str | None:
    """The placeholder's name that a value is, if it is one."""
    if isinstance(value, str) and value.startswith("$"):
        return value
    if isinstance(value, bytes) and value.startswith(b"$") and value[1:2].isupper():
        return value.decode("ascii", "replace")
    return None


def walk(item: Item) -> Iterator[Item]:
    """An item and all that is in it."""
    yield item
    for child in item.children:
        yield from walk(child)


def attribute_tag(name: Value) -> int | None:
    """The tag of the attribute that 1.x calls by `name`."""
    return _TAG_OF.get(name) if isinstance(name, str) else None


def attributes_of(request: Item) -> Iterator[tuple[int, Value]]:
    """The attributes with a plain value that a request payload gives, in either carriage."""
    containers = {
        Tag.ATTRIBUTES,
        Tag.COMMON_ATTRIBUTES,
        Tag.PRIVATE_KEY_ATTRIBUTES,
        Tag.PUBLIC_KEY_ATTRIBUTES,
        Tag.NEW_ATTRIBUTE,
    }
    for item in walk(request):
        name, value = item.first(Tag.ATTRIBUTE_NAME), item.first(Tag.ATTRIBUTE_VALUE)
        tag = attribute_tag(name.value) if name else None
        if item.tag == Tag.ATTRIBUTE and value and tag is not None:
            yield tag, value.value
        elif item.tag in containers:
            yield from ((child.tag, child.value) for child in item.children)


def parameters_of(item: Item) -> dict[int, Value]:
    """The `PARAMETERS` that stand anywhere in an item."""
    found: dict[int, Value] = {
        inner.tag: inner.value for inner in walk(item) if inner.tag in PARAMETERS
    }
    found.update((tag, value) for tag, value in attributes_of(item) if tag in PARAMETERS)
    return {tag: value for tag, value in found.items() if not isinstance(value, tuple)}


def values(items: Iterable[Item]) -> list[Value]:
    """The values of items."""
    return [item.value for item in items]
