"""Is a response what a case expects? The rules are those of `oasis/README.md`, by their numbers.

Theory: both trees are walked in step, and the first `Difference` is raised. What no rule frees must
be equal (R1). Rules are rows of tables: payloads by operation, structures and values by tag; each
row is a function that compares one kind of thing.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import replace

from kmip.encodings import ttlv
from kmip.enums import ItemType, Operation, ResultReason, ResultStatus
from kmip.items import Item, Value, tag_name
from kmip.tags import Tag
from kmip.versions import V1_0, V2_0
from tests.conformance.case_state import (
    CaseState,
    attribute_tag,
    placeholder,
    values,
)
from tests.conformance.difference import (
    NO_PAYLOAD,
    Difference,
    Place,
    check_order,
    different,
    outcome,
)
from tests.conformance.parts import (
    all_of,
    by_id,
    label,
    reference,
    required,
    value_of,
    version_of,
    versions_in,
    without,
    without_index,
)
from tests.conformance.rules import (
    ANY_LISTS,
    ASKED_BY,
    ATTRIBUTE_SETS,
    DIGEST_BYTES,
    ENCODED,
    FREE_IN_HEADER,
    INDEXED,
    LISTED,
    OPTIONAL_IN_QUERY,
    PLAUSIBLE_FORMATS,
    SERVER_FACTS,
    TEMPLATES,
    TEXTS,
    Lists,
)
from tests.conformance.server_facts import check_facts
from tests.conformance.tolerance import is_from_client
from tests.conformance.value_comparison import ValueComparison


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
        known: CaseState,
        now: Callable[[], int],
        lists: Lists = ANY_LISTS,
        *,
        may_deny_get: bool = False,
    ) -> None:
        self.known = known
        self.values = ValueComparison(known, now)
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
        header, answered = required(expected, Tag.RESPONSE_HEADER), got.first(Tag.RESPONSE_HEADER)
        self.version = version_of(header)
        if answered is None:
            raise different("/ResponseHeader", "one", "none")
        items, request_items = all_of(got, Tag.BATCH_ITEM), all_of(request, Tag.BATCH_ITEM)
        wanted = all_of(expected, Tag.BATCH_ITEM)
        if len(items) != len(wanted):
            raise different("/BatchItem", f"{len(wanted)} of them", got)
        order = request.first(Tag.REQUEST_HEADER).first(Tag.BATCH_ORDER_OPTION)  # type: ignore[union-attr]
        if not (order and order.value):
            items = by_id(wanted, items)
        identifier_before: Value | None = None
        for number, (want, item) in enumerate(zip(wanted, items, strict=True)):
            ask = request_items[min(number, len(request_items) - 1)]
            identifier_before = self._item(
                want, item, ask, f"/BatchItem[{number}]", identifier_before
            )
        self._sequence(
            without(header, FREE_IN_HEADER),
            without(answered, FREE_IN_HEADER),
            Place("/ResponseHeader"),
        )

    def _item(
        self,
        expected: Item,
        got: Item,
        request_item: Item,
        path: str,
        identifier_before: Value | None,
    ) -> Value | None:
        """Compare a batch item; the ID Placeholder after it."""
        operation = value_of(request_item, Tag.OPERATION)
        request = request_item.first(Tag.REQUEST_PAYLOAD) or NO_PAYLOAD
        named = request.first(Tag.UNIQUE_IDENTIFIER)
        identifier = (
            named.value if named and named.type in TEXTS and named.value else identifier_before
        )
        place = Place(path, operation if isinstance(operation, int) else None, request, identifier)
        status = value_of(got, Tag.RESULT_STATUS)
        if status != value_of(expected, Tag.RESULT_STATUS):
            if not self._is_alternative(place, got):
                raise different(f"{path}/ResultStatus", outcome(expected), outcome(got))
        else:
            if value_of(got, Tag.RESULT_REASON) != value_of(expected, Tag.RESULT_REASON):
                raise different(f"{path}/ResultReason", outcome(expected), outcome(got))
            self._sequence(*self._counted(expected, got, status), place)
        payload = got.first(Tag.RESPONSE_PAYLOAD)
        if status != ResultStatus.SUCCESS or payload is None:
            return identifier_before
        return self.known.learn(place.operation, request, payload, identifier_before)

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
            for item in without(got, free)
            if item.tag != Tag.MESSAGE_EXTENSION or value_of(item, Tag.CRITICALITY_INDICATOR)
        ]
        return without(expected, free), answered

    def _is_alternative(self, place: Place, got: Item) -> bool:
        """Whether another outcome is left to the server's policy (R20)."""
        denied = value_of(got, Tag.RESULT_REASON) == ResultReason.PERMISSION_DENIED
        if place.operation == Operation.RNG_SEED:
            return denied or value_of(got, Tag.RESULT_STATUS) == ResultStatus.SUCCESS
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
            raise different(inner.path, f"a value of type {ItemType(expected.type).name}", got)
        if expected.type != ItemType.STRUCTURE:
            self.values.compare(expected, got, inner)
        elif expected.tag in ATTRIBUTE_SETS:
            self._attributes(expected.children, got.children, inner)
        elif expected.tag in SERVER_FACTS:
            check_facts(got, inner)
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
            expected._replace(value=tuple(without(expected, TEMPLATES))),
            got._replace(value=tuple(without(got, TEMPLATES))),
            place,
        )

    def _locate(self, expected: Item, got: Item, place: Place) -> None:
        """R17."""
        counted, answered = (all_of(item, Tag.LOCATED_ITEMS) for item in (expected, got))
        if counted and answered:
            self._sequence(counted, answered, place)
        free = {Tag.LOCATED_ITEMS, Tag.UNIQUE_IDENTIFIER}
        self._sequence(without(expected, free), without(got, free), place)
        printed, found = (all_of(item, Tag.UNIQUE_IDENTIFIER) for item in (expected, got))
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
        functions = set(values(all_of(place.request, Tag.QUERY_FUNCTION)))
        check_order(got, list(ASKED_BY), place)
        for item, count in Counter(got.children).items():
            inner = place.into(tag_name(item.tag))
            if count > 1:
                raise different(inner.path, "each once", item)
            if ASKED_BY[Tag(item.tag)] not in functions | {None}:
                raise different(inner.path, "what was asked for", item)
            check_facts(item, inner)
        for tag in {item.tag for item in expected.children} - OPTIONAL_IN_QUERY:
            wanted, found = values(all_of(expected, tag)), values(all_of(got, tag))
            missing = not found
            if tag in LISTED and not self.lists.may_vary:
                missing = not set(wanted) <= set(found)
                missing |= self.lists.are_exact and set(wanted) != set(found)
            if missing:
                raise different(f"{place.path}/{tag_name(tag)}", expected, got)

    def _versions(self, expected: Item, got: Item, place: Place) -> None:
        """R16."""
        wanted, found = versions_in(expected), versions_in(got)
        if all_of(place.request, Tag.PROTOCOL_VERSION):
            fits = wanted == found
        else:
            fits = set(wanted) <= set(found) and found == sorted(set(found), reverse=True)
        if not fits or without(got, {Tag.PROTOCOL_VERSION}):
            raise different(place.path, wanted, found)

    def _get_attributes(self, expected: Item, got: Item, place: Place) -> None:
        if not all_of(expected, Tag.ATTRIBUTE) + all_of(got, Tag.ATTRIBUTE):
            self._fields(expected, got, place)
            return
        check_order(got, [Tag.UNIQUE_IDENTIFIER, Tag.ATTRIBUTE], place)
        free = {Tag.ATTRIBUTE}
        self._sequence(without(expected, free), without(got, free), place)
        self._attributes(all_of(expected, Tag.ATTRIBUTE), all_of(got, Tag.ATTRIBUTE), place)

    def _get_attribute_list(self, expected: Item, got: Item, place: Place) -> None:
        """R11."""
        free = {Tag.ATTRIBUTE_NAME, Tag.ATTRIBUTE_REFERENCE}
        self._sequence(without(expected, free), without(got, free), place)
        wanted, found = (
            [reference(item) for item in whole.children if item.tag in free]
            for whole in (expected, got)
        )
        if len(set(found)) != len(found) or not set(wanted) <= set(found):
            raise different(place.path, wanted, found)

    def _rng_seed(self, expected: Item, got: Item, place: Place) -> None:
        """R20: all, part or none of the seed is taken."""
        taken, seed = value_of(got, Tag.DATA_LENGTH), value_of(place.request, Tag.DATA)
        if len(got.children) != 1 or not isinstance(taken, int) or not isinstance(seed, bytes):
            raise different(place.path, expected, got)
        if not 0 <= taken <= len(seed):
            raise different(place.path, f"0 to {len(seed)}", taken)

    # Attributes

    def _attributes(self, expected: Iterable[Item], got: Iterable[Item], place: Place) -> None:
        """R11: in any order, each once, and more of them where none were named."""
        left = list(got)
        labels = [(label(item), ttlv.encode(without_index(item))) for item in left]
        indices = [
            (label(item), index.value)
            for item in left
            if (index := item.first(Tag.ATTRIBUTE_INDEX))
        ]
        for seen in (labels, indices):
            for twice in (key for key, count in Counter(seen).items() if count > 1):
                raise different(place.path, "each once", twice)
        matched: set[Value] = set()
        for want in expected:
            name = label(want)
            same = [item for item in left if label(item) == name]
            if not same and name == tag_name(Tag.DIGEST) and name in matched:
                continue  # R13: one digest is enough
            if not same:
                raise different(place.path, want, [label(item) for item in left])
            left.remove(self._matching(want, same, place))
            matched.add(name)
        named = {
            reference(item)
            for item in place.request.children
            if item.tag in (Tag.ATTRIBUTE_NAME, Tag.ATTRIBUTE_REFERENCE)
        }
        if named and place.operation == Operation.GET_ATTRIBUTES:
            for item in left:
                if label(item) not in named:
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
        check_order(got, [*identity, Tag.ATTRIBUTE_INDEX, Tag.ATTRIBUTE_VALUE], place)
        if place.operation in INDEXED:
            wanted, found = (value_of(item, Tag.ATTRIBUTE_INDEX) or 0 for item in (expected, got))
            if wanted != found:
                raise different(f"{place.path}/AttributeIndex", wanted, found)
        about = attribute_tag(value_of(expected, Tag.ATTRIBUTE_NAME) or "")
        one, other = expected.first(Tag.ATTRIBUTE_VALUE), got.first(Tag.ATTRIBUTE_VALUE)
        if about is not None and one and other:
            # From here on as the same attribute by its tag.
            self._compare(one._replace(tag=about), other._replace(tag=about), place)
        else:
            self._sequence([one] if one else [], [other] if other else [], place)

    def _digest(self, expected: Item, got: Item, place: Place) -> None:
        """R13."""
        fields = [Tag.HASHING_ALGORITHM, Tag.DIGEST_VALUE, Tag.KEY_FORMAT_TYPE]
        check_order(got, fields, place)
        if any(got.first(item.tag) is None for item in expected.children):
            raise different(place.path, expected, got)
        if self.version == V1_0 and got.first(Tag.KEY_FORMAT_TYPE):
            raise different(place.path, "no Key Format Type in 1.0", got)
        algorithm, digest = (value_of(got, tag) for tag in fields[:2])
        length = DIGEST_BYTES.get(algorithm)  # type: ignore[call-overload] # any value
        if not isinstance(digest, bytes) or (length and len(digest) != length):
            raise different(place.path, f"{length} bytes", got)
        printed = value_of(expected, Tag.DIGEST_VALUE)
        formats = {value_of(item, Tag.KEY_FORMAT_TYPE) for item in (expected, got)} - {None}
        same = algorithm == value_of(expected, Tag.HASHING_ALGORITHM) and len(formats) < 2
        if (
            is_from_client(self.known, place)
            and same
            and not placeholder(printed or "")
            and printed != digest
        ):
            raise different(place.path, expected, got)

    # Keys

    def _key_block(self, expected: Item, got: Item, place: Place) -> None:
        """R8."""
        printed, found = (value_of(item, Tag.KEY_FORMAT_TYPE) for item in (expected, got))
        free = set(TEMPLATES)
        if (
            printed != found
            and not is_from_client(self.known, place)
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
        self._sequence(without(expected, free), without(got, free), place)

    def _key_value(self, expected: Item, got: Item, place: Place) -> None:
        """R11: the attributes in a Key Value may be in any order."""
        free = {Tag.ATTRIBUTE}
        self._sequence(without(expected, free), without(got, free), place)
        self._attributes(
            all_of(expected, Tag.ATTRIBUTE),
            all_of(got, Tag.ATTRIBUTE),
            replace(place, operation=None),
        )

    def _key_wrapping_data(self, expected: Item, got: Item, place: Place) -> None:
        """R4: TTLV Encoding is the default of Encoding Option."""
        one, other = (list(filter(ENCODED.__ne__, item.children)) for item in (expected, got))
        self._sequence(one, other, place)

    def _nothing(self, expected: Item, got: Item, place: Place) -> None:
        """The server's own (R18)."""


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
