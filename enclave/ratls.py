"""A server's certificate that carries evidence, made and kept fresh.

The server's key lives in the VM. Its certificate is self-signed and proves nothing by itself; the
evidence inside has the chip sign the claims, and the claims name the key. So a peer that
completes a TLS handshake with that certificate holds a key that this code, on such a chip, vouched
for. What is then proved of whom, and that a certificate alone gives no more freshness than its
life, is explained in docs/attestation.md.

A certificate lives at most 24 hours (`enclave.claims.MAX_LIFE`). `keep_fresh` makes the next one at
two thirds of that, and keeps serving the current one while the chip does not answer.

Python's `ssl` does not offer the exporter (RFC 9266) that would bind evidence to one connection.
The binding is to the key, whose private half does not leave the VM, and to a nonce where the
verifier asks for one. The claim for an exporter's value is defined and stays absent.

Source: CCC "Interoperable RA-TLS X.509 Cert and Evidence Formats"; RFC 5280; see
`enclave.evidence_formats`.
"""

import ipaddress
import logging
import os
import secrets
import ssl
import tempfile
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final, Protocol

import trio
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from enclave import report_data
from enclave.claims import MAX_LIFE, Claims, KeyOrigin, Role, encode
from enclave.errors import EnclaveError
from enclave.evidence_formats import (
    BARE_OIDS,
    TAGGED_EVIDENCE_OID,
    TaggedEvidence,
    write_bare,
    write_tagged,
)
from enclave.tee import Tee

RETRY_SECONDS: Final = 60.0  # of the eight hours that are left at the first attempt

log = logging.getLogger(__name__)

ServerKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
"""A TLS key: one made here is on P-256, one from the operator may be of either kind."""
ServerPublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey


class StoreState(Protocol):
    """How a server tells the state of its store, without telling strangers anything."""

    def written(self) -> bytes | None:
        """The present state in the server's own writing, 1 to 64 bytes; None: no store is open."""

    def continues(self, seen: bytes) -> bool:
        """Whether `seen` is such a writing, and the present state a continuation of it."""

    def alarm(self) -> str:
        """What was found to be wrong with the store, in a word or two; empty: nothing was."""


