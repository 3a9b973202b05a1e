"""Clients that come in by evidence of the TEE in which they run: the Attestation credential.

    client                                        server
      │── any message, Attestation Capable ──────────▶│
      │◀── Nonce, in the header of the response ──────│  Attestation Required, where nothing else
      │                                               │  says who asks
      │   evidence over the nonce and the certificate │
      │── Attestation credential: Nonce, evidence ───▶│  verified, then appraised by the policies

The setting `attested_clients` names them, each with a policy, as `strongroom verify` reads one
(`enclave.policy`). Evidence that is genuine lets in as the first client whose policy accepts it;
its name is `attested:` and the one in the setting. Attestation says what code runs, not who runs
it: whatever a policy accepts is one client.

The evidence is over 64 bytes that nobody else can have asked for (`enclave.report_data.of_client`):
a nonce that this server has made, for the same sender, in the last minutes, and that is good once;
and the certificate of the connection, where there is one. So evidence that was seen elsewhere, or
made for another's connection, lets nobody in.

Attestation Type is the vendor's value `EVIDENCE`, as the specification has none for TEEs. The
Attestation Measurement is a report with its certificates, or a quote, as everywhere here
(`enclave.evidence_formats`); what vendors publish about chips is a file that the operator renews.

Source: KMIP 2.1 sections 9.3, 9.11 and 9.14; RFC 9334.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from enclave import report_data
from enclave.collateral_file import read_collateral
from enclave.errors import EnclaveError
from enclave.evidence import Evidence
from enclave.evidence_formats import read_blob
from enclave.insecure.tee import roots_in
from enclave.policy import Appraised, Policy, accepting_no_collateral, appraise, read_policy
from enclave.roots import Roots, vendor_roots
from enclave.verify import verify
from kmip.enums import AttestationType
from kmip.errors import AttestationFailed
from kmip.messages import Attestation, Nonce
from server.access.client import Client
from server.sessions.identification import Identification, Means
from server.sessions.thread_shares import ThreadShares
from server.setup import files
from server.setup.config import Config
from server.setup.failure import Failure

EVIDENCE: Final = AttestationType(0x80000001)
"""A report or quote of a TEE."""
NONCE_BYTES: Final = 32
NONCE_SECONDS: Final = 300
"""A chip that others ask too gives a quote within a minute."""
MAX_NONCES: Final = 10_000
"""That are out: some 2 MB. The oldest is forgotten first."""
MAX_OF_SENDER: Final = 16
"""Of one client, or of one address without any: connections that begin at the same moment."""
FAILED: Final = "the attestation does not hold"


class Issued(NamedTuple):
    """A nonce that is out.

    Attributes:
        value: of the nonce.
        sender: for whom it was made.
        until: when it ends, seconds since 1970.
    """

    value: bytes
    sender: str
    until: float


@dataclass(slots=True)
class Nonces:
    """Those that this server has given out; another server knows nothing of them."""

    _issued: OrderedDict[bytes, Issued] = field(default_factory=OrderedDict, repr=False)
    _of_sender: dict[str, deque[bytes]] = field(default_factory=dict, repr=False)

    def issue(self, sender: str, now: float) -> Nonce:
        """A new one.

        Args:
            sender: who alone may use it: a client, or an address.
            now: seconds since 1970.
        """
        while len(self._of_sender.get(sender, ())) >= MAX_OF_SENDER:
            self._forget(self._of_sender[sender][0])
        while len(self._issued) >= MAX_NONCES:
            self._forget(next(iter(self._issued)))
        nonce = Nonce(
            nonce_id=secrets.token_bytes(16), nonce_value=secrets.token_bytes(NONCE_BYTES)
        )
        self._issued[nonce.nonce_id] = Issued(nonce.nonce_value, sender, now + NONCE_SECONDS)
        self._of_sender.setdefault(sender, deque()).append(nonce.nonce_id)
        return nonce

    def _forget(self, nonce_id: bytes) -> None:
        sender = self._issued.pop(nonce_id).sender
        own = self._of_sender[sender]
        own.remove(nonce_id)
        if not own:
            del self._of_sender[sender]

    def take(self, nonce: Nonce, sender: str, now: float) -> bytes | None:
        """The value of a nonce, which is used up; None where it is none of this sender's."""
        issued = self._issued.get(nonce.nonce_id)
        if issued is None or issued.sender != sender:
            return None
        self._forget(nonce.nonce_id)
        if now >= issued.until or not hmac.compare_digest(issued.value, nonce.nonce_value):
            return None
        return issued.value


class Named(NamedTuple):
    """A client that comes in so.

    Attributes:
        name: without the label.
        policy: what its evidence must be.
        mark: the hash of the policy's text; what it has let in ends when it is another.
    """

    name: str
    policy: Policy
    mark: str


