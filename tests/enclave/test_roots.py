from datetime import UTC, datetime
from pathlib import Path

import pytest

from enclave import roots
from enclave.certificates import read_certificate
from enclave.chain import AMD_SCHEME, INTEL_SCHEME, check_issued, check_root
from enclave.errors import EnclaveError
from enclave.roots import is_vendor, vendor_roots
from enclave.snp.abi import Product
from tests.enclave.forging import DCAP, amd_root, pem

NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.mark.parametrize("product", Product)
def test_amds_roots_vouch_for_their_intermediates(product):
    pinned = vendor_roots().amd[product]
    root = read_certificate(pinned.ark)
    check_root(root, NOW, AMD_SCHEME)
    assert root.common_name == f"ARK-{product}"
    for intermediate, name in (
        (pinned.ask, f"SEV-{product}"),
        (pinned.asvk, f"SEV-VLEK-{product}"),
    ):
        certificate = read_certificate(intermediate)
        check_issued(certificate, root, AMD_SCHEME)
        assert certificate.common_name == name


def test_intels_root_is_itself():
    root = read_certificate(vendor_roots().intel)
    check_root(root, NOW, INTEL_SCHEME)
    assert root.common_name == "Intel SGX Root CA"
    assert is_vendor(root.der)


@pytest.mark.parametrize("product", Product)
def test_a_vendors_root_is_one_product_s(product):
    ark = vendor_roots().amd[product].ark
    assert [p for p in Product if is_vendor(ark, p)] == [product]
    assert not is_vendor(ark)
    assert not is_vendor(vendor_roots().intel, product)


def test_other_roots_are_simulated_whatever_they_are_called():
    assert not is_vendor(amd_root(Product.GENOA).ark, Product.GENOA)
    assert not is_vendor(DCAP().root)


def test_roots_are_not_shown():
    assert "\\x" not in repr(vendor_roots())


def test_an_edited_file_is_no_new_root(tmp_path):
    for path in Path(roots.__file__).parent.glob("*.pem"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert roots.read(tmp_path) == vendor_roots()
    (tmp_path / "amd-genoa-ark.pem").write_bytes(pem(amd_root(Product.GENOA).ark))
    with pytest.raises(EnclaveError, match=r"amd-genoa-ark\.pem is not the root"):
        roots.read(tmp_path)
