import json
from dataclasses import replace
from datetime import timedelta
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enclave.certificates import MAX_REVOCATION_LIST_SIZE
from enclave.collateral import MAX_COLLATERAL_SIZE, Document
from enclave.errors import InvalidEvidence, VerificationFailed
from enclave.evidence import MAX_CERTIFICATE_SIZE
from enclave.fetch import check_collateral, fetch_collateral
from enclave.roots import Roots
from enclave.sgx import SGX
from enclave.sgx.collateral import MAX_CHAIN_SIZE, MAX_DOCUMENT_SIZE, DCAPCollateral
from enclave.snp import SEV_SNP
from enclave.snp.abi import Product, SigningKey, parse_report
from enclave.snp.collateral import SNPCollateral
from enclave.snp.key_distribution import fetch_vcek, vcek_url
from enclave.tdx import TDX
from enclave.verify import verify
from tests.enclave.forging import (
    AMD,
    ASK_SERIAL,
    DCAP,
    NOW,
    PCK_SERIAL,
    PLATFORM_SERIAL,
    PROCESSOR,
    ROOT,
    SIGNER_SERIAL,
    SNP,
    ec_key,
    integer,
    level,
    revocation_list,
    rsa_key,
)


@pytest.mark.parametrize("collateral", [SNPCollateral(), SNP().collateral(), DCAP().collateral])
def test_it_goes_through_json(collateral):
    assert type(collateral).from_json(collateral.to_json()) == collateral


@pytest.mark.parametrize("kind", [SNPCollateral, DCAPCollateral])
@given(data=st.binary(max_size=60))
def test_garbage_is_refused(kind, data):
    with pytest.raises(InvalidEvidence):
        kind.from_json(data)


SNP_WRONG = {
    "no list": b'{"revocation_lists": "3082"}',
    "no text": b'{"revocation_lists": [3082]}',
    "no hexadecimal": b'{"revocation_lists": ["zz"]}',
    "too many": json.dumps({"revocation_lists": ["00"] * 7}).encode(),
    "too long": json.dumps({"revocation_lists": ["00" * (MAX_REVOCATION_LIST_SIZE + 1)]}).encode(),
    "deep": b"[" * 100_000,
    "overlong": b" " * (MAX_COLLATERAL_SIZE + 1),
    "certificates that are no list": b'{"revocation_lists": [], "certificates": "3082"}',
    "too many certificates": json.dumps(
        {"revocation_lists": [], "certificates": ["00"] * 65}
    ).encode(),
    "too long a certificate": json.dumps(
        {"revocation_lists": [], "certificates": ["00" * (MAX_CERTIFICATE_SIZE + 1)]}
    ).encode(),
}


@pytest.mark.parametrize("data", SNP_WRONG.values(), ids=SNP_WRONG)
def test_snp_collateral_is_read_strictly(data):
    with pytest.raises(InvalidEvidence):
        SNPCollateral.from_json(data)


@pytest.mark.parametrize("name", list(DCAPCollateral.__dataclass_fields__))
def test_each_part_is_there_and_text(name):
    document = json.loads(DCAP().collateral.to_json())
    for value in (None, 5):
        with pytest.raises(InvalidEvidence, match=name):
            DCAPCollateral.from_json(json.dumps(document | {name: value}).encode())


def test_hexadecimal_parts_are_hexadecimal():
    document = json.loads(DCAP().collateral.to_json())
    with pytest.raises(InvalidEvidence, match="pck_crl"):
        DCAPCollateral.from_json(json.dumps(document | {"pck_crl": "zz"}).encode())


def test_parts_are_bounded():
    collateral = DCAP().collateral
    for name, size in (("tcb_info", MAX_DOCUMENT_SIZE), ("tcb_info_issuer_chain", MAX_CHAIN_SIZE)):
        with pytest.raises(InvalidEvidence, match=name):
            replace(collateral, **{name: bytes(size + 1)})
        assert len(getattr(replace(collateral, **{name: bytes(size)}), name)) == size


class Vendor:
    """Answers what the vendors' services would, and remembers the URLs requested."""

    def __init__(self, **documents):
        self.documents = documents
        self.requested = []

    async def __call__(self, url):
        self.requested.append(url)
        return next(document for part, document in self.documents.items() if part in url)


