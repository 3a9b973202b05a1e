"""Delegated Login: a ticket to hand on is good for no more than its rights."""

from kmip.attribute_values import UsageLimits
from kmip.cryptographic_parameters import CryptographicParameters
from kmip.enums import BlockCipherMode, Operation, QueryFunction, ResultReason, WrappingMethod
from kmip.key_block import EncryptionKeyInformation, KeyWrappingSpecification
from kmip.masks import CryptographicUsageMask
from kmip.payloads.factory_defaults import ObjectGroups
from kmip.payloads.rights import Objects, Operations, Right, Rights
from kmip.tags import Tag
from server.sessions.rights import NAMING, TOUCHING_NOTHING, Grant
from tests.server.conftest import InProcessClient
from tests.server.operations.test_login import AES, CREATE, reason_of, showing

Op = Operation
R = ResultReason


def right(*operations, objects=None, groups=None, uses=None) -> Right:
    """A right; what is not given restricts nothing."""
    return Right(
        operations=Operations(operation=operations) if operations else None,
        objects=Objects(unique_identifier=tuple(objects)) if objects is not None else None,
        object_groups=ObjectGroups(object_group=tuple(groups)) if groups is not None else None,
        usage_limits=UsageLimits(usage_limits_total=uses) if uses is not None else None,
    )


async def bearer(ask: InProcessClient, *rights: Right) -> InProcessClient:
    """Whoever shows a ticket with these rights."""
    answer = await ask(Op.DELEGATED_LOGIN, rights=Rights(right=rights))
    return showing(ask, answer.ticket)


async def key(ask: InProcessClient, group: str | None = None) -> str:
    """A key of the client's."""
    attributes = AES.copy()
    if group is not None:
        attributes.set(Tag.OBJECT_GROUP, group)
    made = await ask(Op.CREATE, object_type=CREATE["object_type"], attributes=attributes)
    return str(made.unique_identifier)


async def test_only_the_operations_of_a_right_are_permitted(ask: InProcessClient):
    one = await key(ask)
    limited = await bearer(ask, right(Op.GET), right(Op.QUERY))
    await limited(Op.GET, unique_identifier=one)
    assert await reason_of(limited, Op.DESTROY, unique_identifier=one) == R.NOT_AUTHORISED
    assert await reason_of(limited, Op.CREATE, **CREATE) == R.NOT_AUTHORISED


async def test_query_lists_what_the_ticket_permits(ask: InProcessClient):
    limited = await bearer(ask, right(Op.QUERY, Op.GET, Op.LOG))
    answer = await limited(Op.QUERY, query_function=(QueryFunction.QUERY_OPERATIONS,))
    assert set(answer.operation) == {Op.QUERY, Op.GET, Op.LOG}


async def test_a_right_that_leaves_everything_out_is_every_right(ask: InProcessClient):
    free = await bearer(ask, Right())
    await free(Op.GET, unique_identifier=await key(ask))
    await free(Op.CREATE, **CREATE)
    assert await reason_of(free, Op.LOGIN) == R.PERMISSION_DENIED


async def test_no_rights_permit_nothing(ask: InProcessClient):
    nothing = await bearer(ask)
    assert await reason_of(nothing, Op.QUERY) == R.NOT_AUTHORISED


async def test_a_right_to_objects_reaches_no_others(ask: InProcessClient):
    mine, other = await key(ask), await key(ask)
    limited = await bearer(ask, right(objects=[mine]))
    await limited(Op.GET, unique_identifier=mine)
    assert await reason_of(limited, Op.GET, unique_identifier=other) == R.NOT_AUTHORISED
    assert await reason_of(limited, Op.GET_ATTRIBUTES, unique_identifier=other) == R.NOT_AUTHORISED
    assert await reason_of(limited, Op.LOCATE) == R.NOT_AUTHORISED
    assert await reason_of(limited, Op.CREATE, **CREATE) == R.NOT_AUTHORISED


async def test_a_right_to_a_group_reaches_its_objects(ask: InProcessClient):
    inside, outside = await key(ask, "g"), await key(ask, "h")
    limited = await bearer(ask, right(Op.GET, groups=["g"]))
    await limited(Op.GET, unique_identifier=inside)
    assert await reason_of(limited, Op.GET, unique_identifier=outside) == R.NOT_AUTHORISED


