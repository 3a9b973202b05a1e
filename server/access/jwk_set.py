"""The keys of an issuer of tokens: read, kept for a while, and read again.

Theory: an issuer publishes its public keys as a JWK set and signs with one of them; now and then it
adds one and takes one away. So the set is read again every `READ_SECONDS`, and sooner when a token
names a key that is not known: whoever comes with it waits for that reading, for some seconds at
most. Anybody can name a key that there is not, so two readings are `LEAST_SECONDS` apart whatever
comes, one task makes them, and who names an unknown key in between is refused at once. Tokens by
known keys never wait.

A reading that fails leaves the keys that there were, until they are older than `STALE_SECONDS`: who
keeps an issuer from being heard must not keep a key in force that it has taken away.

What a set may be is limited, also where the issuer itself is hostile or broken: in bytes, in keys,
and in the size of a key. Only public keys of signatures are taken. A symmetric key is none, and a
key's private parts are not looked at; so no token can be judged by a secret that is published.

Source: RFC 7517 (JWK), RFC 7518 section 6, RFC 8037 section 2; NIST SP 800-131A (2048 bits).
"""

from __future__ import annotations

import json
import logging
from base64 import urlsafe_b64decode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import trio
from cryptography.exceptions import UnsupportedAlgorithm
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from server.long_steps import LOOP_BYTES, stepped
from server.setup.failure import Failure

READ_SECONDS: Final = 600.0
"""How soon a key that was taken away is refused."""
LEAST_SECONDS: Final = 30.0
"""Between two readings: two a minute trouble no issuer."""
WAIT_SECONDS: Final = 5.0
"""How long a token by an unknown key waits for a reading."""
STALE_SECONDS: Final = 6 * 3600.0
"""How long keys are used whose issuer is not heard: an outage that is noticed in working hours."""
MAX_BYTES: Final = 256 * 1024
"""Of a set: a hundred keys, each with its certificate."""
MAX_KEYS: Final = 100
MAX_KEY_ID_CHARACTERS: Final = 256
MIN_RSA_BITS: Final = 2048
MAX_RSA_BITS: Final = 8192
"""Verifying by one of so many bits takes half a millisecond."""
MAX_EXPONENT_BITS: Final = 32
"""Common exponents have 17; each bit more makes verifying slower."""

PUBLIC: Final[Mapping[str, tuple[str, ...]]] = {
    "RSA": ("n", "e"),
    "EC": ("crv", "x", "y"),
    "OKP": ("crv", "x"),
}
"""The parameters of a public key, by its type."""

Key = RSAKey | ECKey | OKPKey
KINDS: Final[Mapping[str, type[Key]]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}

log: Final = logging.getLogger(__name__)


class NoKeys(Exception):
    """A set cannot be read; the text says why in one clause."""


@dataclass(frozen=True, slots=True)
class IssuerKey:
    """One key.

    Attributes:
        key_id: `kid`, by which tokens name it; None: it has none.
        algorithm: the one that it is for; None: any that fits.
        key: the public key.
    """

    key_id: str | None
    algorithm: str | None
    key: Key = field(repr=False)


