"""Request fresh evidence from a peer over HTTP/1.1, on a connection that is already open.

    GET /quote?nonce=<base64url of 32 bytes, without padding>[&store=<base64url of a state>]
    200, body: tagged evidence (`enclave.evidence_formats.write_tagged`) whose claims hold the
         nonce, and say whether the store continues the state that the verifier has seen before

For `enclave.client.challenge`. The connection stays open for the requests that follow.
"""

from base64 import urlsafe_b64encode
from dataclasses import dataclass
from typing import Any, Final

import h11
import trio

from enclave.errors import AttesterBusy, InvalidEvidence
from enclave.evidence_formats import MAX_BLOB_BYTES

MAX_ANSWER_BYTES: Final = MAX_BLOB_BYTES + 4096  # the evidence, and a few hundred bytes of claims
ANSWER_SECONDS: Final = 30.0  # TDX takes a second for a quote, and others may be waiting
_READ_BYTES: Final = 16384
_BUSY: Final = (429, 503)  # RFC 6585 section 4, RFC 9110 section 15.6.4


@dataclass(frozen=True)
class HTTPAsk:
    """The `ask` of a challenge.

    Attributes:
        host: the server's name, for the Host header.
        path: of the endpoint.
        store: the state of the store that was pinned; None: none was.
    """

    host: str
    path: str = "/quote"
    store: bytes | None = None

    async def __call__(self, stream: trio.abc.Stream, nonce: bytes) -> bytes:
        """The tagged evidence that the server answers, unverified.

        Raises:
            AttesterBusy: too many ask (429), or the chip is busy (503).
            InvalidEvidence: another status, not HTTP, longer than any evidence, or cut short.
            trio.BrokenResourceError, trio.TooSlowError: the connection broke, or no answer came.
        """
        http = h11.Connection(h11.CLIENT)
        seen = "" if self.store is None else f"&store={_encoded(self.store)}"
        request = h11.Request(
            method="GET",
            target=f"{self.path}?nonce={_encoded(nonce)}{seen}",
            headers=[("Host", self.host), ("Accept", "application/cbor")],
        )
        with trio.fail_after(ANSWER_SECONDS):
            await stream.send_all(_sent(http, request) + _sent(http, h11.EndOfMessage()))
            try:
                return await _answer(http, stream)
            except h11.RemoteProtocolError:
                raise InvalidEvidence("answer", "not HTTP, or cut short") from None


def _encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _sent(http: h11.Connection, event: Any) -> bytes:
    return http.send(event) or b""


async def _answer(http: h11.Connection, stream: trio.abc.Stream) -> bytes:
    body = b""
    while True:
        match http.next_event():
            case h11.NEED_DATA:
                http.receive_data(bytes(await stream.receive_some(_READ_BYTES)))
            case h11.Response(status_code=status) if status in _BUSY:
                raise AttesterBusy(f"the server has no time for evidence now ({status})")
            case h11.Response(status_code=status) if status != 200:
                raise InvalidEvidence("answer", f"the server answers {status}")
            case h11.Data(data=data):
                body += data
                if len(body) > MAX_ANSWER_BYTES:
                    raise InvalidEvidence("answer", f"more than {MAX_ANSWER_BYTES} bytes")
            case h11.EndOfMessage():
                if http.trailing_data[0]:
                    raise InvalidEvidence("answer", "bytes follow it")
                return body
            case h11.ConnectionClosed():
                raise InvalidEvidence("answer", "the server closed the connection")
            case _:  # the head of a good response, or a provisional one
                pass
