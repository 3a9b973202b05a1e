"""What a verifier remembers of a server, and which changes it notices."""

from dataclasses import replace
from hashlib import sha256

import pytest

from enclave.claims import KeyOrigin
from enclave.pinned import Pinned
from tests.enclave.test_claims import FULL

PINNED = Pinned.of(FULL)


def changes(claims, pinned=PINNED, *, challenged=False):
    return list(pinned.changes(claims, challenged=challenged))


def test_a_server_is_as_it_was():
    assert changes(FULL) == []
    assert PINNED.key == FULL.public_key_sha256


@pytest.mark.parametrize(
    "what, change",
    [
        ("operator", {"operator_sha256": b"o" * 32}),
        ("operator", {"operator_sha256": None}),
        ("deployment", {"deployment": "us-1"}),
        ("key origin", {"key_origin": KeyOrigin.BROUGHT}),
        ("settings", {"configuration_sha256": b"c" * 32}),
        ("insecure settings", {"insecure_settings": ()}),
        ("insecure settings", {"insecure_settings": ("allow_more", *FULL.insecure_settings)}),
    ],
)
def test_each_change_is_told_by_itself(what, change):
    (line,) = changes(replace(FULL, **change))
    assert line.startswith(f"its {what} changed since it was verified: ")


def test_a_change_tells_what_was_and_what_is():
    (line,) = changes(replace(FULL, operator_sha256=None))
    assert line.endswith(f": {repr(bytes(32).hex())[1:-1]} → none")
    (line,) = changes(replace(FULL, insecure_settings=()))
    assert line.endswith(": 'allow_this, insecure_that' → none")
    (line,) = changes(replace(FULL, deployment="us-1"))
    assert line.endswith(": 'eu-1' → 'us-1'")


def test_what_a_new_certificate_changes_is_no_change():
    """Times, the instance and the nonce are another each time; the key is compared elsewhere."""
    other = replace(FULL, instance=b"i" * 16, nonce=None, public_key_sha256=b"k" * 32)
    assert changes(other) == []


def test_a_challenged_server_must_continue_the_store_that_was_seen():
    continuing = replace(FULL, store=b"epoch 8", store_since=sha256(b"epoch 7").digest())
    assert changes(continuing, challenged=True) == []
    for since in (None, bytes(32), sha256(b"epoch 8").digest()):
        (line,) = changes(replace(continuing, store_since=since), challenged=True)
        assert line == "its store is older than when it was verified, or another one"


def test_without_a_challenge_or_a_store_nothing_is_said_of_the_store():
    assert changes(replace(FULL, store=b"epoch 8", store_since=None)) == []
    unopened = Pinned.of(replace(FULL, store=None))
    assert changes(replace(FULL, store_since=None), unopened, challenged=True) == []
