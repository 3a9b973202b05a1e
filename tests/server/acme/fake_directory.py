"""An ACME directory in memory: strict about what it is told, and it really looks.

`fetch` is a `server.transport.https_client.Fetch`. Signatures, nonces, addresses and the order of
steps are checked as RFC 8555 asks; a challenge is decided by a validator that the test hands in.
"""

import base64
import json
import re
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, ClassVar

import trio
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from server.acme.jose import thumbprint
from server.acme.replies import ERRORS
from server.transport import tls
from server.transport.https_client import FetchFailed, Reply
from tests.server.strict import with_extensions

Validator = Callable[[str, str, str, str], Awaitable[str]]
"""(kind, name, token, key authorization) to what is wrong; empty where nothing is."""


def unbase64url(text: str) -> bytes:
    """What base64url without padding stands for (RFC 7515 section 2); raises ValueError."""
    return base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))


class Problem(Exception):
    def __init__(self, kind: str, detail: str, status: int = 400, **headers: str) -> None:
        super().__init__(detail)
        self.kind = kind
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def authority_pair(name: str, now: datetime) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    )
    return key, with_extensions(builder, key, key, signs=True).sign(key, hashes.SHA256())


@dataclass
class FakeDirectory:
    """The directory.

    Attributes:
        validate: decides challenges.
        now: its clock.
        life: of what it issues.
        base: its address.
        window: what its renewal information says of a certificate; None: it offers none.
        refuse_nonces: refuses each n-th good nonce; 0: none.
        down: it cannot be reached.
        limited: it answers every order with this many seconds of rate limit; 0: it does not.
        requests: the paths that were asked for.
        replaced: certificates that orders said they replace.
    """

    validate: Validator
    now: Callable[[], datetime]
    life: timedelta = timedelta(days=90)
    base: str = "https://directory.test"
    window: Callable[[x509.Certificate], tuple[datetime, datetime]] | None = None
    refuse_nonces: int = 0
    down: bool = False
    limited: int = 0
    requests: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    issued: list[x509.Certificate] = field(default_factory=list)
    spoil: Callable[[str, Reply], Reply] = lambda path, reply: reply
    _nonces: set[str] = field(default_factory=set)
    _made: int = 0
    _good: int = 0
    _accounts: dict[str, ec.EllipticCurvePublicKey] = field(default_factory=dict)
    _resources: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.key, self.root = authority_pair("fake root", self.now())

    @property
    def url(self) -> str:
        return f"{self.base}/dir"

    async def fetch(
        self, method: str, url: str, body: bytes = b"", content_type: str = ""
    ) -> Reply:
        assert url.startswith(self.base)
        await trio.lowlevel.checkpoint()
        if self.down:
            raise FetchFailed("directory.test cannot be reached: no route to host")
        return await self.handle(method, url.removeprefix(self.base), body, content_type)

    async def handle(self, method: str, path: str, body: bytes, content_type: str) -> Reply:
        self.requests.append(path)
        try:
            reply = await self._answer(method, path, body, content_type)
        except Problem as problem:
            document = {"type": ERRORS + problem.kind, "detail": str(problem)}
            reply = Reply(problem.status, problem.headers, json.dumps(document).encode())
        return self.spoil(path, Reply(reply.status, self._with_nonce(reply.headers), reply.body))

    def _with_nonce(self, headers: Any) -> dict[str, str]:
        self._made += 1
        nonce = f"nonce-{self._made}"
        self._nonces.add(nonce)
        return {**headers, "replay-nonce": nonce}

    async def _answer(self, method: str, path: str, body: bytes, content_type: str) -> Reply:
        if (method, path) == ("GET", "/dir"):
            urls = {name: f"{self.base}/{name}" for name in ("newNonce", "newAccount", "newOrder")}
            if self.window is not None:
                urls["renewalInfo"] = f"{self.base}/renewal"
            return Reply(200, {}, json.dumps(urls).encode())
        if (method, path) == ("HEAD", "/newNonce"):
            return Reply(200)
        if method == "GET" and path.startswith("/renewal/"):
            return self._renewal(path.removeprefix("/renewal/"))
        assert method == "POST", (method, path)
        assert content_type == "application/jose+json"
        payload, account = self._opened(path, body)
        for pattern, handler in self.HANDLERS.items():
            if re.fullmatch(pattern, path):
                return await handler(self, path, payload, account)
        raise Problem("malformed", "nothing here", 404)

    def _opened(self, path: str, body: bytes) -> tuple[Any, str]:
        """The payload of a signed request, and whose it is."""
        document = json.loads(body)
        assert set(document) == {"protected", "payload", "signature"}
        header = json.loads(unbase64url(document["protected"]))
        assert header["alg"] == "ES256"
        assert header["url"] == self.base + path
        assert ("jwk" in header) == (path == "/newAccount") != ("kid" in header)
        if header["nonce"] not in self._nonces:
            raise Problem("badNonce", "unknown nonce")
        self._nonces.remove(header["nonce"])
        self._good += 1
        if self.refuse_nonces and self._good % self.refuse_nonces == 0:
            raise Problem("badNonce", "a nonce of another server")
        if "jwk" in header:
            x, y = (int.from_bytes(unbase64url(header["jwk"][name]), "big") for name in "xy")
            key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
            account = f"{self.base}/account/{thumbprint(key)}"
        else:
            account = header["kid"]
            if account not in self._accounts:
                raise Problem("accountDoesNotExist", "no such account")
            key = self._accounts[account]
        signature = unbase64url(document["signature"])
        assert len(signature) == 64
        halves = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
        signed = f"{document['protected']}.{document['payload']}".encode()
        key.verify(encode_dss_signature(*halves), signed, ec.ECDSA(hashes.SHA256()))
        if path == "/newAccount":
            self._accounts[account] = key
        payload = json.loads(unbase64url(document["payload"])) if document["payload"] else None
        return payload, account

    async def _account(self, path: str, payload: Any, account: str) -> Reply:
        assert payload["termsOfServiceAgreed"] is True
        self.contact = payload.get("contact")
        return Reply(201, {"location": account}, b'{"status": "valid"}')

    async def _order(self, path: str, payload: Any, account: str) -> Reply:
        if self.limited:
            detail = "too many failed authorizations recently"
            raise Problem("rateLimited", detail, 429, retry_after=str(self.limited))
        if "replaces" in payload:
            if payload["replaces"] in self.replaced:
                raise Problem("alreadyReplaced", "replaced before", 409)
            self.replaced.append(payload["replaces"])
        (identifier,) = payload["identifiers"]
        assert identifier["type"] == "dns"
        number = str(len(self._resources))
        order, authorization = f"/order/{number}", f"/authorization/{number}"
        token = f"token-{number}_x"
        self._resources[authorization] = {
            "status": "pending",
            "identifier": identifier,
            "challenges": [
                {
                    "type": kind,
                    "url": f"{self.base}/challenge/{kind}/{number}",
                    "token": token,
                    "status": "pending",
                }
                for kind in ("dns-01", "http-01", "tls-alpn-01")
            ],
        }
        self._resources[order] = {
            "status": "pending",
            "identifiers": [identifier],
            "authorizations": [self.base + authorization],
            "finalize": f"{self.base}/finalize/{number}",
        }
        return Reply(201, {"location": self.base + order}, self._json(order))

    def _json(self, path: str) -> bytes:
        return json.dumps(self._resources[path]).encode()

    async def _look(self, path: str, payload: Any, account: str) -> Reply:
        assert payload is None  # POST-as-GET
        if path not in self._resources:
            raise Problem("malformed", "no such thing", 404)
        return Reply(200, {"retry-after": "1"}, self._json(path))

    async def _challenge(self, path: str, payload: Any, account: str) -> Reply:
        assert payload == {}
        _, _, kind, number = path.split("/")
        authorization = self._resources[f"/authorization/{number}"]
        (challenge,) = (one for one in authorization["challenges"] if one["type"] == kind)
        name, token = authorization["identifier"]["value"], challenge["token"]
        print_ = account.rsplit("/", 1)[1]
        wrong = await self.validate(kind, name, token, f"{token}.{print_}")
        order = self._resources[f"/order/{number}"]
        challenge["status"] = authorization["status"] = "invalid" if wrong else "valid"
        order["status"] = "invalid" if wrong else "ready"
        if wrong:
            challenge["error"] = {"type": ERRORS + "unauthorized", "detail": wrong}
        return Reply(200, {}, json.dumps(challenge).encode())

    async def _finalize(self, path: str, payload: Any, account: str) -> Reply:
        number = path.rsplit("/", 1)[1]
        order = self._resources[f"/order/{number}"]
        if order["status"] != "ready":
            raise Problem("orderNotReady", "the order is not ready", 403)
        request = x509.load_der_x509_csr(unbase64url(payload["csr"]))
        assert request.is_signature_valid
        names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == [order["identifiers"][0]["value"]]
        start = self.now().replace(microsecond=0)
        leaf = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self.root.subject)
            .public_key(request.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + self.life)
            .add_extension(names, critical=True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()),
                critical=False,
            )
            .sign(self.key, hashes.SHA256())
        )
        self.issued.append(leaf)
        order |= {"status": "valid", "certificate": f"{self.base}/certificate/{number}"}
        pem = leaf.public_bytes(Encoding.PEM) + self.root.public_bytes(Encoding.PEM)
        self._resources[f"/certificate/{number}"] = {"pem": pem.decode()}
        return Reply(200, {}, json.dumps(order | {"status": "processing"}).encode())

    async def _certificate(self, path: str, payload: Any, account: str) -> Reply:
        assert payload is None
        return Reply(200, {}, self._resources[path]["pem"].encode())

    def _renewal(self, named: str) -> Reply:
        assert self.window is not None
        _, serial = named.split(".")
        number = int.from_bytes(unbase64url(serial), "big")
        (found,) = (one for one in self.issued if one.serial_number == number)
        start, end = self.window(found)
        document = {"suggestedWindow": {"start": start.isoformat(), "end": end.isoformat()}}
        return Reply(200, {"retry-after": "21600"}, json.dumps(document).encode())

    HANDLERS: ClassVar = {
        "/newAccount": _account,
        "/newOrder": _order,
        "/(order|authorization)/.*": _look,
        "/challenge/.*": _challenge,
        "/finalize/.*": _finalize,
        "/certificate/.*": _certificate,
    }


