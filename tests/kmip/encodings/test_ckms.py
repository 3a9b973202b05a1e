"""What Cosmian's clients send and expect, in both dialects."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kmip.encodings.ckms import newer
from kmip.encodings.ckms.exchange import Exchange
from kmip.encodings.ckms.requests import MAX_TAGS, CovercryptUnsupported
from kmip.encodings.json import decode, encode
from kmip.enums import ResultReason
from kmip.errors import FeatureNotSupported, InvalidField, InvalidMessage
from tests.kmip.encodings.items_of_all_kinds import patient

NOW = 1_800_000_000


def structure(tag, *children, older):
    return {"tag": tag, **({"type": "Structure"} if older else {}), "value": list(children)}


def text(tag, value):
    return {"tag": tag, "type": "TextString", "value": value}


def octets(tag, value):
    return {"tag": tag, "type": "ByteString", "value": value.hex().upper()}


def enumeration(tag, name):
    return {"tag": tag, "type": "Enumeration", "value": name}


def tags(*names, older):
    """The tags of an object, as each dialect has them."""
    array = json.dumps(list(names))
    named = [text("VendorIdentification", "cosmian"), text("AttributeName", "tag")]
    if not older:
        return structure("Attribute", *named, text("AttributeValue", array), older=False)
    inner = structure("VendorAttributes", *named, octets("AttributeValue", array.encode()), older=1)
    return structure("VendorAttributes", inner, older=True)


def create(*attributes, older, algorithm="AES"):
    return structure(
        "Create",
        enumeration("ObjectType", "SymmetricKey"),
        structure(
            "Attributes", enumeration("CryptographicAlgorithm", algorithm), *attributes, older=older
        ),
        older=older,
    )


def read(request):
    """The message that a request is, as JSON of the specification."""
    exchange = Exchange(NOW)
    return exchange, json.loads(encode(exchange.decode(json.dumps(request).encode())))


def payloads(message):
    return [each["value"][-1] for each in message["value"] if each["tag"] == "BatchItem"]


def values(node, tag):
    """The values of all nodes with a tag, wherever they are."""
    inner = node["value"] if isinstance(node["value"], list) else []
    own = [node["value"]] if node["tag"] == tag else []
    return own + [found for each in inner for found in values(each, tag)]


dialects = pytest.mark.parametrize("older", [True, False], ids=["4.x", "5.x"])


@dialects
def test_an_operation_becomes_a_message_of_2_1(older):
    _, message = read(structure("Destroy", text("UniqueIdentifier", "k"), older=older))
    assert message["tag"] == "RequestMessage"
    assert values(message, "ProtocolVersionMajor") == [2]
    assert values(message, "ProtocolVersionMinor") == [1]
    assert values(message, "Operation") == ["Destroy"]
    assert values(message, "UniqueIdentifier") == ["k"]


@dialects
def test_each_tag_is_a_value_of_a_vendor_attribute(older):
    _, message = read(create(tags("a", "b", "a", "_kk", older=older), older=older))
    assert values(message, "VendorIdentification") == ["cosmian"] * 2
    assert values(message, "AttributeName") == ["tag"] * 2
    assert values(message, "AttributeValue") == ["a", "b"]
    _, message = read(create(tags(older=older), older=older))
    assert values(message, "AttributeValue") == []


def test_no_vendor_attributes_are_none():
    _, message = read(create(structure("VendorAttributes", older=True), older=True))
    assert values(message, "Attribute") == []


def test_another_vendor_s_attribute_stays_what_it_is():
    named = [text("VendorIdentification", "acme"), text("AttributeName", "colour")]
    inner = structure("VendorAttributes", *named, octets("AttributeValue", b"\xff"), older=True)
    _, message = read(create(structure("VendorAttributes", inner, older=True), older=True))
    assert values(message, "AttributeValue") == ["ff"]


def test_a_key_of_an_older_client_is_active_at_once_unless_it_says_when():
    _, message = read(create(older=True))
    assert values(message, "ActivationDate") == ["2027-01-15T08:00:00+00:00"]
    date = {"tag": "ActivationDate", "type": "DateTime", "value": "2030-01-01T00:00:00+00:00"}
    _, message = read(create(date, older=True))
    assert values(message, "ActivationDate") == ["2030-01-01T00:00:00+00:00"]
    _, message = read(create(older=False))
    assert values(message, "ActivationDate") == []


@dialects
@pytest.mark.parametrize("algorithm, mode", [("AES", ["GCM"]), ("ChaCha20", []), ("SEED", None)])
def test_a_key_has_the_parameters_by_which_these_clients_encrypt(older, algorithm, mode):
    _, message = read(create(older=older, algorithm=algorithm))
    assert bool(values(message, "CryptographicParameters")) == (mode is not None)
    assert values(message, "BlockCipherMode") == (mode or [])
    own = structure("CryptographicParameters", enumeration("BlockCipherMode", "CBC"), older=older)
    _, message = read(create(own, older=older, algorithm=algorithm))
    assert values(message, "BlockCipherMode") == ["CBC"]


def test_names_of_the_older_dialect_are_read():
    nonce = octets("IvCounterNonce", bytes(12))
    _, message = read(structure("Decrypt", octets("Data", b"x"), nonce, older=True))
    assert values(message, "IVCounterNonce") == ["00" * 12]
    reason = text("RevocationReason", "lost")
    _, message = read(structure("Revoke", text("UniqueIdentifier", "k"), reason, older=True))
    assert values(message, "RevocationReasonCode") == ["Unspecified"]
    assert values(message, "RevocationMessage") == ["lost"]
    block = structure("KeyBlock", enumeration("KeyFormatType", "Raw"), older=True)
    kind = enumeration("ObjectType", "SymmetricKey")
    _, message = read(
        structure("Register", kind, structure("Object", block, older=True), older=True)
    )
    assert [each["tag"] for each in payloads(message)[0]["value"]] == ["ObjectType", "SymmetricKey"]
    link = structure("Link", enumeration("LinkType", "PublicKeyLink"), older=True)
    _, message = read(create(structure("Link", link, link, older=True), older=True))
    assert values(message, "LinkType") == ["PublicKeyLink"] * 2


@pytest.mark.parametrize(
    "digits, number",
    [
        ("0x01", 1),
        ("0xFF", -1),
        ("0x00FF", 255),
        ("0xABC", 0xABC),
        ("0x7FFFFFFFFFFFFFFF01", (0x7FFFFFFFFFFFFFFF << 8) + 1),
    ],
)
def test_a_big_integer_need_not_fill_its_last_word(digits, number):
    modulus = {"tag": "Modulus", "type": "BigInteger", "value": digits}
    _, message = read(structure("Register", modulus, older=False))
    (written,) = values(message, "Modulus")
    assert int.from_bytes(bytes.fromhex(written[2:]), "big", signed=True) == number


@dialects
def test_a_list_of_tags_locates_the_object_first(older):
    identifier = text("UniqueIdentifier", '["_kk","mine"]')
    _, message = read(structure("Encrypt", identifier, octets("Data", b"x"), older=older))
    locate, encrypt = payloads(message)
    assert values(message, "Operation") == ["Locate", "Encrypt"]
    assert values(locate, "ObjectType") == ["SymmetricKey"]
    assert values(locate, "AttributeValue") == ["mine"]
    assert values(locate, "MaximumItems") == [2]
    assert values(encrypt, "UniqueIdentifier") == []
    assert values(encrypt, "Data") == ["78"]


@dialects
@pytest.mark.parametrize("array", ["[", "[1]", "[null]", json.dumps(["a"] * MAX_TAGS + ["b"] * 0)])
def test_what_is_no_list_of_tags_is_refused(older, array):
    request = structure("Get", text("UniqueIdentifier", array), older=older)
    if array.startswith('["a"'):
        read(request)  # the same one, however often
        many = json.dumps([str(number) for number in range(MAX_TAGS + 1)])
        request = structure("Get", text("UniqueIdentifier", many), older=older)
    with pytest.raises(InvalidField, match="tags"):
        read(request)


@dialects
@pytest.mark.parametrize("array", ["[]", "[ ]"])
def test_no_tag_at_all_names_no_object(older, array):
    with pytest.raises(InvalidField, match="one tag at least"):
        read(structure("Destroy", text("UniqueIdentifier", array), older=older))


@dialects
@pytest.mark.parametrize("others", [["k"], ['["b"]'], ["k", "l"]])
def test_tags_are_not_passed_over_for_other_identifiers_beside_them(older, others):
    named = [text("UniqueIdentifier", each) for each in ['["a"]', *others]]
    for each in (named, named[::-1]):
        with pytest.raises(InvalidField, match="beside"):
            read(structure("Validate", *each, older=older))


@dialects
def test_covercrypt_is_refused_by_its_name(older):
    with pytest.raises(CovercryptUnsupported, match="Covercrypt is not supported"):
        read(create(older=older, algorithm="CoverCrypt"))


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"1", b"{}", b'{"tag":1}', b'{"tag":"Fly"}', b'{"tag":"Get","value":[1]}']
)
def test_what_is_no_operation_is_refused(data):
    with pytest.raises(InvalidMessage):
        Exchange(NOW).decode(data)


NAMED = [text("VendorIdentification", "cosmian"), text("AttributeName", "tag")]


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "TextString", "value": '["a"]'},
        {"tag": [], "value": 1},
        {"tag": {"tag": "Get"}, "value": []},
        {"tag": None, "value": 1},
        {"tag": "Attributes", "value": [{"value": 1}]},
        {"tag": "Attribute", "value": NAMED},
        {"tag": "VendorAttributes", "value": [{"tag": "VendorAttributes", "value": NAMED}]},
    ],
)
def test_an_item_without_its_tag_or_its_value_is_refused(wrong):
    with pytest.raises(InvalidMessage):
        read({"tag": "Create", "value": [wrong]})


@pytest.mark.parametrize("kind", [[], {}, {"tag": "x"}, 7, None])
def test_an_object_of_no_kind_stays_what_it_is(kind):
    request = {
        "tag": "Register",
        "value": [{"tag": "ObjectType", "value": kind}, {"tag": "Object"}],
    }
    with pytest.raises(InvalidMessage):
        read(request)


def test_nothing_is_nested_too_deep():
    deep = '{"tag":"Get","value":[' * 5000 + "]}" * 5000
    with pytest.raises(InvalidMessage):
        Exchange(NOW).decode(deep.encode())
    deep = '{"tag":"Get","value":[' * 300 + "]}" * 300
    with pytest.raises(InvalidMessage):
        Exchange(NOW).decode(deep.encode())


scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
NAMES = ["VendorAttributes", "Attribute", "AttributeName", "AttributeValue", "UniqueIdentifier"]
nodes = st.recursive(
    scalars,
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "tag": st.sampled_from([*NAMES, "Object", "ObjectType", "Link", "RevocationReason"])
            | inner,
            "type": st.sampled_from(["Structure", "ByteString", "TextString", "BigInteger"]),
            "value": inner | st.lists(inner, max_size=3),
        },
    ),
    max_leaves=12,
)


@given(st.binary(max_size=50) | nodes.map(lambda node: json.dumps(node).encode()))
@settings(patient, max_examples=300)
def test_any_bytes_are_a_message_or_refused(data):
    wrapped = b'{"tag":"Get","value":[' + data + b"]}"
    for each in (data, wrapped):
        try:
            Exchange(NOW).decode(each)
        except (InvalidMessage, InvalidField):
            continue


# Answers


def answered(request, *items):
    """What a client is given for a response message of these batch items."""
    exchange = Exchange(NOW)
    exchange.decode(json.dumps(request).encode())
    message = structure("ResponseMessage", *items, older=False)
    written = exchange.encode(decode(json.dumps(message).encode()))
    return exchange, written.decode()


def succeeded(*fields):
    status = enumeration("ResultStatus", "Success")
    payload = structure("ResponsePayload", *fields, older=False)
    return structure("BatchItem", status, payload, older=False)


def failed(reason, message):
    status = enumeration("ResultStatus", "OperationFailed")
    why = [enumeration("ResultReason", reason), text("ResultMessage", message)]
    return structure("BatchItem", status, *why, older=False)


def attribute(vendor, name, value):
    named = [text("VendorIdentification", vendor), text("AttributeName", name)]
    return structure("Attribute", *named, text("AttributeValue", value), older=False)


def test_an_answer_is_in_the_dialect_of_its_request():
    fields = [octets("Data", b"\xab"), octets("IVCounterNonce", b"\xcd")]
    for older in (True, False):
        request = structure("Encrypt", text("UniqueIdentifier", "k"), older=older)
        exchange, written = answered(request, succeeded(*fields))
        answer = json.loads(written)
        assert exchange.failure is None
        assert answer["tag"] == "EncryptResponse"
        assert (answer.get("type") == "Structure") == older
        nonce = "IvCounterNonce" if older else "IVCounterNonce"
        assert [(each["tag"], each["value"]) for each in answer["value"]] == [
            ("Data", "AB"),
            (nonce, "CD"),
        ]


@pytest.mark.parametrize("found", [[], ["one"], ["one", "two"]])
def test_what_an_older_client_locates_is_in_one_structure(found):
    count = {"tag": "LocatedItems", "type": "Integer", "value": len(found)}
    identifiers = [text("UniqueIdentifier", each) for each in found]
    _, written = answered(structure("Locate", older=True), succeeded(count, *identifiers))
    located, listed = json.loads(written)["value"]
    assert located["value"] == len(found)
    assert listed == {"tag": "UniqueIdentifier", "type": "Structure", "value": identifiers}
    _, written = answered(structure("Locate", older=False), succeeded(count, *identifiers))
    assert json.loads(written)["value"][1:] == identifiers


@dialects
def test_what_is_called_chacha20_is_chacha20_poly1305(older):
    _, message = read(create(older=older, algorithm="ChaCha20"))
    assert values(message, "CryptographicAlgorithm") == ["ChaCha20Poly1305"] * 2
    algorithm = enumeration("CryptographicAlgorithm", "ChaCha20Poly1305")
    attributes = structure("Attributes", algorithm, older=False)
    _, written = answered(structure("GetAttributes", older=older), succeeded(attributes))
    assert values(json.loads(written), "CryptographicAlgorithm") == ["ChaCha20"]


def test_tags_come_back_as_one_array_in_both_dialects():
    attributes = structure(
        "Attributes",
        enumeration("State", "Active"),
        attribute("cosmian", "tag", "a"),
        attribute("acme", "colour", "red"),
        attribute("cosmian", "tag", "é"),
        older=False,
    )
    request = {"older": True}
    _, written = answered(structure("GetAttributes", **request), succeeded(attributes))
    (only,) = json.loads(written)["value"][0]["value"]
    assert only["tag"] == "VendorAttributes"  # State is not read by these clients
    arrays = [bytes.fromhex(each).decode() for each in values(only, "AttributeValue")]
    assert arrays == ["red", '["a","é"]']
    _, written = answered(structure("GetAttributes", older=False), succeeded(attributes))
    assert values(json.loads(written), "AttributeValue") == ["red", '["a","é"]']
    assert values(json.loads(written), "State") == ["Active"]


def test_an_object_has_the_tag_that_each_dialect_reads():
    key = structure("SymmetricKey", structure("KeyBlock", older=False), older=False)
    _, written = answered(structure("Get", older=True), succeeded(key))
    assert json.loads(written)["value"][0]["tag"] == "Object"
    _, written = answered(structure("Get", older=False), succeeded(key))
    assert json.loads(written)["value"][0]["tag"] == "SymmetricKey"


@dialects
def test_what_fails_is_a_text_and_a_reason(older):
    request = structure("Get", text("UniqueIdentifier", "k"), older=older)
    exchange, written = answered(request, failed("PermissionDenied", "it may not be given"))
    assert (exchange.failure, written) == (ResultReason.PERMISSION_DENIED, "it may not be given")


@pytest.mark.parametrize(
    "found, said",
    [([], "no object has the tags a, b"), (["1", "2"], "several objects have the tags a, b")],
)
def test_tags_that_lead_to_no_single_object_are_told(found, said):
    request = structure("Get", text("UniqueIdentifier", '["a","b"]'), older=True)
    located = succeeded(*(text("UniqueIdentifier", each) for each in found))
    _, written = answered(request, located, failed("ItemNotFound", "there is no object"))
    assert written == said
    one = succeeded(text("UniqueIdentifier", "1"))
    _, written = answered(request, one, failed("PermissionDenied", "no"))
    assert written == "no"


def test_a_whole_message_is_answered_by_one():
    request = structure("RequestMessage", older=False)
    _, written = answered(request, failed("ItemNotFound", "there is no object"))
    assert json.loads(written)["tag"] == "ResponseMessage"


def operation(request):
    """What a request of the newer dialect asks for: the operation, and its payload as JSON."""
    message = Exchange(NOW).decode(json.dumps(request).encode())
    (item,) = [
        child for child in json.loads(encode(message))["value"] if child["tag"] == "BatchItem"
    ]
    named, _, payload = item["value"]
    return named["value"], payload["value"]


def found(payload, *path):
    """The value at a path of tags."""
    for tag in path:
        (node,) = [each for each in payload if each["tag"] == tag]
        payload = node["value"]
    return payload


def test_names_without_marks_are_understood():
    parameters = structure(
        "CryptographicParameters", enumeration("HashingAlgorithm", "SHA3256"), older=False
    )
    name, payload = operation(structure("Hash", parameters, octets("Data", b"a"), older=False))
    assert name == "Hash"
    assert found(payload, "CryptographicParameters", "HashingAlgorithm") == "SHA_3_256"


def test_a_name_that_is_none_stays_refused():
    parameters = structure(
        "CryptographicParameters", enumeration("HashingAlgorithm", "SHA257"), older=False
    )
    with pytest.raises(InvalidMessage):
        operation(structure("Hash", parameters, octets("Data", b"a"), older=False))


def test_an_import_without_an_identifier_is_a_register():
    key = structure("SymmetricKey", older=False)
    name, payload = operation(
        structure(
            "Import",
            text("UniqueIdentifier", ""),
            enumeration("ObjectType", "SymmetricKey"),
            {"tag": "ReplaceExisting", "type": "Boolean", "value": False},
            structure("Attributes", text("UniqueIdentifier", "x"), older=False),
            key,
            older=False,
        )
    )
    assert name == "Register"
    assert [each["tag"] for each in payload] == ["ObjectType", "Attributes", "SymmetricKey"]
    assert found(payload, "Attributes") == []


def test_an_authority_of_the_client_s_own_is_refused():
    link = structure(
        "Link",
        enumeration("LinkType", "PrivateKeyLink"),
        text("LinkedObjectIdentifier", "x"),
        older=False,
    )
    with pytest.raises(FeatureNotSupported):
        operation(structure("Certify", structure("Attributes", link, older=False), older=False))


def test_what_is_signed_without_saying_how_is_signed_by_sha_256_and_pss():
    _, payload = operation(structure("Sign", octets("Data", b"a"), older=False))
    assert found(payload, "CryptographicParameters", "HashingAlgorithm") == "SHA_256"
    assert found(payload, "CryptographicParameters", "PaddingMethod") == "PSS"


def test_an_answer_has_numbers_for_masks_names_without_marks_and_equal_tags_together():
    nodes = [
        text("Name", "a"),
        {"tag": "CryptographicUsageMask", "type": "Integer", "value": "Encrypt Decrypt"},
        enumeration("HashingAlgorithm", "SHA_256"),
        text("Name", "b"),
        {"tag": "RotateInterval", "type": "Interval", "value": 86400},
    ]
    assert newer.write(nodes) == [
        text("Name", "a"),
        text("Name", "b"),
        {"tag": "CryptographicUsageMask", "type": "Integer", "value": 12},
        enumeration("HashingAlgorithm", "SHA256"),
        {"tag": "RotateInterval", "type": "LongInteger", "value": "0x0000000000015180"},
    ]
