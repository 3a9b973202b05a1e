"""KMIP over HTTPS: a message is the body of a POST, in any encoding, and so is its answer.

    POST /kmip    application/octet-stream, application/json or text/xml, answered in kind

The status is 200 for whatever the protocol answers, its own refusals among them. What is no KMIP
message at all is refused by HTTP: another media type (415), more bytes than a message has (413), a
client that nobody knows (403). Identity is that of the KMIP port: the client's certificate, and the
credential in the message where there is one.

Source: KMIP Profiles 2.1 section 5.8 (HTTPS), KMIP Additional Message Encodings 1.0 section 2.4.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from kmip.encodings.codec import BY_MEDIA_TYPE, Codec
from kmip.encodings.json import JSON
from kmip.encodings.xml import XML
from server.requests.answer import answer
from server.state import Server
from server.transport.http import HTTPError, Request, Response, Route, Routes
from server.transport.kmip import share_of

PATH: Final = "/kmip"

TEXT_BYTES: Final = 2
"""A message as text has at most so many times the bytes of the longest in TTLV: a key takes two
digits a byte."""
WRITTEN_BYTES: Final = 32
"""An answer as text is at most so many times as long as in TTLV; see
`kmip.encodings.literals.MAX_BYTES`."""


class KMIPOverHTTPS:
    """What answers KMIP over HTTPS.

    Args:
        server: what all requests share.
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        longest = server.config.max_message_bytes
        self.codecs = {
            media_type: replace(codec, max_bytes=WRITTEN_BYTES * longest)
            if isinstance(codec, JSON | XML)
            else codec
            for media_type, codec in BY_MEDIA_TYPE.items()
        }
        self.longest = {
            media_type: longest * (TEXT_BYTES if isinstance(codec, JSON | XML) else 1)
            for media_type, codec in BY_MEDIA_TYPE.items()
        }

    @property
    def routes(self) -> Routes:
        """The rows of the table of routes."""
        return {("POST", PATH): Route(self.answer, max(self.longest.values()), self.admit)}

    def admit(self, request: Request) -> str:
        """Refuse whom the KMIP port would not let in, and what is no message, by its head.

        Returns:
            Who asks; empty where a credential in the message must tell.

        Raises:
            HTTPError: it is refused.
        """
        if request.content_type not in self.codecs:
            raise HTTPError(415, f"a message is one of {', '.join(self.codecs)}")
        client = request.peer.client
        if client is None and not self.server.config.insecure_allow_no_client_certificate:
            raise HTTPError(403, "a client certificate is needed here")
        return client.name if client is not None else ""

    async def answer(self, request: Request) -> Response:
        """The answer to the message that is the body."""
        if len(request.body) > self.longest[request.content_type]:
            raise HTTPError(413, "the message is too long")
        codec: Codec = self.codecs[request.content_type]
        client, address = request.peer.client, request.peer.address
        turn = await self.server.turns.admit(share_of(client, address), len(request.body))
        try:
            data = await answer(
                self.server, request.body, client, codec, address=address, turn=turn
            )
            turn.answered(len(data))
        except BaseException:
            turn.end()
            raise
        return Response(data, content_type=codec.media_type, done=turn.end)
