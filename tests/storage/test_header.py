import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import Cost, KeyFile, Part, Password, Reason, Tampered, WrongSecret
from storage.header import MAX_EPOCH, MAX_HEADER_BYTES, Header, Unlocked
from storage.keyring import Sealed
from storage.slot import MAX_SLOTS
from tests.storage.stores import PASSWORD, SECRET

OTHER = KeyFile(b"o" * 32)


def checksummed(body):
    return body + hashlib.sha256(body).digest()


@pytest.fixture(scope="module", params=[SECRET, PASSWORD])
def secret(request):
    return request.param


@pytest.fixture(scope="module")
def unlocked(secret):
    return Unlocked.make(secret)


def test_round_trip(unlocked, secret):
    data = unlocked.build()
    again = Unlocked.open(Header.parse(data), secret)
    assert again == unlocked
    assert again.header.digest == hashlib.sha256(data).digest()
    blob = unlocked.keyring().now.seal(Sealed.META, b"place", b"plaintext")
    assert again.keyring().open(Sealed.META, b"place", blob) == b"plaintext"


def test_wrong_secret_is_told_from_damage(unlocked, secret):
    with pytest.raises(WrongSecret):
        Unlocked.open(Header.parse(unlocked.build()), OTHER)
    with pytest.raises(WrongSecret):
        Unlocked.open(Header.parse(unlocked.build()), Password("wrong"))
    damaged = bytearray(unlocked.build())
    damaged[40] ^= 1
    with pytest.raises(Tampered) as caught:
        Header.parse(bytes(damaged))
    assert (caught.value.part, caught.value.reason) == (Part.HEADER, Reason.DAMAGED)


@given(at=st.integers(min_value=0), bit=st.integers(0, 7))
def test_any_edit_is_refused_even_with_a_fresh_checksum(at, bit):
    unlocked = UNLOCKED
    body = bytearray(unlocked.build()[:-32])
    body[at % len(body)] ^= 1 << bit
    with pytest.raises((Tampered, WrongSecret)):
        Unlocked.open(Header.parse(checksummed(bytes(body))), SECRET).keyring()


@given(st.binary(max_size=400))
def test_garbage_is_damage(data):
    for header in (data, checksummed(data), checksummed(b"SRSTORE\x01" + data)):
        with pytest.raises(Tampered):
            Unlocked.open(Header.parse(header), SECRET)


UNLOCKED = Unlocked.make(SECRET)


def test_a_hostile_cost_is_refused_before_any_work():
    data = bytearray(Unlocked.make(PASSWORD).build()[:-32])
    data[28:32] = (0xFFFFFFFF).to_bytes(4)  # KiB of memory
    with pytest.raises(Tampered) as caught:
        Header.parse(checksummed(bytes(data)))
    assert caught.value.reason is Reason.DAMAGED


def test_too_many_slots_are_refused():
    base = Unlocked.make(SECRET)
    slots = tuple(base.new_slot(number, OTHER) for number in range(9))
    with pytest.raises(Tampered):
        Header.parse(base.with_slots(slots).build())


def test_all_slots_and_epochs_that_there_may_be_are_read():
    base = Unlocked.make(SECRET)
    slots = tuple(base.new_slot(number, OTHER) for number in range(MAX_SLOTS))
    roots = dict.fromkeys(range(1, MAX_EPOCH + 1), base.header.roots[1])
    data = base.remade(replace(base.header, slots=slots, roots=roots)).build()
    assert len(data) <= MAX_HEADER_BYTES
    header = Unlocked.open(Header.parse(data), OTHER).header
    assert (len(header.slots), set(header.roots)) == (8, set(range(1, 256)))


def test_slots_open_the_same_keys():
    base = Unlocked.make(SECRET)
    second = base.new_slot(2, PASSWORD)
    both = base.with_slots((*base.header.slots, second))
    header = Header.parse(both.build())
    by_file, by_password = Unlocked.open(header, SECRET), Unlocked.open(header, PASSWORD)
    assert by_file.master == by_password.master
    assert (by_file.slot, by_password.slot) == (1, 2)
    only = Header.parse(both.with_slots((second,)).build())
    with pytest.raises(WrongSecret):
        Unlocked.open(only, SECRET)


