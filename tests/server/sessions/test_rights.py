"""Rights arranged as sets mean what each right means alone, and are counted with their memory."""

import gc
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kmip.attributes import Attributes
from kmip.enums import ObjectType, Operation
from kmip.tags import Tag
from server.objects.managed_object import ManagedObject
from server.sessions.identification import Identification, Means
from server.sessions.issued import Issued, counts_of, decode, encode, limits_of
from server.sessions.rights import Grant, Rights
from tests.server.conftest import NOW

OPERATIONS = st.sampled_from(
    (Operation.GET, Operation.CREATE, Operation.QUERY, Operation(0x80000001))
)
NAMES = st.sampled_from("abc")

grants = st.builds(
    Grant,
    operations=st.none() | st.frozensets(OPERATIONS),
    objects=st.none() | st.frozensets(NAMES),
    object_groups=st.none() | st.frozensets(NAMES),
)


def reaches(grant: Grant, identifier: str, groups: set[str]) -> bool:
    return (grant.objects is None or identifier in grant.objects) and (
        grant.object_groups is None or bool(grant.object_groups & groups)
    )


@given(every=st.lists(grants, max_size=12), name=NAMES, groups=st.sets(NAMES), data=st.data())
def test_a_thousand_rights_together_are_each_of_them(every, name, groups, data):
    operation = data.draw(st.sampled_from((Operation.GET, Operation.CREATE, Operation.QUERY)))
    attributes = Attributes((Tag.OBJECT_GROUP, group) for group in sorted(groups))
    managed_object = ManagedObject(name, "alice", ObjectType.SYMMETRIC_KEY, attributes)
    rights = Rights(every)
    covering = [grant for grant in every if grant.covers(operation)]
    assert bool(rights.covering(operation)) == bool(covering)
    reaching = [grant for grant in covering if reaches(grant, name, groups)]
    assert bool(rights.reaching(rights.covering(operation), managed_object)) == bool(reaching)


@given(every=st.lists(grants, max_size=12), left=st.none() | st.integers(0, 9))
def test_a_ticket_is_read_as_it_was_written(every, left):
    for number, grant in enumerate(every):
        grant.left = number if number % 2 else None
    known = Identification(Means.USER, "ulla\ud800", "mark", until=NOW + 0.5)
    issued = Issued("alice \N{SNOWMAN}", NOW + 9, 3, left, identification=known, since=NOW)
    body = encode(issued, every)
    counts = counts_of(3, left, limits_of(every))
    found = decode(b"key", body)
    found.take(counts, 7)
    assert (found.client, found.until, found.since) == (issued.client, NOW + 9, NOW)
    assert (found.requests, found.left, found.version) == (3, left, 7)
    assert (found.identification, found.length, found.handle) == (known, len(body), b"key".hex())
    assert found.rights is not None
    assert found.counts() == counts
    for operation in Operation:
        assert found.rights.covering(operation) == Rights(every).covering(operation)
    assert decode(b"key", encode(issued, None)).rights is None


def test_a_right_of_any_number_is_used_up_alone():
    rights = Rights([Grant(left=1, objects=frozenset({str(number)})) for number in range(100)])
    for number in (0, 99):
        one = ManagedObject(str(number), "alice", ObjectType.SYMMETRIC_KEY, Attributes())
        covering = rights.covering(Operation.GET)
        right = rights.to_spend(rights.reaching(covering, one))
        assert right == number
        rights.spend(right)
        assert not rights.reaching(rights.usable(covering), one)


def test_what_is_left_is_as_it_was_said_to_be():
    rights = Rights([Grant(left=3), Grant(left=1)])
    rights.take({0: 0, 1: 2})
    assert rights.left == {0: 0, 1: 2}
    assert rights.to_spend(rights.covering(Operation.GET)) == 1
    rights.take({0: 1, 1: 2})
    assert rights.to_spend(rights.covering(Operation.GET)) == 0


