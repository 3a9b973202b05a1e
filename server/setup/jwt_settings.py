"""Whose JWTs are taken as bearer tokens, as the settings say it.

One issuer has settings of its own (`jwt_issuer_uri` and those beside it). Each other one is a text
of words, `name=value`, in the setting `jwt_issuers`:

    issuer=URI       as its tokens name it
    jwks=URL         https://… or file:PATH
    audience=NAME    once or more; else those of `jwt_audience`
    algorithm=NAME   once or more; else those of `jwt_algorithms`
    claim=NAME       that names the client; else `jwt_client_claim`
    skew=SECONDS     else `jwt_skew_seconds`
    ca=PATH          certificates of the authorities that vouch for the address; else the system's

No value has a blank in it. Two issuers of one name are refused: which one's keys hold would depend
on their order.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from server.setup.failure import Failure

JWT_ALGORITHMS: Final = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA", "Ed25519"),
)
"""Signatures by a public key that are secure today."""
MAX_ISSUERS: Final = 16
"""Each has a task that reads its keys, and some memory for them."""
MAX_SKEW: Final = 600.0

_WORDS: Final = frozenset({"issuer", "jwks", "audience", "algorithm", "claim", "skew", "ca"})
_REPEATED: Final = frozenset({"audience", "algorithm"})


@dataclass(frozen=True)
class JWTSettings:
    """What is set for one issuer.

    Attributes:
        issuer: its name, exactly as in tokens.
        jwks_uri: where its keys are: https://… or file:PATH.
        jwks_ca: certificates of the authorities that vouch for that address; None: the system's.
        audiences: names of this server, of which a token has one.
        algorithms: by which tokens may be signed.
        client_claim: the claim that names the client.
        skew: seconds by which the issuer's clock may differ from ours.
    """

    issuer: str
    jwks_uri: str
    jwks_ca: Path | None
    audiences: tuple[str, ...]
    algorithms: tuple[str, ...]
    client_claim: str
    skew: float

    def check(self, *, disk_is_hostile: bool) -> None:
        """Refuse what would let anybody in.

        Args:
            disk_is_hostile: what is on it decides nothing.

        Raises:
            Failure: it would.
        """
        if not self.issuer or not self.jwks_uri or not self.audiences or not all(self.audiences):
            raise Failure("A JWT issuer, its jwks_uri and its jwt_audience are given together.")
        if not re.fullmatch(r"[!-~]{1,255}", self.issuer):
            raise Failure("A JWT issuer has 1 to 255 characters of ASCII and no blank.")
        if not re.fullmatch(r"https://[!-~]+|file:.+", self.jwks_uri):
            raise Failure("jwks_uri begins with https:// or file:.")
        if not self.algorithms or set(self.algorithms) - set(JWT_ALGORITHMS):
            raise Failure(f"jwt_algorithms are some of {', '.join(JWT_ALGORITHMS)}.")
        if not self.client_claim:
            raise Failure("jwt_client_claim is the name of a claim.")
        if not 0 <= self.skew <= MAX_SKEW:
            raise Failure(f"The skew of a JWT issuer is from 0 to {MAX_SKEW:g} seconds.")
        if disk_is_hostile and (self.jwks_uri.startswith("file:") or self.jwks_ca is not None):
            raise Failure(
                "A file of jwks_uri or jwks_ca is on a disk that is the host's; a server that its "
                "operator provisions does not read it."
            )


def other_issuer(text: str, beside: JWTSettings) -> JWTSettings:
    """The settings of one more issuer.

    Args:
        text: as in `jwt_issuers`.
        beside: whose settings hold where the text has none.

    Raises:
        Failure: it has a word that means nothing, or one twice.
    """
    found: dict[str, list[str]] = {}
    for word in text.split():
        name, _, value = word.partition("=")
        if name not in _WORDS or not value:
            raise Failure(
                f"jwt_issuers has a word that is none of its own: {name[:40]!r}; it takes "
                f"{', '.join(f'{each}=…' for each in sorted(_WORDS))}."
            )
        if name in found and name not in _REPEATED:
            raise Failure(f"jwt_issuers has {name}= twice for one issuer.")
        found.setdefault(name, []).append(value)
    try:
        skew = float(found["skew"][0]) if "skew" in found else beside.skew
    except ValueError:
        raise Failure("skew= of a JWT issuer is a number of seconds.") from None
    return JWTSettings(
        issuer=found.get("issuer", [""])[0],
        jwks_uri=found.get("jwks", [""])[0],
        jwks_ca=Path(found["ca"][0]) if "ca" in found else None,
        audiences=tuple(found.get("audience", beside.audiences)),
        algorithms=tuple(found.get("algorithm", beside.algorithms)),
        client_claim=found.get("claim", [beside.client_claim])[0],
        skew=skew,
    )


def all_issuers(first: JWTSettings, others: Sequence[str]) -> tuple[JWTSettings, ...]:
    """Every issuer that is set.

    Args:
        first: the one with settings of its own, which may be for none.
        others: the texts of `jwt_issuers`.

    Raises:
        Failure: too many, two of one name, or a text means nothing.
    """
    is_first = first.issuer or first.jwks_uri or first.jwks_ca is not None
    found = [*([first] if is_first else []), *(other_issuer(each, first) for each in others)]
    if not found and first.audiences:
        raise Failure("jwt_audience is given, and no JWT issuer.")
    if len(found) > MAX_ISSUERS:
        raise Failure(f"There are more than {MAX_ISSUERS} JWT issuers.")
    names = [each.issuer for each in found]
    if len(set(names)) != len(names):
        raise Failure("Two JWT issuers have one name.")
    return tuple(found)
