"""Is a response what a case expects? The rules are those of `oasis/README.md`, by their numbers.

Theory: both trees are walked in step, and the first `Difference` is raised. What no rule frees must
be equal (R1). Rules are rows of tables: payloads by operation, structures and values by tag; each
row is a function that compares one kind of thing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from kmip.encodings import text, ttlv
from kmip.enums import (
    ENUMERATION_OF,
    BlockCipherMode,
    CryptographicAlgorithm,
    EncodingOption,
    HashingAlgorithm,
    ItemType,
    KeyFormatType,
    Operation,
    PaddingMethod,
    QueryFunction,
    ResultReason,
    ResultStatus,
)
from kmip.items import Item, Value, tag_name
from kmip.tags import Tag
from kmip.versions import V1_0, V2_0, ProtocolVersion
from kmip.vocabulary import EXTENSIONS
from tests.conformance import outputs
from tests.conformance.cases import NOW, NOW_RANGE
from tests.conformance.knowledge import (
    IDENTIFIERS,
    Knowledge,
    Object,
    attribute_tag,
    attributes_of,
    parameters_of,
    placeholder,
    values,
    walk,
)

TOLERANCE = 2
"""Seconds by which a date may be off: the clock is ours, and only rounding is left."""


class Difference(Exception):
    """The first thing that is not as expected."""


def different(path: str, expected: object, got: object) -> Difference:
    """A difference at a place in the response."""
    return Difference(f"{path or '/'}: expected {_shown(expected)}, got {_shown(got)}")


def _shown(thing: object) -> str:
    if isinstance(thing, Item):
        return " ".join(text.encode(thing, insecure_show_secrets=True).split())[:400]
    return str(thing)


class Freedom(Enum):
    """How far a value may differ from the printed one."""

    NONE = "equal"
    LENGTH = "of the same length"
    VALUE = "not empty"


@dataclass(frozen=True)
class Lists:
    """How a case's Query lists are judged (R18)."""

    may_vary: bool = False
    are_exact: bool = False


NO_PAYLOAD = Item(Tag.REQUEST_PAYLOAD, ItemType.STRUCTURE, ())


@dataclass(frozen=True)
class Place:
    """Where in a response a comparison is.

    Attributes:
        path: names from the message on.
        operation: what was asked for.
        request: its payload as it was sent.
        identifier: the object that the item is about.
    """

    path: str = ""
    operation: int | None = None
    request: Item = NO_PAYLOAD
    identifier: Value | None = None

    def into(self, name: object) -> Place:
        """One step further."""
        return replace(self, path=f"{self.path}/{name}")


