"""All attacks by their names in the table."""

from typing import Final

from tests.hostile import doors, kept, work
from tests.hostile.hostile import Round

ATTACKS: Final[dict[str, Round]] = {
    "long batches over many connections": work.batches,
    "the same, and the client leaves at once": work.left_batches,
    "the same, and the client stops sending": doors.half_closed,
    "batches of 1000 objects made together": work.committed_batches,
    "batches of 400 named objects, undone": work.undone_batches,
    "batches whose response is full": work.full_responses,
    "objects of 1900 unique names": work.many_names,
    "lists of thousands of attributes, functions and filters": work.long_lists,
    "an attribute of 40,000 items": work.wide_values,
    "slow work": work.slow_work,
    "slow work, and the client leaves at once": work.left_slow_work,
    "long responses that are not read": work.unread_responses,
    "identifiers of 900 kB": work.long_texts,
    "objects of 1 MB": kept.long_objects,
    "objects of 1900 attributes": kept.fat_objects,
    "objects whose date comes at once": kept.due_dates,
    "tickets of 900 rights": kept.rights,
    "streams that are begun and left": kept.streams,
    "connections without a handshake": doors.half_open,
    "handshakes": doors.handshakes,
    "TLS records of one byte": doors.small_records,
    "messages that are none": doors.garbage,
    "HTTPS requests whose body does not come": doors.slow_bodies,
    "HTTPS requests whose answers are not read": doors.pipelined,
}
