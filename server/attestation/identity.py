"""The certificates of a server: with evidence, one from its operator, or one from a directory.

Where the server gets its certificate from an ACME directory, it presents certificates with evidence
until it has one, for the key that will be certified. From then on evidence is asked for at
`GET /quote`, which speaks for the key of the certificate in force: the same, so that whoever has
pinned it before goes on.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final

import trio
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from enclave.claims import KeyOrigin
from enclave.ratls import Attester, server_context, use_certificate
from server.acme.challenges import HTTP01, TLSALPN01, ServiceContext, service_context
from server.acme.client import Answering
from server.acme.renewal import Renewal
from server.acme.sealed_state import SealedState
from server.attestation.attester import keep_presented
from server.attestation.routes import Attestation
from server.pki import local_authority
from server.setup.config import Config
from server.setup.failure import Failure
from server.setup.shutdown import Shutdown
from server.transport import tls
from server.transport.https_client import Fetch, Fetcher, client_context

NO_CHIP: Final = "This machine has no chip that attests."


class ServerIdentity:
    """The certificate that one server presents, kept fresh, in every TLS context that has it.

    Args:
        config: the settings.
        attester: makes evidence for the server's own key; None: there is no chip.
        identity: the certificate and key that the operator gave, or the certificate for the
            server's own key; None: there are none.
        nursery: keeps certificates fresh.
        fetcher: reaches an ACME directory, accepting it by these TLS settings.

    Raises:
        Failure: the settings ask for a certificate of a server that has no port to present it at,
            or whose operator gave another one.
    """

    def __init__(
        self,
        config: Config,
        attester: Attester | None,
        identity: tls.Identity | None,
        nursery: trio.Nursery,
        fetcher: Callable[[ssl.SSLContext], Fetch] = Fetcher,
    ) -> None:
        if config.use_certbot and attester is None:
            raise Failure(f"use_certbot seals its keys by a chip. {NO_CHIP}")
        if config.use_certbot and identity is not None:
            raise Failure("Give a certificate or use_certbot, not both.")
        self.config = config
        self.attester = attester
        self.identity = identity
        self.nursery = nursery
        self.fetcher = fetcher
        self.names = local_authority.own_names(config.kmip_host, config.server_names)
        self.contexts: list[ssl.SSLContext] = []
        self.evidence: list[trio.CancelScope] = []
        self.evident: bytes | None = None  # the certificate with evidence, while there is one
        self.callbacks: list[Callable[[bytes], None]] = []
        self.attestation: Attestation | None = None

    @property
    def simulated(self) -> bool:
        """Whether its evidence is simulated."""
        return self.attester is not None and self.attester.tee.simulated

    @property
    def presented(self) -> x509.Certificate | None:
        """The certificate that is presented now; None: there is none of this server's own."""
        if self.identity is not None:
            return self.identity.certificate
        return None if self.evident is None else x509.load_der_x509_certificate(self.evident)

    @property
    def evident_since(self) -> datetime | None:
        """When the evidence in the certificate was made; None: there is none in it."""
        if self.identity is not None or self.presented is None:
            return None
        return self.presented.not_valid_before_utc

    async def present(
        self,
        context: ssl.SSLContext,
        on_certificate: Callable[[bytes], None] = lambda certificate: None,
    ) -> None:
        """Give TLS settings their certificate, now and whenever it changes.

        Args:
            context: the settings.
            on_certificate: callback(certificate) for each one with evidence (DER), once it is in
                place.

        Raises:
            Failure: there is none.
            enclave.errors.EnclaveError: the chip gives no evidence.
        """
        if self.attester is None:
            raise Failure(NO_CHIP)
        self.contexts.append(context)
        if self.identity is not None:
            tls.use_identity(context, self.identity)
            return
        self.callbacks.append(on_certificate)
        if self.evident is None:
            await self.nursery.start(self._keep_evidence, self.attester, context)
        else:
            use_certificate(context, self.attester.key, self.evident)
            on_certificate(self.evident)

    async def attested(
        self, after: trio.Event | None, shutdown: Shutdown, now: Callable[[], datetime]
    ) -> tuple[ssl.SSLContext, Attestation]:
        """The TLS settings of a port at which the server attests itself, and what it answers there.

        Args:
            after: is set when the port is open; None: at once.
            shutdown: says when to stop.
            now: the clock, with a time zone.

        Raises:
            Failure, enclave.errors.EnclaveError: as `present`.
        """
        if self.attester is None:
            raise Failure(NO_CHIP)
        attestation = Attestation(
            self.attester, lambda: "serving", allow_ckms=self.config.insecure_allow_ckms_verify
        )

        def on_certificate(certificate: bytes) -> None:
            attestation.certificate = certificate

        self.attestation = attestation
        certified = service_context() if self.config.use_certbot else None
        context = certified or server_context()
        await self.present(context, on_certificate)
        if self.identity is not None:
            self._speak_for(self.identity)
        if certified is not None:
            renewal = self._renewal(certified, self.attester, shutdown, now)
            await self.nursery.start(renewal.keep, after)
        return context, attestation

    def install(self, identity: tls.Identity) -> None:
        """Present what a directory or an authority has certified from now on.

        Open connections keep the certificate they have.
        """
        for scope in self.evidence:
            scope.cancel()
        for context in self.contexts:
            tls.use_identity(context, identity)
        self.identity = identity
        self._speak_for(identity)

    def _speak_for(self, identity: tls.Identity) -> None:
        """Have evidence name this key: the server's own, or else one that was brought."""
        if self.attestation is None or self.attester is None:
            return
        if identity.key.public_key() != self.attester.key.public_key():
            self.attestation.attester = replace(
                self.attester, key=identity.key, key_origin=KeyOrigin.BROUGHT, key_tcb=None
            )
        self.attestation.certificate = identity.certificate.public_bytes(Encoding.DER)

    async def _keep_evidence(
        self,
        attester: Attester,
        context: ssl.SSLContext,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """One certificate with evidence for all ports, so that a client may trust just that."""

        def on_certificate(certificate: bytes) -> None:
            self.evident = certificate
            for other in self.contexts:
                if other is not context:
                    use_certificate(other, attester.key, certificate)
            for callback in self.callbacks:
                callback(certificate)

        with trio.CancelScope() as scope:
            self.evidence.append(scope)
            await keep_presented(
                attester, context, self.names, on_certificate, task_status=task_status
            )

    def _renewal(
        self,
        context: ServiceContext,
        attester: Attester,
        shutdown: Shutdown,
        now: Callable[[], datetime],
    ) -> Renewal:
        config = self.config
        host = config.https_host or config.kmip_host
        ways: tuple[Answering, ...] = (
            TLSALPN01(context, now),
            HTTP01(host, config.acme_http_port, self.nursery, shutdown),
        )
        known = {way.kind: way for way in ways}
        return Renewal(
            kept=SealedState(
                config.data, attester.tee, config.acme_directory, config.certbot_hostname.lower()
            ),
            fetch=self.fetcher(client_context(config.acme_directory_ca)),
            answering=[known[kind] for kind in config.acme_challenges],
            install=self.install,
            now=now,
            email=config.certbot_email,
            key=attester.key if isinstance(attester.key, ec.EllipticCurvePrivateKey) else None,
        )
