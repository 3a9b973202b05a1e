"""A store that was made from the page on the format alone is opened, and read rightly."""

import hashlib

import pytest

from storage import Query, Range, SQLiteBackend, open_store
from storage import resume as resume_module
from storage import saver as saver_module
from storage.testing import FailingBackend
from tests.storage.format import independent_store as made
from tests.storage.stores import SECRET, put

STORE = made.store()
DIGEST = "49962da42686987dd36a10240f89c93a473fe59d54a569fa9a9018de64888219"


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(resume_module, "SAVED_FROM", made.COUNT)
    monkeypatch.setattr(saver_module, "SAVED_FROM", made.COUNT)


def test_the_vectors_are_those_that_were():
    """A change of the format needs another version number, and so other vectors."""
    whole = hashlib.sha256(STORE["header"] + STORE["head"])
    for kind in ("log", "meta", "body", "index"):
        for key, blob in sorted(STORE[kind].items()):
            whole.update(repr(key).encode() + blob)
    assert whole.hexdigest() == DIGEST


async def check(store):
    assert store.count == made.COUNT
    newest = [made.name(n) for n in reversed(range(made.COUNT))]

    async def found(*terms, **conditions):
        groups = tuple(frozenset({term}) for term in terms)
        return (await store.search(Query(groups, **conditions))).names

    assert await found(b"all") == newest
    for n in range(7):
        assert await found(b"of seven %d" % n) == [
            made.name(m) for m in reversed(range(made.COUNT)) if m % 7 == n
        ]
    assert await found(b"nothing") == []
    for n in (0, 1, 34, made.COUNT - 1):
        assert await found(b"only %d" % n) == [made.name(n)]
        one = (Range(b"date", made.value(n), made.value(n)),)
        assert await found(ranges=one) == [made.name(n)] * made.dated(n)
        record = await store.read(made.name(n))
        assert (record.version, record.meta) == (1, b"meta")
        assert record.terms.exact == frozenset(made.exact(n))
        assert await store.read_body(made.name(n), 1) == b"body%02d" % n
    before = (Range(b"date", high=made.value(40)),)
    assert await found(ranges=before) == [one for one in newest[:30] if made.dated(int(one[7:]))]


async def test_a_store_with_a_saved_index_begins_with_it(tmp_path):
    made.write_sqlite(tmp_path / "s.db", STORE, with_index=True)
    backend = FailingBackend(SQLiteBackend(tmp_path / "s.db"))
    async with open_store(backend, SECRET) as store:
        assert "scan" not in backend.calls
        assert store.index_fault == ""
        await check(store)


async def test_a_store_of_the_earlier_format_is_opened_and_gets_a_saved_index(tmp_path):
    path = tmp_path / "s.db"
    made.write_sqlite(path, STORE, with_index=False)
    async with open_store(SQLiteBackend(path), SECRET) as store:
        await check(store)
        await store.save_index()
        await store.commit([put(b"one more")])
    backend = FailingBackend(SQLiteBackend(path))
    async with open_store(backend, SECRET) as store:
        assert "scan" not in backend.calls
        assert store.version(b"one more") == 2
        assert await store.read_body(b"one more", 2) == b"body"
        assert await store.read_body(made.name(3), 1) == b"body03"


async def test_both_have_the_same_rows(tmp_path):
    rows = []
    for with_index in (True, False):
        path = tmp_path / f"{with_index}.db"
        made.write_sqlite(path, STORE, with_index=with_index)
        async with open_store(SQLiteBackend(path), SECRET) as store:
            rows.append({row.name: row for row in store._table.index.rows()})
    assert rows[0] == rows[1]
