"""What a peer's certificate presents: evidence, and what that evidence must be bound to.

Reading verifies nothing. It gives a `Presented`, with the report data that follows from the
certificate's key and claims by the rule of the form in which the evidence came; once the evidence
is verified, `check_binding` compares.

Certificates of other makes are read as they are found in practice (a NULL where no parameters
belong, map keys in any order), with every length bounded.

Source: CCC "Interoperable RA-TLS X.509 Cert and Evidence Formats"; RFC 5280; see
`enclave.evidence_formats`.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256, sha384, sha512
from types import MappingProxyType
from typing import Any, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from enclave import cbor, report_data
from enclave.certificates import AlgorithmIdentifier, Signed, TBSCertificate, decode_der
from enclave.claims import Claims, decode
from enclave.errors import InvalidEvidence, Step, VerificationFailed
from enclave.evidence import TEE, Evidence, Verified
from enclave.evidence_formats import (
    BARE_OIDS,
    GRAMINE_OIDS,
    TAGGED_EVIDENCE_OID,
    Form,
    read_bare,
    read_tagged,
)

MAX_CERTIFICATE_BYTES: Final = 128 * 1024  # OpenSSL takes at most 100 KB of chain from a peer

_WHAT: Final = "RA-TLS certificate"
_KEY_HASHES: Final = {1: sha256, 7: sha384, 8: sha512}  # IANA named information


@dataclass(frozen=True, kw_only=True)
class Presented:
    """What a certificate presents. Nothing in it is verified.

    Attributes:
        form: how the evidence is carried.
        evidence: the evidence.
        report_data: the 64 bytes that the evidence must have been made over.
        claims: in this project's profile; None in certificates of other makes.
        nonce: of the claims of either make, None where there is none.
        public_key_sha256: SHA-256 of the SubjectPublicKeyInfo.
        not_before, not_after: of the certificate.
        self_signed: it is signed by its own key; where not, anyone may have set its dates.
    """

    form: Form
    evidence: Evidence
    report_data: bytes = field(repr=False)
    claims: Claims | None
    nonce: bytes | None
    public_key_sha256: bytes
    not_before: datetime
    not_after: datetime
    self_signed: bool

    def check_binding(self, verified: Verified) -> None:
        """Check that the verified evidence was made for this certificate's key and claims.

        Raises:
            VerificationFailed: it was made for something else.
        """
        if verified.report_data != self.report_data:
            raise VerificationFailed(Step.EVIDENCE, "it was made for another key or other claims")


def read_presented(der: bytes, forms: Collection[Form] = (Form.STRONGROOM,)) -> Presented:
    """What a peer's certificate presents, in the first of the accepted forms that it has.

    Args:
        der: the certificate, at most `MAX_CERTIFICATE_BYTES` bytes.
        forms: the forms to look for; others are not looked at.

    Raises:
        InvalidEvidence: malformed, no evidence in an accepted form, or claims about another key.
    """
    certificate = _read(der)
    for oid, (possible, reader) in _READERS.items():
        if possible & set(forms) and oid in certificate.extensions:
            presented = reader(certificate, oid, certificate.extensions[oid])
            if presented.form in forms:
                return presented
    raise InvalidEvidence(_WHAT, f"no evidence in the form {' or '.join(forms)}")


def has_evidence(der: bytes) -> bool:
    """Whether a certificate carries evidence in any form that is known.

    Raises:
        InvalidEvidence: malformed.
    """
    extensions = _read(der).extensions
    return any(oid in extensions for oid in _READERS)


def read_answered(
    der: bytes, data: bytes, forms: Collection[Form] = (Form.STRONGROOM,)
) -> Presented:
    """Tagged evidence that came over a connection whose certificate carries none.

    Args:
        der: the certificate of that very connection.
        data: as from `enclave.evidence_formats.write_tagged`.
        forms: the forms to accept.

    Raises:
        InvalidEvidence: malformed, of another form, or claims about another key.
    """
    presented = _tagged(_read(der), TAGGED_EVIDENCE_OID, data)
    if presented.form not in forms:
        raise InvalidEvidence("answer", f"no evidence in the form {' or '.join(forms)}")
    return presented


def present_tagged(data: bytes, connection: Presented) -> Presented:
    """Tagged evidence that came over an established connection, compared with its certificate.

    Args:
        data: as from `enclave.evidence_formats.write_tagged`.
        connection: what the certificate of that very connection presented.

    Raises:
        InvalidEvidence: malformed, or claims about another key than the connection's.
    """
    evidence, claims = read_tagged(data)
    ours, nonce = _read_claims(claims, {1: connection.public_key_sha256})
    return Presented(
        form=_form_of(ours),
        evidence=evidence,
        report_data=report_data.of_claims(claims),
        claims=ours,
        nonce=nonce,
        public_key_sha256=connection.public_key_sha256,
        not_before=connection.not_before,
        not_after=connection.not_after,
        self_signed=connection.self_signed,
    )


@dataclass(frozen=True)
class _Certificate:
    """The parts of a certificate that are looked at."""

    key_info: bytes
    key: Any
    not_before: datetime
    not_after: datetime
    self_signed: bool
    extensions: Mapping[str, bytes]


def _read(der: bytes) -> _Certificate:
    """A certificate of any make: longer, and less strictly written, than a chip vendor's."""
    if len(der) > MAX_CERTIFICATE_BYTES:
        raise InvalidEvidence(_WHAT, f"{len(der)} bytes, more than {MAX_CERTIFICATE_BYTES}")
    outer = decode_der(Signed, der, _WHAT)
    signed = asn1.encode_der(outer.content)
    content = decode_der(TBSCertificate, signed, _WHAT)
    extensions = {entry.extn_id.dotted_string: entry.extn_value for entry in content.extensions}
    if len(extensions) != len(content.extensions):
        raise InvalidEvidence(_WHAT, "an extension comes twice")
    key_info = asn1.encode_der(content.subject_public_key_info)
    try:
        key = load_der_public_key(key_info)
    except (ValueError, UnsupportedAlgorithm):
        raise InvalidEvidence(_WHAT, "its public key cannot be read") from None
    return _Certificate(
        key_info=key_info,
        key=key,
        not_before=content.validity.not_before.as_datetime(),
        not_after=content.validity.not_after.as_datetime(),
        self_signed=_is_signed(key, outer, signed),
        extensions=extensions,
    )


