"""What the cryptographic engine refuses, in plain sentences without values.

Most refusals are kinds that the protocol already has a Result Reason for and come from
`kmip.errors`; here are those that only the engine can tell apart.
"""

from kmip.enums import ResultReason
from kmip.errors import (
    BadCryptographicParameters,
    InvalidField,
    KMIPError,
    UnsupportedCryptographicParameters,
)
from kmip.versions import V1_0


class InvalidKey(InvalidField):
    """Key material is not a key of the algorithm and format it claims."""


class LegacyRefused(UnsupportedCryptographicParameters):
    """The algorithm or length is kept for old data only, and the server's policy forbids it."""


class MissingParameters(BadCryptographicParameters):
    """The algorithm needs parameters that neither the request nor the key has."""


class InvalidTagLength(KMIPError):
    """An authentication tag is shorter or longer than its mode allows.

    General Failure, as the OASIS cases CS-BC-M-GCM-1 and CS-BC-M-CHACHA20POLY1305-1 answer it.
    """

    reasons = ((V1_0, ResultReason.GENERAL_FAILURE),)


def refuse_legacy(what: str, *, legacy: bool, allow_legacy: bool) -> None:
    """Let pass what is current, and what is legacy only where the policy allows it.

    Raises:
        LegacyRefused: `what` is legacy and the policy does not allow it.
    """
    if legacy and not allow_legacy:
        raise LegacyRefused(f"{what} is refused by the policy on legacy algorithms")
