"""What a verifier remembers of a server that it has verified, to notice a change.

Genuine evidence of the right image says nothing of what its host has changed since: another
operator of the same image, other settings, a key from elsewhere, an older store. Whoever has
verified a server once keeps a `Pinned` of it, and a server that claims anything else is refused
until they say that the change is meant.

The state of the store is in the claims in a form that only the server can read, so that strangers
do not learn how much it is used. The verifier shows the server the one that it keeps, and the
claims then say whether the store is a continuation of that state.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

from enclave.claims import Claims, KeyOrigin


@dataclass(frozen=True, kw_only=True)
class Pinned:
    """A server as it was verified.

    Attributes:
        key: SHA-256 of its SubjectPublicKeyInfo.
        operator_sha256, deployment, key_origin, configuration_sha256, insecure_settings, store: its
            claims, see `enclave.claims`.
    """

    key: bytes
    operator_sha256: bytes | None
    deployment: str
    key_origin: KeyOrigin
    configuration_sha256: bytes
    insecure_settings: tuple[str, ...]
    store: bytes | None

    @classmethod
    def of(cls, claims: Claims) -> Pinned:
        """What is remembered of a server with these claims."""
        return cls(
            key=claims.public_key_sha256,
            operator_sha256=claims.operator_sha256,
            deployment=claims.deployment,
            key_origin=claims.key_origin,
            configuration_sha256=claims.configuration_sha256,
            insecure_settings=claims.insecure_settings,
            store=claims.store,
        )

    def changes(self, claims: Claims, *, challenged: bool) -> Iterator[str]:
        """What is not as it was, a line each; the key is not looked at.

        Args:
            claims: what the server claims now.
            challenged: whether it was shown `store`, as one is that is asked over a nonce.
        """
        for what, before, now in (
            ("operator", self.operator_sha256, claims.operator_sha256),
            ("deployment", self.deployment, claims.deployment),
            ("key origin", self.key_origin, claims.key_origin),
            ("settings", self.configuration_sha256, claims.configuration_sha256),
            ("insecure settings", self.insecure_settings, claims.insecure_settings),
        ):
            if before != now:
                change = f"{_in_words(before)} → {_in_words(now)}"
                yield f"its {what} changed since it was verified: {change}"
        if not challenged or self.store is None:
            return
        if claims.store_since != sha256(self.store).digest():
            yield "its store is older than when it was verified, or another one"


def _in_words(value: bytes | str | tuple[str, ...] | None) -> str:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple):
        value = ", ".join(value)
    return repr(str(value)) if value else "none"
