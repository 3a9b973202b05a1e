"""Which TEE this machine is, found by the guest interfaces that its kernel offers."""

from __future__ import annotations

from pathlib import Path

from enclave import configfs
from enclave.errors import DeviceError
from enclave.supported import TEES
from enclave.tee import Circumstances, Tee


def find(
    directory: Path = configfs.DIRECTORY,
    devices: Path = Path("/dev"),
    circumstances: Circumstances | None = None,
) -> Tee:
    """The TEE of this machine. Blocks for a moment.

    Simulated ones are not found: `enclave.insecure` makes them, where the caller does so by name.

    Args:
        directory: where configfs-tsm would be mounted.
        devices: where the guest devices would be.
        circumstances: what the operator knows of the machine.

    Raises:
        DeviceError: there is none here.
    """
    guests = {tee: variant.guest for tee, variant in TEES.items() if variant.guest is not None}
    for guest in guests.values():
        if guest.is_here(directory, devices):
            return guest.at(directory, devices, circumstances or Circumstances())
    raise DeviceError(f"this machine has no guest interface of {' or '.join(guests)}")
