"""Set Endpoint Role: client and server exchange roles (2.1 section 6.1.54)."""

from __future__ import annotations

from kmip.enums import EndpointRole
from kmip.structures import Structure, structure


@structure
class SetEndpointRoleRequest(Structure):
    """The role to take."""

    endpoint_role: EndpointRole


@structure
class SetEndpointRoleResponse(Structure):
    """The role taken."""

    endpoint_role: EndpointRole
