"""Access rights over HTTPS, as `ckms` and Cosmian's libraries ask for them, and a little more.

    POST /access/grant      {"unique_identifier": …, "user_id": …, "operation_types": ["get", …]}
    POST /access/revoke     the same; older clients send one "operation_type"
    GET  /access/list/ID    [{"user_id": …, "operations": [...]}], to the owner
    GET  /access/owned      [{"object_id": …, "state": …, "attributes": {...}, "is_wrapped": …}]
    GET  /access/obtained   [{"object_id": …, "owner_id": …, "state": …, "operations": [...]}]

Beyond what those clients know: "object_group" in place of "unique_identifier", for a group of the
client's objects, and GET /access/groups, for what is granted on groups; `?offset=` in the lists of
objects, which have a thousand at most; and "kmip_operations", all operations of a grant by KMIP's
names. In "operations" are those alone that these clients know: another one, or an attribute's value
that they do not know, makes them refuse the whole list.

A "user_id" is a client's name; or `group:` and the Unique Identifier of a Group of users; or `*`,
everyone. Who asks is told by a certificate or a bearer token, and whoever has neither is refused.
What fails is a text and a status, as at `/kmip/2_1`.

Source: what `cosmian_kms` 4.22 and `ckms` 5.28 send and read.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final
from urllib.parse import unquote

from kmip.encodings.ckms.nodes import KINDS
from kmip.enums import KeyFormatType, LinkType, Operation, ResultReason, State
from kmip.tags import Tag
from server.long_steps import LOOP_VALUES, stepped
from server.objects.grants import EVERYONE, Grantee, GranteeKind
from server.objects.managed_object import ManagedObject
from server.requests.access_rights import AccessRights, Failed, Listed, Target
from server.requests.answer import NUMBERS
from server.setup import logs
from server.state import Server
from server.transport.http import JSON, HTTPError, Request, Response, Route, Routes
from server.transport.kmip import share_of
from server.transport.kmip_https import KMIPOverHTTPS, failure

MAX_BODY_BYTES: Final = 16_384
"""A grant with two long names and every operation has a tenth of it."""
MAX_OFFSET: Final = 1 << 31

GROUP_LABEL: Final = "group:"
ANYBODY: Final = "*"

KNOWN: Final = frozenset(
    {Operation.CREATE, Operation.CERTIFY, Operation.DECRYPT, Operation.DERIVE_KEY}
    | {Operation.DESTROY, Operation.ENCRYPT, Operation.EXPORT, Operation.GET, Operation.HASH}
    | {Operation.GET_ATTRIBUTES, Operation.IMPORT, Operation.LOCATE, Operation.MAC}
    | {Operation.REVOKE, Operation.REKEY, Operation.SIGN, Operation.SIGNATURE_VERIFY}
    | {Operation.VALIDATE, Operation.SET_ATTRIBUTE, Operation.MODIFY_ATTRIBUTE}
    | {Operation.ADD_ATTRIBUTE, Operation.DELETE_ATTRIBUTE, Operation.ACTIVATE}
)
"""The operations that Cosmian's clients have access rights to (5.28)."""

NEEDS_NO_GRANT: Final = frozenset({Operation.CREATE, Operation.HASH})
"""What their server may reserve for some, and every client may do here."""

FORMATS: Final = frozenset(
    {KeyFormatType.RAW, KeyFormatType.OPAQUE, KeyFormatType.PKCS_1, KeyFormatType.PKCS_8}
    | {KeyFormatType.X_509, KeyFormatType.TRANSPARENT_SYMMETRIC_KEY, KeyFormatType.PKCS_12}
)
"""The formats whose names they know."""

_OPERATIONS: Final = {name.lower(): each for each in Operation for name in each.names}


