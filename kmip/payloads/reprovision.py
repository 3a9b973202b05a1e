"""Re-Provision: the client gets another credential (2.1 section 6.1.48)."""

from __future__ import annotations

from kmip.objects import Certificate, CertificateRequest
from kmip.structures import Structure, structure
from kmip.types import Identifier


@structure
class ReProvisionRequest(Structure):
    """A request to sign, a certificate to take, or nothing: the server makes both."""

    certificate_request: CertificateRequest | None = None
    certificate: Certificate | None = None


@structure
class ReProvisionResponse(Structure):
    """The certificate, or the private key that the server made."""

    unique_identifier: Identifier | None = None
