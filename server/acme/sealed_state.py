"""What is kept between two starts: the account's key, and the certificate with its key; sealed.

Both are in the data directory, sealed under the chip's key for exactly this code (`enclave.keys`),
so neither the machine's host nor another image reads them. A chip that derives no key keeps them in
memory only: the next start asks for a new account and a new certificate. What does not open (other
code, another chip, damage) is logged and made anew; whoever deletes or puts back these files can
have that at worst.

The certificate's key is kept before there is a certificate and over all renewals: users pin it
(`strongroom verify`) from the first start on, and it never leaves the VM. It is made anew with a
new release, whose measurement is another.
"""

from __future__ import annotations

import json
import logging
from base64 import b64decode, b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from enclave.errors import EnclaveError
from enclave.keys import NoDerivedKey, Purpose, seal, unseal
from enclave.ratls import ServerKey
from enclave.tee import Tee
from server.setup import files
from server.setup.failure import Failure
from server.transport import tls

log: Final = logging.getLogger(__name__)

ACCOUNT_FILE: Final = "acme-account.sealed"
CERTIFICATE_FILE: Final = "acme-certificate.sealed"


@dataclass(frozen=True, slots=True)
class SealedState:
    """What one server keeps of one name at one directory.

    Attributes:
        data: the directory on disk.
        tee: the chip.
        directory: the ACME directory's URL.
        name: the name.
    """

    data: Path
    tee: Tee
    directory: str
    name: str

    async def account_key(self) -> ec.EllipticCurvePrivateKey:
        """The account's key; made if there is none for this directory."""
        document = await self._recall(ACCOUNT_FILE, Purpose.ACME_ACCOUNT)
        if document is not None and document.get("directory") == self.directory:
            return _key(document["key"])
        key = ec.generate_private_key(ec.SECP256R1())
        document = {"directory": self.directory, "key": _written(key)}
        await self._keep(ACCOUNT_FILE, Purpose.ACME_ACCOUNT, document)
        return key

    async def certificate_key(self) -> ec.EllipticCurvePrivateKey:
        """The key to be certified; made if there is none for this name and directory."""
        document = await self._certificate_document()
        if document is not None:
            return _key(document["key"])
        key = ec.generate_private_key(ec.SECP256R1())
        await self._keep_certificate(key, "")
        return key

    async def certificate(self) -> tls.Identity | None:
        """The certificate; None where there is none for this name from this directory."""
        document = await self._certificate_document()
        if document is None or not document["chain"]:
            return None
        leaf, *chain = x509.load_pem_x509_certificates(document["chain"].encode())
        return tls.Identity(_key(document["key"]), leaf, tuple(chain))

    async def keep_certificate(self, identity: tls.Identity) -> None:
        """Seal a certificate on disk, if the chip can."""
        chain = (identity.certificate, *identity.chain)
        pem = b"".join(one.public_bytes(Encoding.PEM) for one in chain).decode()
        await self._keep_certificate(identity.key, pem)

    async def _keep_certificate(self, key: ServerKey, chain: str) -> None:
        document = {"directory": self.directory, "name": self.name, "chain": chain}
        document["key"] = _written(key)
        await self._keep(CERTIFICATE_FILE, Purpose.ACME_CERTIFICATE, document)

    async def _certificate_document(self) -> dict[str, Any] | None:
        """What is kept for this name and directory."""
        document = await self._recall(CERTIFICATE_FILE, Purpose.ACME_CERTIFICATE)
        if document is None or (document.get("directory"), document.get("name")) != (
            self.directory,
            self.name,
        ):
            return None
        return document

    async def _recall(self, name: str, purpose: Purpose) -> dict[str, Any] | None:
        path = self.data / name
        if not files.is_there(path):
            return None
        try:
            opened = await unseal(self.tee, purpose, files.read_private(path, "It"))
            document = json.loads(opened.plaintext)
            if opened.resealed is not None:
                files.replace(path, opened.resealed)
        except (EnclaveError, Failure, ValueError) as error:
            log.warning("%s does not open and is made anew: %s", path, error)
            return None
        return document if isinstance(document, dict) else None

    async def _keep(self, name: str, purpose: Purpose, document: dict[str, str]) -> None:
        """Seal on disk; where that fails, what is held serves until the end all the same."""
        try:
            sk = await self.tee.derived_key()
            files.replace(self.data / name, seal(sk, purpose, json.dumps(document).encode()))
        except NoDerivedKey:
            log.warning("this chip seals nothing: the %s is lost at the end", purpose)
        except (EnclaveError, Failure) as error:
            log.warning("the %s is not kept: %s", purpose, error)


def _written(key: ServerKey) -> str:
    der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return b64encode(der).decode()


def _key(text: str) -> ec.EllipticCurvePrivateKey:
    key = load_der_private_key(b64decode(text, validate=True), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)  # noqa: S101 - nobody else can seal
    return key
