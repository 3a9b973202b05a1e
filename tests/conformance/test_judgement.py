"""The judgement itself: what it lets pass, and what it does not."""

import pytest

from kmip.encodings import ttlv, xml
from kmip.tags import Tag
from tests.conformance.case_state import CaseState, placeholder, walk
from tests.conformance.cases import NOW, Exchange, all_cases, is_relative, needs_cases, read
from tests.conformance.difference import Difference
from tests.conformance.player import (
    Clock,
    Server,
    missing,
    play,
    play_exchanges,
    preludes,
    reason_not_to_play,
)

STARTED = 1_900_000_000

HEADER = """<{0}Header>
  <ProtocolVersion>
    <ProtocolVersionMajor type="Integer" value="{1[0]}"/>
    <ProtocolVersionMinor type="Integer" value="{1[2]}"/>
  </ProtocolVersion>
  {2}<BatchCount type="Integer" value="{3}"/>
</{0}Header>"""


def message(kind, version, *items):
    """A message of one version, of batch items."""
    stamp = f'<TimeStamp type="DateTime" value="0x{NOW:016x}"/>' if kind == "Response" else ""
    header = HEADER.format(kind, version, stamp, len(items))
    document = f"<{kind}Message>{header}{''.join(items)}</{kind}Message>"
    return xml.decode(document.encode())


def request(operation, payload="", version="1.4"):
    return message(
        "Request",
        version,
        f'<BatchItem><Operation type="Enumeration" value="{operation}"/>'
        f"<RequestPayload>{payload}</RequestPayload></BatchItem>",
    )


def response(operation, payload="", version="1.4"):
    return message(
        "Response",
        version,
        f'<BatchItem><Operation type="Enumeration" value="{operation}"/>'
        f'<ResultStatus type="Enumeration" value="Success"/>'
        f"<ResponsePayload>{payload}</ResponsePayload></BatchItem>",
    )


def failure(operation, reason, text="no"):
    return message(
        "Response",
        "1.4",
        f'<BatchItem><Operation type="Enumeration" value="{operation}"/>'
        f'<ResultStatus type="Enumeration" value="OperationFailed"/>'
        f'<ResultReason type="Enumeration" value="{reason}"/>'
        f'<ResultMessage type="TextString" value="{text}"/></BatchItem>',
    )


def leaf(name, kind, value):
    return f'<{name} type="{kind}" value="{value}"/>'


def identifier(value, name="UniqueIdentifier"):
    return leaf(name, "TextString", value)


def attribute(name, kind, value, index=""):
    return (
        f"<Attribute>{leaf('AttributeName', 'TextString', name)}{index}"
        f"{leaf('AttributeValue', kind, value)}</Attribute>"
    )


def at(seconds):
    return f"0x{seconds:016x}"


def printed(item):
    """What a server would have answered that answers as printed."""
    name = placeholder(item.value)
    if item.tag == Tag.TIME_STAMP and not is_relative(item.value):
        return item._replace(value=STARTED)
    if is_relative(item.value):
        return item._replace(value=STARTED + item.value - NOW)
    if name is not None:
        value = name[1:] if isinstance(item.value, str) else name[1:].encode().ljust(32, b"_")
        return item._replace(value=value)
    if not item.children:
        return item
    return item._replace(value=tuple(map(printed, item.children)))


def replay(*answers):
    """A server that gives these answers, whatever it is asked."""
    left = list(answers)

    async def answer(_message):
        return ttlv.encode(printed(left.pop(0)))

    return Server(answer, Clock(STARTED))


async def judged(*exchanges, answers=None, stem=""):
    """Play requests with expected responses against a server that gives `answers`."""
    pairs = [Exchange(*exchange) for exchange in exchanges]
    server = replay(*(answers or [pair.response for pair in pairs]))
    await play_exchanges(pairs, server, CaseState(STARTED), stem)


NOT_REPLAYED = {"TC-RNG-ATTR-2-13": "it asks for a placeholder that no response has"}


