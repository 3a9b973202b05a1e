"""Write the tables of docs/cryptography.md from the tables of `server.crypto`.

python docs/cryptography_tables.py           write them
python docs/cryptography_tables.py --check   fail if they are not as they would be written
"""

import sys
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from generated import with_tables, write_or_check

from kmip.enums import (
    BlockCipherMode,
    CryptographicAlgorithm,
    KeyFormatType,
    PaddingMethod,
    SplitKeyMethod,
)
from kmip.vocabulary import Named
from server.crypto import costs, wrapping
from server.crypto.certificates.certificate_facts import SIGNATURE_ALGORITHMS
from server.crypto.ciphers.modes import MODES
from server.crypto.ciphers.padding import SCHEMES
from server.crypto.ciphers.rsa_encryption import PADDINGS
from server.crypto.ciphers.suites import CIPHERS
from server.crypto.derivation.methods import METHODS as DERIVATIONS
from server.crypto.hashes import HASHES
from server.crypto.keys.curves import CURVES, LEGACY
from server.crypto.keys.key_formats import FORMATS, SYMMETRIC_FORMATS
from server.crypto.keys.key_pairs import PAIRS
from server.crypto.keys.quantum_safety import PUBLIC_KEY_CATEGORIES
from server.crypto.keys.symmetric_keys import ANY_BYTES, LENGTHS, MAX_LENGTH
from server.crypto.macs import BLOCK_MACS, HMACS, MAC_CIPHERS
from server.crypto.secret_sharing.split_keys import METHODS as SPLITS
from server.crypto.signatures.schemes import DIGITAL_SIGNATURES

PAGE = Path(__file__).with_name("cryptography.md")


def name(member: Named) -> str:
    """A member's name in the specification's XML."""
    return f"`{member.names[0]}`"


def names(members: Iterable[Named]) -> str:
    """Names in the order of the enumeration."""
    return ", ".join(name(member) for member in sorted(members)) or "none"


def table(head: str, rows: Iterable[Iterable[str]]) -> str:
    """A table; `head` has its columns between bars."""
    columns = head.split("|")
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join("| " + " | ".join(cell.strip() for cell in line) + " |\n" for line in lines)


def yes(truth: object) -> str:
    """A mark or nothing."""
    return "yes" if truth else ""


def bits(lengths: object) -> str:
    """Lengths in bits, in short."""
    if lengths is ANY_BYTES:
        return f"8 to {MAX_LENGTH}, whole bytes"
    if isinstance(lengths, range):
        return f"{lengths[0]} to {lengths[-1]}, in steps of {lengths.step}"
    return ", ".join(str(length) for length in sorted(lengths))  # type: ignore[call-overload]  # what is no range is a set


def symmetric() -> str:
    """Every symmetric algorithm: its lengths, and where it computes."""
    return table(
        "algorithm | lengths of new keys (bits) | encrypts in | MACs | legacy",
        (
            (
                name(algorithm),
                bits(lengths),
                _modes(algorithm),
                yes(algorithm in HMACS or algorithm in MAC_CIPHERS or algorithm.name == "POLY1305"),
                yes(_legacy(algorithm)),
            )
            for algorithm, lengths in LENGTHS.items()
        ),
    )


def _legacy(algorithm: Named) -> bool:
    if algorithm in HMACS:
        row = HASHES[HMACS[algorithm]]  # type: ignore[index]  # an algorithm, as it is in HMACS
        return row is not None and row.legacy
    return algorithm in CIPHERS and CIPHERS[algorithm].legacy  # type: ignore[index]  # the same


def _modes(algorithm: Named) -> str:
    row = CIPHERS.get(algorithm)  # type: ignore[call-overload]  # None for other kinds
    if row is None:
        return "keys are stored only"
    alone = ["no mode"] if row.alone else []
    return ", ".join([*alone, *(name(mode) for mode in sorted(row.modes))])


def pairs() -> str:
    """Every algorithm of key pairs."""
    signing = {"RSA", "DSA", "ECDSA", "EC", "ED25519", "ED448"}
    return table(
        "algorithm | signs | quantum category",
        (
            (
                name(algorithm),
                yes(algorithm.name in signing or algorithm.name.startswith("ML_DSA")),
                str(PUBLIC_KEY_CATEGORIES.get(algorithm, 0)),
            )
            for algorithm in PAIRS
        ),
    )


def modes() -> str:
    """Every Block Cipher Mode."""
    return table(
        "mode | here | padding | tag lengths (bytes)",
        (
            (
                name(mode),
                _where(mode),
                yes(row and row.padded),
                ", ".join(map(str, sorted(row.tags))) if row else "",
            )
            for mode, row in MODES.items()
        ),
    )


def _where(mode: BlockCipherMode) -> str:
    if MODES[mode] is not None:
        return "encrypts"
    row = BLOCK_MACS.get(mode)
    return "no" if row is None else "MACs, legacy" if row.legacy else "MACs"


def paddings() -> str:
    """Every Padding Method."""
    signs = {PaddingMethod.PKCS1_V1_5, PaddingMethod.PSS}
    return table(
        "padding | of blocks | RSA encryption | RSA signature",
        (
            (name(method), yes(SCHEMES[method]), yes(PADDINGS[method]), yes(method in signs))
            for method in PaddingMethod
        ),
    )


def hashes() -> str:
    """Every Hashing Algorithm."""
    return table(
        "hash | here | legacy",
        (
            (name(algorithm), "yes" if row else "no", yes(row and row.legacy))
            for algorithm, row in HASHES.items()
        ),
    )


