"""The verbs on keys, data and attributes as a person types them, on an attested server."""

import json
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from enclave.claims import Role
from server.__main__ import main
from server.attestation import routes
from server.commands.verbs import key_files
from server.setup.failure import Failure
from tests.server.commands.test_access_rights import Office, office
from tests.server.commands.test_commands_remote import Desk, desk, is_one_sentence

__all__ = ["desk"]

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def evidence_for_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command asks for evidence: a walk must not wait for the server's allowance."""
    monkeypatch.setattr(routes, "QUOTE_BURST", 1000)


@dataclass
class Terminal:
    """A user's directory and terminal, and the server they use."""

    at: Office

    @property
    def directory(self) -> Path:
        return self.at.desk.directory

    async def types(
        self, words: str, *more: object, client: str = "client"
    ) -> tuple[int, str, str]:
        """Exit status, standard output, standard error of a command, its words in one text."""
        command, *rest = words.split()
        data = () if client == "" else ("--client", client)
        return await self.at.desk.types(
            *(command, "--data", self.directory / "clients", *rest, *more),
            *("--conf", self.at.desk.conf, "--allow-insecure-simulated", *data),
        )

    async def does(self, words: str, *more: object) -> str:
        """What a command that succeeds says, without the line's end."""
        status, said, error = await self.types(words, *more)
        assert (status, error) == (0, ""), error
        return said.removesuffix("\n")

    async def fails(self, words: str, *more: object, client: str = "client") -> str:
        """The sentence of a command that does not."""
        status, said, error = await self.types(words, *more, client=client)
        assert (status, said, is_one_sentence(error)) == (1, "", True), error
        return error

    async def pair(self, words: str, *more: object) -> tuple[str, str]:
        """The halves of a new pair: private, public."""
        lines = dict(line.split() for line in (await self.does(words, *more)).splitlines())
        return lines["private"], lines["public"]

    def file(self, name: str, content: bytes = b"") -> Path:
        return self.at.desk.file(name, content) if content else self.directory / name


@asynccontextmanager
async def terminal(desk: Desk, data: Path) -> AsyncIterator[Terminal]:
    async with office(desk, data) as at:
        yield Terminal(at)


async def test_the_walk_of_a_symmetric_key(desk: Desk, tmp_path: Path):
    async with terminal(desk, tmp_path / "data") as at:
        key = await at.does("sym keys create -l 128 -t red -t big --name mine")
        other = await at.does("sym keys create -t red")
        assert set((await at.does("locate -t red")).split()) == {key, other}
        assert await at.does("locate -t red -t big") == key
        assert await at.does("locate -a AES -l 128 -o SymmetricKey") == key
        assert await at.does("locate --attribute name mine") == key
        assert await at.does("locate -t blue") == ""

        plain, sealed = at.file("plain", b"some text"), at.file("sealed")
        assert await at.does("sym encrypt", plain, "-k", key, "-o", sealed) == ""
        raw = at.file("raw")
        await at.does("sym keys export", raw, "-k", key)
        content = sealed.read_bytes()
        assert AESGCM(raw.read_bytes()).decrypt(content[:12], content[12:], None) == b"some text"
        assert {stat.S_IMODE(one.stat().st_mode) for one in (raw, sealed)} == {0o600}

        again = await at.does("sym keys import", raw, "another-identifier")
        assert again == "another-identifier"
        await at.does("sym decrypt", sealed, "-k", again, "-o", at.file("opened"))
        assert at.file("opened").read_bytes() == b"some text"

        new = await at.does("sym keys re-key -k", key)
        assert new not in (key, other)
        await at.fails("sym decrypt", sealed, "-k", new, "-o", at.file("x"))
        assert not at.file("x").exists()

        refused = await at.fails("sym keys destroy -k", again)
        assert "The server refused" in refused
        assert await at.does("sym keys revoke", "no longer needed", "-k", again) == again
        assert await at.does("sym keys destroy -k", again) == again
        assert "The server" in await at.fails("sym keys export", at.file("y"), "-k", again)
        assert not at.file("y").exists()


async def test_data_are_authenticated_with_a_file_and_need_no_secret_in_the_arguments(
    desk: Desk, tmp_path: Path
):
    async with terminal(desk, tmp_path / "data") as at:
        key = await at.does("sym keys create")
        plain, more = at.file("plain", b"some text"), at.file("more", b"and more")
        sealed = at.file("sealed")
        await at.does("sym encrypt", plain, "-k", key, "-o", sealed, "-a", more)
        words = ("sym decrypt", sealed, "-k", key, "-o", at.file("opened"))
        await at.fails(*words)
        await at.does(*words, "-a", more)
        assert at.file("opened").read_bytes() == b"some text"
        cbc = ("-d", "aes-cbc", "-k", key)
        await at.does("sym encrypt", plain, *cbc, "-o", at.file("cbc"))
        await at.does("sym decrypt", at.file("cbc"), *cbc, "-o", at.file("cbc-opened"))
        assert at.file("cbc-opened").read_bytes() == b"some text"
        assert "too short" in await at.fails("sym decrypt", plain, "-k", key, "-o", at.file("x"))
        long = at.file("long", bytes(1_000_001))
        assert "longer than" in await at.fails("sym encrypt", long, "-k", key, "-o", at.file("x"))
        most = at.file("most", bytes(1_000_000))
        await at.does("sym encrypt", most, "-k", key, "-o", at.file("most-sealed"))
        await at.does("sym decrypt", at.file("most-sealed"), "-k", key, "-o", at.file("most-out"))
        assert at.file("most-out").read_bytes() == bytes(1_000_000)


