"""What holds key material shows none of it where it is printed: in logs, tracebacks and reprs."""

import importlib
from typing import Any

import pytest

SECRET = "the very secret"
HOLDERS = {
    "enclave.keys.DerivedKey": {"key"},
    "enclave.keys.OwnKey": {"key"},
    "enclave.keys.Unsealed": {"plaintext", "resealed"},
    "enclave.ratls.Attester": {"key"},
    "storage.header.Header": {"roots"},
    "storage.slot.Slot": {"check", "salt", "wrapped"},
    "storage.header.Unlocked": {"master"},
    "storage.keyring.Keyring": {"epochs"},
    "storage.ledger.Entry": {"before", "after", "changes"},
    "storage.ledger.State": {"chain", "digest", "header"},
    "storage.reader._Opened": {"content", "record"},
    "storage.record.Put": {"meta", "body", "terms"},
    "storage.record.Record": {"meta", "terms"},
    "server.sessions.streams.Stream": {"computation", "expected"},
    "server.sessions.issued.Issued": {"identification", "key"},
}
"""Classes, and their attributes that are keys, what keys can be had from, or what they protect."""


def holding(name: str) -> tuple[Any, dict[str, str]]:
    """An object of a class, each attribute of which holds its own name and whether it is secret."""
    module, _, class_name = name.rpartition(".")
    found = getattr(importlib.import_module(module), class_name)
    one = object.__new__(found)
    values = {each: f"{each}: {SECRET}" for each in found.__dataclass_fields__}
    for each, value in values.items():
        object.__setattr__(one, each, value)
    return one, values


@pytest.mark.parametrize("name", HOLDERS)
def test_what_is_secret_is_not_printed(name: str):
    one, values = holding(name)
    assert HOLDERS[name] <= values.keys()
    printed = repr(one)
    assert {each for each in HOLDERS[name] if values[each] in printed} == set()
