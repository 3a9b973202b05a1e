"""What a command says of a server that it has verified."""

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
        claims = attested.claims
        # The host chose the name, which must not write lines of its own here.
        name = quoted(claims.deployment)[1:-1]
        lines.append(f"  claims       {claims.role} of {name}, sealing {claims.sk}")
        lines.append(f"  server       {claims.instance.hex()}")
        if claims.operator_sha256 is not None:
            lines.append(f"  operator     sha256 {claims.operator_sha256.hex()}")
    lines += [f"  note         {warning}" for warning in attested.appraised.warnings]
    return "\n".join(lines)