async def test_the_walk_of_an_rsa_pair(desk: Desk, tmp_path: Path):
    async with terminal(desk, tmp_path / "data") as at:
        private, public = await at.pair("rsa keys create -l 2048 -t pair")
        plain = at.file("plain", b"some text")
        await at.does("rsa encrypt", plain, "-k", public, "-o", at.file("sealed"))
        await at.does("rsa decrypt", at.file("sealed"), "-k", private, "-o", at.file("opened"))
        assert at.file("opened").read_bytes() == b"some text"
        for padding in ("pss", "pkcs1"):
            signature = at.file(padding)
            scheme = ("--padding", padding, "-s", "sha384")
            await at.does("rsa sign", plain, "-k", private, "-o", signature, *scheme)
            verify = ("rsa verify-signature", plain, signature, "-k", public)
            assert await at.does(*verify, *scheme) == "The signature is valid."
            assert "not valid" in await at.fails(*verify, "--padding", padding)

        pem, half = at.file("pem"), at.file("half")
        await at.does("rsa keys export", pem, "-k", private)
        await at.does("rsa keys export", half, "-k", public, "--public")
        key = load_pem_private_key(pem.read_bytes(), None)
        assert key.public_key() == load_pem_public_key(half.read_bytes())
        back = await at.does("rsa keys import", pem)
        await at.does("rsa decrypt", at.file("sealed"), "-k", back, "-o", at.file("again"))
        assert at.file("again").read_bytes() == b"some text"

        printed = await at.does("rsa keys export - --public -k", public)
        assert printed.encode() == half.read_bytes().removesuffix(b"\n")

        new = await at.pair("rsa keys re-key -k", private)
        assert not {*new} & {private, public}
        for half_id in (private, public):
            compromised = ("-k", half_id, "--reason-code", "key-compromise")
            await at.does("rsa keys revoke", "lost", *compromised)
            await at.does("rsa keys destroy -k", half_id)
        state = json.loads(await at.does("attributes get -i", private, "State"))
        assert state["value"] == "DestroyedCompromised"


@pytest.mark.parametrize("curve,algorithm", [("nist-p256", "ecdsa-sha256"), ("ed25519", "eddsa")])
async def test_the_walk_of_a_pair_on_a_curve(
    desk: Desk, tmp_path: Path, curve: str, algorithm: str
):
    async with terminal(desk, tmp_path / "data") as at:
        private, public = await at.pair("ec keys create -c", curve)
        plain, signature = at.file("plain", b"some text"), at.file("signature")
        scheme = ("-s", algorithm)
        await at.does("ec sign", plain, "-k", private, "-o", signature, *scheme)
        verify = ("sign-verify", plain, signature, *scheme)
        assert await at.does("ec", *verify, "-k", public) == "The signature is valid."
        await at.does("ec keys export", at.file("half"), "-k", public, "--public", "-f", "der")
        half = await at.does("ec keys import", at.file("half"), "-f", "der", "-t", "half")
        assert await at.does("ec", *verify, "-k", half) == "The signature is valid."
        await at.does("ec keys export", at.file("json"), "-k", private, "-f", "json")
        again = await at.does("ec keys import", at.file("json"), "-f", "json")
        await at.does("ec sign", plain, "-k", again, "-o", at.file("other"), *scheme)
        other = ("sign-verify", plain, at.file("other"), *scheme)
        assert await at.does("ec", *other, "-k", public) == "The signature is valid."
        another = at.file("another", b"other text")
        said = await at.fails("ec sign-verify", another, signature, *scheme, "-k", public)
        assert "The signature is not valid" in said


