"""Measure what `server.crypto.costs` estimates: `python tests/bench/costs.py`, on an idle machine.

Prints for each computation the microseconds measured (the best of several), those of the table, and
how many times as much the table says. It should be two times or more: a row below that is marked.
"""

import secrets
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from kmip.cryptographic_parameters import CryptographicDomainParameters, CryptographicParameters
from kmip.enums import BlockCipherMode as M
from kmip.enums import CryptographicAlgorithm as A
from kmip.enums import DerivationMethod as D
from kmip.enums import HashingAlgorithm as H
from kmip.enums import KeyFormatType as F
from kmip.enums import RecommendedCurve as C
from kmip.enums import SplitKeyMethod as S
from server.crypto import costs, hashes, macs
from server.crypto.certificates.certificate_facts import certificate_facts
from server.crypto.ciphers import encryption
from server.crypto.ciphers.suites import CIPHERS
from server.crypto.derivation import methods
from server.crypto.derivation.inputs import Base
from server.crypto.keys import key_costs, key_formats
from server.crypto.keys.key_pairs import generate_key_pair
from server.crypto.keys.key_types import public_half
from server.crypto.secret_sharing import split_keys
from server.crypto.signatures import signing

DATA = secrets.token_bytes(256 * 1024)
LENGTHS = {A.AES: 32, A.CHACHA20: 32, A.CHACHA20POLY1305: 32, A.DES: 8, A.DES3: 24}
PAIRS: tuple[tuple[A, int | None, C | None], ...] = (
    (A.RSA, 2048, None),
    (A.RSA, 4096, None),
    (A.DSA, 2048, None),
    (A.DH, 2048, None),
    (A.EC, None, C.P_256),
    (A.EC, None, C.P_521),
    (A.EC, None, C.BRAINPOOLP512R1),
    (A.ECDH, None, C.CURVE25519),
    (A.ECDH, None, C.CURVE448),
    (A.ED25519, None, None),
    (A.ED448, None, None),
    (A.ML_KEM_1024, None, None),
    (A.ML_DSA_44, None, None),
    (A.ML_DSA_65, None, None),
    (A.ML_DSA_87, None, None),
)
ENOUGH = 2


class Measurement(NamedTuple):
    """One computation: what it is, and what it takes by the clock and by the table."""

    name: str
    measured: float
    estimated: float


def best(call: Callable[[], Any], times: int = 5) -> float:
    """Microseconds of the quickest of several calls."""
    found = []
    for _ in range(times):
        begun = time.perf_counter()
        call()
        found.append(time.perf_counter() - begun)
    return 1e6 * min(found)


def texts() -> Iterator[Measurement]:
    """Hashes, MACs and ciphers of 256 KiB."""
    for algorithm, row in hashes.HASHES.items():
        if row is not None:
            taken = best(lambda: hashes.digest(algorithm, DATA, allow_legacy=True))  # noqa: B023
            yield Measurement(algorithm.name, taken, costs.of_hash(algorithm).of(len(DATA)))
    for named in (*macs.HMACS, *macs.MAC_CIPHERS, A.POLY1305):
        key, none = bytes(LENGTHS.get(named, 32)), CryptographicParameters()
        taken = best(lambda: macs.mac(key, named, none, DATA, allow_legacy=True))  # noqa: B023
        yield Measurement(f"{named.name} MAC", taken, macs.rate_of(named, none).of(len(DATA)))
    for cipher, suite in CIPHERS.items():
        for mode in [*suite.modes, *([None] if suite.alone else [])]:
            yield encrypted(cipher, mode)


def encrypted(cipher: A, mode: M | None) -> Measurement:
    """The slower of encrypting and decrypting."""
    length = 64 if mode == M.XTS else LENGTHS.get(cipher, 16)
    key = DATA if cipher == A.ONE_TIME_PAD else secrets.token_bytes(length)
    arguments = (key, cipher, CryptographicParameters(block_cipher_mode=mode))
    sealed = encryption.encrypt(*arguments, DATA, allow_legacy=True)
    taken = best(lambda: encryption.encrypt(*arguments, DATA, allow_legacy=True))
    opened = best(
        lambda: encryption.decrypt(
            *arguments,
            sealed.data,
            iv_counter_nonce=sealed.iv_counter_nonce,
            tag=sealed.authenticated_encryption_tag,
            allow_legacy=True,
        )
    )
    name = cipher.name if mode is None else f"{cipher.name} {mode.name}"
    return Measurement(name, max(taken, opened), costs.of_cipher(cipher, mode).of(len(DATA)))


