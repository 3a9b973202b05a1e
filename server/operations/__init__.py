"""The operations, one module each; `server.registry.load` imports them all.

Nothing here knows a protocol version, and no operation imports another.
"""
