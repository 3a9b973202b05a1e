"""What a user does with objects on an attested server: keys, data, attributes, and finding them.

The verbs and their order are those of `ckms`. Each verb is a row of a table (`verb.Verb`): which
operation of KMIP it is, what it takes, which fields of the request that becomes, and how the answer
is shown. What other commands need too does not belong here: how a server is attested, how a message
is made.
"""

from __future__ import annotations

from typing import Final

from server.commands import Command
from server.commands.verbs import attributes, data, keys
from server.commands.verbs.verb import command

COMMANDS: Final[tuple[Command, ...]] = (
    command(
        "sym",
        "make and use symmetric keys on an attested server",
        (*keys.SYMMETRIC, *data.SYMMETRIC),
    ),
    command("rsa", "make and use RSA keys on an attested server", (*keys.RSA, *data.RSA)),
    command(
        "ec",
        "make and use keys on elliptic curves on an attested server",
        (*keys.ELLIPTIC, *data.ELLIPTIC),
    ),
    command("locate", "find objects on an attested server", (attributes.LOCATE,)),
    command(
        "attributes",
        "read and change objects' attributes on an attested server",
        attributes.ATTRIBUTES,
    ),
)
"""The commands of the verbs, as `strongroom` has them."""