def localhost(now: datetime) -> tuple[tls.Identity, bytes]:
    """An identity for a server on this machine, and the authority that vouches for it, PEM."""
    key, root = authority_pair("root of the directory's own address", now)
    own = ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(root.subject)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=True)
    )
    leaf = with_extensions(builder, own, key, signs=False).sign(key, hashes.SHA256())
    return tls.Identity(own, leaf, ()), root.public_bytes(Encoding.PEM)


async def validate_by_socket(
    ports: dict[str, int], kind: str, name: str, token: str, authorization: str
) -> str:
    """Look as a directory does, at 127.0.0.1 and these ports; what is wrong."""
    try:
        with trio.fail_after(5):
            stream = await trio.open_tcp_stream("127.0.0.1", ports[kind])
            async with stream:
                return await LOOKS[kind](stream, name, token, authorization)
    except OSError:
        return f"connection refused at port {ports[kind]}"
    except (trio.BrokenResourceError, trio.TooSlowError) as error:
        return f"broken connection: {error}"


async def _look_tls(stream: trio.SocketStream, name: str, token: str, authorization: str) -> str:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["acme-tls/1"])
    secure = trio.SSLStream(stream, context, server_hostname=name)
    await secure.do_handshake()
    return wrong_in(secure.getpeercert(True), secure.selected_alpn_protocol(), name, authorization)


