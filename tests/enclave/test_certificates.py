from itertools import repeat

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from enclave.certificates import (
    MAX_CERTIFICATE_SIZE,
    MAX_REVOCATION_LIST_SIZE,
    read_certificate,
    read_pem_chain,
    read_revocation_list,
)
from enclave.errors import InvalidEvidence
from enclave.roots import vendor_roots
from enclave.snp.abi import Product
from tests.enclave.forging import (
    CA,
    DCAP,
    ECDSA_SHA256,
    SNP,
    certificate,
    ec_key,
    flipped,
    integer,
    pem,
    revocation_list,
    sequence,
    signed,
)

LEAF = SNP().leaf
LISTING = revocation_list("issuer", ec_key("issuer"), (5, 1 << 150))


@pytest.mark.parametrize("product", Product)
def test_pyca_reads_the_same(product):
    der = vendor_roots().amd[product].ask
    ours, theirs = read_certificate(der), x509.load_der_x509_certificate(der)
    assert ours.serial == theirs.serial_number
    assert ours.signed == theirs.tbs_certificate_bytes
    assert ours.signature == theirs.signature
    assert (ours.not_before, ours.not_after) == (
        theirs.not_valid_before_utc,
        theirs.not_valid_after_utc,
    )
    assert ours.subject == theirs.subject.public_bytes()
    assert ours.issuer == theirs.issuer.public_bytes()
    assert ours.algorithm == theirs.signature_algorithm_oid.dotted_string
    assert set(ours.extensions) == {e.oid.dotted_string for e in theirs.extensions}
    assert ours.critical == {e.oid.dotted_string for e in theirs.extensions if e.critical}
    assert ours.public_key() == theirs.public_key()


def test_pyca_reads_the_same_list():
    ours, theirs = read_revocation_list(LISTING), x509.load_der_x509_crl(LISTING)
    assert ours.signed == theirs.tbs_certlist_bytes
    assert ours.revoked == {entry.serial_number for entry in theirs} == {5, 1 << 150}
    assert ours.this_update == theirs.last_update_utc
    assert ours.next_update == theirs.next_update_utc


def test_a_serial_number_of_zero_is_read():
    assert read_certificate(LEAF).serial == 0


def test_names_are_read():
    read = read_certificate(LEAF)
    assert (read.common_name, read.issuer_common_name) == ("SEV-VCEK", "SEV-Genoa")


DAMAGES = {
    "empty": b"",
    "cut": LEAF[:-1],
    "longer": LEAF + b"\0",
    "overlong": bytes(MAX_CERTIFICATE_SIZE + 1),
    "two algorithms": LEAF.replace(
        b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a", b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b", 1
    ),
    "extension twice": certificate(
        "x", "x", ec_key("x"), ec_key("x"), extensions={"1.2.3": b"", "1.2.4": b""}
    ).replace(b"\x06\x02\x2a\x04", b"\x06\x02\x2a\x03"),
    "signature of bits": LEAF[: LEAF.rindex(b"\x03\x82\x02\x01\x00") + 4]
    + b"\x04"
    + LEAF[LEAF.rindex(b"\x03\x82\x02\x01\x00") + 5 : -1]
    + b"\x10",
    "no certificate": signed(ec_key("x"), integer(1)),
}


@pytest.mark.parametrize("der", DAMAGES.values(), ids=DAMAGES)
def test_damaged_certificates_are_refused(der):
    with pytest.raises(InvalidEvidence):
        read_certificate(der)


def long_certificate(filling):
    """A certificate that is right but for its length."""
    return certificate("x", "x", ec_key("x"), ec_key("x"), extensions={"1.2.3": bytes(filling)})


def long_list(filling):
    """A revocation list of one enormous number."""
    return revocation_list("x", ec_key("x"), (1 << 8 * filling,))


def of_size(make, size):
    """What `make` makes, of `size` bytes; a signature has some more or fewer, as it comes out."""
    filling = size - (len(make(size)) - size)
    return next(made for made in (make(filling) for _ in repeat(None)) if len(made) == size)


@pytest.mark.parametrize(
    "read, make, limit",
    [
        (read_certificate, long_certificate, MAX_CERTIFICATE_SIZE),
        (read_revocation_list, long_list, MAX_REVOCATION_LIST_SIZE),
    ],
)
def test_what_is_right_is_read_up_to_a_limit_and_not_beyond(read, make, limit):
    """More than any vendor's, and little enough to parse before anything in it is trusted."""
    read(of_size(make, limit))
    with pytest.raises(InvalidEvidence, match=f"{limit + 1} bytes, more than {limit}"):
        read(of_size(make, limit + 1))


@pytest.mark.parametrize(
    "der", [b"", LISTING[:-1], LISTING + b"\0", bytes(MAX_REVOCATION_LIST_SIZE + 1)]
)
def test_damaged_lists_are_refused(der):
    with pytest.raises(InvalidEvidence):
        read_revocation_list(der)


def test_a_key_that_is_none_is_refused():
    spki = read_certificate(LEAF).spki
    broken = read_certificate(LEAF.replace(spki, spki[:-96] + bytes(96)))
    with pytest.raises(InvalidEvidence, match="public key"):
        broken.public_key()


def test_chains_of_pem():
    forged = DCAP()
    chain = pem(forged.pck, forged.issuer, forged.root)
    names = [c.common_name for c in read_pem_chain(chain + b"\0")]
    assert names == ["Intel SGX PCK Certificate", "Intel SGX PCK Platform CA", "Intel SGX Root CA"]
    assert read_pem_chain(b"\n " + chain.replace(b"\n", b"\r\n")) == read_pem_chain(chain)


ONE = pem(DCAP().root)
CHAINS = {
    "empty": b"",
    "white": b" \n",
    "five": ONE * 5,
    "text before": b"subject: x\n" + ONE,
    "text behind": ONE + b"x",
    "two NULs": ONE + b"\0\0",
    "no end": ONE[:-10],
    "no begin": ONE[5:],
    "not base 64": ONE.replace(b"M", b"*", 1),
    "another label": ONE.replace(b"CERTIFICATE", b"X509 CRL"),
    "DER": DCAP().root,
}


@pytest.mark.parametrize("chain", CHAINS.values(), ids=CHAINS)
def test_chains_are_read_strictly(chain):
    with pytest.raises(InvalidEvidence):
        read_pem_chain(chain)


@settings(max_examples=200)
@given(st.data())
def test_any_bytes_are_read_or_refused(data):
    read, whole = data.draw(
        st.sampled_from(
            [(read_certificate, LEAF), (read_revocation_list, LISTING), (read_pem_chain, ONE)]
        )
    )
    changed = data.draw(
        st.binary(max_size=100)
        | st.integers(0, len(whole) * 8 - 1).map(lambda bit: flipped(whole, bit))
        | st.integers(0, len(whole) - 1).map(lambda end: whole[:end])
    )
    try:
        found = read(changed)
        if read is read_certificate:
            found.public_key()
            assert isinstance(found.common_name + found.issuer_common_name, str)
    except InvalidEvidence:
        return


def test_an_algorithm_needs_no_parameters():
    key = ec_key("x")
    der = certificate("x", "x", key, key, extensions=CA, algorithm=ECDSA_SHA256)
    assert read_certificate(der).algorithm == "1.2.840.10045.4.3.2"
    assert sequence() == b"\x30\0"
