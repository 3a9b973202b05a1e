"""The text in which metrics are scraped: OpenMetrics 1.0.

Theory: a metric family has a name, a type and samples; a sample is a name, labels and a number.
Whoever scrapes keeps a time series for each set of labels it has ever seen, so a label may take
only values of a fixed list, never a text that a client chose. Values are escaped nevertheless.

Source: OpenMetrics 1.0.0 sections 3 (data model) and 4.1 (text format).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

CONTENT_TYPE: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"

Labels = Mapping[str, str]

NONE: Final[Labels] = {}


class Type(StrEnum):
    """The types of families that are used here (section 5)."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    INFO = "info"


class Sample(NamedTuple):
    """One number of a family.

    Attributes:
        value: the number.
        labels: what tells it from the others of the family.
        suffix: behind the family's name, such as `_total`.
    """

    value: float
    labels: Labels = NONE
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class Family:
    """A metric family.

    Attributes:
        name: without a suffix; ends with its unit where it has one.
        type: of the family.
        meaning: what it counts, one line.
        samples: its numbers.
        unit: `seconds` or `bytes`; empty: it has none.
    """

    name: str
    type: Type
    meaning: str
    samples: Sequence[Sample]
    unit: str = ""

    @property
    def sample_names(self) -> tuple[str, ...]:
        """The names that queries use."""
        return tuple(f"{self.name}{suffix}" for suffix in SUFFIXES[self.type])


SUFFIXES: Final = {
    Type.COUNTER: ("_total",),
    Type.GAUGE: ("",),
    Type.HISTOGRAM: ("_bucket", "_count", "_sum"),
    Type.INFO: ("_info",),
}


def counter(name: str, meaning: str, *samples: Sample, unit: str = "") -> Family:
    """A family of numbers that only grow."""
    totals = [sample._replace(suffix="_total") for sample in samples]
    return Family(name, Type.COUNTER, meaning, totals, unit)


def gauge(name: str, meaning: str, *samples: Sample, unit: str = "") -> Family:
    """A family of numbers as they are now."""
    return Family(name, Type.GAUGE, meaning, samples, unit)


def text_of(families: Iterable[Family]) -> bytes:
    """An exposition of families, each of which has another name."""
    lines: list[str] = []
    for family in families:
        lines.append(f"# TYPE {family.name} {family.type}")
        if family.unit:
            lines.append(f"# UNIT {family.name} {family.unit}")
        lines.append(f"# HELP {family.name} {_escaped(family.meaning)}")
        lines += [
            f"{family.name}{sample.suffix}{_written(sample.labels)} {number(sample.value)}"
            for sample in family.samples
        ]
    return "\n".join([*lines, "# EOF", ""]).encode()


def number(value: float) -> str:
    """A number as OpenMetrics writes it."""
    return str(value) if isinstance(value, int) else repr(float(value))


def _written(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
