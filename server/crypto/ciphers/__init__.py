"""Encryption and decryption: suites, modes, padding, initialization vectors.

Key wrapping belongs in `server.crypto.wrapping`.
"""