def test_a_slot_moved_from_another_store_does_not_open():
    """Its check value holds, for the secret is right, but its key is bound to the other store."""
    ours, theirs = Unlocked.make(SECRET), Unlocked.make(SECRET)
    forged = ours.with_slots(theirs.header.slots)
    with pytest.raises(Tampered) as caught:
        Unlocked.open(Header.parse(forged.build()), SECRET)
    assert caught.value.reason is Reason.EDITED


def test_epochs():
    first = Unlocked.make(SECRET)
    second = first.with_epoch(2)
    ring = Unlocked.open(Header.parse(second.build()), SECRET).keyring()
    assert (ring.current, set(ring.epochs)) == (2, {1, 2})
    old = first.keyring().now.seal(Sealed.META, b"", b"old")
    assert ring.open(Sealed.META, b"", old) == b"old"
    last = second.without_old_epochs().keyring()
    assert last.open(Sealed.META, b"", old) is None


def test_a_new_master_keeps_the_roots():
    first = Unlocked.make(SECRET)
    moved = first.with_master(OTHER)
    assert moved.master != first.master
    old = first.keyring().now.seal(Sealed.BODY, b"", b"old")
    again = Unlocked.open(Header.parse(moved.build()), OTHER)
    assert again.keyring().open(Sealed.BODY, b"", old) == b"old"
    with pytest.raises(WrongSecret):
        Unlocked.open(Header.parse(moved.build()), SECRET)


def test_a_root_that_was_put_in_another_epochs_place_does_not_open():
    """Whoever has the master key can authenticate such a header; nobody takes it for right."""
    base = Unlocked.make(SECRET).with_epoch(2)
    roots = base.header.roots
    exchanged = base.remade(replace(base.header, roots={1: roots[2], 2: roots[1]}))
    again = Unlocked.open(Header.parse(exchanged.build()), SECRET)
    for use in (again.keyring, lambda: again.with_master(OTHER)):
        with pytest.raises(Tampered) as caught:
            use()
        assert (caught.value.part, caught.value.reason) == (Part.HEADER, Reason.EDITED)


@pytest.mark.parametrize(
    "change",
    [
        lambda header: {"slots": ()},
        lambda header: {"slots": header.slots * 2},
        lambda header: {"roots": {}},
        lambda header: {"roots": {0: header.roots[1], 1: header.roots[1]}},
        lambda header: {"current": 7},
        lambda header: {"current": 0},
    ],
    ids=["no slot", "a slot twice", "no root", "epoch 0", "no such epoch", "current epoch 0"],
)
def test_a_header_that_no_store_writes_is_damage(change):
    """A store has 1 to 8 slots, each number once, epochs from 1 on, and seals under one of them."""
    base = Unlocked.make(SECRET)
    data = base.remade(replace(base.header, **change(base.header))).build()
    with pytest.raises(Tampered) as caught:
        Header.parse(data)
    assert (caught.value.part, caught.value.reason) == (Part.HEADER, Reason.DAMAGED)


def test_an_epoch_that_stands_there_twice_is_damage():
    body = bytearray(Unlocked.make(SECRET).with_epoch(2).build()[:-32])
    second = len(body) - 32 - 73  # the last root, before the MAC: its epoch, then 72 bytes
    assert body[second] == 2
    assert body[24] == 2
    body[second] = body[24] = 1
    with pytest.raises(Tampered) as caught:
        Header.parse(checksummed(bytes(body)))
    assert caught.value.reason is Reason.DAMAGED


def test_a_header_whose_mac_is_anothers_is_refused():
    """Its slots open, and its checksum is right: the MAC alone tells."""
    base = Unlocked.make(SECRET)
    body = bytearray(base.build()[:-32])
    body[-32:] = bytes(32)
    with pytest.raises(Tampered) as caught:
        Unlocked.open(Header.parse(checksummed(bytes(body))), SECRET)
    assert (caught.value.part, caught.value.reason) == (Part.HEADER, Reason.EDITED)


def test_repr_shows_no_key():
    unlocked = Unlocked.make(SECRET)
    text = repr(unlocked) + repr(unlocked.keyring())
    assert repr(unlocked.master)[2:-1] not in text
    assert "wrapped" not in text


def test_the_default_cost_is_rfc_9106s():
    assert Cost() == Cost(memory_kib=64 * 1024, iterations=3, lanes=4)
