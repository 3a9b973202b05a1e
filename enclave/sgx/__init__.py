"""Intel SGX: quotes of enclaves, verified only; no part of Strongroom runs in one."""

from typing import Final

from enclave.evidence import TEE

SGX: Final = TEE("sgx")
