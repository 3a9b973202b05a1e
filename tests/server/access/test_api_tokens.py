"""API tokens: what is kept of them, and for how long they are taken."""

import json
from pathlib import Path

import pytest

from kmip.enums import Operation
from server.access import api_tokens
from server.access.api_tokens import MAX_TOKENS, APIToken, APITokens
from server.setup.failure import Failure

NOW = 1_700_000_000
DAY = 86_400


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tokens.json"


async def test_a_token_is_found_until_its_end_and_another_is_not(file: Path):
    token = api_tokens.add(file, "backup", NOW, 2)
    tokens = APITokens(file)
    found = await tokens.find(token, NOW)
    assert found is not None
    assert found.client == "token:backup"
    assert found.rights is None
    assert await tokens.find(token, NOW + 2 * DAY - 1) is not None
    assert await tokens.find(token, NOW + 2 * DAY) is None
    for wrong in ("", token[:-1], token + "x", token.upper(), "x" * 10_000, "\ud800"):
        assert await tokens.find(wrong, NOW) is None


def test_two_tokens_have_nothing_in_common_but_their_beginning(file: Path):
    one, other = (api_tokens.add(file, name, NOW, 1) for name in ("one", "other"))
    assert len(set(one) & set(other)) > 1
    assert one.startswith(api_tokens.PREFIX)
    assert one[len(api_tokens.PREFIX) :] != other[len(api_tokens.PREFIX) :]
    assert len(one) == len(api_tokens.PREFIX) + 43  # 32 bytes as base64


def test_the_file_has_the_hash_and_is_its_owner_s(file: Path):
    token = api_tokens.add(file, "backup", NOW, 2)
    assert token not in file.read_text()
    assert token[len(api_tokens.PREFIX) :] not in file.read_text()
    assert json.loads(file.read_text())["backup"]["sha256"] == api_tokens.hash_of(token).hex()
    assert file.stat().st_mode & 0o777 == 0o600


async def test_nothing_that_is_printed_has_the_token_or_its_hash(file: Path):
    token = api_tokens.add(file, "backup", NOW, 2, api_tokens.READ_ONLY)
    found = await APITokens(file).find(token, NOW)
    assert found is not None
    assert token not in repr(found)
    assert found.sha256.hex() not in repr(found)
    assert repr(found.sha256) not in repr(found)


async def test_one_that_was_removed_is_refused_at_once(file: Path):
    token, other = (api_tokens.add(file, name, NOW, 2) for name in ("backup", "other"))
    tokens = APITokens(file)
    assert await tokens.find(token, NOW) is not None
    api_tokens.remove(file, "backup")
    assert await tokens.find(token, NOW) is None
    assert await tokens.find(other, NOW) is not None
    with pytest.raises(Failure, match="no token 'backup'"):
        api_tokens.remove(file, "backup")


async def test_one_that_was_replaced_is_refused_and_its_mark_is_another(file: Path):
    before = api_tokens.add(file, "backup", NOW, 2)
    tokens = APITokens(file)
    found = await tokens.find(before, NOW)
    assert found is not None
    assert await tokens.holds("backup", found.mark, NOW)
    with pytest.raises(Failure, match="--replace"):
        api_tokens.add(file, "backup", NOW, 2)
    after = api_tokens.add(file, "backup", NOW, 2, replace=True)
    assert await tokens.find(before, NOW) is None
    assert await tokens.find(after, NOW) is not None
    assert not await tokens.holds("backup", found.mark, NOW)


async def test_a_token_s_mark_holds_no_longer_than_the_token(file: Path):
    token = api_tokens.add(file, "backup", NOW, 2)
    tokens = APITokens(file)
    found = await tokens.find(token, NOW)
    assert found is not None
    assert not await tokens.holds("backup", found.mark, NOW + 2 * DAY)
    assert not await tokens.holds("other", found.mark, NOW)


async def test_rights_are_kept(file: Path):
    token = api_tokens.add(file, "backup", NOW, 2, frozenset({Operation.GET}))
    found = await APITokens(file).find(token, NOW)
    assert found is not None
    assert found.rights is not None
    assert found.rights.covering(Operation.GET)
    assert not found.rights.covering(Operation.LOCATE)


def test_read_only_rights_change_nothing_and_use_no_key():
    assert Operation.GET in api_tokens.READ_ONLY
    for one in (Operation.CREATE, Operation.DESTROY, Operation.DECRYPT, Operation.LOGIN):
        assert one not in api_tokens.READ_ONLY


@pytest.mark.parametrize(
    "written", ["Get,Get Attributes", "get,getattributes", "GET,GET_ATTRIBUTES"]
)
def test_operations_are_named_as_in_the_specification(written: str):
    assert api_tokens.operations_of(written.split(",")) == {
        Operation.GET,
        Operation.GET_ATTRIBUTES,
    }


@pytest.mark.parametrize("written", ["", "Fetch", "Get,"])
def test_an_operation_that_there_is_not_is_refused(written: str):
    with pytest.raises(Failure, match="no operation"):
        api_tokens.operations_of(written.split(","))


@pytest.mark.parametrize("days", [0, -1, api_tokens.MAX_DAYS + 1, float("nan"), float("inf")])
def test_a_token_has_an_end_within_the_limit(file: Path, days: float):
    with pytest.raises(Failure, match="days"):
        api_tokens.add(file, "backup", NOW, days)


@pytest.mark.parametrize("name", ["", "a\nb", "token:x", "user:x", "jwt:x", "TOKEN:x", " a"])
def test_a_name_is_one_that_can_be_told_from_others(file: Path, name: str):
    with pytest.raises(Failure):
        api_tokens.add(file, name, NOW, 1)


def test_there_are_only_so_many(file: Path):
    taken = [APIToken(f"token {n}", n.to_bytes(32), 0, NOW * 2) for n in range(MAX_TOKENS)]
    file.write_bytes(api_tokens.encode(taken))
    with pytest.raises(Failure, match="10000 tokens"):
        api_tokens.add(file, "another", NOW, 1)
    api_tokens.add(file, "token 1", NOW, 1, replace=True)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"[1]",
        b'{"a": 1}',
        b'{"a": {"sha256": "00", "since": 1, "until": 2, "operations": null}}',
        b'{"a": {"sha256": "%s", "since": 1, "until": 2, "operations": ["Fetch"]}}' % (b"00" * 32),
        b'{"a": {"sha256": "%s", "since": 1, "until": 1e999, "operations": null}}' % (b"00" * 32),
        b"[" * 100_000,
        b"\xff",
    ],
)
async def test_a_damaged_file_lets_nobody_in_and_is_not_taken_for_an_empty_one(
    file: Path, content: bytes
):
    token = api_tokens.add(file, "backup", NOW, 1)
    tokens = APITokens(file)
    assert await tokens.find(token, NOW) is not None
    file.write_bytes(content)
    assert await tokens.find(token, NOW) is None
    assert not await tokens.is_empty()
    with pytest.raises(Failure, match="damaged"):
        api_tokens.add(file, "other", NOW, 1)
    file.unlink()
    assert await tokens.is_empty()


async def test_where_there_is_no_file_there_is_no_token():
    tokens = APITokens(None)
    assert await tokens.is_empty()
    assert await tokens.find(api_tokens.PREFIX + "x" * 43, NOW) is None