def keys() -> Iterator[Measurement]:
    """Pairs made, loaded and used."""
    parameters = CryptographicParameters(hashing_algorithm=H.SHA_256)
    for algorithm, length, curve in PAIRS:
        domain = CryptographicDomainParameters(recommended_curve=curve)
        name = f"{algorithm.name} {length or (curve.name if curve else '')}".strip()
        taken = best(lambda: generate_key_pair(algorithm, length, domain), 3)  # noqa: B023
        yield Measurement(f"{name} pair", taken, key_costs.of_pair(algorithm, length, domain))
        key = generate_key_pair(algorithm, length, domain)
        public = public_half(key)
        if algorithm in (A.DH, A.ECDH):
            agreed = best(lambda: methods.agree(key, public))  # noqa: B023
            yield Measurement(f"{name} agrees", agreed, key_costs.of_use(key))
        elif algorithm != A.ML_KEM_1024:
            signature = signing.sign(key, parameters, b"")
            signed = best(lambda: signing.sign(key, parameters, b""), 20)  # noqa: B023
            yield Measurement(f"{name} signs", signed, key_costs.of_use(key))
            holds = best(lambda: signing.verify(public, parameters, signature, b""), 20)  # noqa: B023
            yield Measurement(f"{name} verifies", holds, key_costs.of_use(public))
        private_bytes = key_formats.dump_private(key, F.PKCS_8)
        public_bytes = key_formats.dump_public(public, F.X_509)
        loaded = best(lambda: key_formats.load_private(F.PKCS_8, private_bytes))  # noqa: B023
        yield Measurement(
            f"{name} loads", loaded, key_costs.of_loading(private_bytes, private=True)
        )
        loaded = best(lambda: key_formats.load_public(F.X_509, public_bytes))  # noqa: B023
        estimated = key_costs.of_loading(public_bytes, private=False)
        yield Measurement(f"{name} public loads", loaded, estimated)


def derivations() -> Iterator[Measurement]:
    """The methods that repeat."""
    base = Base(bytes(32), A.AES)
    hashing = CryptographicParameters(hashing_algorithm=H.SHA_3_512)
    for method, length, iterations in (
        (D.PBKDF2, 256, 10_000),
        (D.HKDF, 8 * 8000, None),
        (D.NIST800_108_C, 8 * 8000, None),
        (D.NIST800_108_F, 8 * 8000, None),
        (D.NIST800_108_DPI, 8 * 8000, None),
    ):
        arguments: dict[str, Any] = {
            "parameters": hashing,
            "derivation_data": [bytes(64)],
            "iteration_count": iterations,
        }
        taken = best(lambda: methods.derive(method, base, length, salt=b"salt", **arguments))  # noqa: B023
        yield Measurement(method.name, taken, methods.cost(method, base, length, **arguments))


def shares() -> Iterator[Measurement]:
    """Secrets of 32 bytes split and joined."""
    for method in S:
        prime = (1 << 521) - 1 if method == S.POLYNOMIAL_SHARING_PRIME_FIELD else None
        sharing = split_keys.Sharing(method, 5, 5, prime)
        parts = split_keys.split(bytes(32), sharing)
        taken = best(lambda: split_keys.split(bytes(32), sharing))  # noqa: B023
        yield Measurement(f"{method.name} splits", taken, sharing.splitting_cost(32))
        taken = best(lambda: split_keys.join(parts, sharing, 32))  # noqa: B023
        yield Measurement(f"{method.name} joins", taken, sharing.joining_cost(parts))


def others() -> Iterator[Measurement]:
    """Random bytes, and certificates of a few names and of many."""
    taken = best(lambda: secrets.token_bytes(64 * 1024))
    yield Measurement("random", taken, costs.RANDOM.of(64 * 1024))
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "name")])
    now = datetime.now(UTC)
    for count in (1, 2500):
        names = [x509.DNSName(f"host-{number}.example") for number in range(count)]
        made = (
            x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .sign(key, SHA256())
            .public_bytes(Encoding.DER)
        )
        taken = best(lambda: certificate_facts(made))  # noqa: B023
        yield Measurement(f"certificate of {count}", taken, costs.CERTIFICATE.of(len(made)))


def main() -> None:
    """Print all of it."""
    for source in (texts, keys, derivations, shares, others):
        for name, measured, estimated in source():
            ratio = estimated / measured
            mark = "" if ratio >= ENOUGH else "  <"
            print(f"{name:45} {measured:12.0f} {estimated:12.0f} {ratio:8.1f}{mark}", flush=True)


if __name__ == "__main__":
    main()
