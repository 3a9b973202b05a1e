"""A table that is being filled: what the log says of it, and whether it is what the head says.

Theory of operation: rows come from the records, or from a saved index. What the log tells of since
is laid over them, and the set digest is kept up with each. In the end it must be the one in the
newest head, as must be the count: so what was changed, moved, dropped, put back or added is noticed
before anything is served.
"""

from collections.abc import Sequence

from storage.backend import Tail
from storage.errors import Part, Reason, Tampered
from storage.keyring import LEAF_MODULUS
from storage.ledger import Anchor, Entry, State, mark, open_entries
from storage.table import Table
from storage.turns import Turns, work_of


class Filling:
    """A table that is being filled.

    Attributes:
        table: the same.
        digest: of the rows in it.
    """

    def __init__(self, table: Table, digest: int = 0) -> None:
        self.table = table
        self.digest = digest

    async def overlay(self, entry: Entry) -> None:
        """Do what a log entry says was done since.

        Raises:
            ValueError: a row that it changes is under a key that is not there any more.
        """
        index, leaf = self.table.index, self.table.keyring.leaf
        turns = Turns()
        for change in entry.changes:
            name, row = self.table.logged(self.table.keyring, change)
            while (old := index.find(name)) is not None:
                if old.epoch not in self.table.keyring.epochs:
                    raise ValueError("rows are under keys that were given up since")
                index.remove(old)
                self.digest -= leaf(old.epoch, name, old.tag)
            if row is not None:
                index.add(row)
                self.digest += leaf(row.epoch, name, row.tag)
            await turns.count()

    def check(self, newest: State) -> None:
        """Compare with the head what is in the table.

        Raises:
            Tampered: it is not what the head says.
        """
        count = len(self.table.index)
        if count < newest.count:
            raise Tampered(Part.RECORD, Reason.DROPPED)
        if count > newest.count or self.digest % LEAF_MODULUS != newest.digest:
            raise Tampered(Part.RECORD, Reason.REPLAYED)


async def check_log(table: Table, newest: State, tail: Tail) -> Sequence[Entry]:
    """The log's entries, from the oldest one on, opened and checked as a chain.

    Args:
        table: at the state of a head that was read before.
        newest: what the head of the tail says.
        tail: the whole log.

    Raises:
        Tampered: they do not lead to the newest head, or not by way of the table's state.
    """
    entries: list[Entry] = []
    turns = Turns()
    opening = open_entries(table.keyring, tail.entries)
    for (_, blob), entry in zip(tail.entries, opening, strict=True):
        entries.append(entry)
        await turns.count(work_of(len(blob)))
    first = entries[0].number if entries else 1
    last = entries[-1].number if entries else 0
    if first > newest.oldest or last < newest.number:
        raise Tampered(Part.LOG, Reason.DROPPED)
    if last > newest.number:
        raise Tampered(Part.HEAD, Reason.ROLLED_BACK)
    if entries and entries[-1].after != newest.chain:
        raise Tampered(Part.LOG, Reason.FORKED)
    for entry in entries:
        if entry.number == table.state.number and entry.after != table.state.chain:
            raise Tampered(Part.LOG, Reason.FORKED)
    return entries


def check_anchor(anchor: Anchor | None, newest: State, entries: Sequence[Entry]) -> None:
    """Compare an anchor with the log.

    Raises:
        Tampered: the store is older than the anchor, or has another history.
    """
    if anchor is None:
        return
    if anchor.number > newest.number:
        raise Tampered(Part.STORE, Reason.ROLLED_BACK)
    chains = {entry.number - 1: entry.before for entry in entries}
    chains[newest.number] = newest.chain
    chain = chains.get(anchor.number)
    if chain is not None and mark(chain) != anchor.mark:
        raise Tampered(Part.STORE, Reason.FORKED)
