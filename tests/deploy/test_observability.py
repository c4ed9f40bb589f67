"""What watches the service in a cluster: the rules and the dashboard that the tests hold against the code, and a scrape
that its door lets in."""

from __future__ import annotations

import json

import pytest
import yaml

from tests.deploy.rendered import Refused, objects, of_kind, service_pod
from tests.support.service import ROOT

FILES = ROOT / "deploy/helm/teachback/files"
ALL = (
    "settings.metrics=true",
    "observability.podMonitor.enabled=true",
    "observability.podMonitor.existingSecret=prometheus-token",
    "observability.rules.enabled=true",
    "observability.dashboard.enabled=true",
    "observability.labels.release=prometheus",
)
MONITOR = "observability.podMonitor.enabled=true"


def test_nothing_of_it_is_there_unless_asked_for() -> None:
    kinds = {one["kind"] for one in objects("team")}
    assert not kinds & {"PodMonitor", "PrometheusRule"}
    assert len(of_kind("ConfigMap", *objects("team"))) == 1


def test_the_rules_and_the_dashboard_are_the_files() -> None:
    made = objects("laptop", *ALL)
    (rules,) = of_kind("PrometheusRule", *made)
    assert rules["spec"] == yaml.safe_load((FILES / "alerts.yaml").read_text())
    (board,) = (one for one in of_kind("ConfigMap", *made) if one["metadata"]["name"].endswith("-dashboard"))
    assert json.loads(board["data"]["teachback.json"]) == json.loads((FILES / "dashboard.json").read_text())
    assert board["metadata"]["labels"]["grafana_dashboard"] == "1"
    for one in (rules, board, *of_kind("PodMonitor", *made)):
        assert one["metadata"]["labels"]["release"] == "prometheus"


def test_prometheus_asks_every_pod_with_a_token() -> None:
    made = objects("laptop", *ALL)
    (monitor,) = of_kind("PodMonitor", *made)
    pod = service_pod(*made)
    assert monitor["spec"]["selector"]["matchLabels"].items() <= pod.labels.items()
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    assert endpoint["port"] in {port["name"] for port in pod.containers[0]["ports"]}
    assert endpoint["authorization"]["credentials"] == {"name": "prometheus-token", "key": "token"}
    assert endpoint["path"] == "/metrics"


@pytest.mark.parametrize(
    ("sets", "told"),
    [
        ((MONITOR, "settings.metrics=true"), "name a Secret with an operator's token"),
        ((MONITOR, "observability.podMonitor.existingSecret=t"), "set settings.metrics to true"),
    ],
)
def test_a_scrape_that_would_find_nothing_is_refused(sets: tuple[str, ...], told: str) -> None:
    with pytest.raises(Refused, match=told):
        objects("laptop", *sets)
