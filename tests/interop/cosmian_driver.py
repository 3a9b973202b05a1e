"""Runs in the environment of Cosmian's client: every call of it that KMIP has, told as JSON.

python cosmian_driver.py URL PKCS12 PASSWORD
"""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from cosmian_kms import KmsClient  # type: ignore[import-not-found] # in its environment only

REPORT: dict[str, Any] = {}


async def report(
    name: str, call: Callable[..., Awaitable[Any]], *arguments: Any, **named: Any
) -> Any:
    """What a call gives; what it raises is reported as a text."""
    try:
        REPORT[name] = result = await call(*arguments, **named)
    except Exception as error:  # noqa: BLE001 - the client has no other
        REPORT[name] = f"{type(error).__name__}: {error}"
        return None
    return result


async def use(client: KmsClient) -> None:
    """Make, use, find and destroy keys by their identifiers and by tags."""
    for algorithm, length in (("AES", 128), ("AES", 256), ("ChaCha20", 256)):
        name = f"{algorithm}-{length}"
        tags = [name, "mine"]
        key = await report(
            f"{name} create", client.create_symmetric_key, length, algorithm, tags=tags
        )
        for which, identifier in (("identifier", key), ("tags", tags)):
            await round_trip(client, f"{name} {which}", identifier, length)
        await report(f"{name} revoke", client.revoke_key, "no longer used", key)
        await report(f"{name} destroy", client.destroy_key, tags)
    plain = await report("create", client.create_symmetric_key, 256)
    await report("encrypt", client.encrypt, b"data", plain)
    await report("unknown identifier", client.get_object, "nothing")
    await report("unknown tags", client.get_object, ["nothing"])
    for _ in range(2):
        await report("several", client.create_symmetric_key, 128, "AES", tags=["two"])
    await report("several", client.get_object, ["two"])
    covercrypt = client.create_cover_crypt_user_decryption_key
    await report("covercrypt", covercrypt, "a::b", "nothing", False)


async def round_trip(client: KmsClient, name: str, key: Any, length: int) -> None:
    """Get a key, and encrypt and decrypt by it."""
    found = await report(f"{name} get", client.get_object, key)
    if found is not None:
        REPORT[f"{name} get"] = [found.object_type(), 8 * len(found.key_block()), length]
    hidden = await report(f"{name} encrypt", client.encrypt, b"some data", key)
    if hidden is None:
        return
    data = hidden.data()
    REPORT[f"{name} encrypt"] = len(data)
    nonce, tag = hidden.iv_counter_nonce(), hidden.authenticated_encryption_tag()
    plain = await report(f"{name} decrypt", client.decrypt, data, key, bytes(nonce), bytes(tag))
    REPORT[f"{name} decrypt"] = plain and bytes(plain).decode()


async def main() -> None:
    """Report all calls."""
    url, pkcs12, password = sys.argv[1:]
    client = KmsClient(
        url, client_pkcs12_path=pkcs12, client_pkcs12_password=password, insecure_mode=True
    )
    await use(client)
    print(json.dumps(REPORT, default=repr), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
    os._exit(0)  # its own end sometimes crashes the interpreter
