"""Managed keys as they come in, are used, generated, wrapped and given out.

The cryptography itself belongs in `server.crypto`.
"""