async def test_attributes_are_read_and_changed(desk: Desk, tmp_path: Path):
    async with terminal(desk, tmp_path / "data") as at:
        key = await at.does("sym keys create --pre-active")

        async def values(*names: str) -> list[object]:
            lines = (await at.does("attributes get -i", key, *names)).splitlines()
            return [json.loads(line)["value"] for line in lines]

        assert await values("State", "cryptographic-length") == ["PreActive", 256]
        await at.does("attributes set -i", key, "Comment", "a\x1b[1m b")
        assert await values("comment") == ["a\x1b[1m b"]
        await at.does("attributes modify -i", key, "Comment", "c")
        assert await values("Comment") == ["c"]
        for group in "ab":
            await at.does("attributes add -i", key, "ObjectGroup", group)
        await at.does("attributes modify -i", key, "ObjectGroup", "z", "--current", "b")
        assert await values("ObjectGroup") == ["a", "z"]
        await at.does("attributes delete -i", key, "ObjectGroup", "a")
        assert await values("ObjectGroup") == ["z"]
        await at.does("attributes delete -i", key, "Comment")
        assert await values("Comment") == []
        await at.does("attributes set -i", key, "acme:colour", "red")
        assert await at.does("locate --attribute acme:colour red") == key
        name = '[{"tag":"NameValue","type":"TextString","value":"n"},' + (
            '{"tag":"NameType","type":"Enumeration","value":"UninterpretedTextString"}]'
        )
        await at.does("attributes add -i", key, "Name", name)
        assert await at.does("locate --attribute Name", name) == key
        await at.does("attributes set -i", key, "ProtectStopDate", "2099-01-01T00:00:00Z")
        assert await values("ProtectStopDate") == ["2099-01-01T00:00:00+00:00"]
        assert len(await values()) > 8
        assert await at.does("sym keys activate -k", key) == key
        assert await values("State") == ["Active"]

        assert "no attribute Colour" in await at.fails("attributes get -i", key, "Colour")
        wrong = await at.fails("attributes set -i", key, "CryptographicLength", "red")
        assert "Cryptographic Length has no value red" in wrong
        assert "The server refused" in await at.fails("attributes set -i", key, "State", "Active")


async def test_a_key_goes_where_it_is_told_and_nowhere_else(desk: Desk, tmp_path: Path):
    async with terminal(desk, tmp_path / "data") as at:
        key = await at.does("sym keys create --sensitive")
        assert "The server refused" in await at.fails("sym keys export", at.file("a"), "-k", key)
        for words in (("-l", 1 << 40), ("--name", "half \udc80")):
            assert "does not fit into a Create" in await at.fails("sym keys create", *words)
        there = at.file("there", b"mine")
        key = await at.does("sym keys create")
        assert "there exists" in await at.fails("sym keys export", there, "-k", key)
        assert there.read_bytes() == b"mine"
        for content, form, why in (
            (b"{", "json", "no object of KMIP in JSON"),
            (b'{"tag":"Comment","type":"TextString","value":"x"}', "json", "another object"),
        ):
            file = at.file("bad", content)
            assert why in await at.fails("sym keys import", file, "-f", form)
        assert "no key in PEM" in await at.fails("rsa keys import", at.file("bad", b"x"))


async def test_nothing_is_asked_of_whom_the_pin_does_not_name_nor_by_whom_nobody_knows(
    desk: Desk, tmp_path: Path
):
    async with terminal(desk, tmp_path / "data") as at:
        assert (await desk.verifies())[0] == 0
        key = await at.does("sym keys create")
        said = await at.fails("sym keys destroy -k", key, client="nobody")
        assert "cannot be used" in said
        mine = desk.directory / "mine"
        status, _, error = await desk.types(
            *("token", "add", "app", "--out", mine, "--conf", desk.conf),
            *("--allow-insecure-simulated", "--token-file", desk.directory / "token"),
        )
        assert status == 0, error
        made = await at.does("sym keys create --token-file", mine)
        assert await at.does("locate --token-file", mine) == made
        token = desk.file("api-token", "0123456789abcdefghijklmnopqrstuv\n")
        assert "The server refuses" in await at.fails("locate --token-file", token)
        assert "without spaces" in await at.fails(
            "locate --token-file", desk.file("bad-token", "a b\n")
        )
        assert "The server refused" in await at.fails("sym keys revoke x -k", key, client="bob")
        right = desk.pinned(Role.API)
        desk.repin(Role.API, replace(right, key=bytes(32)))
        assert "its key is not the pinned one" in await at.fails("sym keys revoke x -k", key)
        desk.repin(Role.API, right)
        state = json.loads(await at.does("attributes get -i", key, "State"))
        assert state["value"] == "Active"


def test_a_key_that_a_password_protects_is_refused():
    key = ec.generate_private_key(ec.SECP256R1())
    protected = key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password")
    )
    with pytest.raises(Failure, match="protected by a password"):
        key_files.read_asymmetric(protected, key_files.PEM)


@pytest.mark.parametrize(
    "words",
    [
        ("sym",),
        ("sym", "keys"),
        ("sym", "keys", "create", "-a", "rot13"),
        ("sym", "encrypt", "file", "-k", "x"),
        ("rsa", "keys", "revoke", "-k", "x"),
        ("ec", "encrypt"),
        ("attributes", "set", "-i", "x", "Name"),
    ],
)
def test_what_is_not_said_is_asked_for(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert f"usage: strongroom {words[0]}" in capsys.readouterr().err
