"""The Cryptographic Parameters that a call goes by: the request's, else the key's.

The specification lets a client leave them out of a request when the key carries them as an
attribute (2.1 section 6.1.17). A request that names a method (mode, padding, hash or signature
algorithm) stands alone: mixing a padding of one with a hash of the other would compute what neither
asked for. One that only gives details (Random IV, lengths, the algorithm) completes the key's.
"""

from dataclasses import fields, replace

from kmip.cryptographic_parameters import CryptographicParameters

NO_PARAMETERS = CryptographicParameters()

METHOD_FIELDS = (
    "block_cipher_mode",
    "padding_method",
    "hashing_algorithm",
    "digital_signature_algorithm",
)
"""The fields that say how to compute; the others are details of it."""


def choose_parameters(
    requested: CryptographicParameters | None, of_key: CryptographicParameters | None
) -> CryptographicParameters:
    """The request's parameters, completed by the key's where they name no method.

    An empty structure is none: PyKMIP's client sends one where it has nothing to say.
    """
    if requested is None or of_key is None:
        return requested or of_key or NO_PARAMETERS
    if any(getattr(requested, name) is not None for name in METHOD_FIELDS):
        return requested
    details = {each.name: getattr(requested, each.name) for each in fields(requested)}
    return replace(of_key, **{name: value for name, value in details.items() if value is not None})
