import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import Part, Reason, Tampered
from storage.keyring import Epoch, Keyring
from storage.ledger import Anchor, PutMeta, Removed, State, link, open_entries, seal_entry

RING = Keyring(bytes(16), 1, {1: Epoch(1, bytes(32), bytes(16))})
CHANGES = st.lists(
    st.builds(PutMeta, st.binary(min_size=16, max_size=16), st.binary(max_size=300))
    | st.builds(Removed, st.binary(min_size=1, max_size=40)),
    max_size=5,
)


@given(st.lists(CHANGES, min_size=1, max_size=5), st.integers(1, 1 << 40))
def test_entries_round_trip_and_chain(commits, first):
    chain, sealed = b"c" * 32, []
    for number, changes in enumerate(commits, first):
        blob = seal_entry(RING, number, chain, changes)
        sealed.append((number, blob))
        chain = link(chain, blob)
    entries = list(open_entries(RING, sealed))
    assert [entry.number for entry in entries] == [number for number, _ in sealed]
    assert [list(entry.changes) for entry in entries] == commits
    assert (entries[0].before, entries[-1].after) == (b"c" * 32, chain)


def test_an_entry_of_another_history_does_not_follow():
    first = seal_entry(RING, 1, b"c" * 32, [])
    other = seal_entry(RING, 2, b"d" * 32, [])
    with pytest.raises(Tampered) as caught:
        list(open_entries(RING, [(1, first), (2, other)]))
    assert (caught.value.part, caught.value.reason) == (Part.LOG, Reason.FORKED)


def sealed_log(count, first=1):
    chain, sealed = b"c" * 32, []
    for number in range(first, first + count):
        sealed.append((number, seal_entry(RING, number, chain, [])))
        chain = link(chain, sealed[-1][1])
    return sealed


def refused(entries):
    with pytest.raises(Tampered) as caught:
        list(open_entries(RING, entries))
    assert caught.value.part is Part.LOG
    return caught.value.reason


def test_an_entry_that_is_missing_between_others_was_dropped():
    first, _, third = sealed_log(3)
    assert refused([first, third]) is Reason.DROPPED


@pytest.mark.parametrize("true, moved", [(5, 6), (6, 5), (1, 900), (900, 1), (1, 1_000)])
def test_an_entry_at_anothers_number_was_swapped(true, moved):
    """It is told from one that was changed wherever its own number is near."""
    blob = seal_entry(RING, true, b"c" * 32, [])
    assert refused([(moved, blob)]) is Reason.SWAPPED
    assert refused([(moved, blob[:-1] + bytes([blob[-1] ^ 1]))]) is Reason.EDITED


def test_an_entry_put_far_from_its_number_beside_that_number_was_swapped():
    blob = seal_entry(RING, 1, b"c" * 32, [])
    far = seal_entry(RING, 50_000, b"d" * 32, [])
    assert refused([(1, far), (50_000, blob)]) is Reason.SWAPPED


@pytest.mark.parametrize("text", ["0:" + "00" * 16, "17:" + "ab" * 16])
def test_an_anchor_is_read_as_it_is_written(text):
    assert str(Anchor.parse(text)) == text


@pytest.mark.parametrize("text", ["-1:" + "00" * 16, "1:" + "00" * 15, "1:" + "00" * 17, "1:", ""])
def test_what_is_no_anchor_is_refused(text):
    with pytest.raises(ValueError):
        Anchor.parse(text)


@given(st.integers(0, (1 << 256) - 1), st.integers(0, (1 << 64) - 1))
def test_head_round_trip(digest, number):
    state = State(number, b"c" * 32, digest, 3, 4, 5, b"h" * 32)
    assert State.open(RING, state.seal(RING)) == state


def test_an_anchor_does_not_show_the_chain():
    state = State(7, b"c" * 32, 0, 0, 0, 1, b"h" * 32)
    assert state.anchor.number == 7
    assert len(state.anchor.mark) == 16
    assert state.anchor.mark not in state.chain
    assert "ccc" not in repr(state)
