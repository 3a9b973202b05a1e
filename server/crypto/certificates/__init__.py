"""Certificates and PKCS#12 files as they are read.

Whether a path holds, and issuing, belong in `server.pki`.
"""