def test_limits_are_used_up_in_the_order_of_the_rights():
    rights = Rights([Grant(left=0), Grant(left=2), Grant(left=1)])
    every = rights.covering(Operation.GET)
    spent = []
    while (right := spendable(rights, every)) is not None:
        rights.spend(right)
        spent.append(right)
    assert spent == [1, 1, 2]
    rights.spend(2, -1)
    assert spendable(rights, every) == 2


def spendable(rights: Rights, among: int) -> int | None:
    """Which right is used up next; None: they are used up."""
    try:
        right = rights.to_spend(among)
    except LookupError:
        return None
    assert right is not None
    return right


def test_a_right_without_a_limit_is_used_before_those_that_have_one():
    rights = Rights([Grant(left=1), Grant()])
    assert rights.to_spend(rights.covering(Operation.GET)) is None
    assert rights.to_spend(0) is None


def test_rights_that_are_used_up_are_no_rights():
    rights = Rights([Grant(left=0)])
    covering = rights.covering(Operation.GET)
    assert covering
    assert not rights.usable(covering)
    with pytest.raises(LookupError):
        rights.to_spend(covering)


def test_narrow_rights_are_to_some_objects_only():
    narrow = [Grant(objects=frozenset("a")), Grant(object_groups=frozenset("a"))]
    for every, expected in ((narrow, True), ([*narrow, Grant()], False), ([Grant()], False)):
        rights = Rights(every)
        assert rights.are_narrow(rights.covering(Operation.GET)) is expected


@pytest.mark.parametrize(
    "operation, narrow, wide",
    [
        (Operation.QUERY, True, True),
        (Operation.DISCOVER_VERSIONS, True, True),
        (Operation.LOGOUT, True, True),
        (Operation.HASH, True, True),
        (Operation.RNG_RETRIEVE, True, True),
        (Operation.GET, True, True),
        (Operation.DECRYPT, True, True),
        (Operation.DESTROY, True, True),
        (Operation.CREATE, False, True),
        (Operation.LOCATE, False, True),
        (Operation.REGISTER, False, True),
        (Operation.IMPORT, False, True),
    ],
)
def test_a_right_to_some_objects_is_to_what_names_them_or_touches_none(operation, narrow, wide):
    for grant in (Grant(objects=frozenset("a")), Grant(object_groups=frozenset("a"))):
        assert grant.covers(operation) is narrow
        assert bool(Rights([grant]).covering(operation)) is narrow
    assert bool(Rights([Grant()]).covering(operation)) is wide
    other = Grant(operations=frozenset(Operation) - {operation})
    assert not Rights([other]).covering(operation)


def counts_its_memory(every: list[Grant]) -> bool:
    Rights(every)
    gc.collect()
    tracemalloc.start()
    rights = Rights(every)
    gc.collect()
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return taken <= Issued("alice", NOW, rights=rights).memory


@pytest.mark.parametrize(
    "every",
    [
        [Grant(operations=frozenset(), left=5)] * 40,
        [Grant(operations=frozenset({Operation.GET}), objects=frozenset({"a"}), left=1)] * 80,
        [Grant(operations=frozenset(), objects=frozenset({f"{n:036}"})) for n in range(80)],
        [
            Grant(operations=frozenset(), object_groups=frozenset({chr(70_000 + n) * 60}))
            for n in range(80)
        ],
    ],
)
def test_few_rights_take_no_more_memory_than_is_counted(every):
    assert counts_its_memory(every)


@pytest.mark.slow
@pytest.mark.parametrize(
    "every",
    [
        [Grant()] * 1500,
        [Grant(left=5)] * 1500,
        [Grant(objects=frozenset({f"{number:036}"})) for number in range(700)],
        [Grant(objects=frozenset(f"{number:036}" for number in range(900)))],
        [Grant(object_groups=frozenset({chr(70_000 + number) * 20})) for number in range(700)],
    ],
)
def test_no_rights_take_more_memory_than_is_counted(every):
    assert counts_its_memory(every)