SERVER_FACTS = {Tag.LEASE_TIME, Tag.RANDOM_NUMBER_GENERATOR, Tag.PROTECTION_STORAGE_MASK}
FREE_IN_HEADER = {
    Tag.SERVER_CORRELATION_VALUE,
    Tag.CLIENT_CORRELATION_VALUE,
    Tag.SERVER_HASHED_PASSWORD,
}
TEMPLATES = {
    Tag.TEMPLATE_ATTRIBUTE,
    Tag.COMMON_TEMPLATE_ATTRIBUTE,
    Tag.PRIVATE_KEY_TEMPLATE_ATTRIBUTE,
    Tag.PUBLIC_KEY_TEMPLATE_ATTRIBUTE,
}
ATTRIBUTE_SETS = {
    Tag.ATTRIBUTES,
    Tag.COMMON_ATTRIBUTES,
    Tag.PRIVATE_KEY_ATTRIBUTES,
    Tag.PUBLIC_KEY_ATTRIBUTES,
}
SET_BY_SERVER = {
    Tag.INITIAL_DATE,
    Tag.LAST_CHANGE_DATE,
    Tag.ORIGINAL_CREATION_DATE,
    Tag.DESTROY_DATE,
    Tag.ARCHIVE_DATE,
    Tag.COMPROMISE_DATE,
    Tag.ACTIVATION_DATE,
}
TEXTS = {
    ItemType.TEXT_STRING,
    ItemType.IDENTIFIER,
    ItemType.REFERENCE,
    ItemType.NAME_REFERENCE,
}
DIGEST_BYTES = {
    HashingAlgorithm.MD5: 16,
    HashingAlgorithm.SHA_1: 20,
    HashingAlgorithm.SHA_224: 28,
    HashingAlgorithm.SHA_256: 32,
    HashingAlgorithm.SHA_384: 48,
    HashingAlgorithm.SHA_512: 64,
}
PLAUSIBLE_FORMATS = {
    Tag.SYMMETRIC_KEY: {KeyFormatType.RAW, KeyFormatType.TRANSPARENT_SYMMETRIC_KEY},
    Tag.PUBLIC_KEY: {
        KeyFormatType.PKCS_1,
        KeyFormatType.X_509,
        KeyFormatType.RAW,
        KeyFormatType.TRANSPARENT_RSA_PUBLIC_KEY,
        KeyFormatType.TRANSPARENT_EC_PUBLIC_KEY,
    },
    Tag.PRIVATE_KEY: {
        KeyFormatType.PKCS_1,
        KeyFormatType.PKCS_8,
        KeyFormatType.ECPRIVATEKEY,
        KeyFormatType.TRANSPARENT_RSA_PRIVATE_KEY,
        KeyFormatType.TRANSPARENT_EC_PRIVATE_KEY,
    },
    Tag.SECRET_DATA: {KeyFormatType.RAW, KeyFormatType.OPAQUE},
}
"""In which a server may hold what it made itself (R8)."""
ASKED_BY = {
    Tag.OPERATION: QueryFunction.QUERY_OPERATIONS,
    Tag.OBJECT_TYPE: QueryFunction.QUERY_OBJECTS,
    Tag.VENDOR_IDENTIFICATION: QueryFunction.QUERY_SERVER_INFORMATION,
    Tag.SERVER_INFORMATION: QueryFunction.QUERY_SERVER_INFORMATION,
    Tag.APPLICATION_NAMESPACE: QueryFunction.QUERY_APPLICATION_NAMESPACES,
    Tag.EXTENSION_INFORMATION: None,
    Tag.ATTESTATION_TYPE: QueryFunction.QUERY_ATTESTATION_TYPES,
    Tag.RNG_PARAMETERS: QueryFunction.QUERY_RNGS,
    Tag.PROFILE_INFORMATION: QueryFunction.QUERY_PROFILES,
    Tag.VALIDATION_INFORMATION: QueryFunction.QUERY_VALIDATIONS,
    Tag.CAPABILITY_INFORMATION: QueryFunction.QUERY_CAPABILITIES,
    Tag.CLIENT_REGISTRATION_METHOD: QueryFunction.QUERY_CLIENT_REGISTRATION_METHODS,
    Tag.DEFAULTS_INFORMATION: None,
    Tag.PROTECTION_STORAGE_MASKS: None,
}
"""The fields of a Query response in their order, and what asks for each."""
LISTED = {Tag.OPERATION, Tag.OBJECT_TYPE}
OPTIONAL_IN_QUERY = {
    Tag.EXTENSION_INFORMATION,
    Tag.APPLICATION_NAMESPACE,
    Tag.SERVER_INFORMATION,
    Tag.VALIDATION_INFORMATION,
}
FIELDS_OF_FACTS = {
    Tag.RNG_PARAMETERS: (
        Tag.RNG_ALGORITHM,
        Tag.CRYPTOGRAPHIC_ALGORITHM,
        Tag.CRYPTOGRAPHIC_LENGTH,
        Tag.HASHING_ALGORITHM,
        Tag.DRBG_ALGORITHM,
        Tag.RECOMMENDED_CURVE,
        Tag.FIPS186_VARIATION,
        Tag.PREDICTION_RESISTANCE,
    ),
    Tag.PROFILE_INFORMATION: (
        Tag.PROFILE_NAME,
        Tag.SERVER_URI,
        Tag.SERVER_PORT,
        Tag.PROFILE_VERSION,
    ),
    Tag.VALIDATION_INFORMATION: (
        Tag.VALIDATION_AUTHORITY_TYPE,
        Tag.VALIDATION_AUTHORITY_COUNTRY,
        Tag.VALIDATION_AUTHORITY_URI,
        Tag.VALIDATION_VERSION_MAJOR,
        Tag.VALIDATION_VERSION_MINOR,
        Tag.VALIDATION_TYPE,
        Tag.VALIDATION_LEVEL,
        Tag.VALIDATION_CERTIFICATE_IDENTIFIER,
        Tag.VALIDATION_CERTIFICATE_URI,
        Tag.VALIDATION_VENDOR_URI,
        Tag.VALIDATION_PROFILE,
    ),
}
"""The fields in their order of structures that are the server's own; the first is required."""
FIELDS_OF_FACTS[Tag.RANDOM_NUMBER_GENERATOR] = FIELDS_OF_FACTS[Tag.RNG_PARAMETERS]

ENCODED = Item(Tag.ENCODING_OPTION, ItemType.ENUMERATION, EncodingOption.TTLV_ENCODING)


