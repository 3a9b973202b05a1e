"""What a policy may ask of SEV-SNP evidence, and the appraisal of a verified report.

Measured is what the firmware loaded; *not* measured, and therefore checked one by one: the guest
policy (a debug launch has the same measurement), the privilege level of the request, the host data,
the firmware's own version. What the file does not mention has the strict default below.

Source: AMD 56860 tables 9 (POLICY), 23 (ATTESTATION_REPORT), 24 (PLATFORM_INFO); AMD-SB-3015
(ALIAS_CHECK_COMPLETE).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from enum import IntFlag
from typing import Any

from enclave.policy_keys import (
    BOOLEAN,
    STRINGS,
    Kind,
    Table,
    exactly,
    flags,
    key,
    names,
    number,
    numbers,
    octets,
    one_octets,
    one_of,
    tables,
)
from enclave.snp.abi import (
    NO_MIGRATION_AGENT,
    TCB_LAYOUTS,
    GuestPolicy,
    PlatformInfo,
    Product,
    SigningKey,
    TurinTCB,
)
from enclave.snp.verify import VerifiedSNP

Version = tuple[int, int, int]


def _read_min_tcb(value: Any) -> tuple[tuple[Product, bytes], ...]:
    """A table by product of tables by TCB component; a component that is not named is 0."""
    read = {}
    for name, components in exactly(dict, value).items():
        layout = TCB_LAYOUTS[Product(name)]
        svns = exactly(dict, components)
        if any(type(svn) is not int or svn not in range(256) for svn in svns.values()):
            raise ValueError
        zero = dict.fromkeys(layout.__dataclass_fields__, 0)
        read[Product(name)] = layout(**(zero | svns)).build()
    return tuple(read.items())


def _write_min_tcb(value: tuple[tuple[Product, bytes], ...]) -> str:
    entries = []
    for product, tcb in value:
        components = ", ".join(f"{n} = {svn}" for n, svn in _components(product, tcb).items())
        entries.append(f"{product} = {{ {components} }}")
    return "{ " + ", ".join(entries) + " }"


def _components(product: Product, tcb: bytes) -> dict[str, int]:
    parsed = TCB_LAYOUTS[product].parse(tcb)
    return {name: getattr(parsed, name) for name in parsed.__dataclass_fields__}


def _read_version(value: Any) -> Version:
    major, minor, build = (int(part) for part in exactly(str, value).split("."))
    return major, minor, build


MIN_TCB = Kind(
    f"table of {', '.join(Product)}, each of {', '.join(TurinTCB.__dataclass_fields__)}",
    _read_min_tcb,
    _write_min_tcb,
)
VERSION = Kind('version like "1.55.40"', _read_version, lambda v: '"' + ".".join(map(str, v)) + '"')


class IDKey(Table):
    """A publisher: the holder of the ID key decides which measurements are their releases.

    Attributes:
        digest: ID_KEY_DIGEST, SHA-384 of the key structure; not zeros, which a guest without ID
            block reports.
        min_guest_svn: GUEST_SVN of the oldest release that is accepted.
    """

    digest: bytes = key(one_octets(48, zeros=False))
    min_guest_svn: int = key(number(0xFFFFFFFF))


class SNPPolicy(Table):
    """The section `[sev-snp]`; docs/attestation.md explains each key.

    With neither measurements nor ID keys it accepts nothing, nor without a minimum TCB for the
    product.
    """

    measurements: frozenset[bytes] = key(octets(48), default=frozenset())
    id_keys: tuple[IDKey, ...] = key(tables(IDKey), default=())
    author_keys: frozenset[bytes] = key(octets(48, zeros=False), default=frozenset())
    min_guest_svn: int = key(number(0xFFFFFFFF), default=0)
    products: frozenset[Product] = key(
        names(Product), default=frozenset({Product.GENOA, Product.TURIN})
    )
    min_tcb: tuple[tuple[Product, bytes], ...] = key(MIN_TCB, default=())
    min_firmware: Version = key(VERSION, default=(0, 0, 0))
    signers: frozenset[str] = key(one_of("VCEK", "VLEK"), default=frozenset({"VCEK"}))
    csp_ids: frozenset[str] = key(STRINGS, default=frozenset())
    chip_ids: frozenset[bytes] = key(octets(8, 64, zeros=False), default=frozenset())
    vmpl: frozenset[int] = key(numbers(3), default=frozenset({0}))
    host_data: frozenset[bytes] = key(octets(32), default=frozenset({bytes(32)}))
    family_ids: frozenset[bytes] = key(octets(16), default=frozenset())
    image_ids: frozenset[bytes] = key(octets(16), default=frozenset())
    allow_any: frozenset[str] = key(one_of("host_data"), default=frozenset())
    allow_debug: bool = key(BOOLEAN, default=False)
    allow_migration: bool = key(BOOLEAN, default=False)
    allow_smt: bool = key(BOOLEAN, default=True)
    allow_missing_revocation_list: bool = key(BOOLEAN, default=False)
    allow_provisional_firmware: bool = key(BOOLEAN, default=True)
    launch_mitigations: int = key(number((1 << 64) - 1), default=0)
    current_mitigations: int = key(number((1 << 64) - 1), default=0)
    guest_policy_required: GuestPolicy = key(flags(GuestPolicy), default=GuestPolicy(0))
    guest_policy_forbidden: GuestPolicy = key(flags(GuestPolicy), default=GuestPolicy(0))
    platform_info_required: PlatformInfo = key(
        flags(PlatformInfo), default=PlatformInfo.ALIAS_CHECK_COMPLETE
    )
    platform_info_forbidden: PlatformInfo = key(flags(PlatformInfo), default=PlatformInfo(0))
    max_collateral_age_days: int = key(number(3650), default=366)


def _check_measurement(verified: VerifiedSNP, policy: SNPPolicy) -> Iterator[str]:
    report = verified.report
    if report.guest_svn < policy.min_guest_svn:
        yield f"guest SVN {report.guest_svn} is below the minimum"
    if policy.author_keys and not (
        report.author_key_en and report.author_key_digest in policy.author_keys
    ):
        yield "no accepted author key stands behind its ID key"
    if report.measurement in policy.measurements:
        return
    if any(
        report.id_key_digest == id_key.digest != bytes(48)
        and report.guest_svn >= id_key.min_guest_svn
        for id_key in policy.id_keys
    ):
        return
    yield f"measurement {report.measurement.hex()} is not accepted"
    if policy.id_keys:
        yield f"nor is ID key {report.id_key_digest.hex()} at guest SVN {report.guest_svn}"


def _check_guest(verified: VerifiedSNP, policy: SNPPolicy) -> Iterator[str]:
    """What the host chose at launch."""
    report = verified.report
    guest_policy = GuestPolicy(report.policy & ~0xFFFF)
    if GuestPolicy.DEBUG in guest_policy and not policy.allow_debug:
        yield "the guest is open to debugging by its host"
    if not policy.allow_migration and (
        GuestPolicy.MIGRATE_MA in guest_policy or report.report_id_ma != NO_MIGRATION_AGENT
    ):
        yield "the guest has a migration agent"
    if GuestPolicy.SMT in guest_policy and not policy.allow_smt:
        yield "the guest may run on a machine with SMT"
    yield from _bits(
        "guest policy",
        guest_policy,
        policy.guest_policy_required | GuestPolicy.RESERVED_ONE,
        policy.guest_policy_forbidden,
    )
    if report.vmpl not in policy.vmpl:
        yield f"the report was requested at VMPL {report.vmpl:#x}"
    if "host_data" not in policy.allow_any and report.host_data not in policy.host_data:
        yield f"host data {report.host_data.hex()} is not accepted"
    if policy.family_ids and report.family_id not in policy.family_ids:
        yield f"family id {report.family_id.hex()} is not accepted"
    if policy.image_ids and report.image_id not in policy.image_ids:
        yield f"image id {report.image_id.hex()} is not accepted"


def _check_platform(verified: VerifiedSNP, policy: SNPPolicy) -> Iterator[str]:
    report = verified.report
    if verified.product not in policy.products:
        yield f"product {verified.product} is not accepted"
    if verified.signer.name not in policy.signers:
        yield f"a {verified.signer.name} signed it"
    if verified.csp_id is not None and verified.csp_id not in policy.csp_ids:
        yield f"cloud provider {verified.csp_id!r} is not accepted"
    padded = {chip_id.ljust(64, b"\0") for chip_id in policy.chip_ids}
    if padded and report.chip_id not in padded:
        yield "the chip is not among those accepted"
    yield from _bits(
        "platform info",
        PlatformInfo(report.platform_info),
        policy.platform_info_required,
        policy.platform_info_forbidden,
    )


def _check_tcb(verified: VerifiedSNP, policy: SNPPolicy) -> Iterator[str]:
    report = verified.report
    minimum = dict(policy.min_tcb).get(verified.product)
    if minimum is None:
        yield f"the policy has no minimum TCB for {verified.product}"
    for name in ("reported_tcb", "committed_tcb", "launch_tcb"):
        tcb = getattr(report, name)
        if minimum is not None and not _reaches(tcb, minimum):
            yield f"{name} {_components_text(verified.product, tcb)} is below the minimum"
    # The firmware promises this order; a report without it is none to build upon.
    if not (
        _reaches(report.committed_tcb, report.reported_tcb)
        and _reaches(report.current_tcb, report.committed_tcb)
        and _reaches(report.current_tcb, report.launch_tcb)
    ):
        yield "its TCB versions contradict each other"
    committed = (report.committed_major, report.committed_minor, report.committed_build)
    if committed < policy.min_firmware:
        yield f"firmware {'.'.join(map(str, committed))} is below the minimum"


def _check_firmware(verified: VerifiedSNP, policy: SNPPolicy) -> Iterator[str]:
    """What the host may still take back, and which mitigations were in force."""
    report = verified.report
    current = (report.current_major, report.current_minor, report.current_build)
    committed = (report.committed_major, report.committed_minor, report.committed_build)
    if not policy.allow_provisional_firmware and (
        current != committed or report.current_tcb != report.committed_tcb
    ):
        yield "the firmware is provisional: its host may go back to an older one"
    for name in ("launch", "current"):
        wanted = getattr(policy, f"{name}_mitigations")
        if missing := wanted & ~getattr(report, f"{name}_mit_vector"):
            yield f"the {name} mitigation vector lacks {missing:#x}"


def _check_revocation(verified: VerifiedSNP, policy: SNPPolicy) -> Iterator[str]:
    if not verified.revocation_checked and not policy.allow_missing_revocation_list:
        yield f"there is no revocation list of {verified.product}"


CHECKS: tuple[Callable[[VerifiedSNP, SNPPolicy], Iterator[str]], ...] = (
    _check_measurement,
    _check_guest,
    _check_platform,
    _check_tcb,
    _check_firmware,
    _check_revocation,
)


def naming(verified: VerifiedSNP) -> SNPPolicy:
    """The policy that names this evidence, and weakens none of the defaults for it."""
    report = verified.report
    reached = (report.reported_tcb, report.committed_tcb, report.launch_tcb)
    lowest = bytes(min(components) for components in zip(*reached, strict=True))
    return SNPPolicy(
        measurements=frozenset({report.measurement}),
        products=frozenset({verified.product}),
        min_tcb=((verified.product, lowest),),
        host_data=frozenset({report.host_data}),
    )


def naming_alike(verified: VerifiedSNP) -> SNPPolicy:
    """The same, of the same signer and at the same privilege level."""
    return replace(
        naming(verified),
        vmpl=frozenset({verified.report.vmpl}),
        signers=frozenset({verified.signer.name}),
        csp_ids=frozenset() if verified.csp_id is None else frozenset({verified.csp_id}),
    )


def warnings_of(verified: VerifiedSNP, policy: SNPPolicy) -> Iterator[str]:
    """What is accepted and still worth showing."""
    if verified.product is Product.MILAN:
        yield "Milan: keys of this product line are reported to be extractable by software"
    if verified.report.policy & GuestPolicy.DEBUG:
        yield "the guest's memory is open to its host (debug)"
    if not verified.revocation_checked:
        yield "revocation was not checked"
    if verified.signer is SigningKey.VLEK:
        yield f"the cloud provider {verified.csp_id} vouches for the machine, not one chip's key"


def _bits(what: str, have: IntFlag, required: IntFlag, forbidden: IntFlag) -> Iterator[str]:
    for flag in type(required):
        if flag & required and not flag & have:
            yield f"{what} lacks {flag.name}"
        if flag & forbidden & have:
            yield f"{what} has {flag.name}"


def _reaches(have: bytes, need: bytes) -> bool:
    """Each component on its own: TCB versions are no numbers."""
    return all(a >= b for a, b in zip(have, need, strict=True))


def _components_text(product: Product, tcb: bytes) -> str:
    return ", ".join(f"{name} {svn}" for name, svn in _components(product, tcb).items())
