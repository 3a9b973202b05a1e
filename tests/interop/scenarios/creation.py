"""Objects of every type, made by the server or brought by the client."""

from cryptography.hazmat.primitives import serialization
from kmip.core import enums, misc
from kmip.core.attributes import Name
from kmip.core.factories.secrets import SecretFactory
from kmip.core.objects import TemplateAttribute
from kmip.core.secrets import Template
from kmip.pie import objects
from kmip.pie.exceptions import KmipOperationFailure
from kmip.services.kmip_protocol import RequestLengthMismatch

from scenarios import A, Mask, Reason, Type, attribute, refused, scenario, state, value, values
from scenarios.material import (
    certificate,
    ec_key,
    pkcs_1,
    pkcs_8,
    public_pkcs_1,
    public_x_509,
    rsa_key,
)

Format = enums.KeyFormatType
Code = enums.RevocationReasonCode

LENGTHS = [
    (A.AES, 128),
    (A.AES, 192),
    (A.AES, 256),
    (A.TRIPLE_DES, 64 * 2),
    (A.TRIPLE_DES, 64 * 3),
    (A.BLOWFISH, 128),
    (A.BLOWFISH, 448),
    (A.CAMELLIA, 256),
    (A.CAST5, 128),
    (A.IDEA, 128),
    (A.RC4, 256),
    (A.HMAC_SHA256, 256),
]


def clear(client, *uids):
    """Revoke and destroy, and see that they are gone, as a careful client does at its end."""
    for uid in uids:
        client.revoke(Code.KEY_COMPROMISE, uid)
        client.destroy(uid)
        with refused(Reason.ITEM_NOT_FOUND, Reason.OBJECT_DESTROYED):
            client.get(uid)


@scenario()
def create_keys_of_every_algorithm(door):
    """Whatever algorithm PyKMIP's server makes keys of, this one makes them too."""
    made = []
    for algorithm, length in LENGTHS:
        uid = door.client.create(algorithm, length)
        key = door.client.get(uid)
        assert key.cryptographic_algorithm == algorithm
        assert key.cryptographic_length == length
        assert len(key.value) == length // 8
        assert value(door.client, uid, "Cryptographic Algorithm") == algorithm
        assert value(door.client, uid, "Cryptographic Length") == length
        made.append(key.value)
    assert len(set(made)) == len(made)


@scenario()
def create_with_all_that_the_client_can_say(door):
    """Name and masks come back as they were given, with the two masks that it always adds."""
    uid = door.client.create(
        A.AES,
        256,
        name="everything",
        cryptographic_usage_mask=[Mask.WRAP_KEY, Mask.MAC_GENERATE],
    )
    ((_, name),) = values(door.client, uid, "Name")
    assert name.name_value.value == "everything"
    assert value(door.client, uid, "Cryptographic Usage Mask") == sum(
        each.value for each in (Mask.ENCRYPT, Mask.DECRYPT, Mask.WRAP_KEY, Mask.MAC_GENERATE)
    )


@scenario(until="1.4")
def operation_policy_name(door):
    """What 1.x clients say of a policy is kept, any word of it; without one it is the default."""
    own = door.client.create(A.AES, 128, operation_policy_name="my policy")
    other = door.client.create(A.AES, 128)
    public, private = door.client.create_key_pair(A.RSA, 1024, operation_policy_name="my policy")
    for uid in (own, public, private):
        assert value(door.client, uid, "Operation Policy Name") == "my policy"
    assert value(door.client, other, "Operation Policy Name") == "default"


@scenario()
def create_what_is_no_key(door):
    """Lengths that an algorithm has not, algorithms without keys, types that are not created."""
    for algorithm, length in [(A.AES, 100), (A.AES, 8), (A.IDEA, 256), (A.RSA, 2048)]:
        with refused(
            Reason.INVALID_FIELD,
            Reason.CRYPTOGRAPHIC_FAILURE,
            Reason.BAD_CRYPTOGRAPHIC_PARAMETERS,
            Reason.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS,
        ):
            door.client.create(algorithm, length)
    template = TemplateAttribute(attributes=[attribute(Type.CRYPTOGRAPHIC_LENGTH, 128)])
    if door.version < "1.4":  # later versions have a default algorithm
        result = door.proxy.create(enums.ObjectType.SYMMETRIC_KEY, template)
        assert result.result_reason.value == Reason.INVALID_MESSAGE
    result = door.proxy.create(enums.ObjectType.CERTIFICATE, template)
    assert result.result_status.value == enums.ResultStatus.OPERATION_FAILED
    assert result.result_reason.value in (Reason.INVALID_FIELD, Reason.INVALID_OBJECT_TYPE)
    assert result.result_message.value
    assert door.client.locate() == []


