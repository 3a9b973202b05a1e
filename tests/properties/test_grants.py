"""Grants against a plain model: two servers on one store, owners, clients, a user, and groups.

Each step is done at one of the servers, and what holds is then asked at both: what each client may
do with each object, what it locates, and that it is told the same of what it may not know of as of
what is not there.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kmip.attributes import AttributeInstance, Attributes
from kmip.enums import Operation, ResultReason
from kmip.tags import Tag
from kmip.versions import V3_0
from server.access.users import Users
from server.objects.grants import EVERYONE, Grantee, GranteeKind
from server.requests.access_rights import Failed, Target
from server.setup.config import Config
from server.state import Server
from storage import KeyFile, MemoryBackend, MemorySpace, open_store
from tests.server.conftest import Clock, InProcessClient
from tests.server.conftest import Failed as Refused
from tests.server.operations.test_create_user import CHEAP
from tests.server.requests.test_access_rights import rights
from tests.server.samples import create

Op = Operation
NAMES = ("alice", "bob", "carol", "fred")
"""`fred` stands for a user that an administrator has made; the others are known by certificates."""
GROUPS = ("g", "h")
MEMBERSHIPS = ("staff", "guests")
PROBES = (Op.GET, Op.GET_ATTRIBUTES, Op.GET_ATTRIBUTE_LIST)
MISSING = {ResultReason.OBJECT_NOT_FOUND, ResultReason.ITEM_NOT_FOUND}
FEW = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=10)

names, places, groups = st.sampled_from(NAMES), st.integers(0, 3), st.sampled_from(GROUPS)
operations = st.frozensets(st.sampled_from((*PROBES, Op.REKEY)), min_size=1)
grantees = st.sampled_from((*NAMES, *MEMBERSHIPS, "*"))
STEPS = st.one_of(
    st.tuples(st.just("make"), names, st.frozensets(groups)),
    st.tuples(st.sampled_from(["grant", "revoke"]), names, places, grantees, operations),
    st.tuples(st.sampled_from(["grant", "revoke"]), names, groups, grantees, operations),
    st.tuples(st.sampled_from(["put in", "take out"]), places, groups),
    st.tuples(st.sampled_from(["join", "leave"]), st.sampled_from(MEMBERSHIPS)),
    st.tuples(st.just("replace"), names, places),
    st.tuples(st.just("remove"), places),
)


@dataclass
class Kept:
    """An object in the model."""

    owner: str
    groups: set[str]
    grants: dict[str, set[Operation]] = field(default_factory=dict)
    is_replaced: bool = False


@dataclass
class Model:
    """What there is: objects by identifier, grants on groups by owner and group, fred's groups."""

    objects: dict[str, Kept] = field(default_factory=dict)
    on_groups: dict[tuple[str, str], dict[str, set[Operation]]] = field(default_factory=dict)
    memberships: set[str] = field(default_factory=set)

    def granted(self, name: str, kept: Kept) -> set[Operation]:
        """What a client that does not own an object may do with it."""
        everybody = [name, "*", *(self.memberships if name == "fred" else ())]
        tables = [kept.grants, *(self.on_groups.get((kept.owner, one), {}) for one in kept.groups)]
        return {op for table in tables for one in everybody for op in table.get(one, ())}

    def nth(self, place: int) -> str | None:
        """The identifier of some object."""
        return list(self.objects)[place % len(self.objects)] if self.objects else None


def change(table: dict[str, set[Operation]], verb: str, whom: str, ops: frozenset[Operation]):
    have = table.setdefault(whom, set())
    table[whom] = have | ops if verb == "grant" else have - ops


