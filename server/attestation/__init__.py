"""How the server attests itself: its evidence, the certificates it shows, the routes that tell.

Verifying evidence belongs in `enclave`.
"""