class Judgement:
    """Compares the responses of one case.

    Args:
        known: what the case has established, and what it will.
        now: gives the time, seconds since 1970.
        lists: how Query lists are judged.
        may_deny_get: a Get may also be denied (R20: one time pads).
    """

    def __init__(
        self,
        known: Knowledge,
        now: Callable[[], int],
        lists: Lists = Lists(),
        *,
        may_deny_get: bool = False,
    ) -> None:
        self.known = known
        self.now = now
        self.lists = lists
        self.may_deny_get = may_deny_get
        self.version = V1_0

    # Messages

    def judge(self, expected: Item, got: Item, request: Item) -> None:
        """Compare a response.

        Args:
            expected: as printed.
            got: what the server gave.
            request: what it was sent.

        Raises:
            Difference: it is not as expected.
        """
        if got.tag != Tag.RESPONSE_MESSAGE:
            raise different("", "a Response Message", got)
        header, answered = _required(expected, Tag.RESPONSE_HEADER), got.first(Tag.RESPONSE_HEADER)
        self.version = version_of(header)
        if answered is None:
            raise different("/ResponseHeader", "one", "none")
        items, asked = _all(got, Tag.BATCH_ITEM), _all(request, Tag.BATCH_ITEM)
        wanted = _all(expected, Tag.BATCH_ITEM)
        if len(items) != len(wanted):
            raise different("/BatchItem", f"{len(wanted)} of them", got)
        order = request.first(Tag.REQUEST_HEADER).first(Tag.BATCH_ORDER_OPTION)  # type: ignore[union-attr]
        if not (order and order.value):
            items = _by_id(wanted, items)
        given: Value | None = None
        for number, (want, item) in enumerate(zip(wanted, items, strict=True)):
            ask = asked[min(number, len(asked) - 1)]
            given = self._item(want, item, ask, f"/BatchItem[{number}]", given)
        self._sequence(
            _without(header, FREE_IN_HEADER),
            _without(answered, FREE_IN_HEADER),
            Place("/ResponseHeader"),
        )

    def _item(
        self, expected: Item, got: Item, asked: Item, path: str, given: Value | None
    ) -> Value | None:
        """Compare a batch item; the ID Placeholder after it."""
        operation = _value(asked, Tag.OPERATION)
        request = asked.first(Tag.REQUEST_PAYLOAD) or NO_PAYLOAD
        named = request.first(Tag.UNIQUE_IDENTIFIER)
        identifier = named.value if named and named.type in TEXTS and named.value else given
        place = Place(path, operation if isinstance(operation, int) else None, request, identifier)
        status = _value(got, Tag.RESULT_STATUS)
        if status != _value(expected, Tag.RESULT_STATUS):
            if not self._is_alternative(place, got):
                raise different(f"{path}/ResultStatus", _outcome(expected), _outcome(got))
        else:
            if _value(got, Tag.RESULT_REASON) != _value(expected, Tag.RESULT_REASON):
                raise different(f"{path}/ResultReason", _outcome(expected), _outcome(got))
            self._sequence(*self._counted(expected, got, status), place)
        payload = got.first(Tag.RESPONSE_PAYLOAD)
        if status != ResultStatus.SUCCESS or payload is None:
            return given
        return self.known.learn(place.operation, request, payload, given)

    @staticmethod
    def _counted(expected: Item, got: Item, status: Value | None) -> tuple[list[Item], list[Item]]:
        """The fields of two batch items that are compared (R4, R6)."""
        free = {Tag.RESULT_MESSAGE}
        if status == ResultStatus.OPERATION_FAILED:
            free.add(Tag.RESPONSE_PAYLOAD)
        if status != ResultStatus.SUCCESS and expected.first(Tag.OPERATION) is None:
            free.add(Tag.OPERATION)
        answered = [
            item
            for item in _without(got, free)
            if item.tag != Tag.MESSAGE_EXTENSION or _value(item, Tag.CRITICALITY_INDICATOR)
        ]
        return _without(expected, free), answered

    def _is_alternative(self, place: Place, got: Item) -> bool:
        """Whether another outcome is left to the server's policy (R20)."""
        denied = _value(got, Tag.RESULT_REASON) == ResultReason.PERMISSION_DENIED
        if place.operation == Operation.RNG_SEED:
            return denied or _value(got, Tag.RESULT_STATUS) == ResultStatus.SUCCESS
        return place.operation == Operation.GET and self.may_deny_get and denied

    # Structures

    def _sequence(self, expected: list[Item], got: list[Item], place: Place) -> None:
        """Fields in order, none missing, none added."""
        for want, item in zip(expected, got, strict=False):
            if want.tag != item.tag:
                raise different(place.path, want, item)
            self._compare(want, item, place)
        for want in expected[len(got) :]:
            raise different(place.path, want, "nothing")
        for item in got[len(expected) :]:
            raise different(place.path, "nothing more", item)

    def _compare(self, expected: Item, got: Item, place: Place) -> None:
        inner = place.into(tag_name(expected.tag))
        if expected.type != got.type:
            raise different(inner.path, f"{ItemType(expected.type).name} {_shown(expected)}", got)
        if expected.type != ItemType.STRUCTURE:
            self._leaf(expected, got, inner)
        elif expected.tag in ATTRIBUTE_SETS:
            self._attributes(expected.children, got.children, inner)
        elif expected.tag in SERVER_FACTS:
            _check_facts(got, inner)
        else:
            compare = _STRUCTURES.get(expected.tag, Judgement._fields)
            compare(self, expected, got, inner)

    def _fields(self, expected: Item, got: Item, place: Place) -> None:
        self._sequence(list(expected.children), list(got.children), place)

    # Payloads

    def _payload(self, expected: Item, got: Item, place: Place) -> None:
        compare = _PAYLOADS.get(place.operation or 0, Judgement._fields)
        compare(
            self,
            expected._replace(value=tuple(_without(expected, TEMPLATES))),
            got._replace(value=tuple(_without(got, TEMPLATES))),
            place,
        )

    def _locate(self, expected: Item, got: Item, place: Place) -> None:
        """R17."""
        counted, answered = (_all(item, Tag.LOCATED_ITEMS) for item in (expected, got))
        if counted and answered:
            self._sequence(counted, answered, place)
        free = {Tag.LOCATED_ITEMS, Tag.UNIQUE_IDENTIFIER}
        self._sequence(_without(expected, free), _without(got, free), place)
        printed, found = (_all(item, Tag.UNIQUE_IDENTIFIER) for item in (expected, got))
        if any(item.type != printed[0].type for item in found if printed):
            raise different(place.path, expected, got)
        names = values(printed)
        wanted = [self.known.bound.get(str(name), name) for name in names]
        unbound = [name for name in wanted if placeholder(name)]
        rest = [value for value in values(found) if value not in wanted]
        in_order = self.version < V2_0 or unbound or wanted == values(found)
        if len(wanted) != len(found) or len(rest) != len(unbound) or not in_order:
            raise different(place.path, wanted, values(found))
        self.known.bound.update(zip(map(str, unbound), rest, strict=True))

    def _query(self, expected: Item, got: Item, place: Place) -> None:
        """R18, R19."""
        asked = set(values(_all(place.request, Tag.QUERY_FUNCTION)))
        _check_order(got, list(ASKED_BY), place)
        for item, count in Counter(got.children).items():
            inner = place.into(tag_name(item.tag))
            if count > 1:
                raise different(inner.path, "each once", item)
            if ASKED_BY[Tag(item.tag)] not in asked | {None}:
                raise different(inner.path, "what was asked for", item)
            _check_facts(item, inner)
        for tag in {item.tag for item in expected.children} - OPTIONAL_IN_QUERY:
            wanted, found = values(_all(expected, tag)), values(_all(got, tag))
            missing = not found
            if tag in LISTED and not self.lists.may_vary:
                missing = not set(wanted) <= set(found)
                missing |= self.lists.are_exact and set(wanted) != set(found)
            if missing:
                raise different(f"{place.path}/{tag_name(tag)}", expected, got)

    def _versions(self, expected: Item, got: Item, place: Place) -> None:
        """R16."""
        wanted, found = _versions_in(expected), _versions_in(got)
        if _all(place.request, Tag.PROTOCOL_VERSION):
            fits = wanted == found
        else:
            fits = set(wanted) <= set(found) and found == sorted(set(found), reverse=True)
        if not fits or _without(got, {Tag.PROTOCOL_VERSION}):
            raise different(place.path, wanted, found)

    def _get_attributes(self, expected: Item, got: Item, place: Place) -> None:
        if not _all(expected, Tag.ATTRIBUTE) + _all(got, Tag.ATTRIBUTE):
            self._fields(expected, got, place)
            return
        _check_order(got, [Tag.UNIQUE_IDENTIFIER, Tag.ATTRIBUTE], place)
        free = {Tag.ATTRIBUTE}
        self._sequence(_without(expected, free), _without(got, free), place)
        self._attributes(_all(expected, Tag.ATTRIBUTE), _all(got, Tag.ATTRIBUTE), place)

    def _get_attribute_list(self, expected: Item, got: Item, place: Place) -> None:
        """R11."""
        free = {Tag.ATTRIBUTE_NAME, Tag.ATTRIBUTE_REFERENCE}
        self._sequence(_without(expected, free), _without(got, free), place)
        wanted, found = (
            [_reference(item) for item in whole.children if item.tag in free]
            for whole in (expected, got)
        )
        if len(set(found)) != len(found) or not set(wanted) <= set(found):
            raise different(place.path, wanted, found)

    def _rng_seed(self, expected: Item, got: Item, place: Place) -> None:
        """R20: all, part or none of the seed is taken."""
        taken, seed = _value(got, Tag.DATA_LENGTH), _value(place.request, Tag.DATA)
        if len(got.children) != 1 or not isinstance(taken, int) or not isinstance(seed, bytes):
            raise different(place.path, expected, got)
        if not 0 <= taken <= len(seed):
            raise different(place.path, f"0 to {len(seed)}", taken)

    # Attributes

    def _attributes(self, expected: Iterable[Item], got: Iterable[Item], place: Place) -> None:
        """R11: in any order, each once, and more of them where none were named."""
        left = list(got)
        labels = [(_label(item), ttlv.encode(_without_index(item))) for item in left]
        indices = [
            (_label(item), index.value)
            for item in left
            if (index := item.first(Tag.ATTRIBUTE_INDEX))
        ]
        for seen in (labels, indices):
            for twice in (key for key, count in Counter(seen).items() if count > 1):
                raise different(place.path, "each once", twice)
        matched: set[Value] = set()
        for want in expected:
            label = _label(want)
            same = [item for item in left if _label(item) == label]
            if not same and label == tag_name(Tag.DIGEST) and label in matched:
                continue  # R13: one digest is enough
            if not same:
                raise different(place.path, want, [_label(item) for item in left])
            left.remove(self._matching(want, same, place))
            matched.add(label)
        named = {
            _reference(item)
            for item in place.request.children
            if item.tag in (Tag.ATTRIBUTE_NAME, Tag.ATTRIBUTE_REFERENCE)
        }
        if named and place.operation == Operation.GET_ATTRIBUTES:
            for item in left:
                if _label(item) not in named:
                    raise different(place.path, "what was asked for", item)

    def _matching(self, want: Item, candidates: list[Item], place: Place) -> Item:
        """The first candidate that is as expected."""
        first: Difference | None = None
        for item in candidates:
            before = copy(self.known.bound), copy(self.known.replaced), copy(self.known.material)
            try:
                self._compare(want, item, place)
            except Difference as difference:
                self.known.bound, self.known.replaced, self.known.material = before
                first = first or difference
            else:
                return item
        assert first is not None
        raise first

    def _attribute(self, expected: Item, got: Item, place: Place) -> None:
        """An Attribute of 1.x, or a vendor's attribute."""
        identity = (Tag.VENDOR_IDENTIFICATION, Tag.ATTRIBUTE_NAME)
        for tag in identity:
            if expected.first(tag) != got.first(tag):
                raise different(place.path, expected, got)
        _check_order(got, [*identity, Tag.ATTRIBUTE_INDEX, Tag.ATTRIBUTE_VALUE], place)
        if place.operation in INDEXED:
            wanted, found = (_value(item, Tag.ATTRIBUTE_INDEX) or 0 for item in (expected, got))
            if wanted != found:
                raise different(f"{place.path}/AttributeIndex", wanted, found)
        about = attribute_tag(_value(expected, Tag.ATTRIBUTE_NAME) or "")
        wanted, found = (_all(item, Tag.ATTRIBUTE_VALUE) for item in (expected, got))
        if about is not None and len(wanted) == len(found) == 1 and wanted[0].type == found[0].type:
            # From here on as the same attribute by its tag.
            wanted, found = [_tagged(wanted[0], about)], [_tagged(found[0], about)]
        self._sequence(wanted, found, place)

    def _digest(self, expected: Item, got: Item, place: Place) -> None:
        """R13."""
        fields = [Tag.HASHING_ALGORITHM, Tag.DIGEST_VALUE, Tag.KEY_FORMAT_TYPE]
        _check_order(got, fields, place)
        if any(got.first(item.tag) is None for item in expected.children):
            raise different(place.path, expected, got)
        if self.version == V1_0 and got.first(Tag.KEY_FORMAT_TYPE):
            raise different(place.path, "no Key Format Type in 1.0", got)
        algorithm, digest = (_value(got, tag) for tag in fields[:2])
        length = DIGEST_BYTES.get(algorithm)  # type: ignore[call-overload] # any value
        if not isinstance(digest, bytes) or (length and len(digest) != length):
            raise different(place.path, f"{length} bytes", got)
        printed = _value(expected, Tag.DIGEST_VALUE)
        formats = {_value(item, Tag.KEY_FORMAT_TYPE) for item in (expected, got)} - {None}
        same = algorithm == _value(expected, Tag.HASHING_ALGORITHM) and len(formats) < 2
        if self._is_given(place) and same and not placeholder(printed or "") and printed != digest:
            raise different(place.path, expected, got)

    # Keys

    def _key_block(self, expected: Item, got: Item, place: Place) -> None:
        """R8."""
        printed, found = (_value(item, Tag.KEY_FORMAT_TYPE) for item in (expected, got))
        free = set(TEMPLATES)
        if (
            printed != found
            and not self._is_given(place)
            and not place.request.first(Tag.KEY_FORMAT_TYPE)
        ):
            kind = place.path.split("/")[-2]
            plausible = next(
                (f for tag, f in PLAUSIBLE_FORMATS.items() if tag_name(tag) == kind), ()
            )
            if found not in plausible or bool(expected.first(Tag.KEY_VALUE)) != bool(
                got.first(Tag.KEY_VALUE)
            ):
                raise different(place.path, expected, got)
            free |= {Tag.KEY_FORMAT_TYPE, Tag.KEY_VALUE}
        self._sequence(_without(expected, free), _without(got, free), place)

    def _key_value(self, expected: Item, got: Item, place: Place) -> None:
        """R11: the attributes in a Key Value stand in any order."""
        free = {Tag.ATTRIBUTE}
        self._sequence(_without(expected, free), _without(got, free), place)
        self._attributes(
            _all(expected, Tag.ATTRIBUTE), _all(got, Tag.ATTRIBUTE), replace(place, operation=None)
        )

    def _key_wrapping_data(self, expected: Item, got: Item, place: Place) -> None:
        """R4: TTLV Encoding is the default of Encoding Option."""
        pair = (list(filter(ENCODED.__ne__, item.children)) for item in (expected, got))
        self._sequence(*pair, place)

    def _nothing(self, expected: Item, got: Item, place: Place) -> None:
        """The server's own (R18)."""

    # Values

    def _object(self, place: Place) -> Object | None:
        return self.known.object(place.identifier)

    def _is_given(self, place: Place) -> bool:
        about = self._object(place)
        return about is not None and about.is_given

    def _leaf(self, expected: Item, got: Item, place: Place) -> None:
        if expected.type == ItemType.DATE_TIME:
            self._date(expected, got, place)
            return
        if expected.tag in SERVER_FACTS:
            return
        self._check_output(expected, got, place)
        name = placeholder(expected.value)
        if name is not None:
            self._bind(name, got, place)
        elif expected.value != got.value and not self._may_differ(expected, got, place):
            raise different(place.path, expected, got)

    def _may_differ(self, expected: Item, got: Item, place: Place) -> bool:
        if expected.type in TEXTS:
            return self._is_own_identifier(expected, got, place)
        if isinstance(expected.value, bytes) and isinstance(got.value, bytes):
            return self._fits(expected, expected.value, got.value, place)
        if expected.tag == Tag.KEY_FORMAT_TYPE and not self._is_given(place):
            return place.operation in (Operation.GET_ATTRIBUTES, Operation.EXPORT)  # R8
        return False

    def _is_own_identifier(self, expected: Item, got: Item, place: Place) -> bool:
        """R2: an identifier that no request chose stands for the object asked about."""
        if expected.tag not in IDENTIFIERS | {Tag.LINKED_OBJECT_IDENTIFIER}:
            return False
        if (expected.type, expected.value) in self.known.requested or not got.value:
            return False
        about = place.identifier if expected.tag == Tag.UNIQUE_IDENTIFIER else None
        return about is None or got.value == about

    def _fits(self, expected: Item, printed: bytes, found: bytes, place: Place) -> bool:
        """R7, R9: other bytes, where they may be others; and the same each time."""
        freedom = self._freedom(expected, place)
        if freedom is Freedom.NONE or not found:
            return False
        if freedom is Freedom.LENGTH and len(printed) != len(found):
            return False
        if "/KeyBlock/" in place.path:
            about = self._object(place)
            if (
                about
                and about.is_derived
                and self.known.derived.setdefault(printed, found) != found
            ):
                return False
            key = (place.identifier, expected.tag, printed)
            if self.known.material.setdefault(key, found) != found:
                return False
        self.known.replaced[printed] = found
        return True

    def _bind(self, name: str, got: Item, place: Place) -> None:
        """R2, R3."""
        if got.value in ("", b""):
            raise different(place.path, f"a value for {name}", "nothing")
        wrapped = place.request.first(Tag.KEY_WRAPPING_SPECIFICATION)
        if got.tag == Tag.KEY_MATERIAL and place.identifier is not None and not wrapped:
            key = (place.identifier, got.tag, _value(place.request, Tag.KEY_FORMAT_TYPE))
            if self.known.material.setdefault(key, got.value) != got.value:
                raise different(place.path, "the same bytes as before", got)
        lasting = name[-1].isdigit() or name == "$UNIQUE_IDENTIFIER"
        if lasting and self.known.bound.setdefault(name, got.value) != got.value:
            raise different(place.path, f"{name} = {self.known.bound[name]!r}", got)
        self.known.bound[name] = got.value

    def _date(self, expected: Item, got: Item, place: Place) -> None:
        """R12."""
        printed, found = expected.value, got.value
        assert isinstance(printed, int)
        assert isinstance(found, int)
        about = self._object(place)
        tag = expected.tag
        chosen = set(about.chosen.get(tag, ())) if about else set()
        if place.operation in (Operation.ADD_ATTRIBUTE, Operation.MODIFY_ATTRIBUTE):
            chosen |= {value for named, value in attributes_of(place.request) if named == tag}
        if found in chosen:
            return
        if tag == Tag.TIME_STAMP or printed == NOW:
            fits = self.known.now - TOLERANCE <= found <= self.now() + TOLERANCE
        elif printed in NOW_RANGE:
            wanted = self.known.time(printed)
            fits = (
                not chosen
                and 0 <= found - wanted + TOLERANCE <= 2 * TOLERANCE + self.now() - self.known.now
            )
        elif found == printed:
            fits = True
        elif (expected.type, printed) in self.known.requested:
            fits = False
        elif tag in SET_BY_SERVER and about and not about.is_replacement and not chosen:
            fits = self.known.started - TOLERANCE <= found <= self.now() + TOLERANCE
        else:
            fits = True
        if not fits:
            raise different(
                place.path, expected if printed not in NOW_RANGE else f"$NOW{printed - NOW:+}", got
            )

    # Freedom of bytes

    def _freedom(self, expected: Item, place: Place) -> Freedom:
        tag, path, given = expected.tag, place.path, self._is_given(place)
        if tag in (Tag.PKCS_11_OUTPUT_PARAMETERS, Tag.DIGEST_VALUE):
            return Freedom.VALUE
        if tag == Tag.SHORT_UNIQUE_IDENTIFIER:
            return Freedom.LENGTH
        if tag == Tag.CERTIFICATE_VALUE:
            return Freedom.NONE if given else Freedom.VALUE
        if "/KeyValue" in path:
            return self._freedom_of_key(place, given=given)
        if tag in OUTPUTS:
            return self._freedom_of_output(expected, place, given=given)
        return Freedom.NONE

    def _freedom_of_key(self, place: Place, *, given: bool) -> Freedom:
        """R7."""
        if not given:
            plain = any(f"/{tag_name(tag)}/" in place.path for tag in OPAQUE_MATERIAL)
            return Freedom.LENGTH if plain else Freedom.VALUE
        wrapping = place.request.first(Tag.KEY_WRAPPING_SPECIFICATION)
        key = wrapping.first(Tag.ENCRYPTION_KEY_INFORMATION) if wrapping else None
        if wrapping is None or key is None or not place.path.endswith("/KeyValue"):
            return Freedom.NONE
        wrapper = self.known.object(_value(key, Tag.UNIQUE_IDENTIFIER))
        mode = parameters_of(wrapping).get(Tag.BLOCK_CIPHER_MODE, BlockCipherMode.NISTKEYWRAP)
        repeatable = (
            wrapper is not None and wrapper.is_given and mode == BlockCipherMode.NISTKEYWRAP
        )
        return Freedom.NONE if repeatable else Freedom.LENGTH

    def _freedom_of_output(self, expected: Item, place: Place, *, given: bool) -> Freedom:
        """R9."""
        operation = place.operation
        if operation == Operation.RNG_RETRIEVE:
            return Freedom.LENGTH
        if operation in REPEATABLE:
            return Freedom.NONE
        if operation == Operation.DECRYPT:
            own = given or (expected.type, expected.value) in self.known.requested
            return Freedom.NONE if own else Freedom.LENGTH
        if not given:
            return Freedom.VALUE if operation == Operation.SIGN else Freedom.LENGTH
        about = self._object(place)
        parameters = {**(about.parameters if about else {}), **parameters_of(place.request)}
        padded = parameters.get(Tag.PADDING_METHOD)
        algorithm = parameters.get(Tag.CRYPTOGRAPHIC_ALGORITHM)
        if operation == Operation.ENCRYPT:
            is_random = parameters.get(Tag.RANDOM_IV) or expected.tag == Tag.IV_COUNTER_NONCE
            is_rsa = algorithm == CryptographicAlgorithm.RSA and padded != PaddingMethod.NONE
            return Freedom.LENGTH if is_random or is_rsa else Freedom.NONE
        if operation == Operation.SIGN:
            named = _named(Tag.DIGITAL_SIGNATURE_ALGORITHM, parameters)
            if "DSA" in named or _named(Tag.CRYPTOGRAPHIC_ALGORITHM, parameters) in CURVES:
                return Freedom.VALUE
            return Freedom.LENGTH if padded == PaddingMethod.PSS or "PSS" in named else Freedom.NONE
        return Freedom.NONE

    def _check_output(self, expected: Item, got: Item, place: Place) -> None:
        """R9: what is random must still be right."""
        about = self._object(place)
        if about is None or not about.is_given or not isinstance(got.value, bytes):
            return
        parameters = about.parameters
        if stated := place.request.first(Tag.CRYPTOGRAPHIC_PARAMETERS):
            kept = {Tag.KEY_MATERIAL, Tag.CRYPTOGRAPHIC_ALGORITHM}
            parameters = {tag: value for tag, value in parameters.items() if tag in kept}
            parameters.update(parameters_of(stated))
        data, digested = (_value(place.request, tag) for tag in (Tag.DATA, Tag.DIGESTED_DATA))
        plain = data if isinstance(data, bytes) else b""
        holds: bool | None = None
        if place.operation == Operation.SIGN and expected.tag == Tag.SIGNATURE_DATA:
            begun = about.signed if place.request.first(Tag.CORRELATION_VALUE) else b""
            digest = digested if isinstance(digested, bytes) else None
            holds = outputs.signature_holds(parameters, begun + plain, digest, got.value)
        elif place.operation == Operation.ENCRYPT and expected.tag == Tag.DATA:
            holds = outputs.oaep_holds(parameters, plain, got.value)
        if holds is False:
            raise different(place.path, "an output that holds with the registered key", got)


