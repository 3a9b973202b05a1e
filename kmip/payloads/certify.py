"""Certify: a certificate for a public key (2.1 section 6.1.6; 1.4 section 4.7)."""

from __future__ import annotations

from typing import Annotated

from kmip.attribute_encoding import Template
from kmip.enums import CertificateRequestType
from kmip.payloads.certificate_request import CertificateRequestValue
from kmip.payloads.protection_storage import ProtectionStorageMasks
from kmip.structures import Structure, structure
from kmip.types import Identifier
from kmip.versions import V1_4, V2_0, since, until


@structure
class CertifyRequest(Structure):
    """The public key or the request.

    Attributes:
        unique_identifier: the public key, or from 2.0 on a certificate request object.
    """

    unique_identifier: Identifier | None = None
    certificate_request_type: CertificateRequestType | None = None
    certificate_request_value: CertificateRequestValue | None = None
    attributes: Template | None = None
    protection_storage_masks: Annotated[ProtectionStorageMasks | None, since(V2_0)] = None


@structure
class CertifyResponse(Structure):
    """The certificate."""

    unique_identifier: Identifier
    attributes: Annotated[Template | None, until(V1_4)] = None
