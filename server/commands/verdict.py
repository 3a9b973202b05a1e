"""What a command says of a server that it has verified."""

from collections.abc import Iterator

from enclave.claims import Claims, KeyOrigin
from enclave.client import Attested
from server.setup.logs import quoted


def verdict(place: str, attested: Attested) -> str:
    """The result of an appraisal, for people: several lines.

    Args:
        place: the server's host and port.
        attested: the server, verified over a fresh nonce.
    """
    verified = attested.appraised.verified
    lines = [f"{place} is what the policy accepts"]
    if attested.simulated:
        lines = [f"{place} is SIMULATED: no chip stands behind it, and nothing is proved"]
    lines += [
        f"  chip         {verified.tee}, {verified.tcb}",
        f"  measurement  {verified.measurement.hex()}",
        f"  key          sha256 {attested.pin.hex()}",
        f"  evidence     made {verified.verified_at:%Y-%m-%d %H:%M:%S} UTC, over a fresh nonce",
        f"  good until   {attested.until:%Y-%m-%d %H:%M:%S} UTC",
    ]
    if attested.claims is not None:
        lines += _claimed(attested.claims)
    lines += [f"  note         {warning}" for warning in attested.appraised.warnings]
    return "\n".join(lines)


def _claimed(claims: Claims) -> Iterator[str]:
    # The host chose the name, which must not write lines of its own here.
    name = quoted(claims.deployment)[1:-1]
    operator = claims.operator_sha256
    yield f"  claims       {claims.role} of {name}, sealing {claims.sk}"
    yield f"  key origin   {_ORIGINS[claims.key_origin]}"
    yield f"  server       {claims.instance.hex()}"
    yield f"  operator     {'none' if operator is None else f'sha256 {operator.hex()}'}"
    yield f"  settings     sha256 {claims.configuration_sha256.hex()}"
    if claims.insecure_settings:
        yield f"  insecure     {', '.join(claims.insecure_settings)}"
    if claims.alarm:
        yield f"  ALARM        its store is {claims.alarm.upper()}: it takes no changes any more"
    if claims.store is not None:
        compared = ", not older than the pinned one" if claims.store_since else ""
        yield f"  store        {claims.store.hex()}{compared}"


_ORIGINS = {
    KeyOrigin.CHIP: "made from the chip's key",
    KeyOrigin.RANDOM: "random, made at this start",
    KeyOrigin.ACME: "made inside and kept sealed, for an ACME directory's certificates",
    KeyOrigin.BROUGHT: "GIVEN by the operator: whoever else has it can impersonate this server",
}
