"""The resident table: what the store knows of every live record, and changes drafted on top of it.

Theory of operation: the table holds, for each record, its version and the tags of its blobs. That
is every leaf of the set digest, so any single record the back end gives is checked against the
very version that is due, without asking for anything more. It changes only as a whole commit, by
`Table.apply`, once the back end has taken that commit or a log entry has told of it.

A `Draft` is one commit in the making: it answers `row` as if its changes were done already, so
that the changes gathered into one commit see each other, and it keeps the digest in step.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from storage.backend import Commit, Kind, tag
from storage.errors import Conflict, Part, Reason, Tampered
from storage.header import Unlocked
from storage.history import History
from storage.index import Index, Row, Rows
from storage.keyring import LEAF_MODULUS, Keyring, Sealed
from storage.ledger import Logged, PutMeta, Removed, State, link, seal_entry
from storage.record import KEEP, Content, Put, Remove, Terms, encode_body
from storage.turns import ROWS


def is_old(row: Row, keyring: Keyring) -> bool:
    """Whether anything of a record is sealed under an epoch before the current one."""
    return row.epoch != keyring.current or row.body_epoch not in (0, keyring.current)


class Table:
    """All live records, and the state of the store they belong to.

    Attributes:
        unlocked: the key header in force.
        keyring: its keys.
        history: the states that it was in.
        head: the sealed head, as the back end has it.
        rows: by name.
        index: the same rows by their terms.
        kept: names of records that were written while something of them is under an older epoch, as
            a body that was left as it was.
        is_applying: whether the rows are on their way from one state to another.
        resumed_from: the commit that it was saved at and filled from, if it was.
        index_fault: what was wrong with the saved index, so that all records were read; or empty.
    """

    def __init__(self, unlocked: Unlocked, keyring: Keyring, state: State, head: bytes) -> None:
        self.unlocked = unlocked
        self.keyring = keyring
        self.history = History()
        self.state = state
        self.head = head
        self.kept: set[bytes] = set()
        self.is_applying = False
        self._moved: set[tuple[Kind, bytes]] | None = None
        self.resumed_from: int | None = None
        self.index_fault = ""
        self.use(Index())

    def use(self, index: Index) -> None:
        """Have the rows of this index, and no others."""
        self.index = index
        self.rows = Rows(index)

    @contextmanager
    def watching(self) -> Iterator[set[tuple[Kind, bytes]] | None]:
        """Gathers, for the length of a block, the tags in rows that are written, old and new.

        None where somebody else does.
        """
        if self._moved is not None:
            yield None
            return
        self._moved = set()
        try:
            yield self._moved
        finally:
            self._moved = None

    def _watched(self, *rows: Row | None) -> None:
        if self._moved is not None:
            for row in rows:
                if row is not None:
                    self._moved |= {(Kind.META, row.tag), (Kind.BODY, row.body_tag)}

    @property
    def state(self) -> State:
        """What the head says."""
        return self._state

    @state.setter
    def state(self, state: State) -> None:
        self._state = state
        self.history.add(state)

    def row(self, content: Content, blob: bytes) -> Row:
        """The row of a record whose meta blob was opened."""
        return Row(
            content.name,
            content.version,
            content.serial,
            blob[1],
            tag(blob),
            content.body_epoch,
            content.body_tag,
            self.index.tokens(content.terms.exact),
            self.index.ranged(content.terms.ranged),
        )

    def logged(self, keyring: Keyring, change: Logged) -> tuple[bytes, Row | None]:
        """What a log entry says of a record: its name, and its row or None where it was removed.

        Raises:
            Tampered: the blob in it does not open.
        """
        if isinstance(change, Removed):
            return change.name, None
        plaintext = keyring.open(Sealed.META, change.handle, change.blob)
        if plaintext is None:
            raise Tampered(Part.LOG, Reason.EDITED)
        content = Content.decode(plaintext)
        return content.name, self.row(content, change.blob)

    def apply(self, draft: "Draft", state: State, head: bytes) -> None:
        """Take over a draft that has become the store's state."""
        for _ in self.applying(draft, state, head):
            pass

    def applying(self, draft: "Draft", state: State, head: bytes) -> Iterator[None]:
        """The same, row by row. Whoever looks in between sees some rows as they were before.

        The state moves last: nobody may draft, or take over another, before the end.
        """
        self.is_applying = True
        if draft.keyring is not self.keyring:  # rows of either epoch are seen in between
            known = {**self.keyring.epochs, **draft.keyring.epochs}
            self.keyring = replace(self.keyring, epochs=known)
        try:
            yield from self._move(draft)
        finally:
            self.is_applying = False
        self.unlocked, self.keyring = draft.unlocked, draft.keyring
        self.state, self.head = state, head
        if len(self.keyring.epochs) == 1:
            self.kept.clear()

    def _move(self, draft: "Draft") -> Iterator[None]:
        made: list[Row] = []
        for name, row in draft.rows.items():
            if row is not None and is_old(row, draft.keyring):
                self.kept.add(name)
            old = self.rows.get(name)
            self._watched(old, row)
            if old is not None and row is not None and old.serial == row.serial:
                self.index.replace(old, row)
                yield
                continue
            if old is not None:
                self.index.remove(old)
                yield
            if row is not None:
                made.append(row)
        for row in sorted(made, key=lambda row: row.serial):  # the index goes by age
            self.index.add(row)
            yield


