"""The real `ckms`, unmodified: access rights between two clients of the real server process."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import trio

from kmip.enums import CryptographicAlgorithm, Operation
from tests.interop.ckms_terminal import IDENTIFIER, Terminal, ckms, needs_ckms
from tests.server.samples import ACTIVE, create, create_pair, opaque, register, secret

__all__ = ["ckms"]

pytestmark = needs_ckms


def test_what_is_granted_is_listed_found_and_used_until_it_is_revoked(
    ckms: Terminal, tmp_path: Path
):
    (key,) = ckms.makes("alice", "sym", "keys", "create", "-t", "shared")
    export = ("sym", "keys", "export", "-k", key, "-f", "raw", str(tmp_path / "key"))
    assert not ckms("bob", *export)[0]
    rights = ("-i", key, "get", "encrypt", "get_attributes")
    assert ckms("alice", "access-rights", "grant", "bob", *rights)[0]
    assert ckms("alice", "access-rights", "grant", "*", "-i", key, "signature_verify")[0]
    _, said = ckms("alice", "access-rights", "list", key)
    assert "bob: {encrypt, get, get_attributes}" in said
    assert "*: {signature_verify}" in said
    _, said = ckms("bob", "access-rights", "obtained")
    assert f"[Active][alice]{key}" in said
    assert key in ckms("bob", "locate", "--tag", "shared")[1]
    succeeded, said = ckms("bob", *export)
    assert succeeded, said
    assert len((tmp_path / "key").read_bytes()) == 32
    assert ckms("alice", "access-rights", "revoke", "bob", *rights)[0]
    (tmp_path / "key").unlink()
    assert not ckms("bob", *export)[0]
    assert "bob" not in ckms("alice", "access-rights", "list", key)[1]


def test_every_operation_that_it_knows_and_that_can_be_granted_is_granted(ckms: Terminal):
    (key,) = ckms.makes("alice", "sym", "keys", "create")
    every = [
        "decrypt",
        "derive_key",
        "destroy",
        "encrypt",
        "export",
        "get",
        "get_attributes",
        "locate",
        "mac",
        "revoke",
        "rekey",
        "sign",
        "signature_verify",
        "validate",
        "set_attribute",
        "modify_attribute",
        "add_attribute",
        "delete_attribute",
        "activate",
    ]
    succeeded, said = ckms("alice", "access-rights", "grant", "carol", "-i", key, *every)
    assert succeeded, said
    _, said = ckms("alice", "access-rights", "list", key)
    listed = re.search(r"carol: \{(.*)\}", said)
    assert listed
    assert sorted(listed[1].split(", ")) == sorted(every)


@pytest.mark.parametrize(
    "words, why",
    [
        (("create",), "Not Supported: Create needs no grant"),
        (("-i", "KEY", "hash"), "Not Supported: Hash needs no grant"),
        (("-i", "KEY", "import"), "Access denied: Import is not to be granted"),
        (("-i", "KEY", "certify"), "Access denied: Certify is not to be granted"),
        (("-i", "nothing", "get"), "Item not found: there is no object 'nothing'"),
    ],
)
def test_what_is_not_granted_is_refused_in_words(ckms: Terminal, words: tuple[str, ...], why: str):
    (key,) = ckms.makes("alice", "sym", "keys", "create")
    words = tuple(key if word == "KEY" else word for word in words)
    succeeded, said = ckms("alice", "access-rights", "grant", "bob", *words)
    assert (succeeded, why in said) == (False, True), said


def test_all_kinds_of_objects_are_listed_as_owned(ckms: Terminal):
    async def make() -> set[str]:
        """What other clients of KMIP make, of the same name."""
        async with ckms.kmip("dave") as ask:
            pairs = [
                await create_pair(ask, algorithm=CryptographicAlgorithm.EC),
                await create_pair(ask, algorithm=CryptographicAlgorithm.ED25519),
            ]
            others = [
                await register(ask, secret()),
                await register(ask, opaque()),
                await create(ask, ACTIVE),
            ]
            await ask(Operation.DESTROY, unique_identifier=others[0])
            return {*others, *(key for pair in pairs for key in pair)}

    made = trio.run(make)
    succeeded, said = ckms("dave", "access-rights", "owned")
    assert succeeded, said
    assert set(IDENTIFIER.findall(said)) == made
    assert "[Destroyed]" in said
    assert "No object owned" in ckms("nobody", "access-rights", "owned")[1]
