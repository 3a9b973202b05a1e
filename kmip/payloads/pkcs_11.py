"""PKCS#11: a function of that interface (2.1 section 6.1.37)."""

from __future__ import annotations

from kmip.enums import PKCS11Function, PKCS11ReturnCode
from kmip.structures import Structure, structure


@structure
class PKCS11Request(Structure):
    """The function and its parameters.

    Attributes:
        pkcs_11_interface: absent: that of version 3.0.
        correlation_value: what the server returned before.
    """

    pkcs_11_interface: str | None = None
    pkcs_11_function: PKCS11Function
    correlation_value: bytes | None = None
    pkcs_11_input_parameters: bytes | None = None


@structure
class PKCS11Response(Structure):
    """What it returned."""

    pkcs_11_interface: str | None = None
    pkcs_11_function: PKCS11Function
    correlation_value: bytes | None = None
    pkcs_11_output_parameters: bytes | None = None
    pkcs_11_return_code: PKCS11ReturnCode