class Draft:
    """One commit in the making.

    Attributes:
        table: what it is drafted on.
        base: the state of it that it is drafted on.
        number: of the commit, and so the version of the records it writes.
        rows: the changed rows; None: removed.
        unlocked: the key header after it.
        keyring: the keys everything in it is sealed under.
    """

    def __init__(self, table: Table) -> None:
        self.table = table
        self.base = table.state
        self.number = table.state.number + 1
        self.rows: dict[bytes, Row | None] = {}
        self.unlocked, self.keyring = table.unlocked, table.keyring
        self.digest, self.count = self.base.digest, self.base.count
        self._serial = self.base.serial
        self._meta: dict[bytes, bytes | None] = {}
        self._body: dict[bytes, bytes | None] = {}
        self._logged: dict[bytes, Logged] = {}
        self._contents: dict[bytes, Content] = {}

    def row(self, name: bytes) -> Row | None:
        """The row of a record as it will be after this draft."""
        return self.rows[name] if name in self.rows else self.table.rows.get(name)

    def expect(self, name: bytes, version: int) -> None:
        """Raise `Conflict` unless the record is at this version; 0: does not exist.

        Nobody can have read what this very commit is to write, and so nobody can expect it.
        """
        row = self.row(name)
        if version != (0 if row is None else row.version) or version == self.number:
            raise Conflict(name)

    def change(self, change: Put | Remove) -> None:
        """Draft one change whose expected version holds."""
        if isinstance(change, Put):
            self._put(change)
        else:
            self._remove(change.name)

    def use(self, unlocked: Unlocked) -> None:
        """Draft a change of the key header; what follows is sealed under its keys."""
        self.unlocked, self.keyring = unlocked, unlocked.keyring()

    def begin_epoch(self, unlocked: Unlocked) -> None:
        """Draft a change of the key header that begins an epoch; it is told this commit's number.

        Nothing that is drafted later is sealed under an older one.
        """
        self.use(unlocked.begun(self.number))

    @property
    def is_current(self) -> bool:
        """Whether the table is still where it was; if not, the draft is of no use."""
        return self.table.state is self.base

    @property
    def is_long(self) -> bool:
        """Whether so much is drafted that what remains to be done with it is long."""
        return len(self.rows) > ROWS

    def contents(self) -> Iterable[tuple[Row, Content]]:
        """The records this draft wrote, as they will be."""
        for name, content in self._contents.items():
            row = self.rows[name]
            if row is not None:
                yield row, content

    def _put(self, put: Put) -> None:
        old = self.row(put.name)
        body_epoch, body_tag = (old.body_epoch, old.body_tag) if old else (0, b"")
        if put.body is not KEEP:
            self._drop_body(old)
            body_epoch, body_tag = 0, b""
        if isinstance(put.body, bytes):
            body_epoch, body_tag = self._seal_body(put.name, put.body)
        self._seal_meta(old, put.name, self.number, body_epoch, body_tag, put.meta, put.terms)

    def reseal(self, content: Content, body: bytes | None) -> None:
        """Draft the same record at the same version under the current epoch.

        Args:
            content: of its meta blob.
            body: its body, or None when there is none.
        """
        old = self.row(content.name)
        self._drop_body(old)
        body_epoch, body_tag = (0, b"") if body is None else self._seal_body(content.name, body)
        self._seal_meta(
            old, content.name, content.version, body_epoch, body_tag, content.meta, content.terms
        )

    def _seal_body(self, name: bytes, body: bytes) -> tuple[int, bytes]:
        now = self.keyring.now
        handle = now.handle(name)
        blob = now.seal(Sealed.BODY, handle, encode_body(body))
        self._body[handle] = blob
        return self.keyring.current, tag(blob)

    def _drop_body(self, old: Row | None) -> None:
        if old is not None and old.body_epoch:
            self._body[self.keyring.epochs[old.body_epoch].handle(old.name)] = None

    def _seal_meta(
        self,
        old: Row | None,
        name: bytes,
        version: int,
        body_epoch: int,
        body_tag: bytes,
        meta: bytes,
        terms: Terms,
    ) -> None:
        serial = self._next_serial() if old is None else old.serial
        content = Content(name, version, serial, body_epoch, body_tag, meta, terms)
        handle = self.keyring.now.handle(name)
        blob = self.keyring.now.seal(Sealed.META, handle, content.encode())
        if old is not None and old.epoch != self.keyring.current:
            self._meta[self.keyring.epochs[old.epoch].handle(name)] = None
        self._meta[handle] = blob
        self._logged[name] = PutMeta(handle, blob)
        self._contents[name] = content
        self._set(name, old, self.table.row(content, blob))

    def _next_serial(self) -> int:
        serial = self._serial
        self._serial += 1
        return serial

    def _remove(self, name: bytes) -> None:
        old = self.row(name)
        if old is None:
            raise Conflict(name)
        self._drop_body(old)
        self._meta[self.keyring.epochs[old.epoch].handle(name)] = None
        self._logged[name] = Removed(name)
        self._set(name, old, None)

    def _set(self, name: bytes, old: Row | None, new: Row | None) -> None:
        leaf = self.keyring.leaf
        before = 0 if old is None else leaf(old.epoch, name, old.tag)
        after = 0 if new is None else leaf(new.epoch, name, new.tag)
        self.digest = (self.digest - before + after) % LEAF_MODULUS
        self.count += (new is not None) - (old is not None)
        self.rows[name] = new

    def replay(self, keyring: Keyring, rows: Iterable[tuple[bytes, Row | None]]) -> None:
        """Draft what a log entry says was done elsewhere, as `Table.logged` gives it.

        Args:
            keyring: the keys that the store has now.
            rows: name and row, None where the record was removed.
        """
        # Rows of before may be of an epoch that the store has given up since.
        known = {**self.table.keyring.epochs, **keyring.epochs}
        self.keyring = replace(keyring, epochs=known)
        for name, row in rows:
            self._set(name, self.row(name), row)

    def commit(self, oldest: int) -> tuple[Commit, State]:
        """The draft as a commit for the back end, and the state it leads to.

        Args:
            oldest: number of the oldest log entry to keep.
        """
        base, keyring, unlocked = self.base, self.keyring, self.unlocked
        number = self.number
        if self.table.keyring.epochs.keys() - keyring.epochs.keys():
            # What came before is sealed under keys that are given up.
            since = unlocked.header.since
            oldest = max(oldest, since + 1) if since else number
        entry = seal_entry(keyring, number, base.chain, self._logged.values())
        state = State(
            number=number,
            chain=link(base.chain, entry),
            digest=self.digest,
            count=self.count,
            serial=self._serial,
            oldest=oldest,
            header=unlocked.header.digest,
        )
        head = state.seal(keyring)
        header = None if unlocked is self.table.unlocked else unlocked.build()
        expected = self.table.head
        meta, body, superseded = self._meta, self._body, self._superseded()
        commit = Commit(number, expected, head, entry, oldest, meta, body, header, superseded)
        return commit, state

    def _superseded(self) -> Mapping[Kind, Mapping[bytes, bytes]]:
        """The blobs of the table's rows that are due no more: for each map, handle to tag."""
        epochs = self.table.keyring.epochs
        meta: dict[bytes, bytes] = {}
        body: dict[bytes, bytes] = {}
        for name, new in self.rows.items():
            old = self.table.rows.get(name)
            if old is None:
                continue
            if new is None or new.tag != old.tag:
                meta[epochs[old.epoch].handle(name)] = old.tag
            if old.body_epoch and (new is None or new.body_tag != old.body_tag):
                body[epochs[old.body_epoch].handle(name)] = old.body_tag
        return {Kind.META: meta, Kind.BODY: body}
