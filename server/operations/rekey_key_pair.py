"""Re-key Key Pair (2.1 section 6.1.47)."""

from kmip.attributes import Attributes
from kmip.enums import LinkType, ObjectType, Operation, UniqueIdentifier
from kmip.errors import InvalidField, InvalidObjectType
from kmip.payloads.rekey_key_pair import ReKeyKeyPairRequest, ReKeyKeyPairResponse
from kmip.tags import Tag
from server.attributes import inheritance, initial, protection_storage
from server.context import Context
from server.keys import pair_generation
from server.objects.managed_object import ManagedObject
from server.registry import operation


@operation(Operation.REKEY_KEY_PAIR)
async def rekey_key_pair(context: Context, request: ReKeyKeyPairRequest) -> ReKeyKeyPairResponse:
    """Make a key pair to replace another."""
    private = await context.change(request.private_key_unique_identifier)
    if private.object_type != ObjectType.PRIVATE_KEY:
        raise InvalidObjectType("a key pair is named by its private key")
    public = await _other_half(context, private)
    common = await initial.resolve(context, request.common_attributes)
    replacement = await _attributes(context, request, private, public, common)
    both = request.common_protection_storage_masks
    protection_storage.check(replacement[0], request.private_protection_storage_masks or both)
    protection_storage.check(replacement[1], request.public_protection_storage_masks or both)
    domain = private.attributes.get(Tag.CRYPTOGRAPHIC_DOMAIN_PARAMETERS)
    pair = await pair_generation.generate(context, replacement[0], domain)
    new = [
        initial.new_object(context, kind, key, attributes, created=True, checked=True)
        for kind, key, attributes in (
            (ObjectType.PRIVATE_KEY, pair.private_key, replacement[0]),
            (ObjectType.PUBLIC_KEY, pair.public_key, replacement[1]),
        )
    ]
    initial.link(new[0], LinkType.PUBLIC_KEY_LINK, new[1].identifier)
    initial.link(new[1], LinkType.PRIVATE_KEY_LINK, new[0].identifier)
    await inheritance.replace(context, private, new[0])
    await inheritance.replace(context, public, new[1])
    context.remember(new[1].identifier, UniqueIdentifier.REKEY_KEY_PAIR_PUBLIC_KEY)
    context.remember(
        new[0].identifier,
        UniqueIdentifier.REKEY_KEY_PAIR_PRIVATE_KEY,
        UniqueIdentifier.REKEY_KEY_PAIR,
    )
    return ReKeyKeyPairResponse(
        private_key_unique_identifier=new[0].identifier,
        public_key_unique_identifier=new[1].identifier,
    )


async def _other_half(context: Context, private: ManagedObject) -> ManagedObject:
    """The public key of a private key."""
    for link in private.attributes.all(Tag.LINK):
        if link.link_type == LinkType.PUBLIC_KEY_LINK:
            return await context.change(link.linked_object_identifier)
    raise InvalidField("the private key has no link to a public key")


async def _attributes(
    context: Context,
    request: ReKeyKeyPairRequest,
    private: ManagedObject,
    public: ManagedObject,
    common: Attributes,
) -> list[Attributes]:
    """What both new keys are to have: private first."""
    found = []
    for managed_object, own in (
        (private, request.private_key_attributes),
        (public, request.public_key_attributes),
    ):
        inheritance.check_replaceable(managed_object, context.now)
        requested = (await initial.resolve(context, own)).united(common)
        initial.check_set(context, managed_object.object_type, requested)
        found.append(inheritance.inherited(context, managed_object, requested, request.offset))
    return found
