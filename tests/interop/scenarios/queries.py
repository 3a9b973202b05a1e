"""What the server says of itself."""

from kmip.core import enums
from kmip.core.messages.contents import ProtocolVersion

from scenarios import VERSIONS, Reason, scenario

Ask = enums.QueryFunction
FUNCTIONS = {
    "1.0": [
        Ask.QUERY_OPERATIONS,
        Ask.QUERY_OBJECTS,
        Ask.QUERY_SERVER_INFORMATION,
        Ask.QUERY_APPLICATION_NAMESPACES,
    ],
    "1.1": [Ask.QUERY_EXTENSION_LIST, Ask.QUERY_EXTENSION_MAP],
    "1.2": [Ask.QUERY_ATTESTATION_TYPES],
    "1.3": [
        Ask.QUERY_RNGS,
        Ask.QUERY_VALIDATIONS,
        Ask.QUERY_PROFILES,
        Ask.QUERY_CAPABILITIES,
        Ask.QUERY_CLIENT_REGISTRATION_METHODS,
    ],
    "2.0": [Ask.QUERY_DEFAULTS_INFORMATION],
}
"""The functions that came with each version; not QUERY_STORAGE_PROTECTION_MASKS, whose answer the
client expects without the structure that the specification puts around it (2.0 section 7.27)."""

PERFORMED = {
    "1.0": "CREATE CREATE_KEY_PAIR REGISTER REKEY DERIVE_KEY LOCATE CHECK GET GET_ATTRIBUTES "
    "GET_ATTRIBUTE_LIST MODIFY_ATTRIBUTE DELETE_ATTRIBUTE ACTIVATE REVOKE DESTROY QUERY",
    "1.1": "REKEY_KEY_PAIR DISCOVER_VERSIONS",
    "1.2": "ENCRYPT DECRYPT SIGN SIGNATURE_VERIFY MAC",
    "2.0": "SET_ATTRIBUTE",
}
"""The operations that PyKMIP's clients ask for, by the version they came with."""


def until(table, version):
    return [each for came, entries in table.items() if came <= version for each in entries]


@scenario()
def query(door):
    """Every Query function that the version has, at once and each alone."""
    functions = until(FUNCTIONS, door.version)
    for requested in [functions, *([each] for each in functions)]:
        result = door.proxy.query(query_functions=requested)
        assert result.result_status.value == enums.ResultStatus.SUCCESS, requested
        if Ask.QUERY_OPERATIONS in requested:
            performed = {each.name for each in result.operations}
            lines = {came: line.split() for came, line in PERFORMED.items()}
            assert performed >= set(until(lines, door.version))
            assert ("ENCRYPT" in performed) == (door.version >= "1.2")
            assert ("SET_ATTRIBUTE" in performed) == door.is_2
        if Ask.QUERY_OBJECTS in requested:
            types = {each.name for each in result.object_types}
            assert types >= {
                "CERTIFICATE", "SYMMETRIC_KEY", "PUBLIC_KEY", "PRIVATE_KEY", "SPLIT_KEY",
                "SECRET_DATA", "OPAQUE_DATA",
            }  # fmt: skip
            assert ("TEMPLATE" in types) == (door.version <= "1.4")
        if Ask.QUERY_SERVER_INFORMATION in requested:
            assert "Strongroom" in result.vendor_identification


@scenario()
def discover_versions(door):
    """The best version first; clients send this in any version, and 1.0 has it not."""
    result = door.proxy.discover_versions()
    assert result.result_status.value == enums.ResultStatus.SUCCESS
    spoken = [float(str(each)) for each in result.protocol_versions]
    assert spoken == sorted(spoken, reverse=True)
    assert set(spoken) >= set(VERSIONS)


@scenario()
def discover_versions_of_a_list(door):
    """Only what both speak, in the server's order."""
    for requested, common in [
        ([(1, 4)], ["1.4"]),
        ([(1, 0), (2, 0), (1, 2)], ["2.0", "1.2", "1.0"]),
        ([(1, 0), (9, 9)], ["1.0"]),
        ([(9, 9)], []),
    ]:
        result = door.proxy.discover_versions(
            protocol_versions=[ProtocolVersion(*each) for each in requested]
        )
        assert [str(each) for each in result.protocol_versions] == common


@scenario(until="1.1")
def cryptography_is_not_in_the_old_versions(door):
    """A client that asks in a version without the operation is told so, and can go on."""
    uid = door.client.create(enums.CryptographicAlgorithm.AES, 128)
    result = door.proxy.encrypt(b"data", unique_identifier=uid)
    assert result["result_reason"] == Reason.OPERATION_NOT_SUPPORTED
    assert door.client.get(uid).cryptographic_length == 128
