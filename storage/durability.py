"""What an acknowledged commit survives, where a back end leaves the choice to its operator."""

from enum import StrEnum


class Durability(StrEnum):
    """What an acknowledged commit survives."""

    FSYNC = "fsync"
    """The end of power at once: it is on the back end's disk."""
    REPLICAS = "replicas"
    """The loss of the back end's machine too: it is on the disks of its replicas."""
    EVERYSEC = "everysec"
    """The end of a process. What was committed in the last two seconds goes with the power."""
    NONE = "none"
    """Nothing that the back end's operator does not see to."""
