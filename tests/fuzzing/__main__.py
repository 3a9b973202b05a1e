"""Have a fuzzer that is guided by coverage look for inputs that break what must hold.

    .ci/environment .venvs/fuzzing requirements-dev.lock requirements-build.lock \\
        tests/fuzzing/requirements-atheris.lock
    .venvs/fuzzing/bin/python -m tests.fuzzing TTLV --seconds 3600
    .venvs/fuzzing/bin/python -m tests.fuzzing HTTP --input crash-0123…      once more

Targets: TTLV, JSON, XML (any message, answered), ckms (what Cosmian's clients post), HTTP (any
bytes on a connection). What must hold is in `tests/fuzzing/examined.py`. Inputs that reach new
branches are kept in `--corpus` (default: a new directory) and are seeds the next time. The input
that ends a run is written to the working directory, with the traceback on standard error.

Atheris instruments the four packages' bytecode. It is in an environment of its own, since it exists
for some Pythons and machines only.
"""

import argparse
import random
import sys
import tempfile
from pathlib import Path

TARGETS = ("TTLV", "JSON", "XML", "ckms", "HTTP")
FORM_KEPT = 0.6
"""How often a change keeps an input's form."""
LONGEST_INPUT = 16_384


def main() -> None:
    """Fuzz one target, or try one input."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=3600)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--input", type=Path, help="try this one alone, without a fuzzer")
    arguments = parser.parse_args()
    if arguments.input is None:
        fuzz(arguments.target, arguments.seconds, arguments.corpus)
    from tests.fuzzing.host import Host

    Host(arguments.target).examine(arguments.input.read_bytes())


def fuzz(target: str, seconds: int, corpus: Path | None) -> None:
    """Run Atheris, which ends the process."""
    try:
        import atheris  # type: ignore[import-untyped] # is elsewhere
    except ImportError:
        sys.exit("Atheris is not here; the head of tests/fuzzing/__main__.py says how it comes.")
    with atheris.instrument_imports(include=["kmip", "server", "enclave", "storage"]):
        from tests.fuzzing import seeds, spoiling
        from tests.fuzzing.host import Host

    corpus = corpus or Path(tempfile.mkdtemp(prefix=f"fuzzing-{target}-"))
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds.SEEDS[target]()):
        (corpus / f"seed-{number:05}").write_bytes(seed)
    change = spoiling.changes(target, seeds.messages())

    def mutated(data: bytes, longest: int, seed: int) -> bytes:
        chance = random.Random(seed)
        if chance.random() < FORM_KEPT:
            changed = change(data, chance)
            if changed != data and len(changed) <= longest:
                return changed
        return bytes(atheris.Mutate(data, longest))

    options = [
        sys.argv[0],
        str(corpus),
        f"-max_total_time={seconds}",
        f"-max_len={LONGEST_INPUT}",
        "-timeout=60",
        "-rss_limit_mb=1500",
        "-print_final_stats=1",
    ]
    atheris.Setup(options, Host(target).examine, custom_mutator=mutated)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