INDEXED = {Operation.ADD_ATTRIBUTE, Operation.MODIFY_ATTRIBUTE, Operation.DELETE_ATTRIBUTE}
REPEATABLE = {Operation.HASH, Operation.SIGNATURE_VERIFY, Operation.MAC_VERIFY}
CURVES = {"EC", "ECDSA", "ECDH", "DSA"}
OPAQUE_MATERIAL = (Tag.SYMMETRIC_KEY, Tag.SPLIT_KEY, Tag.SECRET_DATA)
OUTPUTS = {
    Tag.DATA,
    Tag.SIGNATURE_DATA,
    Tag.MAC_DATA,
    Tag.IV_COUNTER_NONCE,
    Tag.AUTHENTICATED_ENCRYPTION_TAG,
}

Compare = Callable[[Judgement, Item, Item, Place], None]

_PAYLOADS: dict[int, Compare] = {
    Operation.LOCATE: Judgement._locate,
    Operation.QUERY: Judgement._query,
    Operation.DISCOVER_VERSIONS: Judgement._versions,
    Operation.GET_ATTRIBUTES: Judgement._get_attributes,
    Operation.GET_ATTRIBUTE_LIST: Judgement._get_attribute_list,
    Operation.RNG_SEED: Judgement._rng_seed,
}
_STRUCTURES: dict[int, Compare] = {
    Tag.RESPONSE_PAYLOAD: Judgement._payload,
    Tag.ATTRIBUTE: Judgement._attribute,
    Tag.DIGEST: Judgement._digest,
    Tag.KEY_BLOCK: Judgement._key_block,
    Tag.KEY_VALUE: Judgement._key_value,
    Tag.KEY_WRAPPING_DATA: Judgement._key_wrapping_data,
    Tag.SERVER_INFORMATION: Judgement._nothing,
}


