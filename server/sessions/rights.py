"""The rights of a ticket, arranged so that one is found as fast among a thousand as alone.

Theory: rights are numbered, and a set of them is an integer with a bit for each. For every
operation the set of rights that cover it is computed once, when the ticket is given out, and for
every object and group that is named the set of rights that name it. Whether an operation may be
performed on an object is then an intersection of such sets.

What a right restricts, and what it leaves open, is in `server.sessions.permission`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from kmip.enums import Operation
from kmip.enums import Operation as Op
from kmip.tags import Tag
from server.objects.managed_object import ManagedObject

TOUCHING_NOTHING: Final = frozenset(
    {Op.DISCOVER_VERSIONS, Op.QUERY, Op.INTEROP, Op.LOG, Op.PING, Op.LOGOUT}
    | {Op.HASH, Op.RNG_RETRIEVE, Op.RNG_SEED}
)
"""Operations without an object."""

NAMING: Final = frozenset(
    {Op.GET, Op.GET_ATTRIBUTES, Op.GET_ATTRIBUTE_LIST, Op.CHECK, Op.EXPORT, Op.OBTAIN_LEASE}
    | {Op.ADD_ATTRIBUTE, Op.MODIFY_ATTRIBUTE, Op.DELETE_ATTRIBUTE, Op.SET_ATTRIBUTE}
    | {Op.ADJUST_ATTRIBUTE, Op.ACTIVATE, Op.DEACTIVATE, Op.REVOKE, Op.DESTROY, Op.OBLITERATE}
    | {Op.ARCHIVE, Op.RECOVER, Op.GET_USAGE_ALLOCATION, Op.REKEY, Op.REKEY_KEY_PAIR}
    | {Op.ENCRYPT, Op.DECRYPT, Op.SIGN, Op.SIGNATURE_VERIFY, Op.MAC, Op.MAC_VERIFY}
)
"""Operations that work on objects which they name."""

OPERATIONS: Final = frozenset(Operation)
"""Those that a right can cover; the server performs none of a vendor's."""

SET_BYTES: Final = 96
"""Bytes of memory of a set of rights and its place in a table, beside its bits."""
NAME_BYTES: Final = 96
"""Bytes of memory of a name that rights are found by, beside its text."""
GRANT_BYTES: Final = 160
"""Bytes of memory of one right."""


@dataclass(slots=True)
class Grant:
    """One right as it was granted; None restricts nothing.

    Attributes:
        operations: what may be done.
        objects: identifiers of the objects it may be done with.
        object_groups: names of groups, of one of which the object must be.
        left: operations that may still be performed.
    """

    operations: frozenset[Operation] | None = None
    objects: frozenset[str] | None = None
    object_groups: frozenset[str] | None = None
    left: int | None = None

    def covers(self, operation: Operation) -> bool:
        """Whether the operation may be performed, on the right object."""
        if self.operations is not None and operation not in self.operations:
            return False
        if self.objects is None and self.object_groups is None:
            return True
        return operation in TOUCHING_NOTHING or operation in NAMING


class Rights:
    """The rights of one ticket.

    Args:
        grants: the rights; what they name is not kept twice.
    """

    __slots__ = (
        "_any_group",
        "_any_object",
        "_by_group",
        "_by_object",
        "_covering",
        "_left",
        "_limited",
        "_spent",
        "memory",
    )

    def __init__(self, grants: Sequence[Grant]) -> None:
        self.take({place: one.left for place, one in enumerate(grants) if one.left is not None})
        self._limited = _set(self._left)
        by_operation: dict[Operation, list[int]] = defaultdict(list)
        by_object: dict[str, list[int]] = defaultdict(list)
        by_group: dict[str, list[int]] = defaultdict(list)
        for place, one in enumerate(grants):
            for operation in OPERATIONS if one.operations is None else one.operations & OPERATIONS:
                if one.covers(operation):
                    by_operation[operation].append(place)
            for identifier in one.objects or ():
                by_object[identifier].append(place)
            for group in one.object_groups or ():
                by_group[group].append(place)
        self._covering = {key: _set(places) for key, places in by_operation.items()}
        self._by_object = {key: _set(places) for key, places in by_object.items()}
        self._by_group = {key: _set(places) for key, places in by_group.items()}
        self._any_object = _set(at for at, one in enumerate(grants) if one.objects is None)
        self._any_group = _set(at for at, one in enumerate(grants) if one.object_groups is None)
        self.memory = self._memory(len(grants))

    def _memory(self, count: int) -> int:
        """Bytes of memory, at most."""
        named = [*self._by_object, *self._by_group]
        sets = len(self._covering) + len(named) + len(self.__slots__)
        texts = sum(len(name.encode("utf-32", "surrogatepass")) for name in named)
        return (
            sets * (SET_BYTES + count // 6)
            + len(named) * NAME_BYTES
            + texts
            + len(self._left) * GRANT_BYTES
        )

    @property
    def left(self) -> Mapping[int, int]:
        """The uses that are left of each right with a limit, by its number."""
        return self._left

    def take(self, left: Mapping[int, int]) -> None:
        """Know from now on that so many uses are left."""
        self._left = dict(left)
        self._spent = _set(place for place, uses in self._left.items() if uses <= 0)

    @property
    def are_counted(self) -> bool:
        """Whether one of them is good for so many operations and no more."""
        return bool(self._left)

    def covering(self, operation: Operation) -> int:
        """The set of rights to an operation, on whatever object."""
        return self._covering.get(operation, 0)

    def usable(self, rights: int) -> int:
        """Those of a set of rights that are not used up."""
        return rights & ~self._spent

    def reaching(self, rights: int, managed_object: ManagedObject) -> int:
        """Those of a set of rights that are to an object."""
        reaching = rights & (self._any_object | self._by_object.get(managed_object.identifier, 0))
        if not reaching & ~self._any_group:
            return reaching
        groups = self._any_group
        for group in managed_object.attributes.all(Tag.OBJECT_GROUP):
            groups |= self._by_group.get(group, 0)
        return reaching & groups

    def are_narrow(self, rights: int) -> bool:
        """Whether each of a set of rights is to some objects only."""
        return not rights & self._any_object & self._any_group

    def are_limited(self, rights: int) -> bool:
        """Whether each of a set of rights is good for so many operations and no more."""
        return bool(rights) and not rights & ~self._limited

    def to_spend(self, rights: int) -> int | None:
        """The number of the right that an operation within these uses up; None: one without limit.

        Raises:
            LookupError: others have used it up meanwhile.
        """
        if not self.are_limited(rights):
            return None
        left = self.usable(rights)
        if not left:
            raise LookupError("the rights are used up")
        return (left & -left).bit_length() - 1

    def spend(self, right: int, uses: int = 1) -> None:
        """Count uses of a right with a limit; a negative number gives them back."""
        self._left[right] -= uses
        bit = 1 << right
        self._spent = self._spent & ~bit if self._left[right] > 0 else self._spent | bit


def _set(places: Iterable[int]) -> int:
    """The set of rights of these numbers."""
    bits = bytearray()
    for place in places:
        if len(bits) <= place >> 3:
            bits.extend(bytes((place >> 3) + 1 - len(bits)))
        bits[place >> 3] |= 1 << (place & 7)
    return int.from_bytes(bits, "little")