@needs_cases
@pytest.mark.parametrize("case", [c for c in all_cases() if not reason_not_to_play(c)], ids=str)
async def test_what_is_printed_passes(case):
    """But for placeholders of random outputs, which must hold and which a replay cannot make."""
    if why_not := NOT_REPLAYED.get(case.name) or missing(case):
        pytest.skip(why_not)
    answers = [
        exchange.response
        for exchanges in [*preludes(case), read(case.path)]
        for exchange in exchanges
    ]

    async def start():
        return replay(*answers)

    try:
        await play(case, start)
    except Difference as difference:
        assert "holds with the registered key" in str(difference)  # noqa: PT017
        assert any(
            placeholder(item.value) in ("$SIGNATURE_DATA", "$DATA")
            for answer in answers
            for item in walk(answer)
        )


CREATE = (
    request("Create", leaf("ObjectType", "Enumeration", "SymmetricKey")),
    response(
        "Create",
        leaf("ObjectType", "Enumeration", "SymmetricKey") + identifier("$UNIQUE_IDENTIFIER_0"),
    ),
)
DESTROY = (
    request("Destroy", identifier("$UNIQUE_IDENTIFIER_0")),
    response("Destroy", identifier("$UNIQUE_IDENTIFIER_0")),
)
DESTROY_X = (request("Destroy", identifier("x")), response("Destroy", identifier("x")))
REGISTER = (
    request("Register", leaf("KeyMaterial", "ByteString", "0011")),
    response("Register", identifier("$UNIQUE_IDENTIFIER_0")),
)


def get(material, kind="ByteString"):
    return response(
        "Get",
        leaf("ObjectType", "Enumeration", "SymmetricKey")
        + identifier("$UNIQUE_IDENTIFIER_0")
        + "<SymmetricKey><KeyBlock>"
        + leaf("KeyFormatType", "Enumeration", "Raw")
        + f"<KeyValue>{leaf('KeyMaterial', kind, material)}</KeyValue>"
        + "</KeyBlock></SymmetricKey>",
    )


GET = request("Get", identifier("$UNIQUE_IDENTIFIER_0"))
GET_X = request("Get", identifier("x"))
SHOW = request("GetAttributes", identifier("$UNIQUE_IDENTIFIER_0"))


def attributes_response(*attributes):
    return response("GetAttributes", identifier("$UNIQUE_IDENTIFIER_0") + "".join(attributes))


STATE = attribute("State", "Enumeration", "PreActive")
LENGTH = attribute("Cryptographic Length", "Integer", "128")
INDEX = leaf("AttributeIndex", "Integer", "{}")
STORED = request("Register", attribute("Activation Date", "DateTime", at(NOW - 60)))
STORED_AT = attribute("Activation Date", "DateTime", at(NOW - 60))
FIND = request("Locate")


def located(*identifiers, count=""):
    return response("Locate", count + "".join(map(identifier, identifiers)))


QUERY = request("Query", leaf("QueryFunction", "Enumeration", "QueryOperations"))


def queried(*operations):
    return response("Query", "".join(leaf("Operation", "Enumeration", o) for o in operations))


def discovered(*versions):
    return response(
        "DiscoverVersions",
        "".join(
            "<ProtocolVersion>"
            + leaf("ProtocolVersionMajor", "Integer", version[0])
            + leaf("ProtocolVersionMinor", "Integer", version[2])
            + "</ProtocolVersion>"
            for version in versions
        ),
    )


DISCOVER = request("DiscoverVersions")
ENCRYPT = request(
    "Encrypt", identifier("$UNIQUE_IDENTIFIER_0") + leaf("Data", "ByteString", "00" * 8)
)


def encrypted(data):
    return response(
        "Encrypt", identifier("$UNIQUE_IDENTIFIER_0") + leaf("Data", "ByteString", data)
    )


SEED = request("RNGSeed", leaf("Data", "ByteString", "00" * 8))


def seeded(count):
    return response("RNGSeed", leaf("DataLength", "Integer", count))


def digest(value):
    return (
        f"<Attribute>{leaf('AttributeName', 'TextString', 'Digest')}<AttributeValue>"
        + leaf("HashingAlgorithm", "Enumeration", "SHA_256")
        + leaf("DigestValue", "ByteString", value)
        + leaf("KeyFormatType", "Enumeration", "Raw")
        + "</AttributeValue></Attribute>"
    )


