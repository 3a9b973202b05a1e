"""Validate: which chains hold, which do not, and of which nothing can be said."""

from dataclasses import replace

import pytest
from cryptography import x509

from kmip.attribute_values import RevocationReason
from kmip.enums import (
    CertificateType,
    ObjectType,
    Operation,
    ResultReason,
    RevocationReasonCode,
    ValidityIndicator,
)
from kmip.objects import Certificate
from server.pki import path_validation
from tests.server.conftest import NOW, InProcessClient
from tests.server.operations.certified_keys import CertifiedKey, certified
from tests.server.operations.test_certify import pem
from tests.server.operations.test_login import CREATE, reason_of

Op = Operation
V = ValidityIndicator

ROOT = certified("root", is_authority=True)
MIDDLE = certified("middle", ROOT, is_authority=True, days=20)
LEAF = certified("leaf", MIDDLE, days=10)
OTHER = certified("root", is_authority=True)
FALSE = certified("middle", OTHER, is_authority=True)
DAY = 86_400


def certificates(*chain: CertifiedKey) -> tuple[Certificate, ...]:
    return tuple(
        Certificate(certificate_type=CertificateType.X_509, certificate_value=certified_key.der)
        for certified_key in chain
    )


async def keep(ask: InProcessClient, certified_key: CertifiedKey) -> str:
    made = await ask(
        Op.REGISTER, object_type=ObjectType.CERTIFICATE, object=certificates(certified_key)[0]
    )
    return str(made.unique_identifier)


async def judged(
    ask: InProcessClient, *chain: CertifiedKey, named=(), date=None
) -> ValidityIndicator:
    answer = await ask(
        Op.VALIDATE,
        certificate=certificates(*chain),
        unique_identifier=tuple(named),
        validity_date=date,
    )
    indicator: ValidityIndicator = answer.validity_indicator
    return indicator


async def test_a_chain_to_a_root_in_the_store_holds_in_any_order(ask: InProcessClient):
    root = await keep(ask, ROOT)
    assert await judged(ask, LEAF, MIDDLE, named=[root]) == V.VALID
    assert await judged(ask, MIDDLE, LEAF, named=[root]) == V.VALID
    assert await judged(ask, MIDDLE, named=[root]) == V.VALID
    assert await judged(ask, named=[root]) == V.VALID


async def test_a_root_that_comes_along_proves_nothing(ask: InProcessClient):
    assert await judged(ask, LEAF, MIDDLE, ROOT) == V.UNKNOWN
    assert await judged(ask, ROOT) == V.UNKNOWN
    assert await judged(ask, LEAF, MIDDLE) == V.UNKNOWN
    assert await judged(ask, LEAF) == V.UNKNOWN


async def test_a_root_of_the_same_name_does_not_help(ask: InProcessClient):
    assert await judged(ask, LEAF, MIDDLE, named=[await keep(ask, OTHER)]) == V.INVALID
    assert await judged(ask, LEAF, FALSE, named=[await keep(ask, OTHER)]) == V.INVALID


@pytest.mark.parametrize(
    "days, expected", [(-1, V.INVALID), (5, V.VALID), (15, V.INVALID), (25, V.INVALID)]
)
async def test_all_of_a_chain_is_within_its_time(ask: InProcessClient, days, expected):
    root = await keep(ask, ROOT)
    assert await judged(ask, LEAF, MIDDLE, named=[root], date=NOW + days * DAY) == expected


async def test_who_is_no_authority_issues_nothing(ask: InProcessClient):
    root = await keep(ask, ROOT)
    simple = certified("middle", ROOT)
    assert await judged(ask, certified("leaf", simple), simple, named=[root]) == V.INVALID
    short = certified("root", is_authority=True, path_length=0)
    middle = certified("middle", short, is_authority=True)
    named = [await keep(ask, short)]
    assert await judged(ask, certified("leaf", middle), middle, named=named) == V.INVALID


