"""Intel TDX: quotes, their chain to Intel, and their appraisal."""

from typing import Final

from enclave.evidence import TEE

TDX: Final = TEE("tdx")
