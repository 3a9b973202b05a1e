"""Several operations in one message, by the client's own message classes."""

from kmip.core import enums, primitives
from kmip.core.messages import contents, messages, payloads
from kmip.core.objects import TemplateAttribute

from scenarios import VERSIONS, A, Mask, Reason, Type, attribute, scenario

Operation, Status = enums.Operation, enums.ResultStatus


def sent(door, *items, option=None):
    """The batch items of the answer to operations with their payloads."""
    batch = [
        messages.RequestBatchItem(
            operation=primitives.Enumeration(Operation, operation, tag=enums.Tags.OPERATION),
            unique_batch_item_id=contents.UniqueBatchItemID(bytes([number])),
            request_payload=payload,
        )
        for number, (operation, payload) in enumerate(items)
    ]
    major, minor = door.version.split(".")
    header = messages.RequestHeader(
        protocol_version=contents.ProtocolVersion(int(major), int(minor)),
        batch_error_cont_option=option and contents.BatchErrorContinuationOption(option),
        batch_order_option=contents.BatchOrderOption(True),
        batch_count=contents.BatchCount(len(batch)),
    )
    assert VERSIONS[float(door.version)] == door.proxy.kmip_version
    request = messages.RequestMessage(request_header=header, batch_items=batch)
    answered = door.proxy._send_and_receive_message(request).batch_items
    for number, item in enumerate(answered):
        assert item.unique_batch_item_id.value == bytes([number])
    return answered


def creation():
    """A key to be created."""
    template = TemplateAttribute(
        attributes=[
            attribute(Type.CRYPTOGRAPHIC_ALGORITHM, A.AES),
            attribute(Type.CRYPTOGRAPHIC_LENGTH, 128),
            attribute(Type.CRYPTOGRAPHIC_USAGE_MASK, [Mask.ENCRYPT]),
        ]
    )
    return Operation.CREATE, payloads.CreateRequestPayload(
        object_type=enums.ObjectType.SYMMETRIC_KEY, template_attribute=template
    )


def get(uid=None):
    """A Get of an object, or of the one before."""
    return Operation.GET, payloads.GetRequestPayload(unique_identifier=uid)


def statuses(items):
    """How each item went."""
    return [item.result_status.value for item in items]


@scenario()
def placeholder(door):
    """What is created is activated and got without a word of which it is."""
    items = sent(
        door,
        creation(),
        (Operation.ACTIVATE, payloads.ActivateRequestPayload()),
        get(),
        (Operation.GET_ATTRIBUTES, payloads.GetAttributesRequestPayload(None, ["State"])),
    )
    assert statuses(items) == [Status.SUCCESS] * 4
    uid = items[0].response_payload.unique_identifier
    assert items[1].response_payload.unique_identifier.value == uid
    assert items[2].response_payload.unique_identifier == uid
    (state,) = items[3].response_payload.attributes
    assert state.attribute_value.value == enums.State.ACTIVE
    (alone,) = sent(door, get())
    assert alone.result_status.value == Status.OPERATION_FAILED  # the message is over


@scenario()
def placeholder_of_locate(door):
    """The one that was found."""
    uid = door.client.create(A.AES, 128, name="needle")
    door.client.create(A.AES, 128)
    wanted = payloads.LocateRequestPayload(attributes=[attribute(Type.NAME, "needle")])
    found, got = sent(door, (Operation.LOCATE, wanted), get())
    assert found.response_payload.unique_identifiers == [uid]
    assert got.response_payload.unique_identifier == uid


@scenario()
def stop_and_continue(door):
    """After a failure nothing more, or all the rest."""
    option = enums.BatchErrorContinuationOption
    failing = [creation(), get("42"), creation()]
    for chosen in (None, option.STOP):
        items = sent(door, *failing, option=chosen)
        assert statuses(items) == [Status.SUCCESS, Status.OPERATION_FAILED]
        assert items[1].result_reason.value == Reason.ITEM_NOT_FOUND
    items = sent(door, *failing, option=option.CONTINUE)
    assert statuses(items) == [Status.SUCCESS, Status.OPERATION_FAILED, Status.SUCCESS]
    assert len(door.client.locate()) == 4


@scenario()
def undo(door):
    """What was done before the failure is undone."""
    items = sent(
        door, creation(), get("42"), creation(), option=enums.BatchErrorContinuationOption.UNDO
    )
    assert statuses(items)[:2] == [Status.OPERATION_UNDONE, Status.OPERATION_FAILED]
    assert door.client.locate() == []


@scenario(until="1.4")
def names_in_the_answer(door):
    """A pair and what it consists of, in one message."""
    made = payloads.CreateKeyPairRequestPayload(
        common_template_attribute=TemplateAttribute(
            attributes=[
                attribute(Type.CRYPTOGRAPHIC_ALGORITHM, A.RSA),
                attribute(Type.CRYPTOGRAPHIC_LENGTH, 1024),
            ],
            tag=enums.Tags.COMMON_TEMPLATE_ATTRIBUTE,
        )
    )
    items = sent(door, (Operation.CREATE_KEY_PAIR, made), get())
    assert statuses(items) == [Status.SUCCESS] * 2
    private = items[0].response_payload.private_key_unique_identifier
    assert items[1].response_payload.unique_identifier == private