def pcs(collateral):
    """Intel's service for this collateral; keywords are parts of URLs."""

    def document(member, inner, signature, header, chain):
        body = b'{"%s":%s,"signature":"%s"}' % (member, inner, signature.hex().encode())
        return Document(body, {header: quote(chain)})

    return {
        "tcb?fmspc": document(
            b"tcbInfo",
            collateral.tcb_info,
            collateral.tcb_info_signature,
            "tcb-info-issuer-chain",
            collateral.tcb_info_issuer_chain,
        ),
        "qe/identity": document(
            b"enclaveIdentity",
            collateral.qe_identity,
            collateral.qe_identity_signature,
            "sgx-enclave-identity-issuer-chain",
            collateral.qe_identity_issuer_chain,
        ),
        "pckcrl": Document(
            collateral.pck_crl,
            {"sgx-pck-crl-issuer-chain": quote(collateral.pck_crl_issuer_chain)},
        ),
        "RootCA.der": Document(collateral.root_ca_crl),
    }


@pytest.mark.parametrize(
    "forged, kind, authority",
    [
        (DCAP(), "tdx", "platform"),
        (DCAP(ca=PROCESSOR), "tdx", "processor"),
        (DCAP(tee=SGX, version=3), "sgx", "platform"),
    ],
)
async def test_intels_documents_are_fetched_byte_for_byte(forged, kind, authority):
    collateral = forged.collateral
    vendor = Vendor(**pcs(collateral))
    fetched = await fetch_collateral(forged.evidence, vendor)
    assert fetched == collateral
    assert verify(forged.evidence, fetched, forged.roots, NOW)
    service = "https://api.trustedservices.intel.com"
    assert vendor.requested == [
        f"{service}/{kind}/certification/v4/tcb?fmspc=90c06f000000",
        f"{service}/{kind}/certification/v4/qe/identity",
        f"{service}/sgx/certification/v4/pckcrl?ca={authority}&encoding=der",
        "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der",
    ]


@pytest.mark.parametrize(
    "part, document, why",
    [
        ("tcb?fmspc", Document(b"{}", {"tcb-info-issuer-chain": ""}), "tcbInfo"),
        ("tcb?fmspc", Document(b'{"tcbInfo":{},"signature":"zz"}', {}), "hexadecimal"),
        ("qe/identity", Document(bytes(MAX_DOCUMENT_SIZE + 1)), "more than"),
        ("pckcrl", Document(b""), "sgx-pck-crl-issuer-chain"),
    ],
)
async def test_documents_of_another_form_are_refused(part, document, why):
    forged = DCAP()
    vendor = Vendor(**(pcs(forged.collateral) | {part: document}))
    with pytest.raises(InvalidEvidence, match=why):
        await fetch_collateral(forged.evidence, vendor)


@pytest.mark.parametrize(
    "body",
    [
        b'{"tcbinfo":{},"signature":"00"}',
        b'x{"tcbInfo":{},"signature":"00"}',
        b'{"tcbInfo":{}, "signature":"00"}',
        b'{"tcbInfo":{},"signature":"00"',
        b'{"tcbInfo":{},"signature":"00"}x',
        b'{"tcbInfo":{},"signature":"00","more":1}',
        b'{"tcbInfo":{}}',
        b"",
    ],
)
async def test_a_document_is_one_signed_member_and_its_signature_and_no_more(body):
    forged = DCAP()
    documents = pcs(forged.collateral)
    vendor = Vendor(**(documents | {"tcb?fmspc": replace(documents["tcb?fmspc"], body=body)}))
    with pytest.raises(InvalidEvidence, match="tcbInfo: not a signed document of Intel's"):
        await fetch_collateral(forged.evidence, vendor)


async def test_the_longest_document_is_taken():
    forged = DCAP()
    collateral = forged.collateral
    documents = pcs(collateral)
    info = documents["tcb?fmspc"]
    long = replace(info, body=info.body.ljust(MAX_DOCUMENT_SIZE, b"\n"))
    vendor = Vendor(**(documents | {"tcb?fmspc": long}))
    assert await fetch_collateral(forged.evidence, vendor) == collateral


async def test_nothing_is_fetched_for_a_quote_of_somebody_else():
    vendor = Vendor()
    with pytest.raises(InvalidEvidence):
        await fetch_collateral(DCAP(ca="Somebody CA").evidence, vendor)
    assert vendor.requested == []


@pytest.mark.parametrize("product", Product)
@pytest.mark.parametrize("signer", [SigningKey.VCEK, SigningKey.VLEK])
async def test_amds_list_is_fetched(product, signer):
    forged = SNP(product, signer)
    vendor = Vendor(crl=Document(forged.collateral().revocation_lists[0]))
    collateral = await fetch_collateral(forged.evidence, vendor)
    assert verify(forged.evidence, collateral, forged.roots, NOW).revocation_checked
    kind = signer.name.lower()
    assert vendor.requested == [f"https://kdsintf.amd.com/{kind}/v1/{product}/crl"]