@scenario()
def create_key_pair(door):
    """Both halves are of one key, in forms that others read."""
    client = door.client
    public_uid, private_uid = client.create_key_pair(
        A.RSA,
        2048,
        public_name="public half",
        public_usage_mask=[Mask.ENCRYPT],
        private_name="private half",
        private_usage_mask=[Mask.DECRYPT],
    )
    public, private = client.get(public_uid), client.get(private_uid)
    assert isinstance(public, objects.PublicKey)
    assert isinstance(private, objects.PrivateKey)
    for key in (public, private):
        assert (key.cryptographic_algorithm, key.cryptographic_length) == (A.RSA, 2048)
    opened = serialization.load_der_private_key(private.value, None)
    assert opened.key_size == 2048
    expected = {Format.PKCS_1: public_pkcs_1, Format.X_509: public_x_509}
    assert public.value == expected[public.key_format_type](opened)
    for uid, name, mask in [
        (public_uid, "public half", Mask.ENCRYPT),
        (private_uid, "private half", Mask.DECRYPT),
    ]:
        ((_, named),) = values(client, uid, "Name")
        assert named.name_value.value == name
        assert value(client, uid, "Cryptographic Usage Mask") == mask.value
    clear(client, public_uid, private_uid)


@scenario()
def create_key_pair_without_masks_or_names(door):
    """The client then leaves the templates of both halves out."""
    client = door.client
    for uid in client.create_key_pair(A.RSA, 1024):
        assert client.get(uid).cryptographic_length == 1024
        assert "Name" not in client.get_attribute_list(uid)


@scenario()
def create_key_pair_on_a_curve(door):
    """A length chooses the curve of NIST. The upper client knows no EC Private Key format."""
    public_uid, private_uid = door.client.create_key_pair(
        A.ECDSA, 256, public_usage_mask=[Mask.VERIFY], private_usage_mask=[Mask.SIGN]
    )
    private = door.proxy.get(private_uid, key_format_type=misc.KeyFormatType(Format.PKCS_8))
    block = private.secret.key_block
    assert block.key_format_type.value == Format.PKCS_8
    assert block.cryptographic_algorithm.value == A.ECDSA
    assert block.cryptographic_length.value == 256
    key = serialization.load_der_private_key(block.key_value.key_material.value, None)
    assert key.curve.name == "secp256r1"
    public = door.client.get(public_uid)
    assert public.key_format_type == Format.X_509
    assert public.value == public_x_509(key)


@scenario()
def get_in_another_format(door):
    """The lower client asks for a format; one that the key cannot have is refused."""
    key = rsa_key()
    uid = door.client.register(objects.PrivateKey(A.RSA, 2048, pkcs_1(key), Format.PKCS_1))
    for form, expected in [(Format.PKCS_1, pkcs_1(key)), (Format.PKCS_8, pkcs_8(key))]:
        found = door.proxy.get(uid, key_format_type=misc.KeyFormatType(form)).secret.key_block
        assert found.key_format_type.value == form
        assert found.key_value.key_material.value == expected
    refusal = door.proxy.get(uid, key_format_type=misc.KeyFormatType(Format.EC_PRIVATE_KEY))
    assert refusal.result_reason.value == Reason.KEY_FORMAT_TYPE_NOT_SUPPORTED


@scenario()
def create_no_key_pair(door):
    """A length and an algorithm of which there are no pairs."""
    for algorithm, length in [(A.RSA, 100), (A.AES, 128)]:
        with refused(
            Reason.INVALID_FIELD,
            Reason.CRYPTOGRAPHIC_FAILURE,
            Reason.BAD_CRYPTOGRAPHIC_PARAMETERS,
            Reason.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS,
        ):
            door.client.create_key_pair(algorithm, length)
    assert door.client.locate() == []


@scenario()
def names_need_not_be_unique(door):
    """PyKMIP's clients call every object by its type if not told otherwise."""
    client = door.client
    key = objects.SymmetricKey(A.AES, 128, bytes(16))
    first, second = client.register(key), client.register(key)
    assert first != second
    for _ in range(2):
        client.create(A.AES, 128, name="Symmetric Key")
    found = client.locate(attributes=[attribute(Type.NAME, "Symmetric Key")])
    assert len(found) == 4
    assert client.get(first) == client.get(second) == key


