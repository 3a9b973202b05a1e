"""Reads an exposition as a collector does: strictly, by OpenMetrics 1.0."""

import re

SAMPLE = re.compile(
    r'([a-z][a-z0-9_]*)(?:\{((?:[a-z]+="(?:[^"\\\n]|\\[\\n"])*",?)+)\})? ([0-9.e+-]+)'
)
LABEL = re.compile(r'([a-z]+)="((?:[^"\\]|\\.)*)"')
ESCAPED = {r"\\": "\\", r"\n": "\n", r"\"": '"'}

Samples = dict[str, dict[tuple[str, ...], float]]


def scraped(text: bytes) -> Samples:
    """The numbers by name and the labels' values, in their order; raises on what is none."""
    lines = text.decode().split("\n")
    assert lines[-2:] == ["# EOF", ""]
    found: Samples = {}
    families: list[str] = []
    for line in lines[:-2]:
        if line.startswith("#"):
            _, kind, name, _ = line.split(" ", 3)
            assert kind in ("TYPE", "UNIT", "HELP")
            if kind == "TYPE":
                assert name not in families
                families.append(name)
            assert name == families[-1]
            continue
        match = SAMPLE.fullmatch(line)
        assert match is not None, line
        assert match[1].startswith(families[-1])
        values = [re.sub(r"\\.", lambda one: ESCAPED[one[0]], v) for _, v in labels(match[2])]
        series = found.setdefault(match[1], {})
        assert tuple(values) not in series, line
        series[tuple(values)] = float(match[3])
    return found


def labels(text: str | None) -> list[tuple[str, str]]:
    return LABEL.findall(text or "")
