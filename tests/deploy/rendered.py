"""What the chart renders, and how to find one's way in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import cache
from typing import Any, NamedTuple

import yaml

from tests.deploy.tools import CHART, helm, run

Object = dict[str, Any]
RELEASE = "teachback"
TOKEN = "auth.existingSecret=teachback-token"
SETS = sorted(path.stem for path in (CHART / "ci").glob("*.yaml"))
"""The chart's own value sets."""


class Pod(NamedTuple):
    """A pod as something of the chart would start it: `owner` as "Deployment/teachback"."""

    owner: str
    labels: Mapping[str, str]
    spec: Object

    @property
    def component(self) -> str:
        """What it is a part of, as "service"."""
        return self.labels["app.kubernetes.io/component"]

    @property
    def containers(self) -> list[Object]:
        """All of them, those that run first too."""
        return [*self.spec.get("initContainers", ()), *self.spec["containers"]]


@cache
def text(values: str = "", *sets: str) -> str:
    """A value set of the chart's, with `sets` (as helm's --set) over it, as YAML. Raises Refused."""
    given = ["--values", str(CHART / f"ci/{values}.yaml")] if values else []
    ended = run(helm(), "template", RELEASE, CHART, *given, *(word for one in sets for word in ("--set", one)))
    if ended.returncode:
        raise Refused(ended.stderr)
    return ended.stdout


def objects(values: str = "", *sets: str) -> list[Object]:
    """The same, read; the caller's own. Raises Refused."""
    return deepcopy(_read(values, *sets))


@cache
def _read(values: str, *sets: str) -> list[Object]:
    return [one for one in yaml.safe_load_all(text(values, *sets)) if one]


class Refused(Exception):
    """Helm did not render it; the message is helm's."""


def of_kind(kind: str, *among: Object) -> list[Object]:
    """Those of a kind."""
    return [one for one in among if one["kind"] == kind]


def pods(*among: Object) -> Iterator[Pod]:
    """Every pod that would come of them, Ray's too."""
    for one in among:
        owner = f"{one['kind']}/{one['metadata']['name']}"
        if one["kind"] == "Pod":
            yield Pod(owner, one["metadata"]["labels"], one["spec"])
        elif one["kind"] == "RayCluster":
            for group in (one["spec"]["headGroupSpec"], *one["spec"]["workerGroupSpecs"]):
                template = group["template"]
                yield Pod(f"{owner}/{group.get('groupName', 'head')}", template["metadata"]["labels"], template["spec"])
        elif "template" in one.get("spec", {}):
            template = one["spec"]["template"]
            yield Pod(owner, template["metadata"]["labels"], template["spec"])


def service_pod(*among: Object) -> Pod:
    """The service's own."""
    return next(pod for pod in pods(*among) if pod.component == "service")


def environment(container: Object) -> dict[str, Any]:
    """Its variables: the value, or the reference as {"secretKeyRef": ...}."""
    return {one["name"]: one.get("value", one.get("valueFrom")) for one in container.get("env", ())}