class AccessOverHTTPS:
    """What answers at `/access`.

    Args:
        server: what all requests share.
        door: says who asks.
    """

    def __init__(self, server: Server, door: KMIPOverHTTPS) -> None:
        self.server = server
        self.door = door

    @property
    def routes(self) -> Routes:
        """The rows of the table of routes."""
        return {
            ("POST", "/access/grant"): Route(self.grant, MAX_BODY_BYTES, self.admit),
            ("POST", "/access/revoke"): Route(self.revoke, MAX_BODY_BYTES, self.admit),
            ("GET", "/access/list/*"): Route(self.listed, 0, self.door.admit_known),
            ("GET", "/access/groups"): Route(self.groups, 0, self.door.admit_known),
            ("GET", "/access/owned"): Route(self.owned, 0, self.door.admit_known),
            ("GET", "/access/obtained"): Route(self.obtained, 0, self.door.admit_known),
        }

    async def admit(self, request: Request) -> str:
        """Refuse, by its head, what is not JSON, and whom the KMIP port would not let in.

        Another media type is what a page of somebody else's has a browser send without asking.

        Raises:
            HTTPError: it is refused.
        """
        if request.content_type != JSON:
            raise HTTPError(415, f"a grant is {JSON}")
        return await self.door.admit_known(request)

    async def grant(self, request: Request) -> Response:
        """Grant operations."""

        async def run(access: AccessRights) -> Any:
            target, grantee, operations = _read(request.json())
            await access.grant(target, grantee, operations)
            return {"success": f"Access for {_named(grantee)} granted"}

        return await self._answered(request, run)

    async def revoke(self, request: Request) -> Response:
        """Take operations back."""

        async def run(access: AccessRights) -> Any:
            target, grantee, operations = _read(request.json())
            await access.revoke(target, grantee, operations)
            return {"success": f"Access for {_named(grantee)} revoked"}

        return await self._answered(request, run)

    async def listed(self, request: Request) -> Response:
        """What is granted on an object."""

        async def run(access: AccessRights) -> Any:
            identifier = unquote(request.path.rpartition("/")[2])
            return await access.on_object(_text(identifier))

        return await self._answered(request, run)

    async def groups(self, request: Request) -> Response:
        """What is granted on groups of objects."""

        async def run(access: AccessRights) -> Any:
            return await access.on_groups()

        return await self._answered(request, run)

    async def owned(self, request: Request) -> Response:
        """The client's objects."""

        async def run(access: AccessRights) -> Any:
            now = int(self.server.clock())
            return await access.owned(partial(_owned, now), _offset(request))

        return await self._answered(request, run)

    async def obtained(self, request: Request) -> Response:
        """What the client has been granted."""

        async def run(access: AccessRights) -> Any:
            now = int(self.server.clock())
            return await access.obtained(partial(_obtained, now), _offset(request))

        return await self._answered(request, run)

    async def _answered(
        self, request: Request, run: Callable[[AccessRights], Awaitable[Any]]
    ) -> Response:
        """The answer to one request, which takes its client's turn as a message of KMIP does."""
        client, address = await self.door.client(request), request.peer.address
        if client is None:
            raise HTTPError(401, "a client certificate is needed here")
        turn = await self.server.turns.admit(share_of(client, address), len(request.body))
        try:
            with _numbered(address, client.name) as number:
                try:
                    found = await run(AccessRights(self.server, client, number, turn))
                except Failed as error:
                    response = failure(error.reason, str(error).encode())
                else:
                    response = Response(await stepped(_is_long(found), _encoded, found))
            turn.answered(len(response.body))
        except BaseException:
            turn.end()
            raise
        return response._replace(done=turn.end)


@contextmanager
def _numbered(address: str, client: str) -> Iterator[int]:
    """Have the lines of the log in the block bear a new request's number."""
    number = next(NUMBERS)
    before = logs.origin.set(logs.Origin(number, address, client))
    try:
        yield number
    finally:
        logs.origin.reset(before)


def _is_long(found: Any) -> bool:
    return isinstance(found, list) and len(found) > LOOP_VALUES


def _encoded(found: Any) -> bytes:
    """What was found as JSON; grants are arranged here, as there may be many."""
    if isinstance(found, list):
        found = [_grant(each) if isinstance(each, Listed) else each for each in found]
    return json.dumps(found).encode()


# What is read


def _invalid(message: str) -> Failed:
    return Failed(ResultReason.INVALID_FIELD, message)