async def test_operation_and_object_are_within_the_same_right(ask: InProcessClient):
    one, two = await key(ask), await key(ask)
    limited = await bearer(ask, right(Op.GET, objects=[one]), right(Op.DESTROY, objects=[two]))
    assert await reason_of(limited, Op.DESTROY, unique_identifier=one) == R.NOT_AUTHORISED
    assert await reason_of(limited, Op.GET, unique_identifier=two) == R.NOT_AUTHORISED
    await limited(Op.DESTROY, unique_identifier=two)


async def test_each_right_is_used_up_by_itself(ask: InProcessClient):
    one, two = await key(ask), await key(ask)
    limited = await bearer(ask, right(objects=[one], uses=1), right(objects=[two], uses=2))
    await limited(Op.GET, unique_identifier=two)
    await limited(Op.GET, unique_identifier=one)
    assert await reason_of(limited, Op.GET, unique_identifier=one) == R.NOT_AUTHORISED
    await limited(Op.GET, unique_identifier=two)
    assert await reason_of(limited, Op.GET, unique_identifier=two) == R.USAGE_LIMIT_EXCEEDED


async def test_a_right_without_limits_is_used_before_one_with_limits(ask: InProcessClient):
    one = await key(ask)
    limited = await bearer(ask, right(Op.GET, Op.QUERY, uses=1), right(Op.GET))
    for _ in range(3):
        await limited(Op.GET, unique_identifier=one)
    await limited(Op.QUERY)
    assert await reason_of(limited, Op.QUERY) == R.USAGE_LIMIT_EXCEEDED


async def test_an_object_of_another_client_is_not_reached_by_naming_it(ask: InProcessClient):
    theirs = await key(ask.named("bob"))
    limited = await bearer(ask, right(objects=[theirs]))
    assert await reason_of(limited, Op.GET, unique_identifier=theirs) == R.NOT_AUTHORISED


async def test_wrapping_needs_a_right_to_both_keys(ask: InProcessClient):
    wrapping = AES.copy()
    wrapping.set(Tag.CRYPTOGRAPHIC_USAGE_MASK, CryptographicUsageMask.WRAP_KEY)
    made = await ask(Op.CREATE, object_type=CREATE["object_type"], attributes=wrapping)
    outer, inner = str(made.unique_identifier), await key(ask)
    await ask(Op.ACTIVATE, unique_identifier=outer)
    wanted = KeyWrappingSpecification(
        wrapping_method=WrappingMethod.ENCRYPT,
        encryption_key_information=EncryptionKeyInformation(
            unique_identifier=outer,
            cryptographic_parameters=CryptographicParameters(
                block_cipher_mode=BlockCipherMode.NISTKEYWRAP
            ),
        ),
    )
    fields = {"unique_identifier": inner, "key_wrapping_specification": wanted}
    await (await bearer(ask, right(objects=[outer, inner])))(Op.GET, **fields)
    limited = await bearer(ask, right(objects=[inner]))
    assert await reason_of(limited, Op.GET, **fields) == R.NOT_AUTHORISED


async def test_operations_that_make_or_find_objects_are_not_covered_by_rights_to_objects():
    grant = Grant(objects=frozenset({"x"}))
    for operation in Operation:
        assert grant.covers(operation) == (operation in NAMING | TOUCHING_NOTHING)
    assert not NAMING & {Op.CREATE, Op.REGISTER, Op.IMPORT, Op.LOCATE, Op.CREATE_KEY_PAIR}


async def test_a_ticket_is_not_for_whatever_a_message_can_name(ask: InProcessClient):
    """Tickets stay in memory, a hundred for each client."""
    await bearer(ask, right(objects=[f"{number:036}" for number in range(900)]))
    for rights in (
        [right(objects=[f"{number:036}" for number in range(1100)])],
        [right(groups=["g" * 100_000])],
        [right(Op.GET)] * 2000,
    ):
        refused = await reason_of(ask, Op.DELEGATED_LOGIN, rights=Rights(right=tuple(rights)))
        assert refused == R.SERVER_LIMIT_EXCEEDED


async def test_what_is_beyond_the_rights_is_refused_whether_it_exists_or_not(ask: InProcessClient):
    mine, theirs = await key(ask), await key(ask.named("bob"))
    limited = await bearer(ask, right(Op.GET, objects=[mine]))
    for other in (await key(ask), theirs, "nobody"):
        assert await reason_of(limited, Op.GET, unique_identifier=other) == R.NOT_AUTHORISED
