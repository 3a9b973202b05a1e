"""What the tests of the store share: cheap secrets, short spellings of terms and changes."""

from contextlib import asynccontextmanager

from storage import (
    Cost,
    KeyFile,
    MemoryBackend,
    MemorySpace,
    Password,
    Put,
    Remove,
    Terms,
    open_store,
)

CHEAP = Cost(memory_kib=64, iterations=1, lanes=1)
SECRET = KeyFile(bytes(range(32)))
PASSWORD = Password("correct horse", CHEAP)


def terms(*exact, **ranged):
    return Terms(
        frozenset(term.encode() for term in exact),
        {column.encode(): value for column, value in ranged.items()},
    )


def put(name, expected=0, meta=b"meta", body=b"body", found_by=None):
    return Put(name, expected, meta, body, found_by or terms())


async def supersede(store):
    """Write, replace and remove records, and rotate: two metas and one body are left to be due."""
    await store.commit([put(b"a"), put(b"b")])
    for version in (1, 2, 3):
        await store.commit([put(b"a", version)])
    await store.commit([put(b"c")])
    await store.commit([Remove(b"c", 5), put(b"b", 1, body=None)])
    await store.rotate(SECRET)


@asynccontextmanager
async def shared_stores(space=None, count=2, **options):
    """Several stores over one memory, as several servers have one Redis."""
    space = space or MemorySpace()
    async with open_store(MemoryBackend(space, shared=True), SECRET, create=True, **options) as one:
        if count == 1:
            yield (one,)
            return
        async with shared_stores(space, count - 1, **options) as others:
            yield (one, *others)


def flipped(blob, at=-1):
    """The blob with one bit changed."""
    changed = bytearray(blob)
    changed[at] ^= 1
    return bytes(changed)
