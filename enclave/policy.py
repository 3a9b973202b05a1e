"""Appraisal: whether verified evidence meets the relying party's reference values.

A policy is a TOML file with one table for each TEE whose evidence is accepted, holding reference
values and conditions. Nothing is accepted that it does not name: no table, no evidence of that
TEE; no measurement, none at all. A key that is not known here is an error. One more table,
`[claims]` (`enclave.claims_policy`), holds for evidence of every TEE.

    [sev-snp]
    measurements = ["0123…"]
    min_tcb = { Genoa = { boot_loader = 10, snp = 23, microcode = 84 } }

docs/attestation.md explains every key.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from enclave.claims import KeyOrigin
from enclave.claims_policy import ClaimsPolicy
from enclave.errors import InvalidPolicy, Refused
from enclave.evidence import TEE, Verified
from enclave.policy_keys import Section
from enclave.supported import TEES

CLAIMS = "claims"  # the table that is no TEE's
MAX_POLICY_SIZE = 1 << 18  # a thousand measurements have about 100 KB


@dataclass(frozen=True)
class Policy:
    """A policy: by TEE, what is accepted of it, and of all claims. The empty one accepts nothing.

    Raises:
        InvalidPolicy: a section is under another TEE than its own.
    """

    sections: Mapping[TEE, Section]
    claims: ClaimsPolicy = field(default_factory=ClaimsPolicy)

    def __post_init__(self) -> None:
        for tee, section in self.sections.items():
            if tee not in TEES or not isinstance(section, TEES[tee].section):
                raise InvalidPolicy(f"{type(section).__name__} is no policy for {tee}")


@dataclass(frozen=True)
class Appraised:
    """Evidence that a policy accepts.

    Attributes:
        verified: the evidence.
        until: when this result must be renewed: something that it rests on is too old then.
        warnings: what was accepted and is worth showing; a line each.
    """

    verified: Verified
    until: datetime
    warnings: tuple[str, ...]


def read_policy(text: str) -> Policy:
    """The policy in a TOML document.

    Args:
        text: at most 262144 characters.

    Raises:
        InvalidPolicy: not TOML, too long, an unknown table or key, a value of another kind.
    """
    if len(text) > MAX_POLICY_SIZE:
        raise InvalidPolicy(f"more than {MAX_POLICY_SIZE} characters")
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        # A policy is the reader's own file, so the place that the library names is of use.
        raise InvalidPolicy(f"not TOML: {error}") from None
    claims = ClaimsPolicy.read(document.pop(CLAIMS, {}), CLAIMS)
    if unknown := sorted(set(document) - set(TEES)):
        raise InvalidPolicy(f"no table {unknown[0]!r}; there are {', '.join([*TEES, CLAIMS])}")
    return Policy(
        {TEE(name): TEES[TEE(name)].section.read(document[name], name) for name in document},
        claims,
    )


def accepting_no_collateral(policy: Policy) -> Policy:
    """The policy, which also accepts evidence verified where the vendor has published nothing.

    For simulated vendors, which do not publish. Where a TEE cannot be verified so, its section
    stays as it is.
    """
    return Policy(
        {
            tee: TEES[tee].accepting_no_collateral(section)
            for tee, section in policy.sections.items()
        },
        policy.claims,
    )


def accepting_given_keys(policy: Policy) -> Policy:
    """The policy, which also accepts a server whose key its operator brought."""
    origins = policy.claims.key_origins | {KeyOrigin.BROUGHT}
    return replace(policy, claims=replace(policy.claims, key_origins=origins))


def write_policy(policy: Policy) -> str:
    """The TOML document that `read_policy` reads as `policy`."""
    tables = [section.write(tee) for tee, section in policy.sections.items()]
    if policy.claims != ClaimsPolicy():
        tables.append(policy.claims.write(CLAIMS))
    return "\n".join(tables)


def naming(verified: Verified) -> Policy:
    """The policy that names this very evidence; a draft to edit.

    It has the evidence's measurements, registers, host data and (SEV-SNP) product and TCB, and the
    defaults for everything else: evidence that needs an `allow_…` or a TCB status other than
    UpToDate is not accepted by it.
    """
    return Policy({verified.tee: TEES[verified.tee].naming(verified)})


def naming_alike(verified: Verified) -> Policy:
    """The same policy, which also accepts no evidence that somebody else vouches for.

    That is another signer, or another privilege level, where the TEE has such.
    """
    variant = TEES[verified.tee]
    return Policy({verified.tee: (variant.naming_alike or variant.naming)(verified)})


def appraise(
    verified: Verified, policy: Policy, now: datetime, *, allow_insecure_simulated: bool = False
) -> Appraised:
    """The verified evidence, accepted.

    Args:
        verified: what `enclave.verify.verify` gave.
        policy: what is accepted.
        now: the clock; later than at verification where a result is used again.
        allow_insecure_simulated: accept evidence under roots that are not the vendor's, which
            a software chip makes and which proves nothing about any machine.

    Raises:
        Refused: with all reasons.
    """
    section = policy.sections.get(verified.tee)
    if section is None:
        raise Refused((f"the policy accepts no evidence of {verified.tee}",))
    until = _until(verified, section)
    reasons: list[str] = []
    if verified.simulated and not allow_insecure_simulated:
        reasons.append("simulated: its root is not the vendor's")
    if not verified.verified_at <= now <= until:
        reasons.append(
            f"verified on {verified.verified_at:%Y-%m-%d}, of use until {until:%Y-%m-%d}"
        )
    for check in TEES[verified.tee].checks:
        reasons += check(verified, section)
    if reasons:
        raise Refused(tuple(reasons))
    warnings = [*TEES[verified.tee].warnings(verified, section)]
    if verified.simulated:
        warnings.insert(0, "simulated: no chip stands behind this evidence")
    return Appraised(verified, until, tuple(warnings))


def _until(verified: Verified, section: Section) -> datetime:
    """The end of what was verified, or of what the policy lets collateral live."""
    if verified.collateral_issued is None:
        return verified.valid_until
    age = timedelta(days=section.max_collateral_age_days)
    return min(verified.valid_until, verified.collateral_issued + age)