@dataclass
class World:
    """Both servers and the model.

    Attributes:
        servers: asked in turn.
        model: what should be.
        fred: the user's identifier.
        by_name: identifiers of the groups of users.
    """

    servers: list[InProcessClient]
    model: Model
    fred: str
    by_name: dict[str, str]
    turn: int = 0

    def client(self, name: str, server: int | None = None) -> InProcessClient:
        self.turn += 1
        ask = self.servers[self.turn % 2 if server is None else server]
        return ask.named(f"user:{self.fred}" if name == "fred" else name)

    def grantee(self, whom: str) -> Grantee:
        if whom == "*":
            return EVERYONE
        if whom in self.by_name:
            return Grantee(GranteeKind.GROUP, self.by_name[whom])
        return Grantee(GranteeKind.CLIENT, f"user:{self.fred}" if whom == "fred" else whom)

    async def step(self, verb: str, *arguments) -> None:
        steps: dict[str, Callable[..., Awaitable[None]]] = {
            "make": self.make,
            "grant": self.change,
            "revoke": self.change,
            "put in": self.regroup,
            "take out": self.regroup,
            "join": self.move,
            "leave": self.move,
            "replace": self.replace,
            "remove": self.remove,
        }
        await steps[verb](verb, *arguments)

    async def make(self, _: str, name: str, into: frozenset[str]) -> None:
        identifier = await create(
            self.client(name), *((Tag.OBJECT_GROUP, group) for group in sorted(into))
        )
        self.model.objects[identifier] = Kept(name, set(into))

    async def change(
        self, verb: str, name: str, what: int | str, whom: str, ops: frozenset[Operation]
    ) -> None:
        ask = self.client(name)
        identifier = None if isinstance(what, str) else self.model.nth(what)
        target = Target(group=what) if isinstance(what, str) else Target(identifier or "none")
        access = rights(ask)
        call = access.grant if verb == "grant" else access.revoke
        may = isinstance(what, str) or (
            identifier is not None and self.model.objects[identifier].owner == name
        )
        may = may and (whom != name or verb == "revoke")
        try:
            await call(target, self.grantee(whom), ops)
        except Failed:
            assert not may
            return
        assert may
        if isinstance(what, str):
            change(self.model.on_groups.setdefault((name, what), {}), verb, whom, ops)
        elif identifier is not None:
            change(self.model.objects[identifier].grants, verb, whom, ops)

    async def regroup(self, verb: str, place: int, group: str) -> None:
        identifier = self.model.nth(place)
        if identifier is None:
            return
        kept = self.model.objects[identifier]
        value = AttributeInstance(Tag.OBJECT_GROUP, group)
        ask = self.client(kept.owner)
        if verb == "put in" and group not in kept.groups:
            await ask(Op.ADD_ATTRIBUTE, unique_identifier=identifier, new_attribute=value)
            kept.groups.add(group)
        elif verb == "take out" and group in kept.groups:
            await ask(Op.DELETE_ATTRIBUTE, unique_identifier=identifier, current_attribute=value)
            kept.groups.remove(group)

    async def move(self, verb: str, group: str) -> None:
        value = AttributeInstance(Tag.GROUP_LINK, self.by_name[group])
        admin = self.client("administrator").at(V3_0)
        if verb == "join" and group not in self.model.memberships:
            await admin(Op.ADD_ATTRIBUTE, unique_identifier=self.fred, new_attribute=value)
            self.model.memberships.add(group)
        elif verb == "leave" and group in self.model.memberships:
            await admin(Op.DELETE_ATTRIBUTE, unique_identifier=self.fred, current_attribute=value)
            self.model.memberships.remove(group)

    async def replace(self, _: str, name: str, place: int) -> None:
        identifier = self.model.nth(place)
        if identifier is None:
            return
        kept = self.model.objects[identifier]
        may = kept.owner == name or (
            Op.REKEY in self.model.granted(name, kept) and not kept.is_replaced
        )
        try:
            made = await self.client(name)(Op.REKEY, unique_identifier=identifier)
        except Refused:
            assert not may
            return
        assert may
        kept.is_replaced = True
        grants = {whom: set(ops) for whom, ops in kept.grants.items()}
        self.model.objects[made.unique_identifier] = Kept(kept.owner, set(kept.groups), grants)

    async def remove(self, _: str, place: int) -> None:
        identifier = self.model.nth(place)
        if identifier is not None:
            owner = self.model.objects.pop(identifier).owner
            await self.client(owner).at(V3_0)(Op.OBLITERATE, unique_identifier=identifier)

    async def check(self) -> None:
        """Compare what holds at both servers with the model."""
        for server in (0, 1):
            for name in NAMES:
                await self.check_client(name, self.client(name, server))

    async def check_client(self, name: str, ask: InProcessClient) -> None:
        own, others = set(), set()
        for identifier, kept in self.model.objects.items():
            may = set(PROBES) if kept.owner == name else self.model.granted(name, kept)
            if kept.owner == name:
                own.add(identifier)
            elif may:
                others.add(identifier)
            items = [ask.item(op, unique_identifier=identifier) for op in PROBES]
            for op, item in zip(PROBES, [(await ask.batch(one))[0] for one in items], strict=True):
                if op in may:
                    assert item.result_reason is None
                elif may:
                    assert item.result_reason == ResultReason.PERMISSION_DENIED
                else:
                    assert item.result_reason in MISSING
        found = await ask(Op.LOCATE)
        assert set(found.unique_identifier[: len(own)]) == own
        assert set(found.unique_identifier[len(own) :]) == others
        assert (found.located_items or 0) == len(own) + len(others)
        obtained = await rights(ask).obtained(lambda one, ops: (one.identifier, set(ops)))
        assert dict(obtained) == {
            one: self.model.granted(name, self.model.objects[one]) for one in others
        }


@asynccontextmanager
async def world(config: Config) -> AsyncIterator[World]:
    space, key, clock = MemorySpace(), KeyFile(bytes(32)), Clock()
    async with (
        open_store(MemoryBackend(space, shared=True), key, create=True) as first,
        open_store(MemoryBackend(space, shared=True), key) as second,
    ):
        users = Users(config.users_file, cost=CHEAP)
        servers = [
            InProcessClient(Server(config=config, store=store, users=users, clock=clock), None)
            for store in (first, second)
        ]
        admin = servers[0].named("administrator").at(V3_0)
        by_name = {
            name: str((await admin(Op.CREATE_GROUP, attributes=Attributes())).unique_identifier)
            for name in MEMBERSHIPS
        }
        fred = str((await admin(Op.CREATE_USER, attributes=Attributes())).unique_identifier)
        yield World(servers, Model(), fred, by_name)


@given(steps=st.lists(STEPS, min_size=4, max_size=12))
@FEW
async def test_grants_hold_at_once_at_every_server_and_no_further(config: Config, steps):
    async with world(config) as one:
        for step in steps:
            await one.step(*step)
        await one.check()
