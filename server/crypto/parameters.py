"""The Cryptographic Parameters that a call goes by: the request's, else the key's.

The specification lets a client leave them out of a request when the key carries them as an
attribute (2.1 section 6.1.17). A request that gives any stands alone: mixing a padding of one with
a hash of the other would compute what neither asked for.
"""

from kmip.cryptographic import CryptographicParameters

NO_PARAMETERS = CryptographicParameters()


def choose_parameters(
    requested: CryptographicParameters | None, of_key: CryptographicParameters | None
) -> CryptographicParameters:
    """The request's parameters unless it gives none (absent or an empty structure), else the key's.

    PyKMIP's client sends an empty structure where it has nothing to say.
    """
    if requested is None or requested == NO_PARAMETERS:
        return of_key or NO_PARAMETERS
    return requested
