"""Create Key Pair (2.1 section 6.1.9)."""

from kmip.cryptographic_parameters import CryptographicDomainParameters
from kmip.enums import LinkType, ObjectType, Operation, UniqueIdentifier
from kmip.payloads.create_key_pair import CreateKeyPairRequest, CreateKeyPairResponse
from kmip.tags import Tag
from server.attributes import defaults, initial, protection_storage
from server.context import Context
from server.keys import pair_generation
from server.registry import operation


@operation(Operation.CREATE_KEY_PAIR)
async def create_key_pair(context: Context, request: CreateKeyPairRequest) -> CreateKeyPairResponse:
    """Make a private and a public key that link to each other."""
    common = await initial.resolve(context, request.common_attributes)
    # One key's own attributes come before what both have; of several values all are taken.
    private = (await initial.resolve(context, request.private_key_attributes)).united(common)
    public = (await initial.resolve(context, request.public_key_attributes)).united(common)
    private = await defaults.completed(context, ObjectType.PRIVATE_KEY, private)
    public = await defaults.completed(context, ObjectType.PUBLIC_KEY, public)
    if context.requires_algorithm:
        initial.required(private, Tag.CRYPTOGRAPHIC_ALGORITHM)
    protection_storage.check(
        private, request.private_protection_storage_masks or request.common_protection_storage_masks
    )
    protection_storage.check(
        public, request.public_protection_storage_masks or request.common_protection_storage_masks
    )
    domain: CryptographicDomainParameters | None = private.get(Tag.CRYPTOGRAPHIC_DOMAIN_PARAMETERS)
    pair = await pair_generation.generate(context, private, domain)
    private_key = await pair_generation.formed(
        context, pair.private_key, ObjectType.PRIVATE_KEY, private
    )
    public_key = await pair_generation.formed(
        context, pair.public_key, ObjectType.PUBLIC_KEY, public
    )
    private_object = initial.new_object(
        context, ObjectType.PRIVATE_KEY, private_key, private, created=True
    )
    public_object = initial.new_object(
        context, ObjectType.PUBLIC_KEY, public_key, public, created=True
    )
    initial.link(private_object, LinkType.PUBLIC_KEY_LINK, public_object.identifier)
    initial.link(public_object, LinkType.PRIVATE_KEY_LINK, private_object.identifier)
    context.objects.add(private_object)
    context.objects.add(public_object)
    context.remember(public_object.identifier, UniqueIdentifier.CREATE_KEY_PAIR_PUBLIC_KEY)
    context.remember(
        private_object.identifier,
        UniqueIdentifier.CREATE_KEY_PAIR_PRIVATE_KEY,
        UniqueIdentifier.CREATE_KEY_PAIR,
    )
    return CreateKeyPairResponse(
        private_key_unique_identifier=private_object.identifier,
        public_key_unique_identifier=public_object.identifier,
    )
