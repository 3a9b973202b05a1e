"""Secrets split into parts, and the finite fields for it.

Split keys as objects belong in `server.operations`.
"""
