"""Reading a whole store, to know that all of it is there.

Opening a store proves that every record is there, and its meta part the last one, unless it begins
with the saved index (`resume`); the bodies are read when they are used. This reads all of both.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from storage.blobs import Blobs
from storage.errors import Tampered
from storage.progress import Tell
from storage.turns import pieces, turn

CHUNK: Final = 16  # records read at once: half a GiB if all were as long as they may be


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found.

    Attributes:
        records: how many are as they were written.
        size: bytes of their sealed blobs.
        damaged: the others, by name: what is wrong.
    """

    records: int
    size: int
    damaged: Mapping[bytes, Tampered]


async def verify(blobs: Blobs, tell: Tell) -> Verification:
    """Read every record that there was when this began, and is still there.

    Raises:
        Tampered: the back end tells another history.
        Unavailable: it does not answer.
    """
    names: list[bytes] = []
    for piece in pieces(blobs.replica.table.index.rows()):
        names += (row.name for row in piece)
        await turn()
    damaged: dict[bytes, Tampered] = {}
    records = size = 0
    for start in range(0, len(names), CHUNK):
        tell(start, len(names))
        for record in await blobs.read(names[start : start + CHUNK], damaged):
            records += 1
            size += record.size
        await turn()
    tell(len(names), len(names))
    return Verification(records, size, damaged)
