"""What the operator of a provisioned server says of certificates, and what of it is forgotten."""

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from server.access import kept_rules
from server.access.client_certificates import NotAccepted
from server.access.kept_rules import MAX_LISTS, MAX_REFUSED, KeptRules
from server.access.refused_certificates import entry_of
from server.setup.failure import Failure
from storage import KeyFile, MemoryBackend, open_store
from tests.server.access.authorities import DAY, NOW, PEM, Issuer

ROOT = Issuer.root("authority")
ALICE, BOB = ROOT.client("alice"), ROOT.client("bob")
HOUR = timedelta(hours=1)


def listed(*revoked: Issuer, start=NOW - DAY, issuer: Issuer = ROOT) -> bytes:
    return issuer.revocations(revoked, start=start).public_bytes(PEM)


def accepts(kept: KeptRules, client: Issuer) -> bool:
    try:
        kept.rules([ROOT.certificate]).check((client.certificate, ROOT.certificate), NOW)
    except NotAccepted:
        return False
    return True


def test_lists_and_refused_certificates_keep_clients_out():
    kept = KeptRules().with_lists(listed(ALICE))
    assert (accepts(kept, ALICE), accepts(kept, BOB)) == (False, True)
    kept = kept.with_refused([f"{entry_of(BOB.certificate)}  # CN=bob"])
    assert (accepts(kept, ALICE), accepts(kept, BOB)) == (False, False)
    assert accepts(kept.without_refused([entry_of(BOB.certificate)]), BOB)


def test_a_list_is_replaced_by_a_newer_one_of_its_authority_only():
    other = Issuer.root("other")
    kept = KeptRules().with_lists(listed(ALICE, start=NOW - HOUR))
    kept = kept.with_lists(listed(issuer=other))
    assert not accepts(kept, ALICE)
    with pytest.raises(Failure, match="older than the one before"):
        kept.with_lists(listed(start=NOW - 2 * HOUR))
    kept = kept.with_lists(listed(start=NOW - HOUR / 2))
    assert accepts(kept, ALICE)
    assert len(kept.lists) == 2


def test_the_lists_of_an_authority_with_two_keys_are_given_together():
    renewed = Issuer.root("authority")
    kept = KeptRules().with_lists(listed(ALICE) + listed(issuer=renewed))
    assert len(kept.lists) == 2
    assert len(KeptRules().joined(kept).lists) == 2
    assert not accepts(kept, ALICE)


def test_what_is_given_at_a_bootstrap_is_joined_to_what_is_kept():
    kept = KeptRules().with_refused([entry_of(ALICE.certificate)])
    received = KeptRules().with_lists(listed(BOB))
    joined = kept.joined(received)
    assert (accepts(joined, ALICE), accepts(joined, BOB)) == (False, False)
    newer = kept.with_lists(listed(start=NOW - HOUR))
    with pytest.raises(Failure, match="older"):
        newer.joined(received)


@pytest.mark.parametrize("content", [b"", b"list", ROOT.pem])
def test_what_is_no_list_is_told(content: bytes):
    with pytest.raises(Failure, match="What was given holds no certificate revocation list"):
        KeptRules().with_lists(content)


@pytest.mark.parametrize(
    "line",
    ["alice", "sha256:00", "serial:" + "f" * 43, "serial:1\nserial:2", "serial:1 #" + "x" * 400],
)
def test_what_names_no_certificate_is_told(line: str):
    with pytest.raises(Failure):
        KeptRules().with_refused([line])


def test_a_certificate_that_is_not_refused_cannot_be_let_in_again():
    with pytest.raises(Failure, match="serial:1 is not refused"):
        KeptRules().without_refused(["serial:01"])


def test_lists_and_entries_are_bounded():
    kept = KeptRules().with_refused(f"serial:{number:x}" for number in range(MAX_REFUSED))
    with pytest.raises(Failure, match="More than"):
        kept.with_refused(["sha256:" + "00" * 32])
    one = KeptRules().with_lists(listed())
    with pytest.raises(Failure, match="More than"):
        one.joined(KeptRules(list(one.lists) * (MAX_LISTS + 1)))


async def test_they_are_kept_in_the_store():
    backend = MemoryBackend()
    secret = KeyFile(bytes(range(32)))
    kept = KeptRules().with_lists(listed(ALICE)).with_refused(["serial:7  # somebody's"])
    async with open_store(backend, secret, create=True) as store:
        assert (await kept_rules.read(store)).encode() == KeptRules().encode()
        await kept_rules.write(store, kept)
        again = await kept_rules.read(store)
        assert again.refused == {"serial:7": "serial:7  # somebody's"}
        assert [each.parsed for each in again.lists] == [each.parsed for each in kept.lists]
        await kept_rules.write(store, KeptRules())
        assert (await kept_rules.read(store)).encode() == KeptRules().encode()


@pytest.mark.parametrize(
    "data",
    [b"x", b"[]", b"{}", b'{"lists": [], "refused": []}'],
)
def test_what_another_version_kept_is_told(data: bytes):
    with pytest.raises(Failure, match="not of this version"):
        KeptRules.decode(data)


def test_der_is_taken_as_well():
    der = ROOT.revocations([ALICE]).public_bytes(Encoding.DER)
    assert not accepts(KeptRules().with_lists(der), ALICE)
