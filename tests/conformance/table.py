"""The tables of docs/conformance.md: what passes in each version, and what does not and why.

    python tests/conformance/table.py            write them
    python tests/conformance/table.py --check    fail if they are not up to date

They follow from `unsupported.toml`, which the run of the cases keeps true.
"""

import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.conformance import unsupported  # noqa: E402 # a script finds the tests so
from tests.conformance.cases import Case, all_cases  # noqa: E402
from tests.conformance.player import missing, reason_not_to_play  # noqa: E402

FILE = ROOT / "docs" / "conformance.md"
BEGIN, END = "<!-- table: {} -->\n", "<!-- end -->\n"


def is_judged(case: Case) -> bool:
    """Whether a case counts at all."""
    return not reason_not_to_play(case) and not missing(case)


def passing() -> str:
    """Passing of judged cases, for each family and version."""
    cases = [case for case in all_cases() if is_judged(case)]
    versions = sorted({case.version for case in cases})
    judged: Counter[tuple[str, str]] = Counter()
    passed: Counter[tuple[str, str]] = Counter()
    for case in cases:
        for key in (
            (case.family, case.version),
            (case.family, "all"),
            ("all", case.version),
            ("all", "all"),
        ):
            judged[key] += 1
            passed[key] += unsupported.reason(case) is None
    columns = [*versions, "all"]
    rows = [*sorted({case.family for case in cases}), "all"]
    lines = [
        f"| family | {' | '.join(columns)} |",
        "|---|" + "--:|" * len(columns),
        *(
            f"| {row} | {' | '.join(_cell(passed, judged, (row, column)) for column in columns)} |"
            for row in rows
        ),
    ]
    return "\n".join(lines) + "\n"


def _cell(
    passed: Counter[tuple[str, str]], judged: Counter[tuple[str, str]], key: tuple[str, str]
) -> str:
    if not judged[key]:
        return ""
    return f"{passed[key]}" if passed[key] == judged[key] else f"**{passed[key]} of {judged[key]}**"


def failing() -> str:
    """What does not pass, and why."""
    lines = ["| cases | why they do not pass |", "|---|---|"]
    lines += [f"| `{pattern}` | {why} |" for pattern, why in unsupported.reasons().items()]
    return "\n".join(lines) + "\n"


def renewed(document: str) -> str:
    """The document with its tables as they are now."""
    for name, table in (("passing", passing), ("failing", failing)):
        begin = BEGIN.format(name)
        head, _, rest = document.partition(begin)
        _, _, tail = rest.partition(END)
        document = f"{head}{begin}\n{table()}\n{END}{tail}"
    return document


def main() -> int:
    """Write the tables, or check them."""
    document = FILE.read_text()
    if "--check" in sys.argv[1:]:
        return int(document != renewed(document))
    FILE.write_text(renewed(document))
    return 0


if __name__ == "__main__":
    sys.exit(main())
