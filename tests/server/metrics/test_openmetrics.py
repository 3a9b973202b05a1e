"""The text of an exposition: OpenMetrics 1.0 section 4.1."""

from server.metrics.openmetrics import Family, Sample, Type, counter, gauge, text_of
from tests.server.metrics.scraped import scraped


def test_a_family_is_its_type_its_unit_its_meaning_and_its_samples() -> None:
    families = [
        counter("a", "What is counted.", Sample(3, {"way": "in"}), Sample(4, {"way": "out"})),
        gauge("b_seconds", "What is.", Sample(0.5), unit="seconds"),
    ]
    assert text_of(families).decode() == (
        "# TYPE a counter\n# HELP a What is counted.\n"
        'a_total{way="in"} 3\na_total{way="out"} 4\n'
        "# TYPE b_seconds gauge\n# UNIT b_seconds seconds\n# HELP b_seconds What is.\n"
        "b_seconds 0.5\n# EOF\n"
    )


def test_no_value_of_a_label_begins_a_line_or_another_label() -> None:
    value = 'a"} 1\nb{c="\\'
    text = text_of([gauge("a", "x\ny", Sample(1, {"name": value}))])
    assert scraped(text) == {"a": {(value,): 1}}


def test_a_histogram_is_queried_by_three_names() -> None:
    family = Family("a_seconds", Type.HISTOGRAM, "", (), "seconds")
    assert family.sample_names == ("a_seconds_bucket", "a_seconds_count", "a_seconds_sum")
