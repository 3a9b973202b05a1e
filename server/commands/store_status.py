"""`strongroom store status`: what a store says of itself.

Its header and head are read, and proved by the secret, and not its records, so it takes a moment
whatever the store holds.
"""

import argparse

from server.commands import Command, config, say
from server.setup import explanations, open_store
from server.setup.config import Config
from storage.status import Status


def lines(settings: Config, status: Status) -> list[str]:
    """What is printed of a store.

    Args:
        settings: say where it is.
        status: what it says of itself.
    """
    where = open_store.place(settings)
    slots = f"key slot {status.slot} of {len(status.slots)}"
    rows = [
        ("store", str(where)),
        ("opened by", f"{open_store.secret_name(settings)} ({slots})"),
        ("records", str(status.records)),
    ]
    if (size := where.scheme.size(where.rest)) is not None:
        rows.append(("size", f"{size} bytes in files"))
    rows += [
        ("head", f"commit {status.anchor.number}, its log from {status.oldest} on"),
        ("anchor", str(status.anchor)),
        ("index", _index(status)),
        ("rotation", _rotation(status)),
    ]
    if where.scheme.is_url:
        rows.append(("blobs", _blobs(status)))
        rows.append(("servers", f"{status.followers} at most, that follow a rotation"))
    rows.append(("durability", where.scheme.durability(settings)))
    return [f"{name:<12}{value}" for name, value in rows]


def _index(status: Status) -> str:
    if status.saved is None:
        return "not saved: a start reads all records"
    return f"saved as of commit {status.saved}, in {status.segments} segments"


def _blobs(status: Status) -> str:
    if not status.is_spread:
        return "beside the head, on one primary"
    return f"on all nodes of the Cluster, {status.unsettled} attempts at commits unsettled"


def _rotation(status: Status) -> str:
    if status.is_rotating:
        return f"not finished, to epoch {status.epoch}: strongroom store rotate --resume"
    return f"none under way, epoch {status.epoch}"


async def _tell(settings: Config) -> None:
    say("\n".join(lines(settings, await open_store.status(settings))))


def _run(arguments: argparse.Namespace) -> None:
    settings = config(arguments)
    explanations.run(settings, _tell, settings)


COMMAND = Command(
    "status",
    "print what is in a store, its anchor, and whether its keys are being rotated",
    _run,
    settings=frozenset({"data", *open_store.SETTINGS}),
)
