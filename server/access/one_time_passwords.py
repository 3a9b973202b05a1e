"""One-time passwords: HOTP and TOTP.

Theory: generator and server share a seed. A password is a few decimal digits of an HMAC under the
seed of a number: of a counter that goes up with each password (HOTP), or of the time in steps of
some seconds (TOTP). A password is good for its number alone, and the server keeps the least number
that is still good; so none is taken twice, and none from before one that was taken.

A generator that was asked in vain is ahead of the server, and clocks differ. So some numbers are
tried (`HOTP_AHEAD`, `TOTP_AROUND`); each more is a further chance for who guesses.

Source: RFC 4226 (HOTP) sections 5.3, 7.2 to 7.4; RFC 6238 (TOTP) sections 4 and 5.2.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from kmip.enums import HashingAlgorithm, OTPAlgorithm
from kmip.errors import InvalidField
from kmip.objects import OTPCredential

HOTP_AHEAD: Final = 10
"""Passwords that a generator may have given without their being shown here."""
TOTP_AROUND: Final = 1
"""Steps before and after the present one that are taken: half a minute, for clocks and people."""
MIN_SEED_BYTES: Final = 16
"""RFC 4226 section 4, R6."""
MAX_SEED_BYTES: Final = 1024
MIN_DIGITS: Final = 6
MAX_DIGITS: Final = 9
"""A number of 31 bits has nine digits that are not nearly always the same."""
MAX_INTERVAL_SECONDS: Final = 300
"""Of a step; a password is good for three."""
MAX_COUNTER: Final = (1 << 63) - 1 - HOTP_AHEAD

DIGESTS: Final = {
    HashingAlgorithm.SHA_1: "sha1",
    HashingAlgorithm.SHA_256: "sha256",
    HashingAlgorithm.SHA_512: "sha512",
}
"""RFC 6238 section 1.2."""


@dataclass(frozen=True, slots=True)
class Generator:
    """What is known of a generator, complete.

    Attributes:
        seed: shared with it.
        is_timed: whether its number is the time (TOTP) or a counter (HOTP).
        digest: of the HMAC, as hashlib names it.
        digits: of a password.
        interval: seconds of a step, where it is timed.
        counter: the first number that is good.
    """

    seed: bytes = field(repr=False)
    is_timed: bool
    digest: str
    digits: int
    interval: int
    counter: int

    def password(self, number: int) -> str:
        """The password of a number."""
        value = hmac.digest(self.seed, number.to_bytes(8), self.digest)
        at = value[-1] & 0x0F
        bits = int.from_bytes(value[at : at + 4]) & 0x7FFFFFFF
        return str(bits % 10**self.digits).zfill(self.digits)

    def number_of(self, password: str, least: int, now: float) -> int | None:
        """The number of a password that is good now; None where it is not.

        All numbers that there are to try are tried, so that the time tells nothing.

        Args:
            password: as it was sent.
            least: the least number that is still good.
            now: seconds since 1970.
        """
        sent = password.encode("utf-8", "surrogatepass")
        found = None
        for number in self._tried(least, now):
            if hmac.compare_digest(self.password(number).encode(), sent) and number >= least:
                found = number if found is None else found
        return found

    def _tried(self, least: int, now: float) -> Sequence[int]:
        if not self.is_timed:
            return range(least, least + HOTP_AHEAD)
        present = int(now) // self.interval
        return range(max(0, present - TOTP_AROUND), present + TOTP_AROUND + 1)

    def ends(self, number: int) -> int | None:
        """When it need not be remembered any more that a number was taken; None: never.

        Returns:
            Seconds since 1970.
        """
        return (number + TOTP_AROUND + 2) * self.interval if self.is_timed else None


def generator_of(credential: OTPCredential) -> Generator:
    """The generator that a credential describes; what it leaves out is as in the RFCs.

    Raises:
        InvalidField: it describes none, or one that is not safe.
    """
    seed, digits = credential.otp_seed, credential.otp_digits
    digits = MIN_DIGITS if digits is None else digits
    interval = 30 if credential.otp_interval is None else credential.otp_interval
    counter = credential.otp_counter or 0
    digest = DIGESTS.get(credential.otp_digest or HashingAlgorithm.SHA_1)
    if credential.otp_algorithm not in (OTPAlgorithm.HOTP, OTPAlgorithm.TOTP) or digest is None:
        raise InvalidField("one-time passwords are HOTP or TOTP, by SHA-1, SHA-256 or SHA-512")
    if seed is None or not MIN_SEED_BYTES <= len(seed) <= MAX_SEED_BYTES:
        raise InvalidField(f"an OTP Seed has {MIN_SEED_BYTES} to {MAX_SEED_BYTES} bytes")
    if not MIN_DIGITS <= digits <= MAX_DIGITS:
        raise InvalidField(f"there are {MIN_DIGITS} to {MAX_DIGITS} OTP Digits")
    if not 1 <= interval <= MAX_INTERVAL_SECONDS:
        raise InvalidField(f"an OTP Interval has 1 to {MAX_INTERVAL_SECONDS} seconds")
    if not 0 <= counter <= MAX_COUNTER:
        raise InvalidField("an OTP Counter is not negative")
    is_timed = credential.otp_algorithm == OTPAlgorithm.TOTP
    return Generator(seed, is_timed, digest, digits, interval, counter)