def version_of(header: Item) -> ProtocolVersion:
    """The version in a header."""
    return _versions_in(header)[0]


def _versions_in(item: Item) -> list[ProtocolVersion]:
    parts = (Tag.PROTOCOL_VERSION_MAJOR, Tag.PROTOCOL_VERSION_MINOR)
    return [
        ProtocolVersion(*(_value(version, part) for part in parts))  # type: ignore[arg-type]
        for version in _all(item, Tag.PROTOCOL_VERSION)
    ]


def _all(item: Item, tag: int) -> list[Item]:
    return [child for child in item.children if child.tag == tag]


def _without(item: Item, tags: Iterable[int]) -> list[Item]:
    return [child for child in item.children if child.tag not in tags]


def _required(item: Item, tag: int) -> Item:
    found = item.first(tag)
    assert found is not None, "the case is not complete"
    return found


def _value(item: Item, tag: int) -> Value | None:
    found = item.first(tag)
    return None if found is None else found.value


def _by_id(wanted: list[Item], items: list[Item]) -> list[Item]:
    """Items in the order of the expected ones, by their Unique Batch Item ID (R5)."""
    ids = [_value(item, Tag.UNIQUE_BATCH_ITEM_ID) for item in wanted]
    found = {_value(item, Tag.UNIQUE_BATCH_ITEM_ID): item for item in items}
    return [found[one] for one in ids] if set(ids) == set(found) and len(found) > 1 else items


