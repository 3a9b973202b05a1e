"""What the index keeps of one record, as one value."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Row:
    """What stays in memory of one record.

    Attributes:
        name: of the record.
        version: of the record.
        serial: creation sequence number, which only grows; 64 bits.
        epoch: of the key its meta blob is sealed under.
        tag: of its meta blob, 16 bytes.
        body_epoch: of the key its body is sealed under; 0: no body.
        body_tag: of its body's blob, 16 bytes; empty without one.
        tokens: of its exact terms, sorted and joined; empty in a row that an index gives, which
            may have them in another form.
        ranged: its ranged terms, column and value, sorted; likewise.
    """

    name: bytes
    version: int
    serial: int
    epoch: int
    tag: bytes
    body_epoch: int
    body_tag: bytes
    tokens: bytes = field(default=b"", repr=False, compare=False)
    ranged: tuple[tuple[bytes, int], ...] = field(default=(), repr=False, compare=False)
