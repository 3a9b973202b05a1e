"""Where fuzzing begins: requests of every operation in every version, and objects that they name.

Objects have names of their own in the seeds (`OBJECTS`), so that what a fuzzer makes of a seed
still finds them. The published cases, where they are here, are seeds too, with these names where
they have placeholders.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import SearchStrategy

from kmip.encodings.codec import CODECS
from kmip.enums import (
    BatchErrorContinuationOption,
    CryptographicAlgorithm,
    ItemType,
    KeyFormatType,
    ObjectType,
    Operation,
    QueryFunction,
)
from kmip.items import Item
from kmip.key_block import KeyBlock, KeyValue
from kmip.messages import RequestBatchItem, RequestHeader, RequestMessage
from kmip.objects import PrivateKey
from kmip.payloads import PAYLOADS
from kmip.structures import to_item
from kmip.tags import Tag
from kmip.versions import SUPPORTED, V1_2, V1_4, V2_1, V3_0, ProtocolVersion
from tests.conformance.cases import all_cases, read
from tests.kmip.encodings import test_ckms as ckms
from tests.kmip.strategies import structures
from tests.server import samples
from tests.server.conftest import InProcessClient

EXAMPLES = 4
"""Messages of one operation in one version, at most."""
OCTETS = bytes(range(32))


@functools.cache
def objects() -> Mapping[str, tuple[ObjectType, Any]]:
    """The objects that there are, by the names that the seeds have for them."""
    pair = rsa.generate_private_key(65537, 2048)
    curve = ec.generate_private_key(ec.SECP256R1())
    return {
        "aes": (ObjectType.SYMMETRIC_KEY, samples.symmetric_key(OCTETS)),
        "secret": (ObjectType.SECRET_DATA, samples.secret()),
        "rsa": (ObjectType.PRIVATE_KEY, _private(pair, CryptographicAlgorithm.RSA, 2048)),
        "ec": (ObjectType.PRIVATE_KEY, _private(curve, CryptographicAlgorithm.EC, 256)),
        "opaque": (ObjectType.OPAQUE_OBJECT, samples.opaque()),
        "certificate": (ObjectType.CERTIFICATE, samples.certificate()),
    }


async def import_objects(ask: InProcessClient) -> None:
    """Put the objects where the seeds look for them."""
    for name, (kind, content) in objects().items():
        await ask(
            Operation.IMPORT,
            unique_identifier=name,
            object_type=kind,
            attributes=samples.attributes((Tag.ACTIVATION_DATE, 1)),
            object=content,
        )


def _private(key: Any, algorithm: CryptographicAlgorithm, length: int) -> PrivateKey:
    der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return PrivateKey(
        key_block=KeyBlock(
            key_format_type=KeyFormatType.PKCS_8,
            key_value=KeyValue(key_material=der),
            cryptographic_algorithm=algorithm,
            cryptographic_length=length,
        )
    )


NAMES = ("aes", "rsa", "ec", "secret", "certificate")


def message(*items: RequestBatchItem, version: ProtocolVersion = V2_1) -> Item:
    """A request message of these items."""
    header = RequestHeader(
        protocol_version=version,
        batch_count=len(items),
        batch_error_continuation_option=BatchErrorContinuationOption.CONTINUE,
    )
    return to_item(
        RequestMessage(request_header=header, batch_item=items), Tag.REQUEST_MESSAGE, version
    )


def item(operation: Operation, version: ProtocolVersion, number: int, **fields: Any) -> Any:
    """A batch item."""
    payload = PAYLOADS[operation].request(**fields)
    return RequestBatchItem(
        operation=operation,
        unique_batch_item_id=b"%d" % number,
        request_payload=to_item(payload, Tag.REQUEST_PAYLOAD, version),
    )


USES: list[tuple[Operation, dict[str, Any]]] = [
    (Operation.GET, {"unique_identifier": "aes"}),
    (Operation.GET, {"unique_identifier": "rsa"}),
    (Operation.GET_ATTRIBUTES, {"unique_identifier": "ec"}),
    (Operation.GET_ATTRIBUTE_LIST, {"unique_identifier": "secret"}),
    (Operation.ENCRYPT, {"unique_identifier": "aes", "data": OCTETS}),
    (
        Operation.DECRYPT,
        {"unique_identifier": "aes", "data": OCTETS, "iv_counter_nonce": OCTETS[:16]},
    ),
    (Operation.SIGN, {"unique_identifier": "rsa", "data": OCTETS}),
    (Operation.SIGN, {"unique_identifier": "ec", "data": OCTETS}),
    (Operation.MAC, {"unique_identifier": "aes", "data": OCTETS}),
    (Operation.CHECK, {"unique_identifier": "aes"}),
    (Operation.LOCATE, {"maximum_items": 3}),
    (Operation.QUERY, {"query_function": (QueryFunction.QUERY_OPERATIONS,)}),
    (Operation.EXPORT, {"unique_identifier": "rsa"}),
    (Operation.REKEY, {"unique_identifier": "aes"}),
    (Operation.ACTIVATE, {}),
    (Operation.DESTROY, {}),
]
"""Uses of the objects that there are, each in every version that has it."""


def typed() -> Iterator[Item]:
    """Messages that are written here."""
    for version in SUPPORTED:
        used = [each for each in USES if each[0].span.covers(version)]
        for operation, fields in used:
            yield message(item(operation, version, 1, **fields), version=version)
        numbered = [
            item(operation, version, number, **fields)
            for number, (operation, fields) in enumerate(used)
        ]
        yield message(*numbered[:6], version=version)


def drawn() -> Iterator[Item]:
    """Messages of every operation in versions that have it, from the declarations."""
    for operation, payloads in PAYLOADS.items():
        spoken = [version for version in (V3_0, V2_1, V1_4) if payloads.span.covers(version)]
        for version in spoken or [V1_2]:
            for payload in _examples(structures(payloads.request, version)):
                item = RequestBatchItem(
                    operation=operation,
                    request_payload=_about(to_item(payload, Tag.REQUEST_PAYLOAD, version)),
                )
                yield message(item, version=version)


def _examples(strategy: SearchStrategy[Any]) -> list[Any]:
    """Some values of a strategy, the same ones each time."""
    found: list[Any] = []

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(value: Any) -> None:
        found.append(value)

    collect()
    return found


def _about(each: Item, place: int = 0) -> Item:
    """A payload about objects that there are, wherever it names one."""
    if each.children:
        return each._replace(
            value=tuple(_about(child, place + number) for number, child in enumerate(each.children))
        )
    if each.tag == Tag.UNIQUE_IDENTIFIER:
        return Item(each.tag, ItemType.TEXT_STRING, NAMES[place % len(NAMES)])
    return each


def _named(each: Item, place: int = 0) -> Item:
    """An item of a published case, with names of objects that there are in it."""
    if each.children:
        return each._replace(
            value=tuple(_named(child, place + number) for number, child in enumerate(each.children))
        )
    if isinstance(each.value, str) and each.value.startswith("$"):
        return each._replace(value=NAMES[place % len(NAMES)])
    if isinstance(each.value, bytes) and each.value.startswith(b"$"):
        return each._replace(value=OCTETS)
    if isinstance(each.value, int) and abs(each.value) >= 1 << 60:
        return each._replace(value=1_700_000_000)
    return each


def published() -> Iterator[Item]:
    """The requests of the published cases; none where they are not here."""
    for case in all_cases():
        for exchange in read(case.path):
            yield _named(exchange.request)


def messages() -> list[Item]:
    """All of them."""
    return [*typed(), *drawn(), *published()]


def of_codec(name: str) -> list[bytes]:
    """The messages in an encoding."""
    found = []
    for each in messages():
        for version in (V1_4, V3_0) if name != "TTLV" else (V1_4,):
            found.append(CODECS[name].encode(each, version))
    return list(dict.fromkeys(found))


def of_ckms() -> list[bytes]:
    """What Cosmian's clients post, in both dialects."""
    found: list[Any] = []
    for older in (True, False):
        found.append(ckms.create(ckms.tags("a", "b", older=older), older=older))
        for operation, fields in USES:
            request: Any = _as_ckms(operation, fields, older=older)
            found.append(request)
    return [json.dumps(each).encode() for each in found]