async def test_a_product_is_known_by_its_processor_or_not_at_all():
    foreign = DCAP().root
    evidence = replace(SNP(Product.TURIN).evidence, certificates=(foreign,))
    vendor = Vendor(crl=Document(b""), blSPL=Document(b""))
    await fetch_collateral(evidence, vendor)
    assert vendor.requested[0] == "https://kdsintf.amd.com/vcek/v1/Turin/crl"
    old = replace(SNP(report_changes={"version": 2}).evidence, certificates=())
    with pytest.raises(InvalidEvidence, match="which product"):
        await fetch_collateral(old, vendor)


async def test_a_chips_certificate_is_found_by_identity_and_tcb():
    genoa, turin = SNP(), SNP(Product.TURIN)
    assert vcek_url(parse_report(genoa.report), Product.GENOA) == (
        f"https://kdsintf.amd.com/vcek/v1/Genoa/{'c1' * 64}"
        "?blSPL=10&teeSPL=00&snpSPL=23&ucodeSPL=84"
    )
    assert vcek_url(parse_report(turin.report), Product.TURIN) == (
        f"https://kdsintf.amd.com/vcek/v1/Turin/{'c1' * 8}"
        "?fmcSPL=01&blSPL=01&teeSPL=01&snpSPL=04&ucodeSPL=81"
    )
    leaf = genoa.leaf
    vendor = Vendor(vcek=Document(leaf))
    assert await fetch_vcek(parse_report(genoa.report), Product.GENOA, vendor) == leaf


# --- what verifies with it, and what is kept of it

FORGED = {SEV_SNP: SNP(), TDX: DCAP(), SGX: DCAP(tee=SGX, version=3)}


def collateral_of(forged):
    return forged.collateral() if isinstance(forged, SNP) else forged.collateral


async def test_a_report_without_its_certificate_has_it_fetched():
    """Hosts without a certificate table: the verifier finds the VCEK by chip and TCB."""
    forged = SNP()
    leaf = forged.leaf
    bare = replace(forged.evidence, certificates=())
    listing = forged.collateral().revocation_lists[0]
    vendor = Vendor(crl=Document(listing), blSPL=Document(leaf))
    fetched = await fetch_collateral(bare, vendor, "https://mirror.example/amd/")
    mirror = "https://mirror.example/amd/vcek/v1/Genoa"
    assert vendor.requested == [
        f"{mirror}/crl",
        f"{mirror}/{'c1' * 64}?blSPL=10&teeSPL=00&snpSPL=23&ucodeSPL=84",
    ]
    check_collateral(bare, fetched, forged.roots, NOW)
    assert verify(bare, fetched, forged.roots, NOW).revocation_checked
    with pytest.raises(VerificationFailed, match="0 SEV-VCEK certificates came with the report"):
        verify(bare, forged.collateral(), forged.roots, NOW)


async def test_a_certificate_of_an_older_tcb_is_fetched_anew():
    forged = SNP()
    stale = SNP(extension_changes={f"{AMD}.3.8": integer(83)}).leaf
    evidence = replace(forged.evidence, certificates=(stale,))
    vendor = Vendor(
        crl=Document(forged.collateral().revocation_lists[0]), blSPL=Document(forged.leaf)
    )
    fetched = await fetch_collateral(evidence, vendor)
    assert verify(evidence, fetched, forged.roots, NOW)


@pytest.mark.parametrize(
    "forged",
    [SNP(signer=SigningKey.VLEK), SNP(report_changes={"key_info": 2})],
    ids=["a provider's key", "a chip that hides its identity"],
)
async def test_where_no_certificate_can_be_found_none_is_looked_for(forged):
    vendor = Vendor(crl=Document(b""))
    evidence = replace(forged.evidence, certificates=())
    assert (await fetch_collateral(evidence, vendor)).certificates == ()
    assert len(vendor.requested) == 1


async def test_a_cache_of_intels_documents_is_asked_in_their_place():
    """PCCS: all under one address, lists in hexadecimal."""
    forged = DCAP()
    collateral = forged.collateral
    documents = pcs(collateral)
    documents["rootcacrl"] = Document(documents.pop("RootCA.der").body.hex().encode())
    vendor = Vendor(**documents)
    fetched = await fetch_collateral(forged.evidence, vendor, "https://cache.example:8081")
    assert fetched == collateral
    assert all(url.startswith("https://cache.example:8081/") for url in vendor.requested)
    assert vendor.requested[-1] == "https://cache.example:8081/sgx/certification/v4/rootcacrl"


