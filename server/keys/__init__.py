"""Managed keys as they are used, generated, wrapped and given out.

The cryptography itself belongs in `server.crypto`.
"""
