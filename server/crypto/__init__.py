"""The cryptographic engine: KMIP's parameters to calls of pyca/cryptography.

Every module is a table and a small engine around it; nothing here knows of objects, clients or the
trio loop. Functions are pure but for the randomness of `secrets` and the library. What takes long
(`server.crypto.costs`) belongs in a thread. docs/cryptography.md lists what is supported.
"""
