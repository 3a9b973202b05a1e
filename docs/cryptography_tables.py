"""Write the tables of docs/cryptography.md from the tables of `server.crypto`.

python docs/cryptography_tables.py           write them
python docs/cryptography_tables.py --check   fail if they are not as they would be written
"""

import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from kmip.enums import BlockCipherMode, KeyFormatType, PaddingMethod
from kmip.vocabulary import Named
from server.crypto import wrapping
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
from server.crypto.slow import SLOW_KEY_PAIRS, SLOW_PRIVATE_KEYS

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
        "algorithm | signs | in a thread | quantum category",
        (
            (
                name(algorithm),
                yes(algorithm.name in signing or algorithm.name.startswith("ML_DSA")),
                yes(algorithm in SLOW_KEY_PAIRS | SLOW_PRIVATE_KEYS),
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
        + f"\n{name(KeyFormatType.PKCS_12)}: a private key and its certificates under a password.\n"
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


TABLES: dict[str, Callable[[], str]] = {
    "symmetric": symmetric,
    "pairs": pairs,
    "modes": modes,
    "paddings": paddings,
    "hashes": hashes,
    "signatures": signatures,
    "formats": formats,
    "others": others,
}


def page(current: str) -> str:
    """The page with its tables as the code has them.

    Raises:
        ValueError: a table has no place on the page.
    """
    for title, make in TABLES.items():
        begin = f"<!-- {title}: made by docs/cryptography_tables.py -->\n"
        place = re.compile(re.escape(begin) + r".*?<!-- end -->\n", re.DOTALL)
        if len(place.findall(current)) != 1:
            raise ValueError(title)
        made = begin + make() + "<!-- end -->\n"
        current = place.sub(lambda _, made=made: made, current)  # type: ignore[misc]  # the type of a default is not inferred
    return current


def main() -> int:
    """Write or check the page; the exit status."""
    current = PAGE.read_text("utf-8")
    wanted = page(current)
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(wanted, "utf-8")
    elif current != wanted:
        print(f"{PAGE.name} is not current: run python docs/cryptography_tables.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
