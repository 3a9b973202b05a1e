"""Connect to a server and know, before the first byte is sent, what it is.

    async with await connect("kms.example", 9998, expectation, now=clock) as attested:
        await attested.stream.send_all(secret)

`connect` opens one TLS connection, judges the certificate of *that* connection, and gives back its
stream: there is no second connection in between that another host could answer. TLS itself
proves that the peer holds the certificate's key; no authority's signature is looked at.

`judge` is all of the decision, and pure: certificate → presented → verified → bound → appraised,
and the claims compared with what was expected. A certificate is true of the time when it was made,
at most 24 hours ago; `challenge` asks the same peer over the same connection to attest again over
a nonce made just now.

A server that claims more than this verifier can check (a channel binding, for which Python's `ssl`
has no exporter) is refused rather than half believed.
"""

import secrets
import ssl
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Final, Self

import trio

from enclave.claims import MAX_LIFE, Claims, Role, check_validity
from enclave.collateral import Collateral
from enclave.errors import EnclaveError, InvalidEvidence, Refused, VerificationFailed
from enclave.evidence import TEE, Evidence, Verified
from enclave.evidence_formats import Form, read_tagged
from enclave.insecure.tee import roots_in
from enclave.peer_certificate import (
    Presented,
    has_evidence,
    present_tagged,
    read_answered,
    read_presented,
)
from enclave.pinned import Pinned
from enclave.policy import Appraised, Policy, appraise
from enclave.roots import Roots, vendor_roots
from enclave.verify import verify

HANDSHAKE_SECONDS: Final = 30.0  # a server that has to ask its chip first answers in a few
NONCE_BYTES: Final = 32

Ask = Callable[[trio.SSLStream[trio.SocketStream], bytes], Awaitable[bytes]]
"""Sends a nonce over the stream and gives the tagged evidence that comes back, bounded."""


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """What a peer must be. Only `policy` and `role` are required; the defaults are the strict ones.

    Attributes:
        policy: reference values; an empty one accepts nothing.
        role: what the peer's key must be for.
        deployment: the deployment that it must belong to; None for any.
        operator_sha256: SHA-256 of the credential of the operator it must belong to; None for any.
        pin: SHA-256 of the SubjectPublicKeyInfo that it must have; None for any.
        pinned: what it claimed when it was verified before, which must not have changed; None for
            any.
        collateral: what the vendors publish, by TEE.
        roots: the trust anchors; None for the vendors' roots.
        forms: the forms of evidence to read. The others carry no role and no claims, so `role`,
            `deployment` and `operator_sha256` cannot be checked: listing one of them means that
            this is accepted.
        max_life: how long a certificate without our claims may be valid.
        allow_insecure_simulated: accept a software chip, from under any root that it brings along.
            The result has this among its warnings.
    """

    policy: Policy
    role: Role
    deployment: str | None = None
    operator_sha256: bytes | None = None
    pin: bytes | None = None
    pinned: Pinned | None = None
    collateral: Mapping[TEE, Collateral] = field(default_factory=dict, repr=False)
    roots: Roots | None = None
    forms: frozenset[Form] = frozenset({Form.STRONGROOM})
    max_life: timedelta = MAX_LIFE
    allow_insecure_simulated: bool = False


@dataclass(frozen=True)
class Attested:
    """A peer that is what was expected.

    Attributes:
        presented: what it presented.
        appraised: its evidence, verified and accepted.
        until: when evidence, collateral, claims or certificate end: verify again by then.
    """

    presented: Presented
    appraised: Appraised
    until: datetime

    @property
    def claims(self) -> Claims | None:
        """Its claims; None where its form of evidence has no claims."""
        return self.presented.claims

    @property
    def pin(self) -> bytes:
        """SHA-256 of its SubjectPublicKeyInfo, to be expected next time."""
        return self.presented.public_key_sha256

    @property
    def simulated(self) -> bool:
        """No chip stands behind it, which any display of this result must say."""
        return self.appraised.verified.simulated


@dataclass(frozen=True)
class AttestedConnection:
    """An open TLS connection to an attested peer. The caller closes it."""

    stream: trio.SSLStream[Any] = field(repr=False)
    attested: Attested

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await trio.aclose_forcefully(self.stream)


def judge(certificate: bytes, expectation: Expectation, now: datetime) -> Attested:
    """A peer's certificate, found to be what was expected. Pure.

    Args:
        certificate: DER, from the connection that will be used.
        expectation: what the peer must be.
        now: the verifier's own clock, with a time zone.

    Raises:
        InvalidEvidence: it cannot be read, or has no evidence in an accepted form.
        VerificationFailed: its evidence is not genuine, or not for this key and these claims.
        Refused: it is, and is not what was expected; with all reasons of one kind.
    """
    presented = read_presented(certificate, expectation.forms)
    return _judge(presented, expectation, now, nonce=None)