@pytest.mark.parametrize("tee", FORGED)
def test_good_collateral_is_let_pass(tee):
    forged = FORGED[tee]
    check_collateral(forged.evidence, collateral_of(forged), forged.roots, NOW)


def test_collateral_that_revokes_is_good_collateral():
    """Refused, it would leave the older documents in use, which know of no revocation."""
    for forged in (
        DCAP(pck_revoked=(PCK_SERIAL,)),
        DCAP(levels=[level(status="Revoked")]),
        SNP(),
    ):
        collateral = forged.collateral(ASK_SERIAL) if isinstance(forged, SNP) else forged.collateral
        check_collateral(forged.evidence, collateral, forged.roots, NOW)
        with pytest.raises(VerificationFailed):
            verify(forged.evidence, collateral, forged.roots, NOW)


def spoilt(collateral, **changes):
    return replace(collateral, **changes)


OTHER_LIST = revocation_list(ROOT, ec_key("tcb"))
BAD_DCAP = {
    "root list by another key": lambda good: spoilt(good, root_ca_crl=OTHER_LIST),
    "PCK list of the root": lambda good: spoilt(good, pck_crl=good.root_ca_crl),
    "PCK list of another authority": lambda good: DCAP(ca=PROCESSOR).collateral,
    "TCB info edited": lambda good: spoilt(
        good, tcb_info=good.tcb_info.replace(b"UpToDate", b"upToDate")
    ),
    "TCB info of another platform": lambda good: (
        DCAP(tcb_info_changes={"fmspc": "00806F000000"}).collateral
    ),
    "TCB info overdue": lambda good: (
        DCAP(tcb_info_changes={"nextUpdate": "2026-05-31T00:00:00Z"}).collateral
    ),
    "QE identity of the other TEE": lambda good: DCAP(qe_identity_changes={"id": "QE"}).collateral,
    "QE identity unsigned": lambda good: spoilt(good, qe_identity_signature=bytes(64)),
    "signed by a platform's authority": lambda good: spoilt(
        good, tcb_info_issuer_chain=good.pck_crl_issuer_chain
    ),
    "a signer that is revoked": lambda good: DCAP(root_revoked=(SIGNER_SERIAL,)).collateral,
    "an issuer that is revoked": lambda good: DCAP(root_revoked=(PLATFORM_SERIAL,)).collateral,
}


@pytest.mark.parametrize("spoil", BAD_DCAP.values(), ids=BAD_DCAP)
def test_intels_documents_are_checked_one_by_one(spoil):
    forged = DCAP()
    with pytest.raises(VerificationFailed):
        check_collateral(forged.evidence, spoil(forged.collateral), forged.roots, NOW)


BAD_SNP = {
    "list of another product": lambda good: SNP(Product.TURIN).collateral(),
    "list by another key": lambda good: SNPCollateral(
        (revocation_list("ARK-Genoa", rsa_key("ask")),)
    ),
    "list overdue": lambda good: SNP().collateral(next_update=NOW - timedelta(days=1)),
    "certificate of another TCB": lambda good: spoilt(
        good, certificates=(SNP(extension_changes={f"{AMD}.3.8": integer(83)}).leaf,)
    ),
    "certificate of another chip": lambda good: spoilt(
        good, certificates=(SNP(extension_changes={f"{AMD}.4": bytes(64)}).leaf,)
    ),
    "certificate by another key": lambda good: spoilt(
        good, certificates=(SNP(leaf_changes={"issuer_key": rsa_key("ark")}).leaf,)
    ),
    "certificate that has ended": lambda good: spoilt(
        good, certificates=(SNP(leaf_changes={"not_after": NOW - timedelta(days=1)}).leaf,)
    ),
}


@pytest.mark.parametrize("spoil", BAD_SNP.values(), ids=BAD_SNP)
def test_amds_documents_are_checked_one_by_one(spoil):
    forged = SNP()
    with pytest.raises(VerificationFailed):
        check_collateral(forged.evidence, spoil(forged.collateral()), forged.roots, NOW)


def test_no_root_no_collateral():
    for tee, forged in FORGED.items():
        with pytest.raises(VerificationFailed, match=r"no root of \w+ is trusted"):
            check_collateral(forged.evidence, collateral_of(FORGED[tee]), Roots(), NOW)