def _as_ckms(operation: Operation, fields: dict[str, Any], *, older: bool) -> Any:
    children = []
    if "unique_identifier" in fields:
        children.append(ckms.text("UniqueIdentifier", fields["unique_identifier"]))
    if "data" in fields:
        children.append(ckms.octets("Data", fields["data"]))
    return ckms.structure(operation.names[0], *children, older=older)


LENGTH = b"Content-Length: %d\r\n\r\n%s"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n"
POST = b"POST /kmip HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\n"
HEADS = (POST + LENGTH, POST + CHUNKED, POST + b"Expect: 100-continue\r\n" + LENGTH)
OTHERS = (
    b"GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET /version HTTP/1.1\r\nHost: x\r\n\r\n",
    b"HEAD /server-info HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /kmip HTTP/1.0\r\n\r\n",
    (POST + LENGTH).replace(b"/kmip", b"/access/grant") % (b"application/json", 2, b"{}"),
    b"GET /health HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer strongroom-x\r\n\r\n",
)


def of_http() -> list[bytes]:
    """Requests of HTTP, alone and one after the other."""
    found = list(OTHERS)
    few = list(typed())[::9]
    for number, each in enumerate(few):
        for codec in CODECS.values():
            body = codec.encode(each)
            head = HEADS[number % len(HEADS)]
            found.append(head % (codec.media_type.encode(), len(body), body))
    for body in of_ckms():
        found.append(
            (HEADS[0] % (b"application/json", len(body), body)).replace(b"/kmip", b"/kmip/2_1", 1)
        )
    found += [one + other for one, other in zip(found[::3], found[1::3], strict=False)]
    return found


SEEDS: dict[str, Callable[[], list[bytes]]] = {
    "TTLV": lambda: of_codec("TTLV"),
    "JSON": lambda: of_codec("JSON"),
    "XML": lambda: of_codec("XML"),
    "ckms": of_ckms,
    "HTTP": of_http,
}
"""By target."""