def keys_in(content: bytes) -> tuple[IssuerKey, ...]:
    """The keys of a JWK set that tokens may be signed with; others are passed over.

    Args:
        content: JSON.

    Raises:
        NoKeys: it is no JWK set, too large, or has no such key.
    """
    if len(content) > MAX_BYTES:
        raise NoKeys(f"it is longer than {MAX_BYTES} bytes")
    try:
        rows = json.loads(content)["keys"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise NoKeys("it is no JWK set") from None
    if not isinstance(rows, list):
        raise NoKeys("it is no JWK set")
    if len(rows) > MAX_KEYS:
        raise NoKeys(f"it has more than {MAX_KEYS} keys")
    found = tuple(key for row in rows if (key := _key(row)) is not None)
    if not found:
        raise NoKeys("it has no key that signatures can be verified with")
    return found


def _key(row: Any) -> IssuerKey | None:
    """A key of the set; None where it is not for signatures, or cannot be used."""
    try:
        if row.get("use", "sig") != "sig" or "verify" not in row.get("key_ops", ["verify"]):
            return None
        key_id, algorithm, kind = row.get("kid"), row.get("alg"), row["kty"]
        if key_id is not None and not (
            isinstance(key_id, str) and 0 < len(key_id) <= MAX_KEY_ID_CHARACTERS
        ):
            return None
        parts = {name: row[name] for name in PUBLIC[kind]}
        if kind == "RSA" and not _is_usable(parts["n"], parts["e"]):
            return None
        key = KINDS[kind].import_key({"kty": kind, **parts})
    except (JoseError, UnsupportedAlgorithm, *_MALFORMED):
        return None
    return IssuerKey(key_id, algorithm if isinstance(algorithm, str) else None, key)


_MALFORMED: Final = (ValueError, KeyError, TypeError, AttributeError, OverflowError)


def _is_usable(modulus: str, exponent: str) -> bool:
    """Whether an RSA key is neither too short nor too slow."""
    if len(modulus) > MAX_RSA_BITS:  # base64: six bits a character
        return False
    bits = _number(modulus).bit_length()
    return MIN_RSA_BITS <= bits <= MAX_RSA_BITS and (
        len(exponent) <= MAX_EXPONENT_BITS and _number(exponent).bit_length() <= MAX_EXPONENT_BITS
    )


def _number(text: str) -> int:
    return int.from_bytes(urlsafe_b64decode(text + "=" * (-len(text) % 4)))


class JWKSet:
    """The keys of one issuer, as `keep` has them.

    Args:
        read: gives the set's bytes now; raises NoKeys or Failure where it cannot.
        where: where they are read, for the log.
        every: seconds after which they are read again.
        least: seconds between two readings, whoever wants one.
    """

    def __init__(
        self,
        read: Callable[[], Awaitable[bytes]],
        where: str,
        every: float = READ_SECONDS,
        least: float = LEAST_SECONDS,
    ) -> None:
        self._read = read
        self._where = where
        self._every = every
        self._least = least
        self._failure = ""
        self._keys: tuple[IssuerKey, ...] = ()
        self._read_at = float("-inf")
        self._begun_at = float("-inf")
        self._is_reading = False
        self._wanted = trio.Event()
        self._done = trio.Event()

    async def keep(self) -> None:
        """Read the keys now, and again and again, until this is cancelled."""
        while True:
            await self.read()
            with trio.move_on_after(self._every):
                await self._wanted.wait()
            await trio.sleep_until(self._begun_at + self._least)

    async def read(self) -> None:
        """Read the keys once; a failure is told in the log, and leaves those that there were."""
        self._begun_at, self._is_reading = trio.current_time(), True
        self._wanted = trio.Event()
        try:
            content = await self._read()
            keys = await stepped(len(content) > LOOP_BYTES, keys_in, content)
        except (NoKeys, Failure) as error:
            self._tell_failed(str(error))
        else:
            self._failure = ""
            if [each.key_id for each in keys] != [each.key_id for each in self._keys]:
                log.info("%d keys were read at %s", len(keys), self._where)
            self._keys, self._read_at = keys, trio.current_time()
        finally:
            self._is_reading = False
            done, self._done = self._done, trio.Event()
            done.set()

    def _tell_failed(self, failure: str) -> None:
        if failure != self._failure:
            log.warning("the keys at %s cannot be read: %s", self._where, failure)
        self._failure = failure

    async def find(self, key_id: str | None, algorithm: str) -> IssuerKey | None:
        """The key that a token was signed with; None where it cannot be told.

        Args:
            key_id: as the token names it; None: it names none, and then the set must have one key
                alone that is for the algorithm.
            algorithm: of the token.
        """
        found = self._known(key_id, algorithm)
        if found is not None:
            return found
        is_due = trio.current_time() >= self._begun_at + self._least
        if not (is_due or self._is_reading):
            return None
        self._wanted.set()
        with trio.move_on_after(WAIT_SECONDS):
            await self._done.wait()
        return self._known(key_id, algorithm)

    def _known(self, key_id: str | None, algorithm: str) -> IssuerKey | None:
        if trio.current_time() > self._read_at + STALE_SECONDS:
            return None
        fitting = [
            each
            for each in self._keys
            if each.algorithm in (None, algorithm) and each.key.key_type == KIND_OF[algorithm]
        ]
        if key_id is None:
            return fitting[0] if len(fitting) == 1 else None
        return next((each for each in fitting if each.key_id == key_id), None)


KIND_OF: Final[Mapping[str, str]] = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), "RSA"),
    **dict.fromkeys(("ES256", "ES384", "ES512"), "EC"),
    **dict.fromkeys(("EdDSA", "Ed25519"), "OKP"),
}
"""The algorithms that can be set, and the type of their keys: signatures by public keys alone."""
