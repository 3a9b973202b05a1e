"""RNG Seed (2.1 section 6.1.50)."""

from typing import Final

from kmip.enums import Operation
from kmip.payloads.rng_seed import RNGSeedRequest, RNGSeedResponse
from server.context import Context
from server.crypto.costs import BLOCKING
from server.registry import operation

ENTROPY: Final = "/dev/urandom"
"""Writing here stirs bytes into the kernel's generator without crediting them (random(4))."""

LONGEST: Final = 4096
"""Bytes of a seed that are used: more adds nothing to a pool of 256 bits."""


@operation(Operation.RNG_SEED)
async def rng_seed(context: Context, request: RNGSeedRequest) -> RNGSeedResponse:
    """Stir a client's seed into the generator; it can add to its state and never fix it."""
    seed = (context.data_of(request.data) or b"")[:LONGEST]
    await context.compute(BLOCKING, _stir, seed)
    return RNGSeedResponse(data_length=len(seed))


def _stir(seed: bytes) -> None:
    with open(ENTROPY, "wb", buffering=0) as pool:  # noqa: PTH123 - a device, not a file
        pool.write(seed)
