"""Whom a certificate names."""

import hashlib
from typing import Any

import pytest

from server.access.client import Client, of_certificate


def named(*pairs: tuple[str, str], **fields: Any) -> dict[str, Any]:
    """What `ssl` makes of a certificate whose subject is made of these."""
    return {"subject": tuple(((label, value),) for label, value in pairs)} | fields


def test_a_certificate_names_its_common_name():
    subject = named(("organizationName", "acme"), ("commonName", "alice"))
    assert of_certificate(subject, b"der") == Client("alice")


@pytest.mark.parametrize("name", ["user:1", "device:1", "sha256:00", "name:user:1"])
def test_a_common_name_is_nobody_elses(name):
    assert of_certificate(named(("commonName", name)), b"der") == Client(f"name:{name}")


def test_or_its_first_alternative_name():
    names = (("DNS", "alice.example"), ("email", "a@example"))
    assert of_certificate(named(("commonName", ""), subjectAltName=names), b"der") == Client(
        "DNS:alice.example"
    )


def test_or_its_hash():
    expected = Client("sha256:" + hashlib.sha256(b"der").hexdigest())
    assert of_certificate(None, b"der") == expected
    assert of_certificate(named(("organizationName", "acme")), b"der") == expected


def test_without_a_certificate_there_is_nobody():
    assert of_certificate(None, None) is None
    assert of_certificate({}, b"") is None