def judge_answer(
    answer: bytes, nonce: bytes, attested: Attested, expectation: Expectation, now: datetime
) -> Attested:
    """The answer to a challenge on an attested connection, found to be from the same peer. Pure.

    Args:
        answer: tagged evidence.
        nonce: the nonce that was sent.
        attested: the peer, as its certificate showed it.
        expectation: what the peer must be.
        now: the verifier's own clock.

    Raises:
        InvalidEvidence, VerificationFailed, Refused: as `judge`; also for another key or nonce.
    """
    presented = present_tagged(answer, attested.presented)
    return _judge(presented, expectation, now, nonce=nonce)


async def connect(
    host: str,
    port: int,
    expectation: Expectation,
    *,
    now: Callable[[], datetime],
    context: ssl.SSLContext | None = None,
    ask: Ask | None = None,
) -> AttestedConnection:
    """A TLS connection to a peer that is what was expected.

    Args:
        host: its name or address; no proof of anything.
        port: its port.
        expectation: what it must be.
        now: the verifier's own clock.
        context: from `client_context`, where a client certificate is to be sent.
        ask: asks for evidence where the peer's certificate carries none, as one that an authority
            has signed does not; see `challenge`. None: such a peer is refused.

    Raises:
        InvalidEvidence, VerificationFailed, Refused: as `judge`; nothing was sent to the peer but,
            by `ask`, a nonce.
        OSError, trio.BrokenResourceError, trio.TooSlowError: no connection, or no handshake.
    """
    with trio.fail_after(HANDSHAKE_SECONDS):
        tcp = await trio.open_tcp_stream(host, port)
        stream = trio.SSLStream(
            tcp, context or client_context(), server_hostname=host, https_compatible=True
        )
        try:
            await stream.do_handshake()
            certificate = _certificate_of(stream)
            if ask is None or has_evidence(certificate):
                attested = judge(certificate, expectation, now())
            else:
                attested = await _challenged(stream, certificate, ask, expectation, now)
        except BaseException:
            await trio.aclose_forcefully(stream)
            raise
        return AttestedConnection(stream, attested)


async def presented_by(host: str, port: int, ask: Ask) -> Evidence:
    """The evidence that a peer presents, of which nothing is verified.

    For what is done before it can be: to find out which platform it is of.

    Args:
        host: its name or address.
        port: its port.
        ask: asks for evidence where the peer's certificate carries none.

    Raises:
        InvalidEvidence: it presents none that can be read.
        OSError, trio.BrokenResourceError, trio.TooSlowError: no connection, or no answer.
    """
    with trio.fail_after(HANDSHAKE_SECONDS):
        tcp = await trio.open_tcp_stream(host, port)
        stream = trio.SSLStream(tcp, client_context(), server_hostname=host, https_compatible=True)
        try:
            await stream.do_handshake()
            certificate = _certificate_of(stream)
            if has_evidence(certificate):
                return read_presented(certificate, tuple(Form)).evidence
            return read_tagged(await ask(stream, secrets.token_bytes(NONCE_BYTES))).evidence
        finally:
            await trio.aclose_forcefully(stream)


async def _challenged(
    stream: trio.SSLStream[trio.SocketStream],
    certificate: bytes,
    ask: Ask,
    expectation: Expectation,
    now: Callable[[], datetime],
) -> Attested:
    """A peer whose certificate has no evidence, found to be what was expected by its answer."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    presented = read_answered(certificate, await ask(stream, nonce), expectation.forms)
    return _judge(presented, expectation, now(), nonce=nonce)


def client_context() -> ssl.SSLContext:
    """TLS 1.3 without authorities: the peer's certificate is judged by its evidence.

    TLS still proves that the peer holds the certificate's key, on this connection.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def challenge(
    connection: AttestedConnection,
    ask: Ask,
    expectation: Expectation,
    *,
    now: Callable[[], datetime],
) -> AttestedConnection:
    """The same connection, its peer attested over a nonce made just now.

    Args:
        connection: an attested connection, between two requests.
        ask: sends the nonce over the stream and gives the tagged evidence that comes back; it
            bounds what it reads.
        expectation: what the peer must be.
        now: the verifier's own clock.

    Raises:
        InvalidEvidence, VerificationFailed, Refused: as `judge`; the connection is closed.
    """
    nonce = secrets.token_bytes(NONCE_BYTES)
    try:
        answer = await ask(connection.stream, nonce)
        attested = judge_answer(answer, nonce, connection.attested, expectation, now())
    except BaseException:
        await trio.aclose_forcefully(connection.stream)
        raise
    return replace(connection, attested=attested)


