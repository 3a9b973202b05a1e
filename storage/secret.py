"""Secrets that open a store: a password, or a key file.

Theory of operation: each turns into a pseudorandom key by way of the salt and the cost kept in its
key slot, and that key wraps the store's master key (`header`). A password is stretched by
Argon2id; a key file is already random and is only extracted. The cost is read from an untrusted
header before anything can be authenticated, so it is bounded here: a hostile header must not make
the server allocate or compute without limit.

Source: Argon2id and its recommended costs: RFC 9106 section 4.
"""

import unicodedata
from dataclasses import dataclass, field
from enum import IntEnum
from typing import ClassVar, Final

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from storage.keyring import extract

SALT_BYTES: Final = 32
MIN_KEY_FILE_BYTES: Final = 32
MAX_KEY_FILE_BYTES: Final = 1 << 20  # a key file is a key, not a disk image

MAX_MEMORY_KIB: Final = 1 << 20  # 1 GiB: what a small server can spare for a second
MAX_ITERATIONS: Final = 16  # with 1 GiB about half a minute on a slow core
MAX_LANES: Final = 16
MAX_PASSWORD_BYTES: Final = 1024


class SlotKind(IntEnum):
    """How a slot's secret becomes a key."""

    PASSWORD = 1
    KEY_FILE = 2


@dataclass(frozen=True, slots=True)
class Cost:
    """What one guess of a password costs.

    The default is the second recommendation of RFC 9106 section 4: 64 MiB, three passes, four
    lanes, about 0.1 s. Zero throughout belongs to key files.

    Attributes:
        memory_kib: 8 KiB per lane up to 1 GiB.
        iterations: 1 to 16.
        lanes: 1 to 16.
    """

    memory_kib: int = 64 * 1024
    iterations: int = 3
    lanes: int = 4

    @property
    def is_bounded(self) -> bool:
        """Whether the three values are within their limits."""
        return (
            1 <= self.lanes <= MAX_LANES
            and 8 * self.lanes <= self.memory_kib <= MAX_MEMORY_KIB
            and 1 <= self.iterations <= MAX_ITERATIONS
        )


NO_COST: Final = Cost(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Password:
    """A password, stretched by Argon2id.

    Attributes:
        text: 1 to 1024 bytes of UTF-8 after Unicode normalisation (NFC, as RFC 8265 section 4.2
            has it), so that the same characters open the store from any keyboard.
        cost: for slots made with this object; opening uses the cost its slot was made with.
    """

    text: str = field(repr=False)
    cost: Cost = field(default_factory=Cost)

    kind: ClassVar = SlotKind.PASSWORD

    def __post_init__(self) -> None:
        if not 1 <= len(self._encoded()) <= MAX_PASSWORD_BYTES:
            raise ValueError("a password has 1 to 1024 bytes")
        if not self.cost.is_bounded:
            raise ValueError("the cost of a password is outside its limits")

    def _encoded(self) -> bytes:
        return unicodedata.normalize("NFC", self.text).encode()

    def stretch(self, salt: bytes, cost: Cost) -> bytes:
        """The pseudorandom key, 32 bytes, of this password with a slot's salt (32 bytes) and cost.

        Takes `cost.memory_kib` of memory and as long as the cost says: call it in a thread.
        """
        return Argon2id(
            salt=salt,
            length=32,
            iterations=cost.iterations,
            lanes=cost.lanes,
            memory_cost=cost.memory_kib,
        ).derive(self._encoded())


@dataclass(frozen=True, slots=True)
class KeyFile:
    """The content of a key file.

    Attributes:
        key: 32 bytes to 1 MiB from a random source. A text file counts with its line end.
    """

    key: bytes = field(repr=False)

    kind: ClassVar = SlotKind.KEY_FILE
    cost: ClassVar = NO_COST

    def __post_init__(self) -> None:
        if not MIN_KEY_FILE_BYTES <= len(self.key) <= MAX_KEY_FILE_BYTES:
            raise ValueError("a key file has 32 bytes to 1 MiB")

    def stretch(self, salt: bytes, cost: Cost) -> bytes:
        """The pseudorandom key, 32 bytes, of this file with a slot's salt (32 bytes)."""
        return extract(salt, self.key)


Secret = Password | KeyFile
