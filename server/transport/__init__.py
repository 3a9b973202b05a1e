"""Bytes on sockets: accepting, TLS, HTTP, the framing of KMIP messages.

What a message means belongs in `server.requests`.
"""
