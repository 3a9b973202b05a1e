"""`strongroom access-rights grant|revoke|list|owned|obtained`: who else may use one's objects.

The verbs and their order are those of `ckms access-rights`. The server is attested first, by the
policy and the pin of `verify`, on the connection on which it is then asked; the user comes by the
certificate that is theirs as a client of KMIP.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import trio

from enclave.claims import Role
from enclave.client import AttestedConnection
from server.commands import Command, attested_server, config, say
from server.commands.one_operation import LONGEST, plain
from server.commands.server_options import (
    add_given_key_option,
    add_server_options,
    add_user_options,
    expectation_of,
    server_of,
    user_context,
    user_of,
)
from server.setup.failure import Failure

MAX_PAGES: Final = 1000
"""Of a list; the server gives a thousand objects at once."""
JSON: Final = {"Content-Type": "application/json"}
EVERYBODY: Final = "the client's name as the audit log has it; group:ID; or * for everyone"


@dataclass(frozen=True, slots=True)
class Rights:
    """A connection to the attested server, on which the user asks for access rights."""

    connection: AttestedConnection

    async def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """What the server answers.

        Raises:
            Failure: it refuses, or what it answers is no answer.
        """
        sent = b"" if body is None else json.dumps(body).encode()
        answer = await attested_server.ask(self.connection, method, path, sent, JSON)
        text = answer.body.decode(errors="replace")
        if answer.status != 200:
            why = str(answer.json().get("error", text))[:LONGEST].rstrip(".")
            raise Failure(f"The server refuses: {plain(why)}.")
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise Failure(f"The server gave no proper answer to {path}.") from None

    async def rows(self, path: str) -> AsyncIterator[dict[str, Any]]:
        """The rows of a list, however many pages it has."""
        seen = 0
        for _ in range(MAX_PAGES):
            rows = _rows(await self.ask("GET", f"{path}?offset={seen}"), path)
            for row in rows:
                yield row
            seen += len(rows)
            if not rows:
                return


def _rows(found: Any, path: str) -> list[dict[str, Any]]:
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise Failure(f"The server gave no proper answer to {path}.")
    return found


def _joined(row: dict[str, Any]) -> str:
    operations = row.get("kmip_operations", row.get("operations", []))
    return ", ".join(map(plain, operations)) if isinstance(operations, list) else ""


@asynccontextmanager
async def _rights(arguments: argparse.Namespace) -> AsyncIterator[Rights]:
    """The user's connection to the attested server."""
    server = server_of(arguments)
    user = user_of(arguments, config(arguments))
    context = user_context(str(user.certificate), str(user.key))
    expectation = expectation_of(arguments, server, Role.API)
    async with await attested_server.attested(server, expectation, context) as connection:
        yield Rights(connection)


def _target(arguments: argparse.Namespace) -> dict[str, str]:
    """The object, or the group of objects, as the server is told of it."""
    if arguments.object_group is not None:
        return {"object_group": arguments.object_group}
    return {"unique_identifier": arguments.object_uid}


def _on(arguments: argparse.Namespace) -> str:
    group = arguments.object_group
    return arguments.object_uid if group is None else f"all in the group {group}"


async def _grant(rights: Rights, arguments: argparse.Namespace) -> None:
    await _change(rights, arguments)
    what = ", ".join(arguments.operations)
    say(f"{plain(arguments.user)} may {plain(what)} on {plain(_on(arguments))}.")


async def _revoke(rights: Rights, arguments: argparse.Namespace) -> None:
    await _change(rights, arguments)
    what = ", ".join(arguments.operations)
    say(f"{plain(arguments.user)} is not granted {plain(what)} on {plain(_on(arguments))}.")


async def _change(rights: Rights, arguments: argparse.Namespace) -> None:
    body = {
        **_target(arguments),
        "user_id": arguments.user,
        "operation_types": arguments.operations,
    }
    await rights.ask("POST", f"/access/{arguments.action}", body)


async def _list(rights: Rights, arguments: argparse.Namespace) -> None:
    if arguments.object_uid is None:
        path = "/access/groups"
    else:
        path = f"/access/list/{quote(arguments.object_uid, safe='')}"
    for row in _rows(await rights.ask("GET", path), path):
        group = row.get("object_group")
        through = "" if group is None else f"  in the group {plain(group)}"
        say(f"{plain(row.get('user_id'))}: {_joined(row)}{through}")


async def _owned(rights: Rights, _: argparse.Namespace) -> None:
    async for row in rights.rows("/access/owned"):
        attributes = row.get("attributes")
        found = attributes if isinstance(attributes, dict) else {}
        parts: Iterable[object] = (
            found.get(name, "") for name in ("ObjectType", "CryptographicLength")
        )
        kind = " ".join(plain(part) for part in parts if part != "")
        say(f"[{plain(row.get('state'))}] {plain(row.get('object_id'))}  {kind}".rstrip())


async def _obtained(rights: Rights, _: argparse.Namespace) -> None:
    async for row in rights.rows("/access/obtained"):
        state, owner, identifier = (plain(row.get(n)) for n in ("state", "owner_id", "object_id"))
        say(f"[{state}] [{owner}] {identifier}: {_joined(row)}")


_ACTIONS: Final[dict[str, tuple[Callable[..., Any], str]]] = {
    "grant": (_grant, "let somebody else perform operations on an object of yours"),
    "revoke": (_revoke, "take back what was granted"),
    "list": (_list, "what is granted on an object of yours, or on your groups of objects"),
    "owned": (_owned, "the objects that are yours"),
    "obtained": (_obtained, "the objects of others on which you have been granted something"),
}


def _arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, (_, summary) in _ACTIONS.items():
        one = actions.add_parser(name, help=summary, description=summary, allow_abbrev=False)
        if name in ("grant", "revoke"):
            one.add_argument("user", help=f"who: {EVERYBODY}")
            target = one.add_mutually_exclusive_group(required=True)
            target.add_argument("-i", "--object-uid", metavar="ID", help="the object")
            target.add_argument(
                "--object-group", metavar="NAME", help="all of your objects in this Object Group"
            )
            one.add_argument("operations", nargs="+", help="such as get, encrypt, get_attributes")
        if name == "list":
            one.add_argument(
                "object_uid", nargs="?", metavar="ID", help="the object (default: your groups)"
            )
        add_server_options(one)
        add_given_key_option(one)
        add_user_options(one)


async def _ask(arguments: argparse.Namespace) -> None:
    async with _rights(arguments) as rights:
        await _ACTIONS[arguments.action][0](rights, arguments)


def _run(arguments: argparse.Namespace) -> None:
    trio.run(_ask, arguments)


COMMAND = Command(
    "access-rights", "say who else may use your objects, on an attested server", _run, _arguments
)
