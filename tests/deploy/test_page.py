"""docs/kubernetes.md, as far as it can be followed without a cluster: its values and its commands."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

from tests.deploy.dockerfile import FILE, parents
from tests.deploy.rendered import Object, environment, objects, of_kind, pods, service_pod
from tests.deploy.tools import CHART, ROOT, helm, kubectl, run
from tests.docs.clustered import BLOCKS
from tests.docs.pages import blocks, code, section, table

PAGE = "docs/kubernetes.md"
LINES = [shlex.split(line) for block in BLOCKS for line in block.text.splitlines()]
YAML = [block for block in blocks("yaml") if block.page == PAGE]
BASE = {"auth": {"existingSecret": "teachback-token"}, "database": {"peers": [{"ipBlock": {"cidr": "192.0.2.10/32"}}]}}


def lines(*words: str) -> list[list[str]]:
    """The page's commands that start with these words, without them."""
    return [line[len(words) :] for line in LINES if tuple(line[: len(words)]) == words]


def test_only_this_page_needs_a_cluster() -> None:
    assert {block.page for block in BLOCKS} == {PAGE}
    assert {line[0] for line in LINES} == {"docker", "helm", "kind", "kubectl"}


@pytest.mark.parametrize("block", YAML, ids=lambda block: block.id)
def test_the_page_s_values_are_taken(block: object, tmp_path: Path) -> None:
    text = next(one.text for one in YAML if one == block)
    (tmp_path / "base.yaml").write_text(yaml.safe_dump(BASE))
    (tmp_path / "values.yaml").write_text(text)
    values = [word for name in ("base", "values") for word in ("--values", tmp_path / f"{name}.yaml")]
    ended = run(helm(), "template", "teachback", CHART, *values)
    assert ended.returncode == 0, ended.stderr


def test_the_page_s_helm_commands_render() -> None:
    """`helm install` and `upgrade` as they stand there, but for what only a cluster could do."""
    (installed,), changes = lines("helm", "install"), lines("helm", "upgrade")
    assert changes
    for words in ([], *(change[2:] for change in changes)):
        without = [word for word in (*installed, *words) if word not in ("--wait", "--reuse-values")]
        ended = run(helm(), "template", *without)
        assert ended.returncode == 0, ended.stderr
        assert "namespace: " not in ended.stdout, "objects go where the release goes"


def test_the_page_s_secrets_are_those_that_the_values_name(tmp_path: Path) -> None:
    made: dict[str, set[str]] = {}
    for words in lines("kubectl", "create", "secret"):
        for word in words:
            if word.startswith("--from-file="):
                (tmp_path / word.removeprefix("--from-file=")).write_text("x")
        ended = run(kubectl(), "create", "secret", *words, "--dry-run=client", "--output=yaml", folder=tmp_path)
        assert ended.returncode == 0, ended.stderr
        secret: Object = yaml.safe_load(ended.stdout)
        assert secret["metadata"]["namespace"] == "teachback"
        made[secret["metadata"]["name"]] = set(secret["data"])
    wanted = {
        (one["secretKeyRef"]["name"], one["secretKeyRef"]["key"])
        for one in environment(service_pod(*objects("team")).containers[0]).values()
        if isinstance(one, dict)
    }
    assert wanted == {(name, key) for name, keys in made.items() for key in keys if name != "teachback-token"}
    assert made["teachback-token"] == {"token"}


def test_the_page_s_images_can_be_built_and_are_the_chart_s() -> None:
    tags = {}
    for words in lines("docker", "build"):
        told = dict(zip(words[:-1:2], words[1:-1:2], strict=True))
        assert ROOT / told["--file"] == FILE
        assert words[-1] == "."
        assert told["--target"] in parents()
        tags[told["--target"]] = told["--tag"]
    assert service_pod(*objects("laptop")).containers[0]["image"] == tags["service"]
    training = objects("laptop", "image.repository=teachback-training")
    assert service_pod(*training).containers[0]["image"] == tags["training"]
    assert tags["service"] in lines("kind", "load", "docker-image")[0]


def test_what_the_page_s_commands_name_is_there() -> None:
    everything = objects("laptop")
    named = {f"{one['kind'].lower()}/{one['metadata']['name']}" for one in everything}
    for line in LINES:
        for word in line:
            if re.match(r"(service|deployment|persistentvolumeclaim)/", word):
                assert word in named, word
    claim = of_kind("PersistentVolumeClaim", *everything)[0]["metadata"]
    assert claim["annotations"] == {"helm.sh/resource-policy": "keep"}
    ports = {str(port["port"]) for port in of_kind("Service", *everything)[0]["spec"]["ports"]}
    assert set(lines("kubectl", "port-forward")[0][1:3]) == ports
    assert any(one.component == "test" for one in pods(*everything)), "what `helm test` starts"


def test_the_page_lists_the_value_sets() -> None:
    listed = [name for row in table(PAGE, "Value sets") for name in code(row[0])]
    assert listed
    assert set(listed) == {path.name for path in (CHART / "ci").glob("*.yaml")}


def test_what_holds_is_said_and_true() -> None:
    """The section on limits has to go when they do: several of its sentences can be looked up."""
    said = section(PAGE, "What holds in this version")
    locked = (ROOT / "requirements/core.txt").read_text()
    drivers = re.findall(r"^(?:psycopg|asyncpg|pg8000)\S*==", locked, re.MULTILINE)
    assert drivers, "several replicas need one"
    assert "want a PostgreSQL that they share" in said
    refused = run(helm(), "template", "teachback", CHART, "--set", "replicaCount=2,auth.existingSecret=token")
    assert refused.returncode != 0
    assert "replica" in refused.stderr
