"""The library's key types, as the engine passes them about.

A symmetric key is its bytes. A managed object's Key Block becomes one of these in
`server.crypto.keys.key_formats`.
"""

from cryptography.hazmat.primitives.asymmetric import (
    dsa,
    ec,
    ed448,
    ed25519,
    mldsa,
    mlkem,
    rsa,
    x448,
    x25519,
)

from server.crypto.keys.diffie_hellman import DHPrivateKey, DHPublicKey

MLDSAPrivateKey = mldsa.MLDSA44PrivateKey | mldsa.MLDSA65PrivateKey | mldsa.MLDSA87PrivateKey
MLDSAPublicKey = mldsa.MLDSA44PublicKey | mldsa.MLDSA65PublicKey | mldsa.MLDSA87PublicKey
MLKEMPrivateKey = mlkem.MLKEM768PrivateKey | mlkem.MLKEM1024PrivateKey
MLKEMPublicKey = mlkem.MLKEM768PublicKey | mlkem.MLKEM1024PublicKey

PrivateKey = (
    rsa.RSAPrivateKey
    | dsa.DSAPrivateKey
    | DHPrivateKey
    | ec.EllipticCurvePrivateKey
    | ed25519.Ed25519PrivateKey
    | ed448.Ed448PrivateKey
    | x25519.X25519PrivateKey
    | x448.X448PrivateKey
    | MLDSAPrivateKey
    | MLKEMPrivateKey
)
PublicKey = (
    rsa.RSAPublicKey
    | dsa.DSAPublicKey
    | DHPublicKey
    | ec.EllipticCurvePublicKey
    | ed25519.Ed25519PublicKey
    | ed448.Ed448PublicKey
    | x25519.X25519PublicKey
    | x448.X448PublicKey
    | MLDSAPublicKey
    | MLKEMPublicKey
)
Key = bytes | PrivateKey | PublicKey


def public_half(key: PrivateKey | PublicKey) -> PublicKey:
    """The public key of a pair, given either half."""
    return key.public_key() if isinstance(key, PrivateKey) else key