def _read(body: dict[str, Any]) -> tuple[Target, Grantee, frozenset[Operation]]:
    """What is to be granted, or taken back.

    Raises:
        Failed: it is not said, or not so.
    """
    names = body.get("operation_types", body.get("operation_type"))
    names = [names] if isinstance(names, str) else names
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise _invalid("operation_types is a list of names")
    operations = frozenset(_operation(name) for name in names)
    for operation in sorted(operations & NEEDS_NO_GRANT):
        raise Failed(
            ResultReason.FEATURE_NOT_SUPPORTED, f"{operation.title} needs no grant: all may do it"
        )
    identifier, group = body.get("unique_identifier"), body.get("object_group")
    target = Target(
        None if identifier is None else _text(identifier), None if group is None else _text(group)
    )
    return target, _grantee(_text(body.get("user_id"))), operations


def _operation(name: str) -> Operation:
    found = _OPERATIONS.get(name.lower().replace("_", "").replace("-", "").replace(" ", ""))
    if found is None:
        raise _invalid(f"there is no operation {name[:64]!r}")
    return found


def _text(value: Any) -> str:
    """A text that can be kept.

    Raises:
        Failed: it is none.
    """
    try:
        if isinstance(value, str) and value.encode():
            return value
    except UnicodeEncodeError:
        pass
    raise _invalid("an object, an object group and a user are named by a text")


def _grantee(name: str) -> Grantee:
    if name == ANYBODY:
        return EVERYONE
    if name.startswith(GROUP_LABEL):
        return Grantee(GranteeKind.GROUP, name.removeprefix(GROUP_LABEL))
    return Grantee(GranteeKind.CLIENT, name)


def _offset(request: Request) -> int:
    """How many objects of a list to pass over.

    Raises:
        Failed: it is no number.
    """
    text = request.query.get("offset", "0")
    if not (text.isascii() and text.isdecimal() and int(text[:12]) <= MAX_OFFSET):
        raise _invalid("an offset is a number")
    return int(text[:12])


# What is written


def _named(grantee: Grantee) -> str:
    """A grantee as these clients name it."""
    labels = {GranteeKind.CLIENT: "", GranteeKind.GROUP: GROUP_LABEL, GranteeKind.EVERYONE: ANYBODY}
    return labels[grantee.kind] + grantee.name


def _grant(listed: Listed) -> dict[str, Any]:
    found = {"user_id": _named(listed.grantee), **_operations(listed.operations)}
    return found if listed.group is None else {**found, "object_group": listed.group}


def _operations(operations: Iterable[Operation]) -> dict[str, list[str]]:
    every = sorted(operations)
    return {
        "operations": [each.names[0].lower() for each in every if each in KNOWN],
        "kmip_operations": [each.title for each in every],
    }


def _owned(now: int, managed_object: ManagedObject, _: frozenset[Operation]) -> dict[str, Any]:
    return {
        **_object(managed_object, now),
        "attributes": _attributes(managed_object),
        "is_wrapped": _is_wrapped(managed_object),
    }


def _obtained(
    now: int, managed_object: ManagedObject, operations: frozenset[Operation]
) -> dict[str, Any]:
    return {
        **_object(managed_object, now),
        "owner_id": managed_object.owner,
        **_operations(operations),
    }


def _object(managed_object: ManagedObject, now: int) -> dict[str, str]:
    state = managed_object.state(now)
    lost = state is State.DESTROYED_COMPROMISED
    named = "Destroyed_Compromised" if lost else state.names[0]
    return {"object_id": managed_object.identifier, "state": named}


def _attributes(managed_object: ManagedObject) -> dict[str, Any]:
    """Those attributes that these clients show, and whose values they know."""
    attributes = managed_object.attributes
    found: dict[str, Any] = {"Sensitive": bool(attributes.get(Tag.SENSITIVE))}
    if managed_object.object_type in KINDS.values():
        found["ObjectType"] = managed_object.object_type.names[0]
    key_format = attributes.get(Tag.KEY_FORMAT_TYPE)
    if key_format in FORMATS:
        found["KeyFormatType"] = KeyFormatType(key_format).names[0].replace("_", "")
    length = attributes.get(Tag.CRYPTOGRAPHIC_LENGTH)
    if length is not None:
        found["CryptographicLength"] = length
    return found


def _is_wrapped(managed_object: ManagedObject) -> bool:
    links = managed_object.attributes.all(Tag.LINK)
    return any(link.link_type == LinkType.WRAPPING_KEY_LINK for link in links)
