"""The TEEs that are supported: one row each.

To add one, give it a folder with a `variant.py` (`enclave.variant` documents what belongs in it),
and a row here. The order is that in which a machine is searched for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from enclave.evidence import TEE
from enclave.sgx.variant import SGX_VARIANT
from enclave.snp.variant import SNP_VARIANT
from enclave.tdx.variant import TDX_VARIANT
from enclave.variant import Variant

_ROWS: Final[tuple[Variant[Any, Any, Any], ...]] = (
    SNP_VARIANT,
    TDX_VARIANT,
    SGX_VARIANT,
)

TEES: Final[Mapping[TEE, Variant[Any, Any, Any]]] = MappingProxyType(
    {variant.tee: variant for variant in _ROWS}
)