def _outcome(item: Item) -> str:
    parts = (Tag.OPERATION, Tag.RESULT_STATUS, Tag.RESULT_REASON, Tag.RESULT_MESSAGE)
    return ", ".join(_shown(part) for tag in parts if (part := item.first(tag)))


def _tagged(item: Item, tag: int) -> Item:
    """A 1.x attribute's value as the attribute itself."""
    return item._replace(tag=tag)


def _without_index(item: Item) -> Item:
    return (
        item._replace(value=tuple(_without(item, {Tag.ATTRIBUTE_INDEX}))) if item.children else item
    )


def _label(item: Item) -> Value:
    """What an attribute is called: by its tag's name, or by its vendor and name."""
    return _reference(item) if item.tag == Tag.ATTRIBUTE else tag_name(item.tag)


def _reference(item: Item) -> Value:
    """What an Attribute Name or Attribute Reference calls an attribute."""
    if item.type == ItemType.STRUCTURE:
        vendor, name = (
            _value(item, tag) for tag in (Tag.VENDOR_IDENTIFICATION, Tag.ATTRIBUTE_NAME)
        )
        tag = attribute_tag(name or "")
        return f"{vendor}/{name}" if vendor is not None else tag_name(tag) if tag else f"{name}"
    if isinstance(item.value, int):
        return tag_name(item.value)
    tag = attribute_tag(item.value)
    return tag_name(tag) if tag is not None else item.value