@dataclass
class AttestedClients:
    """Those that the settings name.

    Attributes:
        named: in the order of the setting.
        collateral: the file of what vendors publish; None: there is none.
        allow_insecure_simulated: take evidence of a software chip, which proves nothing.
        roots: the trust anchors; None: the vendors' own.
        nonces: that are out.
    """

    named: Sequence[Named] = ()
    collateral: Path | None = None
    allow_insecure_simulated: bool = False
    roots: Roots | None = None
    nonces: Nonces = field(default_factory=Nonces, init=False)

    def __bool__(self) -> bool:
        """Whether anybody comes in so."""
        return bool(self.named)

    def have(self, known_by: Identification) -> bool:
        """Whether who has come in so would still be let in by the same policy."""
        return (known_by.subject, known_by.mark) in {(each.name, each.mark) for each in self.named}

    async def identify(
        self,
        presented: Attestation,
        sender: str,
        certificate: bytes | None,
        clock: Callable[[], float],
        shares: ThreadShares,
    ) -> Client:
        """Who has presented evidence.

        Args:
            presented: the credential's value.
            sender: as the nonce was issued for.
            certificate: SHA-256 of the certificate of the connection; None: it has none.
            clock: gives seconds since 1970.
            shares: of the threads in which evidence is verified.

        Raises:
            AttestationFailed: nobody.
            ServerLimitExceeded: too many of the sender's messages wait for a thread.
        """
        now = clock()
        value = self.nonces.take(presented.nonce, sender, now)
        if value is None:
            raise AttestationFailed("the nonce is none of this server's for you, or not any more")
        if presented.attestation_type != EVIDENCE or not presented.attestation_measurement:
            raise AttestationFailed("an Attestation Measurement with evidence of a TEE is taken")
        expected = report_data.of_client(value, certificate)
        measurement = presented.attestation_measurement
        return await shares.run(sender, 0, self._judged, measurement, expected, now)

    def _judged(self, measurement: bytes, expected: bytes, now: float) -> Client:
        moment = datetime.fromtimestamp(now, UTC)
        try:
            evidence = read_blob(measurement)
            collateral = read_collateral(_read(self.collateral)) if self.collateral else {}
            verified = verify(evidence, collateral.get(evidence.tee), self._roots(evidence), moment)
        except (EnclaveError, Failure) as error:
            raise AttestationFailed(f"{FAILED}: {error}") from None
        if not hmac.compare_digest(verified.report_data, expected):
            raise AttestationFailed("the evidence is not over this nonce and this certificate")
        for each in self.named:
            policy = accepting_no_collateral(each.policy) if verified.simulated else each.policy
            try:
                accepted = appraise(
                    verified,
                    policy,
                    moment,
                    allow_insecure_simulated=self.allow_insecure_simulated,
                )
            except EnclaveError:
                continue
            return _client(each, accepted)
        raise AttestationFailed("no policy accepts the evidence")

    def _roots(self, evidence: Evidence) -> Roots:
        """The vendors'; or, where a setting says so and there is no collateral, its own."""
        if self.roots is not None:
            return self.roots
        if self.allow_insecure_simulated and self.collateral is None:
            try:
                return roots_in(evidence)
            except EnclaveError:
                pass
        return vendor_roots()


def _client(named: Named, accepted: Appraised) -> Client:
    known_by = Identification(
        Means.ATTESTATION, named.name, named.mark, until=accepted.until.timestamp()
    )
    return Client(f"attested:{named.name}", "attestation", identification=known_by)


def _read(path: Path) -> bytes:
    return files.read(path, "The collateral", pipes=True)


def attested_clients(config: Config) -> AttestedClients:
    """Those that the settings name, with their policies as they are now.

    Raises:
        Failure: a policy or the collateral cannot be read.
    """
    if config.attested_clients_collateral is not None:
        _check_collateral(config.attested_clients_collateral)
    return AttestedClients(
        [_named(each) for each in config.attested_clients],
        config.attested_clients_collateral,
        config.insecure_allow_simulated_clients,
    )


def _named(text: str) -> Named:
    name, _, place = text.partition("=")
    content = files.read(Path(place), f"The policy of {name}")
    try:
        policy = read_policy(content.decode())
    except (EnclaveError, UnicodeDecodeError) as error:
        raise Failure(f"The policy {place} of {name} cannot be used: {error}.") from None
    return Named(name, policy, hashlib.sha256(content).hexdigest())


def _check_collateral(path: Path) -> None:
    try:
        read_collateral(_read(path))
    except EnclaveError as error:
        raise Failure(f"The collateral {path} cannot be used: {error}.") from None
