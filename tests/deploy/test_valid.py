"""Every object that the chart renders is one that Kubernetes knows, field by field."""

from __future__ import annotations

from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.deploy.rendered import SETS, Object, objects, of_kind
from tests.deploy.tools import CHART, helm, run

VERSIONS = ("1.29", kubernetes_validate.latest_version())
"""From the chart's kubeVersion on."""
CLUSTER = {
    "rayVersion",
    "authOptions",
    "upgradeStrategy",
    "enableInTreeAutoscaling",
    "headGroupSpec",
    "workerGroupSpecs",
}
HEAD = {"serviceType", "rayStartParams", "template"}
GROUP = {"groupName", "replicas", "minReplicas", "maxReplicas", "rayStartParams", "template"}
"""Fields of ray.io/v1 as KubeRay 1.6 documents them, those that the chart uses. Pods are Kubernetes' own."""


def valid(one: Object, version: str) -> None:
    """Raises kubernetes_validate.ValidationError, also for a field that the kind does not have."""
    if one["apiVersion"] != "ray.io/v1":
        kubernetes_validate.validate(one, version, strict=True)
        return
    assert set(one["spec"]) <= CLUSTER
    head, groups = one["spec"]["headGroupSpec"], one["spec"]["workerGroupSpecs"]
    assert set(head) <= HEAD
    for group in (head, *groups):
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())
        pod: dict[str, Any] = {"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": "group"}}
        kubernetes_validate.validate(pod | {"template": group["template"]}, version, strict=True)
    for group in groups:
        assert set(group) == GROUP
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]


@pytest.mark.parametrize("values", SETS)
@pytest.mark.parametrize("version", VERSIONS)
def test_objects_are_valid(values: str, version: str) -> None:
    for one in objects(values):
        valid(one, version)


def test_a_wrong_object_would_be_seen() -> None:
    deployment = of_kind("Deployment", *objects("laptop"))[0]
    deployment["spec"]["template"]["spec"]["containers"][0]["readinesProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError, match="readinesProbe"):
        valid(deployment, VERSIONS[-1])


@pytest.mark.parametrize("values", SETS)
def test_helm_has_nothing_to_say(values: str) -> None:
    ended = run(helm(), "lint", "--strict", "--quiet", CHART, "--values", CHART / f"ci/{values}.yaml")
    assert (ended.returncode, ended.stdout.strip()) == (0, ""), ended.stdout + ended.stderr


@pytest.mark.parametrize("values", SETS)
def test_names_are_unique_and_short_enough(values: str) -> None:
    named = [(one["kind"], one["metadata"]["name"]) for one in objects(values, f"fullnameOverride={'x' * 40}")]
    assert len(named) == len(set(named))
    assert max(len(name) for _, name in named) <= 63


@pytest.mark.parametrize("values", SETS)
def test_selectors_match_the_labels_of_their_pods(values: str) -> None:
    everything = objects(values)
    for one in everything:
        if one["kind"] in ("Deployment", "StatefulSet"):
            wanted, labels = one["spec"]["selector"]["matchLabels"], one["spec"]["template"]["metadata"]["labels"]
            assert wanted.items() <= labels.items()
    selected = {
        **{one["metadata"]["name"]: one["spec"]["selector"] for one in of_kind("Service", *everything)},
        **{
            one["metadata"]["name"]: one["spec"]["selector"]["matchLabels"]
            for one in of_kind("PodDisruptionBudget", *everything)
        },
    }
    for name, selector in selected.items():
        owners = [
            one["metadata"]["name"]
            for one in everything
            if one["kind"] in ("Deployment", "StatefulSet")
            and selector.items() <= one["spec"]["template"]["metadata"]["labels"].items()
        ]
        assert owners == [name.removesuffix("-grpc")]


def test_what_refers_to_others_finds_them() -> None:
    everything = objects("team")
    deployment = of_kind("Deployment", *everything)[0]
    scaler = of_kind("HorizontalPodAutoscaler", *everything)[0]["spec"]
    assert scaler["scaleTargetRef"]["name"] == deployment["metadata"]["name"]
    assert "replicas" not in deployment["spec"], "it would undo what the autoscaler did"
    offered = {
        (one["metadata"]["name"], port["name"])
        for one in of_kind("Service", *everything)
        for port in one["spec"]["ports"]
    }
    reached = set()
    for ingress in of_kind("Ingress", *everything):
        backend = ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
        reached.add((backend["name"], backend["port"]["name"]))
        assert ingress["spec"]["tls"][0]["hosts"] == [ingress["spec"]["rules"][0]["host"]]
    assert reached == {("teachback", "rest"), ("teachback-grpc", "grpc")}
    assert reached <= offered


def test_the_chart_and_the_project_are_of_one_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert f'version = "{chart["appVersion"]}"' in (CHART.parents[2] / "pyproject.toml").read_text()
