"""Comparing values: equal, or as free as a rule lets them be."""

from collections.abc import Callable

from kmip.enums import ItemType, Operation
from kmip.items import Item
from kmip.tags import Tag
from tests.conformance.case_state import (
    IDENTIFIERS,
    CaseState,
    Object,
    attributes_of,
    placeholder,
)
from tests.conformance.cases import NOW, is_relative
from tests.conformance.difference import Place, different
from tests.conformance.parts import value_of
from tests.conformance.rules import SERVER_FACTS, SET_BY_SERVER, TEXTS
from tests.conformance.tolerance import Tolerance, check_output, is_from_client, tolerance

CLOCK_TOLERANCE = 2
"""Seconds by which a date may be off: the clock is ours, and only rounding is left."""


class ValueComparison:
    """Compares the values of one case.

    Args:
        known: what the case has established, and what it will.
        now: gives the time, seconds since 1970.
    """

    def __init__(self, known: CaseState, now: Callable[[], int]) -> None:
        self.known = known
        self._now = now

    def _object(self, place: Place) -> Object | None:
        return self.known.object(place.identifier)

    def compare(self, expected: Item, got: Item, place: Place) -> None:
        """Compare two items that are no structures, of the same tag and type.

        Raises:
            Difference: the value may not be this one.
        """
        if expected.type == ItemType.DATE_TIME:
            self._date(expected, got, place)
            return
        if expected.tag in SERVER_FACTS:
            return
        check_output(self.known, expected, got, place)
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
        if expected.tag == Tag.KEY_FORMAT_TYPE and not is_from_client(self.known, place):
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
        how_far = tolerance(self.known, expected, place)
        if how_far is Tolerance.NONE or not found:
            return False
        if how_far is Tolerance.LENGTH and len(printed) != len(found):
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
            key = (place.identifier, got.tag, value_of(place.request, Tag.KEY_FORMAT_TYPE))
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
            fits = self.known.now - CLOCK_TOLERANCE <= found <= self._now() + CLOCK_TOLERANCE
        elif is_relative(printed):
            wanted = self.known.time(printed)
            fits = (
                not chosen
                and 0
                <= found - wanted + CLOCK_TOLERANCE
                <= 2 * CLOCK_TOLERANCE + self._now() - self.known.now
            )
        elif found == printed:
            fits = True
        elif (expected.type, printed) in self.known.requested:
            fits = False
        elif tag in SET_BY_SERVER and about and not about.is_replacement and not chosen:
            fits = self.known.started - CLOCK_TOLERANCE <= found <= self._now() + CLOCK_TOLERANCE
        else:
            fits = True
        if not fits:
            raise different(
                place.path, expected if not is_relative(printed) else f"$NOW{printed - NOW:+}", got
            )
