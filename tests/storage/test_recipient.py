"""The servers that a rotation seals the new master key for."""

from dataclasses import replace

import pytest

from storage import KeyFile, Part, Reason, Tampered
from storage.header import MAX_HEADER_BYTES, Header, Unlocked
from storage.keyring import expand
from storage.recipient import MAX_RECIPIENTS, NONE_YET, RecipientKey, _of_bond, _seal
from storage.xaes import XAES
from tests.storage.stores import SECRET, flipped

NEW = KeyFile(b"n" * 32)


def by_public(*keys):
    return {key.public: key for key in keys}


@pytest.fixture(scope="module")
def base():
    return Unlocked.make(SECRET)


def test_a_recipient_gets_the_next_master_key(base):
    key = RecipientKey()
    rotated = base.with_recipient(key).with_master(NEW).with_epoch(2)
    received = Unlocked.received(Header.parse(rotated.build()), by_public(key))
    assert received == rotated
    assert received.keyring().current == 2


def test_one_that_slept_through_several_rotations_gets_the_last(base):
    key = RecipientKey()
    rotated = base.with_recipient(key).with_master(NEW).with_master(SECRET).with_master(NEW)
    received = Unlocked.received(Header.parse(rotated.build()), by_public(key))
    assert received.master == rotated.master


def test_nobody_else_gets_it(base):
    key, other = RecipientKey(), RecipientKey()
    before = base.with_recipient(key)
    header = Header.parse(before.with_master(NEW).build())
    assert Unlocked.received(header, by_public(other)) is None
    assert Unlocked.received(header, {key.public: other}) is None
    assert Unlocked.received(Header.parse(before.build()), by_public(key)) is None


def test_the_old_master_key_and_every_copy_of_the_header_do_not_give_the_new_one(base):
    """With the old master key the bond opens; without the private key that is not enough."""
    key, attacker = RecipientKey(), RecipientKey()
    before = base.with_recipient(key)
    after = Header.parse(before.with_master(NEW).build())
    (recipient,) = before.header.recipients
    wrap = XAES(expand(base.master, b"bond-wrap"))
    attacker._bond = wrap.open(recipient.bond, _of_bond(base.header.store, key.public))
    assert attacker._bond == key._bond
    assert Unlocked.received(after, {key.public: attacker}) is None


def test_nobody_without_the_master_key_gives_another(base):
    """Whoever writes the header knows all public keys, and no bond."""
    key = RecipientKey()
    true = base.with_recipient(key)
    forged = Unlocked.make(NEW)
    sealed = _seal(key.public, bytes(32), base.header.store, forged.master)
    recipient = replace(true.header.recipients[0], sealed=sealed)
    header = replace(forged.header, store=base.header.store, recipients=(recipient,))
    data = replace(forged, header=header).remade(header).build()
    assert Unlocked.received(Header.parse(data), by_public(key)) is None


@pytest.mark.parametrize("at", [0, 31, 32, 60, 103])
def test_a_sealed_master_key_that_was_changed_does_not_open(base, at):
    key = RecipientKey()
    (recipient,) = base.with_recipient(key).with_master(NEW).header.recipients
    assert key.open(recipient, base.header.store) is not None
    changed = replace(recipient, sealed=flipped(recipient.sealed, at))
    assert key.open(changed, base.header.store) is None
    assert key.open(recipient, bytes(16)) is None


def test_a_bond_of_another_recipient_is_refused(base):
    two = base.with_recipient(RecipientKey()).with_recipient(RecipientKey())
    one, other = two.header.recipients
    exchanged = (replace(one, bond=other.bond), other)
    header = two.remade(replace(two.header, recipients=exchanged))
    with pytest.raises(Tampered) as caught:
        header.with_master(NEW)
    assert (caught.value.part, caught.value.reason) == (Part.HEADER, Reason.EDITED)


def test_a_public_key_that_is_none_gets_nothing_and_stops_nobody(base):
    """A point of low order: only who has the master key can have put it there."""
    key, evil = RecipientKey(), RecipientKey()
    evil.public = bytes(32)
    rotated = base.with_recipient(evil).with_recipient(key).with_master(NEW)
    assert rotated.header.recipients[0].sealed == NONE_YET
    assert Unlocked.received(Header.parse(rotated.build()), by_public(key)) is not None


def test_the_oldest_makes_room(base):
    keys = [RecipientKey() for _ in range(MAX_RECIPIENTS + 2)]
    full = base
    for key in keys:
        full = full.with_recipient(key)
    header = Header.parse(full.build())
    assert [each.public for each in header.recipients] == [key.public for key in keys[2:]]


def test_one_that_comes_again_takes_its_own_place(base):
    old, new, other = RecipientKey(), RecipientKey(), RecipientKey()
    both = base.with_recipient(old).with_recipient(other)
    again = both.with_recipient(new, {old.public})
    assert [each.public for each in again.header.recipients] == [other.public, new.public]
    left = again.without_recipients({new.public, other.public})
    assert left.header.recipients == ()


def test_a_header_that_has_all_that_there_may_be_is_read(base):
    full = base.with_slots(tuple(base.new_slot(number, NEW) for number in range(8)))
    for _ in range(MAX_RECIPIENTS):
        full = full.with_recipient(RecipientKey())
    roots = dict.fromkeys(range(1, 256), base.header.roots[1])
    data = full.remade(replace(full.header, roots=roots, since=1 << 63)).build()
    assert len(data) <= MAX_HEADER_BYTES
    header = Unlocked.open(Header.parse(data), NEW).header
    assert (len(header.recipients), header.since) == (MAX_RECIPIENTS, 1 << 63)
    more = full.remade(replace(full.header, recipients=full.header.recipients * 2))
    with pytest.raises(Tampered):
        Header.parse(more.build())


def test_a_store_that_was_never_rotated_or_shared_keeps_format_1(base):
    assert base.build()[:8] == b"SRSTORE\x01"
    for later in (base.begun(7), base.with_recipient(RecipientKey())):
        data = later.build()
        assert data[:8] == b"SRSTORE\x02"
        assert Unlocked.open(Header.parse(data), SECRET) == later


def test_repr_shows_no_key(base):
    key = RecipientKey()
    text = repr(key) + repr(base.with_recipient(key).with_master(NEW))
    for secret in (key._bond, key._private.private_bytes_raw()):
        assert repr(secret)[2:-1] not in text