def signatures() -> str:
    """Every Digital Signature Algorithm."""
    return table(
        "digital signature algorithm | key | hash | here | recognised in certificates",
        (
            (
                name(algorithm),
                row.name,
                name(row.hashing) if row.hashing else "in its own field",
                "yes" if row.hashing is None or HASHES[row.hashing] else "no",
                yes(algorithm in SIGNATURE_ALGORITHMS.values()),
            )
            for algorithm, row in DIGITAL_SIGNATURES.items()
        ),
    )


def formats() -> str:
    """Every Key Format Type."""
    return (
        table(
            "key format | private keys | public keys | symmetric keys and secrets",
            (
                (
                    name(each),
                    yes(row and row.dump_private),
                    yes(row and row.dump_public),
                    yes(each in SYMMETRIC_FORMATS),
                )
                for each, row in FORMATS.items()
            ),
        )
        + f"\n{name(KeyFormatType.PKCS_12)}: a private key and its certificates under a password,"
        + " secret data that the key links to.\nWhat is registered so is opened, and kept as a"
        + " key and certificates.\n"
    )


def others() -> str:
    """Curves, derivations, wrapping and splitting."""
    return table(
        "what | here | not here",
        (
            ("recommended curves", names(CURVES), f"all others; legacy: {names(LEGACY)}"),
            ("derivation methods", names(DERIVATIONS), "none"),
            (
                "wrapping methods",
                names(method for method, row in wrapping.METHODS.items() if row),
                names(method for method, row in wrapping.METHODS.items() if not row),
            ),
            ("split key methods", names(SPLITS), "none"),
        ),
    )


def loop_limits() -> str:
    """Up to which size each computation stays on the event loop."""
    texts = {"hashes": costs.HASHES, "encrypts, decrypts": costs.CIPHERS}
    texts |= {"wraps in the mode": costs.KEY_WRAPS, "MACs": costs.BLOCK_MACS}
    keys = {
        "signs, decrypts, agrees": costs.PRIVATE_KEYS,
        "verifies, encrypts": costs.PUBLIC_KEYS,
        "makes a pair": costs.KEY_PAIRS,
    }
    rows = [
        (what, names(members), limit)
        for what, rates in texts.items()
        for limit, members in _grouped(rates, lambda rate: _bytes(rate.part, rate.call))
    ]
    rows.append(("MACs", name(CryptographicAlgorithm.POLY1305), _bytes(costs.POLY1305.of)))
    rows += [
        (what, names(members), limit)
        for what, rates in keys.items()
        for limit, members in _grouped(rates, _bits)
    ]
    rows += [
        (f"derives {DERIVED} bytes", names(members), limit)
        for limit, members in _grouped(costs.DERIVATIONS, _derived)
    ]
    rows += [
        ("splits", name(method), f"{_most(lambda n, r=rate: n * r)} bytes x parts x threshold")
        for method, rate in costs.SHARES.items()
        if method != SplitKeyMethod.POLYNOMIAL_SHARING_PRIME_FIELD
    ]
    loading = (("private", True), ("public", False))
    rows += [
        (f"loads a {half} key", "", _bytes(lambda n, p=private: costs.of_loading(n, private=p)))
        for half, private in loading
    ]
    rows.append(("reads a certificate", "", _bytes(costs.CERTIFICATE.of)))
    return table("what | with | on the event loop up to", rows)


DERIVED = 32
MOST = 1 << 24


def _grouped(
    rates: Mapping[Any, Any], limit: Callable[[Any], Any]
) -> Iterable[tuple[Any, list[Any]]]:
    """The members that have the same limit, in the order of the first ones."""
    found: dict[Any, list[Any]] = {}
    for member, rate in rates.items():
        found.setdefault(limit(rate), []).append(member)
    return found.items()


def _most(cost: Callable[[int], float]) -> int:
    """The largest number that costs less than leaving the loop does."""
    return bisect_left(range(MOST), costs.LOOP_MICROSECONDS, key=cost) - 1


def _bytes(cost: Callable[[int], float], call: float = 0) -> str:
    most = _most(lambda length: call + cost(length))
    return f"{most} bytes" if most < 10 * 1024 else f"{most // 1024} KiB"


def _bits(rate: costs.KeyRate) -> str:
    if not rate.power:
        return "always" if rate.of(0) < costs.LOOP_MICROSECONDS else "never"
    return f"{_most(rate.of)} bits"


def _derived(cost: Callable[[costs.Derivation], float]) -> str:
    iterations = _most(lambda n: cost(costs.Derivation(DERIVED, 0, n)))
    if iterations < MOST - 1:
        return f"{iterations} iterations"
    return _bytes(lambda n: cost(costs.Derivation(DERIVED, n))) + " of key and data"


TABLES: dict[str, Callable[[], str]] = {
    "symmetric": symmetric,
    "pairs": pairs,
    "modes": modes,
    "paddings": paddings,
    "hashes": hashes,
    "signatures": signatures,
    "formats": formats,
    "others": others,
    "costs": loop_limits,
}


def page(current: str) -> str:
    """The page with its tables as the code has them."""
    return with_tables(current, "cryptography_tables.py", TABLES)


if __name__ == "__main__":
    made = {PAGE: page(PAGE.read_text("utf-8"))}
    sys.exit(write_or_check(made, "docs/cryptography_tables.py"))