PASSES = {
    "R2: another identifier": (
        [CREATE],
        [response("Create", leaf("ObjectType", "Enumeration", "SymmetricKey") + identifier("x"))],
    ),
    "R4: another message": (
        [(GET_X, failure("Get", "ItemNotFound"))],
        [failure("Get", "ItemNotFound", "gone")],
    ),
    "R7: another key of that length": ([CREATE, (GET, get("aabb"))], [CREATE[1], get("ccdd")]),
    "R9: another cipher text of that length": (
        [CREATE, (ENCRYPT, encrypted("aabb"))],
        [CREATE[1], encrypted("ccdd")],
    ),
    "R10: index 0 is left out": (
        [
            CREATE,
            (
                SHOW,
                attributes_response(attribute("State", "Enumeration", "Active", INDEX.format(0))),
            ),
        ],
        [CREATE[1], attributes_response(attribute("State", "Enumeration", "Active"))],
    ),
    "R11: attributes in another order, and more of them": (
        [CREATE, (SHOW, attributes_response(STATE, LENGTH))],
        [CREATE[1], attributes_response(LENGTH, attribute("Name", "TextString", "x"), STATE)],
    ),
    "R12: a date of the server's": (
        [CREATE, (SHOW, attributes_response(attribute("Initial Date", "DateTime", at(1_000))))],
        [CREATE[1], attributes_response(attribute("Initial Date", "DateTime", at(STARTED)))],
    ),
    "R13: another digest of a key made there": (
        [CREATE, (SHOW, attributes_response(digest("00" * 32)))],
        [CREATE[1], attributes_response(digest("11" * 32))],
    ),
    "R14: another lease": (
        [CREATE, (SHOW, attributes_response(attribute("Lease Time", "Interval", 1)))],
        [CREATE[1], attributes_response(attribute("Lease Time", "Interval", 2))],
    ),
    "R16: more versions": (
        [(DISCOVER, discovered("1.4", "1.0"))],
        [discovered("2.0", "1.4", "1.0")],
    ),
    "R17: found in another order": (
        [CREATE, CREATE, (FIND, located("$UNIQUE_IDENTIFIER_0", "$UNIQUE_IDENTIFIER_1"))],
        [CREATE[1], CREATE[1], located("b", "UNIQUE_IDENTIFIER_0")],
    ),
    "R17: counted": (
        [CREATE, (FIND, located("$UNIQUE_IDENTIFIER_0"))],
        [CREATE[1], located("UNIQUE_IDENTIFIER_0", count=leaf("LocatedItems", "Integer", 1))],
    ),
    "R18: more operations": ([(QUERY, queried("Create"))], [queried("Get", "Create")]),
    "R20: a part of the seed": ([(SEED, seeded(8))], [seeded(3)]),
    "R20: no seed": ([(SEED, seeded(8))], [failure("RNGSeed", "PermissionDenied")]),
}


@pytest.mark.parametrize("exchanges, answers", PASSES.values(), ids=PASSES)
async def test_an_answer_passes(exchanges, answers):
    await judged(*exchanges, answers=answers)


def late(item):
    """A message with another time stamp."""
    if item.tag == Tag.TIME_STAMP:
        return item._replace(value=NOW + 999)
    return item._replace(value=tuple(map(late, item.children))) if item.children else item


