"""X.509: the issuer behind Certify, the server's own authority, and path validation.

ACME belongs in `server.acme`.
"""