async def test_an_authority_whose_key_signs_no_certificates_issues_nothing(ask: InProcessClient):
    uses = dict.fromkeys(
        (
            *("digital_signature", "content_commitment", "key_encipherment", "key_cert_sign"),
            *("data_encipherment", "key_agreement", "crl_sign", "encipher_only", "decipher_only"),
        ),
        False,
    )
    for signs, expected in ((True, V.VALID), (False, V.INVALID)):
        usage = x509.KeyUsage(**(uses | {"key_cert_sign": signs, "crl_sign": True}))
        root = certified("root", is_authority=True, extension=usage)
        named = [await keep(ask, root)]
        assert await judged(ask, certified("leaf", root), named=named) == expected


async def test_a_critical_extension_that_nobody_knows_ends_the_chain(ask: InProcessClient):
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.1"), b"\x05\x00")
    leaf = certified("leaf", ROOT, extension=unknown)
    assert await judged(ask, leaf, named=[await keep(ask, ROOT)]) == V.INVALID


async def test_names_that_an_authority_may_not_certify_end_the_chain(ask: InProcessClient):
    only = x509.NameConstraints([x509.DNSName("example.org")], None)
    root = certified("root", is_authority=True, extension=only)
    named = [await keep(ask, root)]
    for name, expected in (("a.example.org", V.VALID), ("example.com", V.INVALID)):
        alternatives = x509.SubjectAlternativeName([x509.DNSName(name)])
        leaf = certified("leaf", root, extension=alternatives)
        assert await judged(ask, leaf, named=named) == expected


async def test_a_trusted_authority_is_within_its_time_too(ask: InProcessClient, tmp_path):
    certified_key = certified("ACME", is_authority=True, days=3)
    file = tmp_path / "issuer.pem"
    file.write_bytes(pem(certified_key))
    file.chmod(0o600)
    ask.server.config = replace(ask.server.config, issuer=f"file:{file}")
    leaf = certified("leaf", certified_key)
    assert await judged(ask, leaf, date=NOW + 2 * DAY) == V.VALID
    assert await judged(ask, leaf, date=NOW + 4 * DAY) == V.INVALID


@pytest.mark.parametrize("which", ["root", "leaf"])
async def test_a_revoked_certificate_ends_the_chain(ask: InProcessClient, which):
    named = {"root": await keep(ask, ROOT), "leaf": await keep(ask, LEAF)}
    assert await judged(ask, MIDDLE, named=named.values()) == V.VALID
    why = RevocationReason(revocation_reason_code=RevocationReasonCode.CA_COMPROMISE)
    await ask(Op.REVOKE, unique_identifier=named[which], revocation_reason=why)
    assert await judged(ask, MIDDLE, named=named.values()) == V.INVALID


async def test_the_servers_own_authority_is_trusted(ask: InProcessClient):
    ask.server.config = replace(ask.server.config, issuer="own:")
    assert await judged(ask, LEAF) == V.UNKNOWN
    assert await ask.server.store.read(b"issuer") is None


async def test_one_chain_is_judged_at_a_time(ask: InProcessClient):
    for chain in ((LEAF, certified("another")), (LEAF, certified("leaf", MIDDLE), MIDDLE), ()):
        refused = await reason_of(ask, Op.VALIDATE, certificate=certificates(*chain))
        assert refused == ResultReason.INVALID_FIELD
    many = certificates(*[LEAF] * (path_validation.MAX_CERTIFICATES + 1))
    assert await reason_of(ask, Op.VALIDATE, certificate=many) == ResultReason.INVALID_FIELD


async def test_what_is_no_certificate_is_refused(ask: InProcessClient):
    key = (await ask(Op.CREATE, **CREATE)).unique_identifier
    refused = await reason_of(ask, Op.VALIDATE, unique_identifier=(key,))
    assert refused == ResultReason.INVALID_OBJECT_TYPE
    nothing = Certificate(certificate_type=CertificateType.X_509, certificate_value=b"nothing")
    refused = await reason_of(ask, Op.VALIDATE, certificate=(nothing,))
    assert refused == ResultReason.INVALID_FIELD
    for date in (-1, 1 << 62):
        refused = await reason_of(
            ask, Op.VALIDATE, certificate=certificates(LEAF), validity_date=date
        )
        assert refused == ResultReason.INVALID_FIELD
