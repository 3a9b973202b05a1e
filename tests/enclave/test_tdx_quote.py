import pytest
from hypothesis import given
from hypothesis import strategies as st

from enclave.errors import EnclaveError, InvalidEvidence
from enclave.evidence import MAX_REPORT_SIZE
from enclave.sgx import SGX
from enclave.sgx.quote import parse_sgx_quote
from enclave.tdx.abi import TDReport10, TDReport15, TDReport15Extended
from enclave.tdx.quote import parse_tdx_quote
from tests.enclave.forging import DCAP, MEASUREMENT, REPORT_DATA

QUOTES = {
    "v4": DCAP(),
    "v5 TD 1.0": DCAP(version=5, body=TDReport10),
    "v5 TD 1.5": DCAP(version=5),
    "v5 TD 1.5 extended": DCAP(version=5, body=TDReport15Extended),
}


@pytest.mark.parametrize("forged", QUOTES.values(), ids=QUOTES)
def test_what_is_read_is_written_back(forged):
    data = forged.quote
    quote = parse_tdx_quote(data)
    assert quote.build() == data
    assert (quote.td.mrtd, quote.td.reportdata) == (MEASUREMENT, REPORT_DATA)


def test_td_1_5_is_there_where_it_is():
    assert parse_tdx_quote(QUOTES["v4"].quote).td_1_5 is None
    assert parse_tdx_quote(QUOTES["v5 TD 1.0"].quote).td_1_5 is None
    for name in ("v5 TD 1.5", "v5 TD 1.5 extended"):
        assert isinstance(parse_tdx_quote(QUOTES[name].quote).td_1_5, TDReport15)


def test_a_buffer_of_fixed_size_may_hold_it():
    data = DCAP().quote
    assert parse_tdx_quote(data.ljust(8192, b"\0")).build() == data


HEADERS = {
    "version 3": {"version": 3},
    "version 6": {"version": 6},
    "P-384 key": {"attestation_key_type": 3},
    "SGX": {"tee_type": 0},
    "other TEE": {"tee_type": 0x80},
    "other vendor": {"qe_vendor_id": bytes(16)},
}


@pytest.mark.parametrize("changes", HEADERS.values(), ids=HEADERS)
def test_the_header_is_checked(changes):
    with pytest.raises(InvalidEvidence):
        parse_tdx_quote(DCAP(header_changes=changes).quote)


def changed(data, offset, value):
    return data[:offset] + value + data[offset + len(value) :]


V4, V5 = DCAP().quote, DCAP(version=5).quote
BODY_END = 48 + 584
QE_DATA = BODY_END + 4 + 64 + 64  # the certification data type stands here
DAMAGES = {
    "empty": b"",
    "header only": V4[:48],
    "cut in the body": V4[:600],
    "no signature data": V4[:BODY_END],
    "cut in the length": V4[: BODY_END + 2],
    "cut in the signature data": V4[:-1],
    "something behind": V4 + b"\0\1",
    "signature data too short": changed(V4, BODY_END, (100).to_bytes(4, "little")),
    "signature data too long": changed(V4, BODY_END, b"\xff" * 4),
    "outer type 5": changed(V4, QE_DATA, b"\5\0"),
    "outer length short": changed(V4, QE_DATA + 2, (500).to_bytes(4, "little")),
    "outer length long": changed(V4, QE_DATA + 2, b"\xff" * 4),
    "authentication data long": changed(V4, QE_DATA + 6 + 384 + 64, b"\xff\xff"),
    "inner type 3": changed(V4, QE_DATA + 6 + 384 + 64 + 2 + 32, b"\3\0"),
    "inner length long": changed(V4, QE_DATA + 6 + 384 + 64 + 2 + 32 + 2, b"\xff" * 4),
    "body type 1": changed(V5, 48, b"\1\0"),
    "body type 5": changed(V5, 48, b"\5\0"),
    "body of another size": changed(V5, 50, (584).to_bytes(4, "little")),
    "overlong": V4.ljust(MAX_REPORT_SIZE + 1, b"\0"),
}


@pytest.mark.parametrize("data", DAMAGES.values(), ids=DAMAGES)
def test_damage_is_refused(data):
    with pytest.raises(InvalidEvidence):
        parse_tdx_quote(data)


def test_kinds_of_quotes_are_not_mixed_up():
    with pytest.raises(InvalidEvidence):
        parse_sgx_quote(V4)
    with pytest.raises(InvalidEvidence):
        parse_tdx_quote(DCAP(tee=SGX, version=3).quote)


@given(data=st.binary(max_size=900), cut=st.integers(0, 900), version=st.sampled_from([3, 4, 5]))
def test_garbage_is_refused(data, cut, version):
    head = {3: DCAP(tee=SGX, version=3).quote, 4: V4, 5: V5}[version][:cut]
    for parse in (parse_tdx_quote, parse_sgx_quote):
        with pytest.raises(EnclaveError):
            parse(head + data)
