"""The extensions without which clients on Python 3.13 and later accept no certificate."""

from typing import Any

from cryptography import x509


def with_extensions(
    builder: x509.CertificateBuilder, key: Any, signer: Any, *, signs: bool
) -> x509.CertificateBuilder:
    """Those of a certificate of `key` by `signer`; an authority's where it `signs` others."""
    uses = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
        **dict.fromkeys(uses, False),
    )
    own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    builder = builder.add_extension(usage, critical=True).add_extension(own, critical=False)
    if key is signer:  # which needs no pointer to itself
        return builder
    above = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    return builder.add_extension(above, critical=False)