def _named(tag: Tag, parameters: dict[int, Value]) -> str:
    """The name of an enumeration value among parameters."""
    with suppress(KeyError, ValueError):
        return ENUMERATION_OF[tag](parameters[tag]).names[0]
    return ""


def _check_order(item: Item, fields: list[Tag], place: Place) -> None:
    """Only these fields, in this order (R1)."""
    places = [
        fields.index(Tag(child.tag)) if child.tag in fields else -1 for child in item.children
    ]
    if places != sorted(places) or -1 in places:
        raise different(place.path, f"the order {[tag_name(field) for field in fields]}", item)


def _check_facts(item: Item, place: Place) -> None:
    """Structures and values that are the server's own are at least well formed (R14, R19)."""
    fields = FIELDS_OF_FACTS.get(Tag(item.tag)) if item.type == ItemType.STRUCTURE else None
    if fields:
        _check_order(item, list(fields), place)
        if item.first(fields[0]) is None:
            raise different(place.path, f"a {tag_name(fields[0])}", item)
    for inner in walk(item):
        kind: Any = ENUMERATION_OF.get(Tag(inner.tag))
        if inner.type == ItemType.ENUMERATION and kind and inner.value not in EXTENSIONS:
            try:
                kind(inner.value)
            except ValueError:
                raise different(place.path, f"a value of {kind.__name__}", inner) from None
