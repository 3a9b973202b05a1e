"""Intel SGX: quotes of enclaves, verified only; no part of Strongroom runs in one."""
