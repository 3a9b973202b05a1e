"""The protocol of ACME: one account, one name, one certificate at a time.

Theory: account (made if it is not there), order, for each authorisation a challenge that is
answered and looked at until it is decided, and the request for the certificate. Whatever the
directory says no to becomes one sentence.

Nothing here knows sockets, files or when a certificate is due: fetching and the answering of
challenges are handed in.

Source: RFC 8555 section 7; RFC 9773 for renewal information.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple, Protocol

import trio
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from server.acme import jose, replies
from server.acme.replies import ACMEError, Refused, Unusable
from server.acme.session import Session
from server.transport.https_client import FetchFailed

ORDER_SECONDS: Final = 300.0
"""For a whole order; the directories in use take seconds, and ask for some patience."""
MAX_AUTHORIZATIONS: Final = 4  # there is one name
MAX_CERTIFICATES: Final = 10
MAX_TOKEN: Final = 256

_PENDING: Final = frozenset({"pending"})
_PROCESSING: Final = frozenset({"ready", "processing"})


class Challenge(NamedTuple):
    """What is to be shown.

    Attributes:
        name: the name that is to be shown to be ours.
        token: the directory's, letters of base64url.
        authorization: the key authorization (RFC 8555 section 8.1).
    """

    name: str
    token: str
    authorization: str


class Answering(Protocol):
    """A way to show that a name is ours."""

    @property
    def kind(self) -> str:
        """Its name in the protocol."""

    @property
    def condition(self) -> str:
        """What must hold for it to work, told to whoever has to mend it."""

    def answered(self, challenge: Challenge) -> AbstractAsyncContextManager[None]:
        """Within this block the challenge is answered.

        Raises:
            ACMEError: it cannot be.
        """


class Window(NamedTuple):
    """When the directory wants a certificate to be renewed.

    Attributes:
        start, end: any moment between them.
        ask_again: seconds until it may say otherwise; 0 where it does not say.
    """

    start: datetime
    end: datetime
    ask_again: float


@dataclass(slots=True)
class Client:
    """Orders certificates.

    Attributes:
        session: of an account at a directory.
        email: whom the directory may write to; empty: nobody.
    """

    session: Session
    email: str = ""

    async def certificate(
        self,
        name: str,
        key: ec.EllipticCurvePrivateKey,
        answering: Answering,
        replaces: x509.Certificate | None = None,
    ) -> tuple[x509.Certificate, ...]:
        """A new certificate for a name, and those above it.

        Args:
            name: a DNS name, lower case.
            key: the certificate's.
            answering: how the name is shown to be ours.
            replaces: the one that it is to replace.

        Raises:
            Refused: the directory says no.
            Unusable: it issued a certificate for another key or name, or none that can be read.
            ACMEError: there is none for another reason.
        """
        try:
            with trio.fail_after(ORDER_SECONDS):
                await self._register()
                url, order = await self._order(name, replaces)
                for authorization in replies.strings(order, "authorizations")[:MAX_AUTHORIZATIONS]:
                    await self._authorize(authorization, name, answering)
                chain = await self._finalize(url, name, key)
        except trio.TooSlowError:
            raise ACMEError(f"{self.session.directory} did not decide in time") from None
        except FetchFailed as error:
            raise ACMEError(f"no certificate for {name}: {error}") from None
        check(chain, name, key)
        return chain

    async def renewal_window(self, certificate: x509.Certificate) -> Window | None:
        """When the directory wants a certificate to be renewed; None where it does not say.

        Raises:
            ACMEError: it cannot be asked, or its answer cannot be read.
        """
        named = certificate_id(certificate)
        try:
            place = (await self.session.urls()).get("renewalInfo")
            if not isinstance(place, str) or named is None:
                return None
            reply = await self.session.fetch("GET", f"{place}/{named}")
        except FetchFailed as error:
            raise ACMEError(f"no renewal information: {error}") from None
        if reply.status != 200:
            raise replies.refusal(place, reply, self.session.now())
        suggested = replies.json_object(reply).get("suggestedWindow")
        if not isinstance(suggested, dict):
            raise ACMEError("the directory's renewal information has no window")
        start, end = (replies.moment(suggested, word) for word in ("start", "end"))
        if not start <= end:
            raise ACMEError("the directory's window for renewal ends before it starts")
        return Window(start, end, replies.retry_after(reply, self.session.now()))

    async def _register(self) -> None:
        """Have an account; the same key always finds the same one."""
        if not self.session.account:
            wanted: dict[str, Any] = {"termsOfServiceAgreed": True}
            if self.email:
                wanted["contact"] = [f"mailto:{self.email}"]
            reply = await self.session.post(await self.session.url("newAccount"), wanted)
            self.session.account = replies.location(reply)

    async def _order(
        self, name: str, replaces: x509.Certificate | None
    ) -> tuple[str, dict[str, Any]]:
        """A new order: where it is, and what it says."""
        wanted: dict[str, Any] = {"identifiers": [{"type": "dns", "value": name}]}
        place = await self.session.url("newOrder")
        replaced = None
        if replaces is not None and "renewalInfo" in await self.session.urls():
            replaced = certificate_id(replaces)
        if replaced is not None:
            try:
                reply = await self.session.post(place, wanted | {"replaces": replaced})
                return replies.location(reply), replies.json_object(reply)
            except Refused as error:
                if error.kind == "rateLimited":
                    raise
                # The directory no longer knows that one, or it has been replaced already.
        reply = await self.session.post(place, wanted)
        return replies.location(reply), replies.json_object(reply)

    async def _authorize(self, url: str, name: str, answering: Answering) -> None:
        """Show that a name is ours, unless the directory has validated it recently."""
        authorization = replies.json_object(await self.session.post(url, None))
        if authorization.get("status") == "valid":
            return
        place, token = _offer(authorization, name, answering.kind)
        thumbprint = jose.thumbprint(self.session.key.public_key())
        async with answering.answered(Challenge(name, token, f"{token}.{thumbprint}")):
            await self.session.post(place, {})
            decided = await self.session.poll(url, _PENDING)
        if decided.get("status") != "valid":
            raise Refused(
                f"{name} was not found to be this server by {answering.kind}: {_why(decided)} "
                f"({answering.condition})"
            )

    async def _finalize(
        self, url: str, name: str, key: ec.EllipticCurvePrivateKey
    ) -> tuple[x509.Certificate, ...]:
        order = await self.session.poll(url, _PENDING)
        if order.get("status") == "ready":
            request = jose.base64url(_signing_request(name, key))
            await self.session.post(replies.string(order, "finalize"), {"csr": request})
            order = await self.session.poll(url, _PROCESSING)
        if order.get("status") != "valid":
            why = replies.detail_of(order.get("error"))
            raise Refused(f"the order for {name} was refused: {why}")
        reply = await self.session.post(replies.string(order, "certificate"), None)
        try:
            chain = x509.load_pem_x509_certificates(reply.body)
        except ValueError:
            raise Unusable("the directory gave no certificate that can be read") from None
        if len(chain) > MAX_CERTIFICATES:
            raise Unusable(f"the directory gave {len(chain)} certificates")
        return tuple(chain)


def certificate_id(certificate: x509.Certificate) -> str | None:
    """A certificate as RFC 9773 section 4.1 names it; None: it names no authority's key."""
    try:
        named = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    except (x509.ExtensionNotFound, ValueError):
        return None
    if named.value.key_identifier is None:
        return None
    number = certificate.serial_number
    serial = number.to_bytes(number.bit_length() // 8 + 1, "big")  # as in DER: never negative
    return f"{jose.base64url(named.value.key_identifier)}.{jose.base64url(serial)}"


def check(chain: tuple[x509.Certificate, ...], name: str, key: ec.EllipticCurvePrivateKey) -> None:
    """Refuse a certificate that is not for this key and name.

    Raises:
        Unusable: it is for others.
    """
    try:
        theirs = chain[0].public_key()
        extension = chain[0].extensions.get_extension_for_class(x509.SubjectAlternativeName)
        names = extension.value.get_values_for_type(x509.DNSName)
    except (x509.ExtensionNotFound, UnsupportedAlgorithm, ValueError, IndexError):
        raise Unusable("the directory gave no certificate that can be used") from None
    if theirs != key.public_key():
        raise Unusable(f"the certificate for {name} came with another key")
    if name not in names:
        raise Unusable(f"the certificate for {name} came with other names")


def _signing_request(name: str, key: ec.EllipticCurvePrivateKey) -> bytes:
    names = x509.SubjectAlternativeName([x509.DNSName(name)])
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    request = request.add_extension(names, critical=False)
    return request.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def _offer(authorization: dict[str, Any], name: str, kind: str) -> tuple[str, str]:
    """The address and token of the challenge of this kind."""
    for challenge in replies.objects(authorization, "challenges"):
        if challenge.get("type") == kind:
            token = replies.string(challenge, "token")
            letters = token.replace("-", "").replace("_", "")
            if not (letters.isascii() and letters.isalnum() and len(token) <= MAX_TOKEN):
                raise ACMEError(f"the token of {kind} is none")
            return replies.string(challenge, "url"), token
    raise Refused(f"the directory takes no {kind} for {name}")


def _why(authorization: dict[str, Any]) -> str:
    """What the directory found when it looked."""
    for challenge in replies.objects(authorization, "challenges"):
        if "error" in challenge:
            return replies.detail_of(challenge["error"])
    return "it does not say why"
