"""Whatever is done with tickets at two servers, both say of each what a simple model says."""

from dataclasses import dataclass

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from kmip.enums import Operation
from kmip.errors import InvalidTicket, UsageLimitExceeded
from server.objects import own_records
from server.sessions.rights import Grant
from storage import KeyFile, MemoryBackend, MemorySpace, open_store
from storage.testing import FailingBackend
from tests.server.conftest import NOW
from tests.server.sessions.test_permissions import KEY, Out


@dataclass
class Model:
    """What is left of a ticket.

    Attributes:
        requests: messages; None: any number.
        left: operations; None: any number.
        is_out: whether it has not been ended.
    """

    requests: int | None
    left: int | None
    is_out: bool = True


COUNTS = st.none() | st.integers(1, 3)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(("give", "message", "spend", "undo", "anew", "end", "end all", "sweep")),
        st.integers(0, 1),
        st.integers(0, 3),
        COUNTS,
        COUNTS,
        st.booleans(),
    ),
    max_size=30,
)


async def message(out: Out, value: bytes, model: Model) -> None:
    """Show the ticket in one message, and see that it is taken where the model says so."""
    ended: type[Exception] | None = None
    try:
        await out.use((await out.presented(value)).issued)
    except (InvalidTicket, UsageLimitExceeded) as error:
        ended = type(error)
    if not model.is_out:
        assert ended is InvalidTicket
    elif model.requests == 0:
        assert ended is UsageLimitExceeded
    else:
        assert ended is None
        model.requests = None if model.requests is None else model.requests - 1


async def spend(out: Out, value: bytes, model: Model, step: str) -> None:
    """Perform an operation, and perhaps take back what it counted."""
    if not model.is_out:
        return
    permission = await out.presented(value)
    try:
        await permission.begin(Operation.GET)
        permission.touch(KEY)
        await permission.spend(out.begin())
    except UsageLimitExceeded:
        assert model.left == 0
        return
    assert model.left != 0
    if step != "spend":
        await permission.give_back(undone=step == "undo")
    elif model.left is not None:
        model.left -= 1


async def play(steps: list) -> None:
    space, key = MemorySpace(), KeyFile(bytes(32))
    backends = [FailingBackend(MemoryBackend(space, shared=True)) for _ in range(2)]
    async with (
        open_store(backends[0], key, create=True) as first,
        open_store(backends[1], key) as second,
    ):
        servers = [Out(first, backends[0]), Out(second, backends[1])]
        tickets: list[tuple[bytes, Model]] = []
        for step, at, which, requests, left, by_right in steps:
            out = servers[at]
            await out.store.refresh()
            if step == "give":
                grants = (Grant(left=left),) if by_right else None
                fields = {} if by_right else {"left": left}
                value = await out.give(grants=grants, requests=requests, **fields)
                tickets.append((value, Model(requests, left)))
                continue
            if step == "sweep":
                assert await own_records.sweep(out.store, NOW) == 0
                continue
            if step == "end all":
                assert await out.end_all("alice") == sum(model.is_out for _, model in tickets)
                for _, model in tickets:
                    model.is_out = False
                continue
            if not tickets:
                continue
            value, model = tickets[which % len(tickets)]
            if step == "message":
                await message(out, value, model)
            elif step == "end":
                objects = out.begin()
                try:
                    await out.end(objects, value, "alice")
                    await objects.commit()
                except InvalidTicket:
                    assert not model.is_out
                else:
                    assert model.is_out
                    model.is_out = False
            else:
                await spend(out, value, model, step)
        for out in servers:
            values = [value for value, _ in tickets]
            assert await out.are_out(values) == [model.is_out for _, model in tickets]
            for value, model in tickets:
                if model.is_out:
                    issued = await out.find(value, NOW)
                    await out.renew(issued)
                    assert issued.requests == model.requests
                    rights = issued.rights
                    kept = issued.left if rights is None else rights.left.get(0)
                    assert kept == model.left


@pytest.mark.slow
@settings(max_examples=25)
@given(steps=STEPS)
def test_two_servers_say_of_a_ticket_what_was_done_with_it_at_both(steps):
    trio.run(play, steps)


async def test_a_ticket_with_a_limit_of_its_own_and_of_a_right_uses_up_both():
    space = MemorySpace()
    backend = FailingBackend(MemoryBackend(space))
    async with open_store(backend, KeyFile(bytes(32)), create=True) as store:
        out = Out(store, backend)
        value = await out.give(grants=(Grant(left=5),), left=2)
        assert await out.uses(value) == 2
        issued = await out.find(value, NOW)
        assert issued.rights is not None
        assert dict(issued.rights.left) == {0: 3}