# Signature algorithms of certificates of all makes, but SHA-1.
_SIGNATURES: Final[Mapping[str, hashes.HashAlgorithm]] = MappingProxyType(
    {
        "1.2.840.10045.4.3.2": hashes.SHA256(),
        "1.2.840.10045.4.3.3": hashes.SHA384(),
        "1.2.840.10045.4.3.4": hashes.SHA512(),
        "1.2.840.113549.1.1.11": hashes.SHA256(),
        "1.2.840.113549.1.1.12": hashes.SHA384(),
        "1.2.840.113549.1.1.13": hashes.SHA512(),
    }
)


def _is_signed(key: Any, outer: Signed, signed: bytes) -> bool:
    named = decode_der(AlgorithmIdentifier, asn1.encode_der(outer.algorithm), _WHAT)
    digest = _SIGNATURES.get(named.algorithm.dotted_string)
    if digest is None:
        return False
    signature = outer.signature.as_bytes()
    try:
        match key:
            case ec.EllipticCurvePublicKey():
                key.verify(signature, signed, ec.ECDSA(digest))
            case rsa.RSAPublicKey():
                key.verify(signature, signed, padding.PKCS1v15(), digest)
            case _:
                return False
    except InvalidSignature:
        return False
    return True


def _tagged(certificate: _Certificate, oid: str, data: bytes) -> Presented:
    evidence, claims = read_tagged(data)
    digests = {name: hashed(certificate.key_info).digest() for name, hashed in _KEY_HASHES.items()}
    ours, nonce = _read_claims(claims, digests)
    return _presented(
        certificate, _form_of(ours), evidence, report_data.of_claims(claims), ours, nonce
    )


def _form_of(claims: Claims | None) -> Form:
    return Form.INTEROPERABLE if claims is None else Form.STRONGROOM


def _bare(certificate: _Certificate, oid: str, data: bytes) -> Presented:
    try:
        bound = report_data.of_bare_key(certificate.key)
    except ValueError:
        raise InvalidEvidence(_WHAT, "a key of a kind that no evidence binds") from None
    evidence = read_bare(_tee_of(oid, BARE_OIDS), data)
    return _presented(certificate, Form.BARE, evidence, bound)


def _gramine(certificate: _Certificate, oid: str, data: bytes) -> Presented:
    bound = report_data.of_key_info(certificate.key_info)
    evidence = read_bare(_tee_of(oid, GRAMINE_OIDS), data)
    return _presented(certificate, Form.GRAMINE, evidence, bound)


def _tee_of(oid: str, oids: Mapping[TEE, str]) -> TEE:
    return next(tee for tee, carrier in oids.items() if carrier == oid)


_Reader = Callable[[_Certificate, str, bytes], Presented]

# An extension, the forms that may be in it, and what reads it; in order of preference.
_READERS: Final[Mapping[str, tuple[set[Form], _Reader]]] = MappingProxyType(
    {
        TAGGED_EVIDENCE_OID: ({Form.STRONGROOM, Form.INTEROPERABLE}, _tagged),
        **dict.fromkeys(BARE_OIDS.values(), ({Form.BARE}, _bare)),
        **dict.fromkeys(GRAMINE_OIDS.values(), ({Form.GRAMINE}, _gramine)),
    }
)


def _presented(
    certificate: _Certificate,
    form: Form,
    evidence: Evidence,
    bound: bytes,
    claims: Claims | None = None,
    nonce: bytes | None = None,
) -> Presented:
    return Presented(
        form=form,
        evidence=evidence,
        report_data=bound,
        claims=claims,
        nonce=nonce,
        public_key_sha256=sha256(certificate.key_info).digest(),
        not_before=certificate.not_before,
        not_after=certificate.not_after,
        self_signed=certificate.self_signed,
    )


def _read_claims(data: bytes, digests: Mapping[int, bytes]) -> tuple[Claims | None, bytes | None]:
    """The claims, if they are ours, and the nonce of either make.

    Args:
        data: a CBOR map with at least `pubkey-hash`.
        digests: the key's, by the number of the hash.
    """
    entries = cbor.decode(data, sorted_keys=False)
    if not isinstance(entries, dict) or not isinstance(entries.get("pubkey-hash"), bytes):
        raise InvalidEvidence("claims", "they name no key")
    match cbor.decode(entries["pubkey-hash"]):
        case [int(algorithm), bytes(digest)] if digests.get(algorithm) == digest:
            pass
        case _:
            raise InvalidEvidence("claims", "they name another key")
    if "strongroom-profile" in entries:
        ours = decode(data)
        return ours, ours.nonce
    nonce = entries.get("nonce")
    if nonce is not None and not isinstance(nonce, bytes):
        raise InvalidEvidence("claims", "a nonce that is no byte string")
    return None, nonce
