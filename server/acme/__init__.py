"""A certificate for the service from an ACME directory, such as Let's Encrypt.

Certificates that the server signs itself belong in `server.pki`.

    jose          what signs a request: JWK, JWS
    client        the protocol: directory, nonces, account, order, challenge, certificate
    challenges    how control of the name is proved: tls-alpn-01 on the service's port, http-01
    sealed_state  account key and certificate, sealed by the chip between two starts
    renewal       at a start without one, at two thirds of its life, or when the directory says

Source: RFC 8555 (ACME), RFC 8737 (tls-alpn-01), RFC 9773 (renewal information).
"""
