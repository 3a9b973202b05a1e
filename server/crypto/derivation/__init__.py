"""Derive Key: every Derivation Method and its inputs.

What becomes of a derived key belongs in `server.operations`.
"""
