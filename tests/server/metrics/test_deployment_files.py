"""The dashboard and the alert rules ask for metrics that there are, with labels that these have."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from kmip.enums import Operation, ResultReason, ResultStatus
from server.metrics.openmetrics import Family
from server.state import Server
from server.transport.acceptor import Acceptor
from server.transport.exposition import Exposition

DOCS = Path(__file__).parents[3] / "docs"
ALERTS = (DOCS / "deployment" / "alerts.yaml").read_text("utf-8")
DASHBOARD = json.loads((DOCS / "deployment" / "dashboard.json").read_text("utf-8"))
NAME = re.compile(r"\bstrongroom_\w+")
SELECTOR = re.compile(r"(strongroom_\w+)\{([^}]*)\}")
COLLECTORS = frozenset({"job", "instance"})
"""Labels that the collector adds."""


def alert_queries() -> list[str]:
    return re.findall(r"^ +expr: (.+)$", ALERTS, re.MULTILINE)


def dashboard_queries() -> Iterator[str]:
    for panel in DASHBOARD["panels"]:
        yield from (target["expr"] for target in panel["targets"])
    for variable in DASHBOARD["templating"]["list"]:
        yield from [variable["query"]] * (variable["type"] == "query")


QUERIES = [*alert_queries(), *dashboard_queries()]


@pytest.fixture
def families(server: Server) -> list[Family]:
    """Every family, those with labels with a sample."""
    counts = server.request_counts
    counts.count(Operation.GET, ResultStatus.OPERATION_FAILED, ResultReason.ITEM_NOT_FOUND, 0.1)
    counts.refused[ResultReason.INVALID_MESSAGE] += 1
    acceptor = Acceptor(server.config, server.shutdown)
    return list(Exposition(server, acceptor, dict, lambda: None).families())


def test_there_are_queries_in_both_files() -> None:
    assert len(alert_queries()) == ALERTS.count("- alert:") > 5
    assert len(list(dashboard_queries())) > 12


async def test_every_metric_that_a_query_names_exists(families: list[Family]) -> None:
    names = {name for family in families for name in family.sample_names}
    for query in QUERIES:
        assert set(NAME.findall(query)) <= names, query


async def test_every_label_that_a_query_selects_by_exists(families: list[Family]) -> None:
    labels = {
        family.name + sample.suffix: set(sample.labels)
        for family in families
        for sample in family.samples
    }
    for query in QUERIES:
        for name, selector in SELECTOR.findall(query):
            chosen = set(re.findall(r"(\w+)(?==|!=)", re.sub(r'"[^"]*"', "", selector)))
            assert chosen - COLLECTORS <= labels.get(name, set()), query


async def test_a_reason_that_an_alert_looks_for_is_the_specification_s() -> None:
    titles = {reason.title for reason in ResultReason}
    found = set(re.findall(r'reason="(\w+)"', ALERTS))
    assert found
    assert found <= titles


def test_every_alert_is_on_the_page() -> None:
    page = (DOCS / "metrics.md").read_text("utf-8")
    for name in re.findall(r"- alert: (\w+)", ALERTS):
        assert f"`{name}`" in page
