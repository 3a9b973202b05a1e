"""What makes one kind of TEE differ from another, gathered in one declaration.

A TEE is one folder of this package with a `variant.py`, and one row of `enclave.supported`. The
folder has what its vendor's documents say; everything outside asks the row:

    verifier, collateral     evidence → verified evidence       `enclave.verify`, `enclave.fetch`
    section, checks          verified → appraised               `enclave.policy`
    encoding                 evidence ↔ bytes                   `enclave.evidence_formats`
    guest                    report data → evidence             `enclave.detection`

How it shows its TCB is `Verified.tcb` of the type that its verifier gives. The trust anchors are
not here: the roots are pinned by vendor, all in one place (`enclave.roots`). Nor is a simulated
counterpart, so that no row of a real TEE leads to one: those are rows of `SIMULATIONS` in
`enclave.insecure.tee`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from enclave.collateral import Collateral, Fetch
from enclave.evidence import TEE, Evidence, Verified
from enclave.policy_keys import Section
from enclave.roots import Roots
from enclave.tee import Guest

C = TypeVar("C", bound=Collateral)
V = TypeVar("V", bound=Verified)
S = TypeVar("S", bound=Section)


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """How the evidence of a TEE is written in bytes; `enclave.evidence_formats` bounds them.

    Attributes:
        read: the evidence in what `write` gave; None where it is of another TEE. Raises
            InvalidEvidence where it is of this one and malformed.
        write: the report or quote, and the certificates that it needs beside it: one byte string
            that no other TEE's could be taken for.
        bare_oid: the extension of the bare form, in dotted decimals.
        read_bare: the evidence in that extension. Raises InvalidEvidence.
        write_bare: what `read_bare` reads.
        gramine_oid: a second extension, in which Gramine's older releases have the same bytes; None
            where there is none.
    """

    read: Callable[[bytes], Evidence | None]
    write: Callable[[Evidence], bytes]
    bare_oid: str
    read_bare: Callable[[bytes], Evidence]
    write_bare: Callable[[Evidence], bytes]
    gramine_oid: str | None = None


@dataclass(frozen=True, kw_only=True)
class Variant(Generic[C, V, S]):
    """One kind of TEE.

    Attributes:
        tee: its name: the table of a policy, the member of a collateral file.
        verifier: proves evidence by collateral, under roots, at a time. Pure. Raises
            InvalidEvidence, VerificationFailed.
        collateral: what its vendor publishes.
        fetch: gets that collateral for evidence, unverified, from the vendor (None) or from a cache
            at an address without a slash at its end. Raises InvalidEvidence.
        check_collateral: lets pass what the vendor has signed, is current, and is for the chip that
            the evidence names; the evidence itself need not verify with it. Raises InvalidEvidence,
            VerificationFailed.
        empty_collateral: what to verify with where there is nothing of the vendor's; None where
            evidence cannot be verified so.
        section: its table in a policy.
        checks: each gives what the section does not accept of the evidence, a sentence each.
        naming: the section that accepts this very evidence, and weakens no default for it.
        naming_alike: the same section, which accepts no evidence that somebody else vouches for;
            None where `naming` is that.
        code_by_setting: whether the launch measures the code only where the machine is set up so,
            which no evidence tells.
        accepting_no_collateral: the same section, which also accepts evidence that was verified
            with the empty collateral.
        warnings: what is accepted and still worth showing, a line each.
        endorsed: whether the certificate of the key that signed the evidence, as it names it, is
            among its certificates. Raises InvalidEvidence.
        endorsements: the certificates that such evidence should come with, DER, as the evidence or
            the collateral has them; empty where there are none, or it needs none beside it.
        registers: what was measured at launch and since, as the evidence has it, unverified; by the
            vendor's names in lower case. Raises InvalidEvidence.
        encoding: its evidence in bytes.
        guest: attests from within; None where evidence is only verified.
    """

    tee: TEE
    verifier: Callable[[Evidence, C, Roots, datetime], V]
    collateral: type[C]
    fetch: Callable[[Evidence, Fetch, str | None], Awaitable[C]]
    check_collateral: Callable[[Evidence, C, Roots, datetime], None]
    empty_collateral: C | None = None
    section: type[S]
    checks: tuple[Callable[[V, S], Iterator[str]], ...]
    naming: Callable[[V], S]
    naming_alike: Callable[[V], S] | None = None
    code_by_setting: bool = False
    accepting_no_collateral: Callable[[S], S] = lambda section: section
    warnings: Callable[[V, S], Iterator[str]]
    endorsed: Callable[[Evidence], bool] = lambda evidence: True
    endorsements: Callable[[Evidence, C], tuple[bytes, ...]] = lambda evidence, collateral: ()
    registers: Callable[[Evidence], Mapping[str, bytes]]
    encoding: Encoding
    guest: type[Guest] | None = None