FAILS = {
    "R1: a field is missing": ([CREATE], [response("Create", identifier("x"))]),
    "R1: a field is added": (
        [DESTROY_X],
        [response("Destroy", identifier("x") + leaf("State", "Enumeration", "Active"))],
    ),
    "R1: another order": (
        [CREATE],
        [response("Create", identifier("x") + leaf("ObjectType", "Enumeration", "SymmetricKey"))],
    ),
    "R1: another type": (
        [CREATE],
        [
            response(
                "Create",
                leaf("ObjectType", "Enumeration", "SymmetricKey")
                + leaf("UniqueIdentifier", "Identifier", "x"),
            )
        ],
    ),
    "R1: another value": (
        [CREATE],
        [response("Create", leaf("ObjectType", "Enumeration", "PublicKey") + identifier("x"))],
    ),
    "R1: another version": ([DESTROY_X], [response("Destroy", identifier("x"), "1.3")]),
    "R1: another outcome": ([DESTROY_X], [failure("Destroy", "ItemNotFound")]),
    "R1: another reason": (
        [(GET, failure("Get", "ItemNotFound"))],
        [failure("Get", "PermissionDenied")],
    ),
    "R1: another number of items": ([DESTROY_X], [message("Response", "1.4")]),
    "R2: no identifier": (
        [CREATE],
        [response("Create", leaf("ObjectType", "Enumeration", "SymmetricKey") + identifier(""))],
    ),
    "R2: another object": ([CREATE, DESTROY], [CREATE[1], response("Destroy", identifier("x"))]),
    "R3: a value that no response gave": ([DESTROY], [DESTROY[1]]),
    "R7: another length": ([CREATE, (GET, get("aabb"))], [CREATE[1], get("cc")]),
    "R7: another key the second time": (
        [CREATE, (GET, get("aabb")), (GET, get("aabb"))],
        [CREATE[1], get("ccdd"), get("eeff")],
    ),
    "R7: another key than the registered one": (
        [REGISTER, (GET, get("0011"))],
        [REGISTER[1], get("0012")],
    ),
    "R9: another cipher text of a registered key": (
        [REGISTER, (ENCRYPT, encrypted("aabb"))],
        [REGISTER[1], encrypted("ccdd")],
    ),
    "R10: the same index twice": (
        [CREATE, (SHOW, attributes_response(STATE))],
        [
            CREATE[1],
            attributes_response(
                STATE, *(attribute("Name", "TextString", name, INDEX.format(0)) for name in "ab")
            ),
        ],
    ),
    "R11: an attribute is missing": (
        [CREATE, (SHOW, attributes_response(STATE, LENGTH))],
        [CREATE[1], attributes_response(STATE)],
    ),
    "R11: an attribute twice": (
        [CREATE, (SHOW, attributes_response(STATE))],
        [CREATE[1], attributes_response(STATE, STATE)],
    ),
    "R11: another value": (
        [CREATE, (SHOW, attributes_response(LENGTH))],
        [CREATE[1], attributes_response(attribute("Cryptographic Length", "Integer", "256"))],
    ),
    "R11: one that was not asked for": (
        [
            CREATE,
            (
                request(
                    "GetAttributes",
                    identifier("$UNIQUE_IDENTIFIER_0")
                    + leaf("AttributeName", "TextString", "State"),
                ),
                attributes_response(STATE),
            ),
        ],
        [CREATE[1], attributes_response(STATE, LENGTH)],
    ),
    "R12: a date of the server's long ago": (
        [CREATE, (SHOW, attributes_response(attribute("Initial Date", "DateTime", at(1_000))))],
        [
            CREATE[1],
            attributes_response(attribute("Initial Date", "DateTime", at(STARTED - 1_000))),
        ],
    ),
    "R12: another date than the client's": (
        [(STORED, REGISTER[1]), (SHOW, attributes_response(STORED_AT))],
        [REGISTER[1], attributes_response(attribute("Activation Date", "DateTime", at(NOW - 59)))],
    ),
    "R12: another time stamp": ([DESTROY_X], [late(DESTROY_X[1])]),
    "R13: another digest of a registered key": (
        [REGISTER, (SHOW, attributes_response(digest("00" * 32)))],
        [REGISTER[1], attributes_response(digest("11" * 32))],
    ),
    "R13: a digest of another length": (
        [CREATE, (SHOW, attributes_response(digest("00" * 32)))],
        [CREATE[1], attributes_response(digest("11" * 31))],
    ),
    "R16: not the newest first": (
        [(DISCOVER, discovered("1.4", "1.0"))],
        [discovered("1.0", "1.4")],
    ),
    "R16: a version is missing": ([(DISCOVER, discovered("1.4", "1.0"))], [discovered("1.4")]),
    "R17: another object is found": (
        [CREATE, (FIND, located("$UNIQUE_IDENTIFIER_0"))],
        [CREATE[1], located("x")],
    ),
    "R17: more objects are found": (
        [CREATE, (FIND, located("$UNIQUE_IDENTIFIER_0"))],
        [CREATE[1], located("UNIQUE_IDENTIFIER_0", "x")],
    ),
    "R17: counted wrong": (
        [CREATE, (FIND, located("$UNIQUE_IDENTIFIER_0", count=leaf("LocatedItems", "Integer", 1)))],
        [CREATE[1], located("UNIQUE_IDENTIFIER_0", count=leaf("LocatedItems", "Integer", 2))],
    ),
    "R18: an operation is missing": ([(QUERY, queried("Create", "Get"))], [queried("Create")]),
    "R18: an operation twice": ([(QUERY, queried("Create"))], [queried("Create", "Create")]),
    "R18: an operation that does not exist": (
        [(QUERY, queried("Create"))],
        [queried("Create", "0x00000999")],
    ),
    "R18: what was not asked for": (
        [(QUERY, queried("Create"))],
        [
            response(
                "Query",
                leaf("Operation", "Enumeration", "Create")
                + leaf("ObjectType", "Enumeration", "SymmetricKey"),
            )
        ],
    ),
    "R20: more than the seed": ([(SEED, seeded(8))], [seeded(9)]),
}


