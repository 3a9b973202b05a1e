"""The other servers of the deployment: attested connections with them, and what is said there.

What one server must be to another is here as well. Verifying evidence belongs in `enclave`, what
an operator gives in `setup`, and taking it at a start in `bootstrap`.
"""
