"""The table of settings, its documentation, and what follows from the settings."""

import runpy
from pathlib import Path

import pytest

from server.setup import addresses
from server.setup.config import Config
from server.setup.failure import Failure
from server.setup.settings import gather, kind_of, rows

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("row", rows(Config), ids=lambda row: row.name)
def test_every_setting_is_documented_and_its_default_is_within_its_bounds(row) -> None:
    assert kind_of(row) is not None
    assert row.meaning
    assert row.why
    if row.type in {int, float}:
        assert row.unit
        assert row.minimum is not None
        assert row.maximum is not None
        assert row.minimum <= row.default <= row.maximum


def test_the_page_has_the_table_as_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "docs")  # as a script finds the module beside it
    script = runpy.run_path(str(ROOT / "docs" / "settings_table.py"))
    current = script["PAGE"].read_text("utf-8")
    assert script["page"](current) == current
    assert all(f"| `{row.name}` |" in current for row in rows(Config))


def test_files_lie_in_the_data_directory_unless_said_otherwise() -> None:
    config = Config(data=Path("/d"))
    assert config.makes_own_certificate
    assert config.certificate_file == Path("/d/tls/server.pem")
    assert config.private_key_file == Path("/d/tls/server.key")
    assert config.client_ca_file == Path("/d/tls/ca.pem")
    assert config.key_file == Path("/d/store.key")
    assert config.users_file == Path("/d/users.json")


def test_given_files_are_used() -> None:
    config = Config(
        tls_certificate=Path("/c"), tls_private_key=Path("/k"), tls_client_ca=Path("/a"),
        store_key_file=Path("/s"),
    )  # fmt: skip
    assert not config.makes_own_certificate
    assert [config.certificate_file, config.private_key_file] == [Path("/c"), Path("/k")]
    assert [config.client_ca_file, config.key_file] == [Path("/a"), Path("/s")]


def test_settings_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(Failure, match="both tls_certificate and"):
        Config(tls_certificate=Path("/c"))
    with pytest.raises(Failure, match="not both"):
        Config(store_password_file=Path("/p"), store_password_prompt=True)


def test_variables_of_the_tests_and_of_the_commands_are_left_alone() -> None:
    variables = {"STRONGROOM_SHARED": "../shared", "STRONGROOM_CONFIG": "x.toml"}
    assert gather(Config, {}, variables, None)["data"].value == Path(".strongroom")


@pytest.mark.parametrize("issuer", ["", "own", "none", "file:", "object:", "/ca.pem", "pkcs11:x"])
def test_an_issuer_that_is_none_is_refused(issuer: str) -> None:
    with pytest.raises(Failure, match="issuer must be"):
        Config(issuer=issuer)


@pytest.mark.parametrize("text", ["kms", "kms:", ":1", "kms:x", "kms:70000", "::1:1", "[x]:1"])
def test_a_peer_is_a_host_and_a_port(text: str) -> None:
    for named in ({"peer_address": text}, {"handover_from": ("kms-1:1", text)}):
        with pytest.raises(Failure, match="is HOST:PORT"):
            Config(use_bootstrap_server=True, **named)


def test_peers_are_for_servers_that_an_operator_provisions() -> None:
    for named in ({"peer_address": "kms:1"}, {"handover_from": ("[::1]:1",)}):
        with pytest.raises(Failure, match="that an operator provisions"):
            Config(**named)
        Config(use_bootstrap_server=True, **named)
    assert [addresses.place(each) for each in ("kms:1", "[::1]:2")] == [("kms", 1), ("::1", 2)]
