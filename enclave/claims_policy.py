"""What a policy may ask of claims: the table `[claims]`, which holds for every TEE.

    [claims]
    operators = ["<64 hexadecimal digits>"]
    key_origins = ["chip"]
    insecure_settings = []

Claims are as trustworthy as the measured code that wrote them, so they are judged only once the
evidence is verified. docs/attestation.md explains every key.
"""

from __future__ import annotations

from collections.abc import Iterator

from enclave.claims import Claims, KeyOrigin
from enclave.policy_keys import STRINGS, Table, key, names, octets

BORN_INSIDE = frozenset({KeyOrigin.CHIP, KeyOrigin.RANDOM, KeyOrigin.ACME})
"""Keys that have never left the VM but sealed."""


class ClaimsPolicy(Table):
    """The section `[claims]`; an empty list asks for nothing, but for `insecure_settings`."""

    operators: frozenset[bytes] = key(octets(32), default=frozenset())
    deployments: frozenset[str] = key(STRINGS, default=frozenset())
    configurations: frozenset[bytes] = key(octets(32), default=frozenset())
    key_origins: frozenset[KeyOrigin] = key(names(KeyOrigin), default=BORN_INSIDE)
    insecure_settings: frozenset[str] | None = key(STRINGS, default=None)

    def differences(self, claims: Claims | None) -> Iterator[str]:
        """Where claims are not what is asked for, a line each.

        Args:
            claims: the claims; None where the form of the evidence has none.
        """
        if claims is None:
            if self != ClaimsPolicy():
                yield "it makes no claims, and the policy asks for some"
            return
        if self.operators and claims.operator_sha256 not in self.operators:
            yield "the policy does not accept its operator"
        if self.deployments and claims.deployment not in self.deployments:
            yield f"the policy does not accept deployment {claims.deployment!r}"
        if self.configurations and claims.configuration_sha256 not in self.configurations:
            yield (f"the policy does not accept its settings ({claims.configuration_sha256.hex()})")
        if claims.key_origin not in self.key_origins:
            yield _ORIGINS.get(
                claims.key_origin, f"the policy does not accept a key by {claims.key_origin}"
            )
        if self.insecure_settings is not None:
            for name in claims.insecure_settings:
                if name not in self.insecure_settings:
                    yield f"the policy does not accept the setting {name}"


_ORIGINS = {
    KeyOrigin.BROUGHT: (
        "its key was given to it, so that others may have it and impersonate this server "
        "(key_origins in [claims] of the policy, or --allow-given-key, accepts that)"
    )
}
