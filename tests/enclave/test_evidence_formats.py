"""How evidence is written down and read back."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enclave import cbor
from enclave.errors import InvalidEvidence
from enclave.evidence_formats import (
    GRAMINE_OIDS,
    MAX_BLOB_BYTES,
    TaggedEvidence,
    read_bare,
    read_blob,
    read_tagged,
    write_bare,
    write_tagged,
)
from enclave.insecure import SoftwareGuest, SoftwareTee
from enclave.peer_certificate import MAX_CERTIFICATE_BYTES, read_presented
from enclave.sgx import SGX
from enclave.snp import SEV_SNP
from enclave.snp.abi import parse_report
from tests.enclave.attested import tee
from tests.enclave.forging import DCAP
from tests.enclave.guest_machine import software_chip

__all__ = ["tee"]  # a fixture


async def test_snp_evidence_keeps_its_certificates_in_both_forms():
    tee = SoftwareTee(SoftwareGuest(software_chip()))
    evidence = await tee.evidence(bytes(64))
    assert len(evidence.certificates) == 3
    for again in (
        read_tagged(write_tagged(TaggedEvidence(evidence, b""))).evidence,
        read_bare(SEV_SNP, write_bare(evidence)),
    ):
        assert again.report == evidence.report
        assert set(again.certificates) == set(evidence.certificates)
    alone = replace(evidence, certificates=())
    assert read_bare(SEV_SNP, alone.report) == alone
    assert read_bare(SEV_SNP, write_bare(alone)) == alone


def test_a_vlek_in_a_bincode_list_has_a_guid_or_none():
    report, leaf = bytes(1184), b"\x30" * 40
    guid = bytes.fromhex("a8074bc2a25a483eaae639c045a0b8a1")
    length = (40).to_bytes(8, "little")
    old = (4).to_bytes(4, "little") + (16).to_bytes(8, "little") + guid + length + leaf
    new = (4).to_bytes(4, "little") + length + leaf
    for entry in (old, new):
        data = report + (1).to_bytes(8, "little") + entry
        assert read_bare(SEV_SNP, data).certificates == (leaf,)


@pytest.mark.parametrize(
    "data, why",
    [
        (cbor.encode(cbor.Tagged(60001, [bytes(1184), b""])), "under tag 60000"),
        (cbor.encode(cbor.Tagged(60000, [bytes(1184)])), "a pair"),
        (cbor.encode(cbor.Tagged(60000, [bytes(1184), "claims"])), "a pair"),
        (cbor.encode([b"", b""]), "under tag 60000"),
        (cbor.encode(cbor.Tagged(60000, [bytes(1184), b""])), "of none"),
        (cbor.encode(cbor.Tagged(60000, [b"", b""])), "of none"),
        (cbor.encode(cbor.Tagged(60000, [b"\x02\0\0\0" + bytes(1000), b""])), "of none"),
        (b"", "CBOR"),
    ],
)
def test_what_is_not_tagged_evidence(data, why):
    with pytest.raises(InvalidEvidence, match=why):
        read_tagged(data)


def test_lengths_have_a_limit():
    with pytest.raises(InvalidEvidence, match="of none"):
        read_blob(bytes(MAX_BLOB_BYTES))
    with pytest.raises(InvalidEvidence, match="more than"):
        read_blob(bytes(MAX_BLOB_BYTES + 1))
    with pytest.raises(InvalidEvidence, match="more than"):
        read_bare(SGX, bytes(MAX_BLOB_BYTES + 1))
    with pytest.raises(InvalidEvidence, match="more than"):
        read_presented(bytes(MAX_CERTIFICATE_BYTES + 1))
    many = bytes(1184) + (9).to_bytes(8, "little")
    with pytest.raises(InvalidEvidence, match="9 certificates"):
        read_bare(SEV_SNP, many)


@pytest.mark.parametrize("quote", [DCAP().quote, DCAP(tee=SGX, version=3).quote])
def test_a_quote_is_known_by_its_header(quote):
    """Intel: 48 bytes, with the TEE's type and the vendor of the quoting enclave."""
    kind = read_blob(quote).tee
    assert read_blob(quote[:48]).tee == kind
    for other in (quote[:47], quote[:4] + b"\1" + quote[5:], quote[:12] + bytes(16) + quote[28:]):
        with pytest.raises(InvalidEvidence, match="of none"):
            read_blob(other)


@given(st.binary(max_size=200))
def test_garbage_is_invalid_evidence(data):
    for read in (read_presented, read_tagged, read_blob):
        with pytest.raises(InvalidEvidence):
            read(data)


def test_the_identifier_of_gramine_is_its_mistake():
    """`06 09 2a 86 48 86 f8 4d 8a 39 06` as content: the DER of 1.2.840.113741.1337.6 once more."""
    assert GRAMINE_OIDS == {SGX: "0.6.9.42.840.113741.1337.6"}


async def test_snp_reports_and_quotes_are_told_apart_by_their_first_bytes(tee):
    evidence = await tee.evidence(bytes(64))
    assert read_blob(evidence.report).tee is tee.kind
    if tee.kind == SEV_SNP:
        assert parse_report(evidence.report).version == 5
