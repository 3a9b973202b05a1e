"""`strongroom store ...`: what an operator does to a store."""

from server.commands import (
    Group,
    store_anchor,
    store_copy,
    store_drop_index,
    store_password,
    store_rotate,
    store_slots,
    store_status,
    store_verify,
)

GROUP = Group(
    "store",
    "look at a store, verify, copy and rotate it, change what opens it",
    (
        store_status.COMMAND,
        store_verify.COMMAND,
        store_anchor.COMMAND,
        store_copy.COMMAND,
        store_rotate.COMMAND,
        store_password.COMMAND,
        store_slots.COMMAND,
        store_drop_index.COMMAND,
    ),
)
