import pytest
from construct import Bytes, Int8ul, Int16ul
from hypothesis import given
from hypothesis import strategies as st

from enclave.binary_layout import Layout, at
from enclave.errors import InvalidEvidence
from enclave.sgx.abi import EnclaveReport, QuoteHeader
from enclave.snp.abi import AttestationReport, CertificateTableEntry, MilanTCB, TurinTCB
from enclave.tdx.abi import TDReport, TDReport10, TDReport15, TDReport15Extended

LAYOUTS = (
    AttestationReport,
    CertificateTableEntry,
    EnclaveReport,
    MilanTCB,
    QuoteHeader,
    TDReport,
    TDReport10,
    TDReport15,
    TDReport15Extended,
    TurinTCB,
)


class Sparse(Layout, size=8):
    kind: int = at(1, Int8ul)
    body: bytes = at(4, Bytes(2))


def test_gaps_are_zero():
    assert Sparse(kind=7, body=b"ab").build() == bytes.fromhex("0007000061620000")
    assert Sparse.parse(bytes.fromhex("0007000061620000")) == Sparse(kind=7, body=b"ab")


@pytest.mark.parametrize("index", [0, 2, 3, 6, 7])
def test_reserved_bytes_that_are_set_are_refused(index):
    data = bytearray(Sparse(kind=7, body=b"ab").build())
    data[index] = 1
    with pytest.raises(InvalidEvidence, match="reserved"):
        Sparse.parse(bytes(data))


@pytest.mark.parametrize("size", [0, 7, 9])
def test_another_length_is_refused(size):
    with pytest.raises(InvalidEvidence, match=f"{size} bytes, not 8"):
        Sparse.parse(bytes(size))


def test_overlapping_fields_are_no_layout():
    with pytest.raises(TypeError, match="overlaps"):

        class Overlapping(Layout, size=8):
            a: int = at(0, Int16ul)
            b: int = at(1, Int16ul)


def test_fields_that_do_not_fit_are_no_layout():
    with pytest.raises(TypeError, match="after its size"):

        class Overlong(Layout, size=1):
            a: int = at(0, Int16ul)


def test_an_error_names_the_field_and_quotes_nothing():
    data = bytearray(AttestationReport.size)
    data[0x2A0 + 50] = 0x5A
    with pytest.raises(InvalidEvidence) as caught:
        AttestationReport.parse(bytes(data))
    assert str(caught.value) == "AttestationReport: malformed at signature.reserved_030"
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
@given(data=st.data())
def test_what_is_read_is_written_back(layout, data):
    octets = data.draw(st.binary(min_size=layout.size, max_size=layout.size))
    try:
        read = layout.parse(octets)
    except InvalidEvidence:
        read = layout.parse(bytes(layout.size))
        octets = bytes(layout.size)
    assert read.build() == octets
