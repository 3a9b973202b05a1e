"""The audit file of a real server, verified by the commands that a person types."""

import json
from pathlib import Path

import pytest
import trio

from kmip.enums import Operation
from server.__main__ import main
from tests.e2e.program import Program, running
from tests.server.samples import create

KILLS = 3


@pytest.fixture
def audit(tmp_path: Path) -> Path:
    return tmp_path / "audit.log"


async def ask(program: Program, times: int) -> None:
    async with program.client() as client:
        key = await create(client)
        for _ in range(times):
            await client(Operation.GET, unique_identifier=key)


async def ask_until_it_is_killed(program: Program, after: int) -> None:
    """Make keys at once with others, and kill the server after so many of them."""
    made = 0

    async def make() -> None:
        nonlocal made
        try:
            async with program.client() as client:
                while True:
                    await create(client)
                    made += 1
                    if made == after:
                        program.kill()
        except (OSError, trio.BrokenResourceError):
            pass

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(make)


@pytest.fixture
def said(tmp_path, capsys):
    """Runs a command, and gives its status and all that it says."""

    def run(*words: object) -> tuple[int, str]:
        capsys.readouterr()
        status = main([*map(str, words)])
        out, err = capsys.readouterr()
        return status, out + err

    return run


@pytest.mark.parametrize("form", ["readable", "sealed"])
def test_what_a_server_did_is_verified_and_read(tmp_path, audit, said, form):
    data = tmp_path / "data"
    with running(data, "--audit", audit, "--audit-lines", form) as program:
        trio.run(ask, program, 5)
        program.end()
    assert ("Get" in audit.read_text()) is (form == "readable")
    status, text = said("audit", "verify", audit, "--data", data)
    assert (status, text) == (0, "All 6 lines are as they were written, and in their order.\n")
    status, text = said("audit", "read", audit, "--data", data)
    rows = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    assert status == 0
    assert [row["operation"] for row in rows] == ["Create"] + ["Get"] * 5

    whole = audit.read_bytes()
    audit.write_bytes(whole[: whole.rindex(b"\n", 0, -1) + 1])
    status, text = said("audit", "verify", audit, "--data", data)
    assert status == 1
    assert "ends with line 5 of 6" in text


def test_an_export_verifies_where_the_store_is_not(tmp_path, audit, said):
    data, export = tmp_path / "data", tmp_path / "export"
    with running(data, "--audit", audit) as program:
        trio.run(ask, program, 2)
        program.end()
    assert said("audit", "export", export, "--data", data)[0] == 0
    assert export.stat().st_mode & 0o77 == 0
    elsewhere = ("--exported", export, "--data", tmp_path / "elsewhere")
    assert said("audit", "verify", audit, *elsewhere)[0] == 0
    audit.write_bytes(audit.read_bytes().replace(b"Success", b"Failure", 1))
    status, text = said("audit", "verify", audit, *elsewhere)
    assert status == 1
    assert f"{audit}:1 is not as it was written." in text
    export.write_text("{}")
    status, text = said("audit", "verify", audit, *elsewhere)
    assert status == 1
    assert "is not what strongroom audit export writes" in text


def test_a_server_that_is_killed_again_and_again_leaves_a_log_that_verifies(tmp_path, audit, said):
    data = tmp_path / "data"
    for kill in range(KILLS):
        with running(data, "--audit", audit) as program:
            trio.run(ask_until_it_is_killed, program, 7 * kill + 3)
    with running(data, "--audit", audit) as program:
        trio.run(ask, program, 1)
        moved = audit.with_name("audit.old")
        audit.rename(moved)
        program.end()
    files = [each for each in (moved, audit) if each.exists()]
    status, text = said("audit", "verify", *files, "--data", data)
    assert (status, text[:4]) == (0, "All "), text
