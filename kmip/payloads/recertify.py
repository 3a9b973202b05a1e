"""Re-certify: a certificate is renewed (2.1 section 6.1.45; 1.4 section 4.8)."""

from __future__ import annotations

from typing import Annotated

from kmip.attribute_encoding import Template
from kmip.enums import CertificateRequestType
from kmip.payloads.certificate_request import CertificateRequestValue
from kmip.payloads.protection_storage import ProtectionStorageMasks
from kmip.structures import Structure, structure
from kmip.types import Identifier, Interval
from kmip.versions import V1_4, V2_0, since, until


@structure
class ReCertifyRequest(Structure):
    """The certificate to renew.

    Attributes:
        unique_identifier: absent: the ID Placeholder.
        offset: seconds from the new Initial Date to the new Activation Date.
    """

    unique_identifier: Identifier | None = None
    certificate_request_unique_identifier: Annotated[Identifier | None, since(V2_0)] = None
    certificate_request_type: CertificateRequestType | None = None
    certificate_request_value: CertificateRequestValue | None = None
    offset: Interval | None = None
    attributes: Template | None = None
    protection_storage_masks: Annotated[ProtectionStorageMasks | None, since(V2_0)] = None


@structure
class ReCertifyResponse(Structure):
    """The new certificate."""

    unique_identifier: Identifier
    attributes: Annotated[Template | None, until(V1_4)] = None
