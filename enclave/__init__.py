"""Strongroom: enclave."""
