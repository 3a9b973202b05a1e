"""The vendors' root certificates, pinned, and the value that carries roots to a verifier.

A verifier is always given the roots to trust: `Roots`. `vendor_roots()` are the real ones, read
from the PEM files beside this module (README.md there names their sources) and compared with
the digests below, so that an edited file is an error and not a new root.

Whether roots are the vendors' is never a flag that is set: `is_vendor` looks the digest
up. A software chip's roots have other digests, hence simulated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType

from enclave.certificates import read_pem_chain
from enclave.errors import EnclaveError
from enclave.snp.abi import Product

# SHA-256 of the DER of each root.
_AMD = {
    "69d063b45344d26a2e94e1f4210de49ef555308287d4c174445c95639a540bcd": Product.MILAN,
    "4c6598d19c18719c5dfd4a7d335f674e5bfe1d8f800cea2cf270c10d103db2f1": Product.GENOA,
    "1f084161a44bb6d93778a904877d4819cafa5d05ef4193b2ded9dd9c73dd3f6a": Product.TURIN,
}
_INTEL = "44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3"


@dataclass(frozen=True)
class AMDRoot:
    """A product's root, and the intermediates that it signed; DER."""

    ark: bytes = field(repr=False)
    ask: bytes = field(repr=False)  # signs VCEKs
    asvk: bytes | None = field(default=None, repr=False)  # signs VLEKs


@dataclass(frozen=True)
class Roots:
    """What a verifier trusts.

    Attributes:
        amd: by product; evidence of a product that is not here is refused.
        intel: DER of the root of PCK chains and collateral; None to refuse all of Intel's.
    """

    amd: Mapping[Product, AMDRoot] = field(default_factory=dict)
    intel: bytes | None = field(default=None, repr=False)


def is_vendor(root: bytes, product: Product | None = None) -> bool:
    """Whether `root` is the vendor's own.

    Args:
        root: DER of a root certificate.
        product: AMD's product that it should be the root of; None for Intel's root.
    """
    digest = sha256(root).hexdigest()
    return digest == _INTEL if product is None else _AMD.get(digest) == product


@cache
def vendor_roots() -> Roots:
    """The roots of AMD (Milan, Genoa, Turin) and Intel that come with this package; see `read`."""
    return read(files(__name__))


def read(directory: Traversable) -> Roots:
    """The vendors' roots, from a directory with the PEM files of this one.

    Raises:
        EnclaveError: a file there is not the certificate that is pinned here.
    """
    amd = {
        product: AMDRoot(
            ark=_pinned(directory, f"amd-{product.lower()}-ark.pem", product),
            ask=_der(directory, f"amd-{product.lower()}-ask.pem"),
            asvk=_der(directory, f"amd-{product.lower()}-asvk.pem"),
        )
        for product in Product
    }
    intel = _pinned(directory, "intel-sgx-root-ca.pem", None)
    return Roots(amd=MappingProxyType(amd), intel=intel)


def _pinned(directory: Traversable, name: str, product: Product | None) -> bytes:
    root = _der(directory, name)
    if not is_vendor(root, product):
        raise EnclaveError(f"{name} is not the root that is pinned")
    return root


def _der(directory: Traversable, name: str) -> bytes:
    (certificate,) = read_pem_chain(directory.joinpath(name).read_bytes())
    return certificate.der
