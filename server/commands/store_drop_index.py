"""`strongroom store drop-index`: go on with a store that is older than its saved index.

A failover that lost commits can leave an index that was saved after them. It proves that the store
was put back, so no server opens it, until whoever knows why has said that it is to go on.
"""

import argparse

from server.commands import Command, config, say
from server.setup import explanations, open_store
from server.setup.config import Config
from server.setup.failure import Failure


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--accept-loss",
        action="store_true",
        help="go on with what is left, even if acknowledged commits are lost",
    )


async def _drop(settings: Config, is_accepted: bool) -> None:
    where = open_store.place(settings)
    if not is_accepted:
        raise Failure(
            f"The saved index of the store {where} was not dropped. It may be the last proof that "
            "the store was put back to an older state, by a failover or by an attacker: keep a "
            "copy, find out which, and give --accept-loss to go on with what is left."
        )
    await open_store.drop_index(settings)
    say(
        f"The store {where} has no saved index any more: the next start reads all records. "
        "Whether commits are lost is told by the audit logs and by anchors."
    )


def _run(arguments: argparse.Namespace) -> None:
    settings = config(arguments)
    explanations.run(settings, _drop, settings, arguments.accept_loss)


COMMAND = Command(
    "drop-index",
    "drop the saved index, to go on after a failover that has lost commits",
    _run,
    _arguments,
    settings=frozenset({"data", *open_store.SETTINGS}),
)
