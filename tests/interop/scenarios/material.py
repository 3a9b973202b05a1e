"""Key material and certificates for the scenarios, made once by pyca and not by the server."""

import datetime
import functools

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

Encoding, Public = serialization.Encoding, serialization.PublicFormat
Private = serialization.PrivateFormat


@functools.cache
def rsa_key():
    """An RSA key of 2048 bits."""
    return rsa.generate_private_key(65537, 2048)


@functools.cache
def ec_key():
    """A key on P-256."""
    return ec.generate_private_key(ec.SECP256R1())


def pkcs_1(key):
    """DER of the form that has the algorithm's own structure (RSA: PKCS#1, EC: SEC 1)."""
    return key.private_bytes(Encoding.DER, Private.TraditionalOpenSSL, serialization.NoEncryption())


def pkcs_8(key):
    """DER of a private key in PKCS#8."""
    return key.private_bytes(Encoding.DER, Private.PKCS8, serialization.NoEncryption())


def public_pkcs_1(key):
    """DER of an RSA public key in PKCS#1."""
    return key.public_key().public_bytes(Encoding.DER, Public.PKCS1)


def public_x_509(key):
    """DER of a public key as certificates hold it (SubjectPublicKeyInfo)."""
    return key.public_key().public_bytes(Encoding.DER, Public.SubjectPublicKeyInfo)


@functools.cache
def certificate():
    """DER of a certificate."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Interoperability")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(rsa_key().public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(rsa_key(), hashes.SHA256())
    )
    return made.public_bytes(Encoding.DER)