def wrong_in(der: bytes, protocol: str | None, name: str, authorization: str) -> str:
    """What is wrong with an answer to tls-alpn-01; empty: nothing."""
    if protocol != "acme-tls/1":
        return "the server does not speak acme-tls/1"
    certificate = x509.load_der_x509_certificate(der)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    oid = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.31")
    found = certificate.extensions.get_extension_for_oid(oid)
    wanted = b"\x04\x20" + sha256(authorization.encode()).digest()
    if list(names.value) != [x509.DNSName(name)]:
        return "the certificate has other names"
    if not found.critical or found.value.value != wanted:  # type: ignore[attr-defined]
        return "the certificate has another digest"
    return ""


async def _look_http(stream: trio.SocketStream, name: str, token: str, authorization: str) -> str:
    path = f"/.well-known/acme-challenge/{token}"
    await stream.send_all(f"GET {path} HTTP/1.1\r\nHost: {name}\r\n\r\n".encode())
    got = b""
    while not got.endswith(authorization.encode()):
        part = await stream.receive_some()
        if not part:
            return "another answer"
        got += part
    return "" if got.startswith(b"HTTP/1.1 200") else "another status"


LOOKS = {"tls-alpn-01": _look_tls, "http-01": _look_http}


def utc_now() -> datetime:
    return datetime.now(UTC)