class NoStore:
    """A server that has no store open."""

    def written(self) -> None:
        """See `StoreState`."""

    def continues(self, seen: bytes) -> bool:
        """See `StoreState`."""
        return False

    def alarm(self) -> str:
        """See `StoreState`."""
        return ""


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate (DER) and the end of its life."""

    certificate: bytes
    not_after: datetime


@dataclass(frozen=True, kw_only=True)
class Attester:
    """A running server, able to attest its key on request.

    Attributes:
        tee: the chip.
        key: the TLS key that it serves with.
        role, deployment, instance, configuration_sha256, operator_sha256, key_origin, key_tcb,
            insecure_settings: see `enclave.claims`.
        store: the state of the server's store; None while none is open.
        now: the clock, with a time zone.
        life: how long what it makes is valid, at most 24 hours.
        for_ckms: carry evidence in the form that `ckms` reads too; see `issue_certificate`.
    """

    tee: Tee
    key: ServerKey = field(repr=False)
    role: Role
    deployment: str
    instance: bytes
    configuration_sha256: bytes
    operator_sha256: bytes | None = None
    key_origin: KeyOrigin = KeyOrigin.RANDOM
    key_tcb: bytes | None = None
    insecure_settings: tuple[str, ...] = ()
    store: StoreState = field(default_factory=NoStore)
    now: Callable[[], datetime]
    life: timedelta = MAX_LIFE
    for_ckms: bool = False

    def claims(self, nonce: bytes | None = None, since: bytes | None = None) -> Claims:
        """Its claims from now on, for the verifier that chose the nonce.

        Args:
            nonce: the verifier's; None: there is none.
            since: the state of the store that the verifier has seen before; None: they show none.

        Raises:
            InvalidEvidence: a nonce of another length than 32 to 64 bytes.
        """
        start = self.now().replace(microsecond=0)
        return make_claims(
            self.tee,
            self.key.public_key(),
            role=self.role,
            deployment=self.deployment,
            instance=self.instance,
            not_before=start,
            not_after=start + self.life,
            configuration_sha256=self.configuration_sha256,
            key_origin=self.key_origin,
            key_tcb=self.key_tcb,
            insecure_settings=self.insecure_settings,
            store=self.store.written(),
            store_since=self._since(since),
            alarm=self.store.alarm(),
            operator_sha256=self.operator_sha256,
            nonce=nonce,
        )

    async def certificate(self, *, dns_names: Collection[str] = ()) -> Issued:
        """A certificate with evidence, as from `issue_certificate`."""
        claims = self.claims()
        certificate = await issue_certificate(
            self.tee, self.key, claims, dns_names=dns_names, for_ckms=self.for_ckms
        )
        return Issued(certificate, claims.not_after)

    async def quote(self, nonce: bytes, since: bytes | None = None) -> bytes:
        """Tagged evidence over a verifier's nonce: the body that answers `GET /quote?nonce=`.

        Args:
            nonce: the verifier's.
            since: as for `claims`.
        """
        return write_tagged(await attest(self.tee, self.claims(nonce, since)))

    def _since(self, seen: bytes | None) -> bytes | None:
        if seen is None or not self.store.continues(seen):
            return None
        return sha256(seen).digest()


async def attest(tee: Tee, claims: Claims) -> TaggedEvidence:
    """Evidence over these claims.

    Raises:
        DeviceError, DeviceLost: see `enclave.tee.Tee`.
    """
    written = encode(claims)
    return TaggedEvidence(await tee.evidence(report_data.of_claims(written)), written)


async def issue_certificate(
    tee: Tee,
    key: ServerKey,
    claims: Claims,
    *,
    name: str = "strongroom",
    dns_names: Collection[str] = (),
    for_ckms: bool = False,
) -> bytes:
    """A self-signed DER certificate for `key` that carries evidence over `claims`.

    Args:
        tee: the chip.
        key: the server's key.
        claims: they name the key, and their validity becomes the certificate's.
        name: the common name, for people.
        dns_names: subject alternative names and addresses, for clients that look at them.
        for_ckms: carry evidence in the bare form too (one more request to the chip). That evidence
            has no role and no time; clients of this project read it only where
            `Expectation.forms` has that form.

    Raises:
        DeviceError, DeviceLost: see `enclave.tee.Tee`.
        ValueError: the claims name another key.
    """
    if claims.public_key_sha256 != sha256(_key_info(key.public_key())).digest():
        raise ValueError("the claims name another key")
    extensions = {TAGGED_EVIDENCE_OID: write_tagged(await attest(tee, claims))}
    if for_ckms:
        bare = await tee.evidence(report_data.of_bare_key(key.public_key()))
        extensions[BARE_OIDS[tee.kind]] = write_bare(bare)
    return _build(key, claims, name, dns_names, extensions)


def make_claims(
    tee: Tee, key: ServerPublicKey, *, key_origin: KeyOrigin = KeyOrigin.RANDOM, **claims: Any
) -> Claims:
    """Claims about `key`: its hash, the kind of sealing key, and what the arguments give."""
    digest = sha256(_key_info(key)).digest()
    return Claims(public_key_sha256=digest, sk=tee.sk, key_origin=key_origin, **claims)


def _build(
    key: ServerKey,
    claims: Claims,
    name: str,
    dns_names: Collection[str],
    extensions: Mapping[str, bytes],
) -> bytes:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(claims.not_before)
        .not_valid_after(claims.not_after)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    )
    if dns_names:
        names = x509.SubjectAlternativeName([_general_name(each) for each in dns_names])
        builder = builder.add_extension(names, critical=False)
    for oid, value in extensions.items():
        extension = x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value)
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def _general_name(name: str) -> x509.GeneralName:
    """Addresses are in a certificate as addresses, not as DNS names (RFC 5280 section 4.2.1.6)."""
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name.encode("idna").decode("ascii").lower())


def _key_info(key: ServerPublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def use_certificate(
    context: ssl.SSLContext, key: ServerKey, certificate: bytes, *above: bytes
) -> None:
    """Have new connections of `context` presented with this certificate; open ones keep theirs.

    `ssl` takes keys from files only. The file is memory without a name where the system has that,
    and the key in it is encrypted under a password that exists for this call.

    Args:
        context: of the server.
        key: the certificate's.
        certificate: DER.
        above: the certificates above it, DER.
    """
    password = secrets.token_bytes(32).hex().encode()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password))
    for each in (certificate, *above):
        pem += x509.load_der_x509_certificate(each).public_bytes(Encoding.PEM)
    with _nameless_file(pem) as path:
        context.load_cert_chain(path, password=password)


@contextmanager
def _nameless_file(content: bytes) -> Iterator[str]:
    """A path at which `content` can be read for a moment; a real file where there is no other."""
    if not hasattr(os, "memfd_create"):
        with tempfile.NamedTemporaryFile() as file:
            file.write(content)
            file.flush()
            yield file.name
        return
    descriptor = os.memfd_create("certificate", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, content)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def server_context() -> ssl.SSLContext:
    """A context for servers whose clients verify evidence: TLS 1.3, no certificate yet."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


async def keep_fresh(
    issue: Callable[[], Awaitable[Issued]],
    install: Callable[[Issued], None],
    now: Callable[[], datetime],
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Issue a certificate and install it, and again at two thirds of its life, for ever.

    The first failure to issue is raised, by `nursery.start` to the caller that starts the server.
    Later ones are logged and tried again while the present certificate serves; when it has ended,
    clients refuse it by themselves.

    Args:
        issue: makes a certificate, valid from now.
        install: puts it in place, as with `use_certificate`.
        now: the clock, with a time zone.
        task_status: started once the first certificate is in place.
    """
    issued = await issue()
    install(issued)
    task_status.started()
    while True:
        await trio.sleep(max(0.0, (issued.not_after - now()).total_seconds() * 2 / 3))
        while True:
            try:
                issued = await issue()
                break
            except EnclaveError as error:
                log.warning("certificate not renewed, ends %s: %s", issued.not_after, error)
                await trio.sleep(RETRY_SECONDS)
        install(issued)