@pytest.mark.parametrize("exchanges, answers", FAILS.values(), ids=FAILS)
async def test_an_answer_does_not_pass(exchanges, answers):
    with pytest.raises(Difference):
        await judged(*exchanges, answers=answers)


async def test_batch_items_answer_by_their_id():
    """R5: unless the client asks for order, items may be in any order."""

    def item(number, payload=""):
        status = leaf("ResultStatus", "Enumeration", "Success") if payload else ""
        tag = "ResponsePayload" if payload else "RequestPayload"
        return (
            "<BatchItem>"
            + leaf("Operation", "Enumeration", "Activate")
            + leaf("UniqueBatchItemID", "ByteString", f"0{number}")
            + f"{status}<{tag}>{payload or identifier(f'x{number}')}</{tag}></BatchItem>"
        )

    items = [item(number, identifier(f"x{number}")) for number in (1, 2)]
    exchange = (
        message("Request", "1.4", item(1), item(2)),
        message("Response", "1.4", *items),
    )
    await judged(exchange, answers=[message("Response", "1.4", *reversed(items))])


def pending():
    return message(
        "Response",
        "1.4",
        "<BatchItem>"
        + leaf("Operation", "Enumeration", "Destroy")
        + leaf("ResultStatus", "Enumeration", "OperationPending")
        + leaf("AsynchronousCorrelationValue", "ByteString", "01")
        + "</BatchItem>",
    )


async def test_what_would_be_answered_later_may_be_answered_at_once():
    """R22."""
    poll = request("Poll", leaf("AsynchronousCorrelationValue", "ByteString", "01"))
    exchanges = [(DESTROY_X[0], pending()), (poll, DESTROY_X[1]), CREATE]
    await judged(*exchanges, answers=[DESTROY_X[1], CREATE[1]])
    await judged(*exchanges, answers=[pending(), DESTROY_X[1], CREATE[1]])
    with pytest.raises(Difference):
        await judged(*exchanges, answers=[failure("Destroy", "ItemNotFound"), CREATE[1]])


async def test_bytes_that_are_no_message_do_not_pass():
    async def answer(_message):
        return b"no message"

    with pytest.raises(Difference, match="no response"):
        await play_exchanges(
            [Exchange(*DESTROY_X)], Server(answer, Clock(STARTED)), CaseState(STARTED)
        )


async def test_what_the_case_lets_pass_once_is_particular_to_it():
    """R18, R20: some cases are judged otherwise than all others."""
    less = [(QUERY, queried("Create", "Get"))], [queried("Create")]
    await judged(*less[0], answers=less[1], stem="MSGENC-XML-M-1")
    more = [(QUERY, queried("Create"))], [queried("Create", "Get")]
    with pytest.raises(Difference):
        await judged(*more[0], answers=more[1], stem="TC-DLOGIN-1")
    denied = [(GET_X, response("Get", identifier("x")))], [failure("Get", "PermissionDenied")]
    await judged(*denied[0], answers=denied[1], stem="TC-OTP-4")
    with pytest.raises(Difference):
        await judged(*denied[0], answers=denied[1])


async def test_the_clock_moves_where_a_case_waits():
    server = replay(*[DESTROY_X[1]] * 4)
    await play_exchanges([Exchange(*DESTROY_X)] * 4, server, CaseState(STARTED), "TC-92")
    assert server.clock() == STARTED + 125
