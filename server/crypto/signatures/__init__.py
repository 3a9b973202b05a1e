"""Signing and verifying: schemes, and data whole or in parts.

MACs belong in `server.crypto.macs`.
"""
