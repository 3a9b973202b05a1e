"""Hashes and MACs, whole or in parts. Signatures belong in `server.crypto.signatures.signing`."""
