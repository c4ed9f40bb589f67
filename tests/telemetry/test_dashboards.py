"""The dashboard and the alert rules speak of metrics and labels that the code really exports, and of nothing else."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from agents import telemetry
from agents.errors import RateLimited
from agents.line import Place
from agents.wire import Reply, Request
from services.access.caller import TRUSTED, Caller
from services.errors import TABLE
from services.rest.app import build
from services.settings import Settings
from services.telemetry import counts, exporting
from services.views import JobSpec
from tests.docs.pages import code, table
from tests.support.service import ROOT

FOLDER = ROOT / "deploy/helm/teachback/files"
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "dashboard.json").read_text())
ALERTS: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"] for rule in group["rules"]
]
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
EXPRESSIONS = {
    **{f"{panel['title']} {t['refId']}": t["expr"] for panel in PANELS for t in panel["targets"]},
    **{rule["alert"]: rule["expr"] for rule in ALERTS},
}
OF_PROMQL = {
    "sum",
    "max",
    "min_over_time",
    "rate",
    "increase",
    "histogram_quantile",
    "absent",
    "by",
    "and",
    "or",
    "unless",
    "offset",
}
"""Words of the language itself that are in use."""


@pytest.fixture(scope="module")
def exported() -> dict[str, set[str]]:
    """Every sample's name with its labels, each metric having been counted once."""
    exporting_ = exporting.begin(Settings(metrics=True))
    assert exporting_.registry is not None
    counts.watch(lambda: counts.Queue(1, 1, 1.0))
    counts.example("enhance", "converged", 2)
    counts.refused("generate", "duplicate")
    counts.job("enhance", "failed", "MODEL_UNAVAILABLE")
    counts.error("NOT_FOUND")
    counts.call("teachback.v1.JobService/GetJob", "OK", 0.1)
    counts.training("sft", counts.Training(0.5, 0.3, 0.4, 100.0))
    telemetry.waited("openai/far", 0.1)
    telemetry.retried("openai/far", RateLimited)
    request = Request("openai/far", [], 0.0, 1)
    for cost in (None, 0.1):
        with telemetry.chat("student", request) as call, telemetry.agent(Place("student", "attempt", 1), "openai/far"):
            pass
        call.counted(Reply("x", cost=cost))
    with pytest.raises(RateLimited), telemetry.chat("student", request):
        raise RateLimited("no")
    asyncio.run(_visit(exporting_))
    text = generate_latest(exporting_.registry).decode()
    exporting_.end()
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


async def _let_in(*_: object) -> Caller:
    return TRUSTED


async def _visit(exporting_: exporting.Exporting) -> None:
    """One request over REST that fails, since there is nobody to answer."""
    door = SimpleNamespace(enter=_let_in, count=_let_in, check=lambda *_: None)
    nobody: Any = SimpleNamespace(in_flight=0, calls=0, access=SimpleNamespace(door=door))
    transport = httpx.ASGITransport(build(nobody, exporting_))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        assert (await client.get("/v1/jobs")).status_code == 500


def names(expression: str) -> Iterator[tuple[str, set[str]]]:
    """Each metric of an expression, with the labels that are asked of it."""
    bare = re.sub(r"\$?\w*\$__\w+", "5m", expression)
    grouped = {label.strip() for by in re.findall(r"\bby \(([^)]*)\)", bare) for label in by.split(",")}
    bare = re.sub(r"\bby \([^)]*\)", "", bare)
    seen = 0
    for name, matchers in re.findall(r"\b([a-z_]\w*)\b(?:\{([^}]*)\})?", re.sub(r"\[[^\]]*\]", "", bare)):
        if name in OF_PROMQL:
            continue
        seen += 1
        yield name, grouped | set(re.findall(r'(\w+)\s*(?:=~|!~|!=|=)\s*"', matchers))
    assert seen, expression


@pytest.mark.parametrize("where", EXPRESSIONS)
def test_what_is_asked_for_is_exported(where: str, exported: dict[str, set[str]]) -> None:
    expression = EXPRESSIONS[where]
    assert expression.count("(") == expression.count(")")
    for name, labels in names(expression):
        assert name in exported, f"{where}: nothing exports {name}"
        assert labels <= exported[name], f"{where}: {name} has no {labels - exported[name]}"


def test_the_check_sees_what_is_wrong(exported: dict[str, set[str]]) -> None:
    (asked,) = names('sum by (colour) (rate(teachback_example_total{kind="x"}[5m]))')
    assert asked == ("teachback_example_total", {"colour", "kind"})
    assert asked[0] not in exported


def test_values_that_are_asked_for_exist() -> None:
    """A state, kind or reason that nothing has would never be seen."""
    text = " ".join(EXPRESSIONS.values())
    known = {
        "teachback_state": {"queued", "running", "succeeded", "failed", "paused", "stopped"},
        "teachback_kind": set(JobSpec.model_fields),
        "teachback_reason": {row.reason for _, row in TABLE} | {"INTERNAL"},
        "teachback_outcome": {"failed", "reused", "converged_first_try", "converged.*"},
    }
    for label, values in known.items():
        asked = set(re.findall(rf'{label}(?:=~|!=|=)"([^"]+)"', text))
        assert asked
        assert asked <= values, label


def test_the_dashboard_is_whole() -> None:
    titles = [panel["title"] for panel in DASHBOARD["panels"]]
    assert len(titles) == len(set(titles))
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    cells: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        mine = {(at["x"] + i, at["y"] + j) for i in range(at["w"]) for j in range(at["h"])}
        assert not mine & cells, f"{panel['title']} lies over another"
        assert at["x"] + at["w"] <= 24
        cells |= mine
    for panel in PANELS:
        assert panel["targets"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert {t["datasource"]["uid"] for t in panel["targets"]} == {"${datasource}"}
    assert [one["name"] for one in DASHBOARD["templating"]["list"]] == ["datasource", "model"]


def test_every_metric_is_shown_or_watched(exported: dict[str, set[str]]) -> None:
    """What nobody looks at need not be counted."""
    asked = {name for expression in EXPRESSIONS.values() for name, _ in names(expression)}
    families = {re.sub(r"_(bucket|count|sum|total)$", "", name) for name in asked}
    all_of_them = {re.sub(r"_(bucket|count|sum|total)$", "", name) for name in exported} - {"target_info"}
    assert all_of_them == families


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_says_what_to_do(rule: dict[str, Any], exported: dict[str, set[str]]) -> None:
    assert rule["alert"].startswith("Teachback")
    assert rule["labels"]["severity"] in ("critical", "warning", "info")
    assert rule["annotations"].keys() == {"summary", "description"}
    left = set(re.findall(r"\w+", " ".join(re.findall(r"\bby \(([^)]*)\)", rule["expr"]))))
    if "sum" not in rule["expr"]:  # nothing is put together, so every label is left
        left |= {label for name, _ in names(rule["expr"]) for label in exported[name]}
    assert set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"])) <= left


def test_every_metric_is_told(exported: dict[str, set[str]]) -> None:
    told = {code(row[0])[0]: set(code(row[1])) for row in table("docs/observability.md", "Metrics")}
    families: dict[str, set[str]] = {}
    for name, labels in exported.items():
        if name != "target_info":
            families.setdefault(re.sub(r"_(bucket|count|sum)$", "", name), set()).update(labels - {"le"})
    assert told == families