def _registered(door, managed_object, *expected_format):
    """Register an object, get it, compare, and clear it away."""
    uid = door.client.register(managed_object)
    found = door.client.get(uid)
    assert type(found) is type(managed_object)
    assert found.value == managed_object.value
    if expected_format:
        assert found.key_format_type in expected_format
        assert found.cryptographic_algorithm == managed_object.cryptographic_algorithm
        assert found.cryptographic_length == managed_object.cryptographic_length
    ((_, name),) = values(door.client, uid, "Name")
    assert name.name_value.value == managed_object.names[0]
    return uid


@scenario()
def register_symmetric_keys(door):
    """Keys of usual and of odd lengths."""
    for algorithm, length in [
        (A.AES, 128),
        (A.AES, 256),
        (A.AES, 512),
        (A.AES, 160),
        (A.TRIPLE_DES, 192),
        (A.BLOWFISH, 448),
        (A.HMAC_SHA512, 512),
        (A.RC4, 40),
    ]:
        material = bytes(range(length // 8))
        key = objects.SymmetricKey(algorithm, length, material, masks=[Mask.ENCRYPT], name="mine")
        uid = _registered(door, key, Format.RAW)
        assert door.client.get(uid) == key
        assert state(door.client, uid) == enums.State.PRE_ACTIVE
        clear(door.client, uid)


@scenario()
def register_asymmetric_keys(door):
    """In each form that the client knows for them."""
    key = rsa_key()
    for made, form in [
        (public_pkcs_1(key), Format.PKCS_1),
        (public_x_509(key), Format.X_509),
    ]:
        managed_object = objects.PublicKey(A.RSA, 2048, made, form, masks=[Mask.VERIFY])
        clear(door.client, _registered(door, managed_object, form))
    for made, form in [(pkcs_1(key), Format.PKCS_1), (pkcs_8(key), Format.PKCS_8)]:
        managed_object = objects.PrivateKey(A.RSA, 2048, made, form, masks=[Mask.SIGN])
        clear(door.client, _registered(door, managed_object, form))
    managed_object = objects.PrivateKey(A.ECDSA, 256, pkcs_8(ec_key()), Format.PKCS_8)
    clear(door.client, _registered(door, managed_object, Format.PKCS_8))


@scenario()
def register_certificate(door):
    """A certificate, whose own attributes the server reads from it."""
    managed_object = objects.X509Certificate(certificate(), masks=[Mask.VERIFY])
    uid = _registered(door, managed_object)
    assert door.client.get(uid) == managed_object
    if door.version >= "1.1":
        assert value(door.client, uid, "Certificate Length") == len(certificate())
    clear(door.client, uid)


@scenario()
def register_secret_data(door):
    """Passwords and seeds, of any length."""
    for kind in enums.SecretDataType:
        for secret in (b"correct horse", b"\x00" * 96, b"s" * 72):
            managed_object = objects.SecretData(secret, kind, masks=[Mask.VERIFY])
            uid = _registered(door, managed_object)
            assert door.client.get(uid) == managed_object
            clear(door.client, uid)


@scenario()
def register_secret_data_without_masks(door):
    """A usage mask of no bits at all."""
    managed_object = objects.SecretData(b"secret", enums.SecretDataType.PASSWORD)
    uid = _registered(door, managed_object)
    assert door.client.get(uid) == managed_object


@scenario()
def register_opaque_object(door):
    """Bytes that mean nothing to the server."""
    managed_object = objects.OpaqueObject(b"\x00\xffanything", enums.OpaqueDataType.NONE)
    uid = _registered(door, managed_object)
    assert door.client.get(uid) == managed_object
    door.client.destroy(uid)
    with refused(Reason.ITEM_NOT_FOUND, Reason.OBJECT_DESTROYED):
        door.client.get(uid)


@scenario()
def register_split_keys(door):
    """Parts by every method that the version has."""
    for method, field in [
        (enums.SplitKeyMethod.XOR, None),
        (enums.SplitKeyMethod.POLYNOMIAL_SHARING_GF_2_16, None),
        (enums.SplitKeyMethod.POLYNOMIAL_SHARING_PRIME_FIELD, 2**127 - 1),
        (enums.SplitKeyMethod.POLYNOMIAL_SHARING_GF_2_8, None),
    ]:
        if method.name.endswith("GF_2_8") and door.version < "1.2":
            continue
        managed_object = objects.SplitKey(
            cryptographic_algorithm=A.AES,
            cryptographic_length=128,
            key_value=bytes(range(16)),
            cryptographic_usage_masks=[Mask.EXPORT],
            split_key_parts=3,
            key_part_identifier=1,
            split_key_threshold=2,
            split_key_method=method,
            prime_field_size=field,
        )
        uid = _registered(door, managed_object, Format.RAW)
        found = door.client.get(uid)
        assert (found.split_key_parts, found.split_key_threshold) == (3, 2)
        assert (found.key_part_identifier, found.split_key_method) == (1, method)
        assert found.prime_field_size == field
        clear(door.client, uid)


@scenario(until="1.4")
def register_template_and_create_by_it(door):
    """Templates, which 2.0 has no more: the lower client has them."""
    template = Template(
        attributes=[
            attribute(Type.CRYPTOGRAPHIC_ALGORITHM, A.AES),
            attribute(Type.CRYPTOGRAPHIC_LENGTH, 192),
            attribute(Type.CRYPTOGRAPHIC_USAGE_MASK, [Mask.ENCRYPT]),
        ]
    )
    named = TemplateAttribute(attributes=[attribute(Type.NAME, "AES-192")])
    result = door.proxy.register(enums.ObjectType.TEMPLATE, named, template)
    assert result.result_status.value == enums.ResultStatus.SUCCESS, result.result_message
    name = Name.create("AES-192", enums.NameType.UNINTERPRETED_TEXT_STRING)
    made = door.proxy.create(enums.ObjectType.SYMMETRIC_KEY, TemplateAttribute(names=[name]))
    assert made.result_status.value == enums.ResultStatus.SUCCESS, made.result_message
    assert door.client.get(made.uuid).cryptographic_length == 192
    found = door.proxy.get(result.uuid)
    assert found.object_type == enums.ObjectType.TEMPLATE
    assert {each.attribute_name.value for each in found.secret.attributes} == {
        "Cryptographic Algorithm", "Cryptographic Length", "Cryptographic Usage Mask",
    }  # fmt: skip


@scenario()
def register_application_specific_information(door):
    """Two values, which the client sends both with index 0."""
    client = door.client
    information = [
        {"application_namespace": "ssl", "application_data": "www.example.com"},
        {"application_namespace": "mail", "application_data": "mail.example.com"},
    ]
    for managed_object in [
        objects.SymmetricKey(A.AES, 128, bytes(16), app_specific_info=information),
        objects.SecretData(b"secret", enums.SecretDataType.PASSWORD, app_specific_info=information),
    ]:
        uid = client.register(managed_object)
        assert "Application Specific Information" in client.get_attribute_list(uid)
        found = values(client, uid, "Application Specific Information")
        assert [
            {
                "application_namespace": each.application_namespace,
                "application_data": each.application_data,
            }
            for _, each in found
        ] == information


@scenario()
def register_with_many_names(door):
    """Several names, with the indices that the client gives them."""
    key = objects.SymmetricKey(A.AES, 128, bytes(16), name="first")
    key.names = ["first", "second", "third"]
    uid = door.client.register(key)
    found = [each.name_value.value for _, each in values(door.client, uid, "Name")]
    assert found == ["first", "second", "third"]
    if not door.is_2:
        _, attributes = door.client.get_attributes(uid, ["Name"])
        assert [each.attribute_index.value for each in attributes] == [0, 1, 2]
    for name in found:
        assert door.client.locate(attributes=[attribute(Type.NAME, name)]) == [uid]


@scenario()
def register_a_type_that_it_is_not(door):
    """The Object Type contradicts the object."""
    secret = SecretFactory().create(
        enums.ObjectType.SECRET_DATA,
        {
            "key_format_type": Format.OPAQUE,
            "key_value": b"secret",
            "secret_data_type": enums.SecretDataType.PASSWORD,
        },
    )
    result = door.proxy.register(
        enums.ObjectType.OPAQUE_DATA, TemplateAttribute(attributes=[]), secret
    )
    assert result.result_status.value == enums.ResultStatus.OPERATION_FAILED
    assert door.client.locate() == []


@scenario()
def large_objects(door):
    """Long ones are taken. The client's time to encode and decode grows with the square of it."""
    managed_object = objects.OpaqueObject(bytes(range(256)) * 400, enums.OpaqueDataType.NONE)
    assert door.client.get(door.client.register(managed_object)).value == managed_object.value
    secret = objects.SecretData(b"\x01" * 20_001, enums.SecretDataType.SEED)
    assert door.client.get(door.client.register(secret)).value == secret.value


@scenario(server="guarded")
def too_large_an_object(door):
    """A message over the limit is refused, or the connection closed; others go on."""
    managed_object = objects.OpaqueObject(bytes(50_000), enums.OpaqueDataType.NONE)
    taken = True
    try:
        door.client.register(managed_object)
    except (KmipOperationFailure, OSError, RequestLengthMismatch) as error:
        taken = isinstance(error, TimeoutError)
    assert not taken
    assert door.enter().locate() == []