def _certificate_of(stream: trio.SSLStream[trio.SocketStream]) -> bytes:
    certificate = stream.getpeercert(binary_form=True)
    if certificate is None:
        raise InvalidEvidence("TLS", "the peer has no certificate")
    return bytes(certificate)


def _judge(
    presented: Presented, expectation: Expectation, now: datetime, *, nonce: bytes | None
) -> Attested:
    tee = presented.evidence.tee
    if tee not in expectation.policy.sections:
        raise Refused((f"the policy accepts no evidence of {tee}",))
    verified = _verified(presented.evidence, expectation, now)
    presented.check_binding(verified)
    _check_time(presented, expectation, now)
    _check_key_tcb(presented.claims, verified)
    reasons = _differences(presented, expectation, nonce)
    if reasons:
        raise Refused(tuple(reasons))
    appraised = appraise(
        verified,
        expectation.policy,
        now,
        allow_insecure_simulated=expectation.allow_insecure_simulated,
    )
    ends = presented.not_after if presented.claims is None else presented.claims.not_after
    return Attested(presented, appraised, min(appraised.until, ends))


def _verified(evidence: Evidence, expectation: Expectation, now: datetime) -> Verified:
    """The evidence, verified; simulated evidence is refused as such where it is not allowed."""
    collateral = expectation.collateral.get(evidence.tee)
    try:
        return verify(evidence, collateral, _roots(evidence, expectation), now)
    except VerificationFailed:
        if expectation.roots is None and _is_simulated(evidence, collateral, now):
            raise Refused(("simulated: no chip stands behind this evidence",)) from None
        raise


def _is_simulated(evidence: Evidence, collateral: Collateral | None, now: datetime) -> bool:
    try:
        return verify(evidence, collateral, roots_in(evidence), now).simulated
    except EnclaveError:
        return False


def _roots(evidence: Evidence, expectation: Expectation) -> Roots:
    if expectation.roots is not None:
        return expectation.roots
    if expectation.allow_insecure_simulated:
        with suppress(InvalidEvidence):  # a real chip's evidence may come without a root
            return roots_in(evidence)
    return vendor_roots()


def _check_key_tcb(claims: Claims | None, verified: Verified) -> None:
    """The key is made for the TCB that the report shows, not for one that was broken before it."""
    if claims is None or claims.key_tcb is None:
        return
    if claims.key_tcb != verified.committed_tcb:
        raise Refused(("its key was made at another TCB than its report's: it has to start anew",))


def _check_time(presented: Presented, expectation: Expectation, now: datetime) -> None:
    """The claims hold now; where there are none, the certificate does, and it is short-lived.

    The claims are what the chip signed, and their validity cannot be longer than a day. The dates
    of a certificate without them are worth as much as its signature by the key that the chip named.
    """
    if presented.claims is not None:
        check_validity(presented.claims, now)
        return
    if not presented.self_signed:
        raise Refused(("the certificate is not signed by its own key",))
    life = presented.not_after - presented.not_before
    if life > expectation.max_life:
        raise Refused((f"no freshness: the certificate is valid for {life.days} days",))
    if not presented.not_before <= now < presented.not_after:
        raise Refused((f"the certificate ended at {presented.not_after:%Y-%m-%d %H:%M:%SZ}",))


def _differences(presented: Presented, expectation: Expectation, nonce: bytes | None) -> list[str]:
    """Where the claims differ from what was expected, a line each."""
    reasons = []
    if expectation.pin not in (None, presented.public_key_sha256):
        reasons.append("its key is not the pinned one")
    if nonce is not None and presented.nonce != nonce:
        reasons.append("it answers another nonce")
    claims = presented.claims
    reasons += expectation.policy.claims.differences(claims)
    if claims is None:
        if expectation.pinned is not None:
            reasons.append("it makes no claims, and did so when it was verified")
        return reasons
    if expectation.pinned is not None:
        reasons += expectation.pinned.changes(claims, challenged=nonce is not None)
    if claims.role is not expectation.role:
        meaning = _MEANINGS.get((claims.role, expectation.role), "")
        reasons.append(f"its key is for {claims.role}, not for {expectation.role}{meaning}")
    if expectation.deployment not in (None, claims.deployment):
        reasons.append(f"it belongs to deployment {claims.deployment!r}")
    if expectation.operator_sha256 not in (None, claims.operator_sha256):
        reasons.append("it belongs to another operator")
    if claims.channel is not None:
        reasons.append("it claims a channel binding, which cannot be checked here")
    return reasons


_MEANINGS: Final = {
    (Role.API, Role.BOOTSTRAP): " (it is up already, and takes no secrets)",
    (Role.BOOTSTRAP, Role.API): " (it waits for its operator)",
}
"""What it means that a server has one role and not another."""
