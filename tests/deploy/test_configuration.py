"""Every setting that the chart makes is one that the service has, and what the pod is told is what it reads."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.settings import Settings
from tests.deploy.rendered import SETS, environment, objects, of_kind, pods, service_pod
from tests.deploy.tools import CHART, DEPLOY

SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
PREFIX = "TEACHBACK_"
FILE = "TEACHBACK_CONFIG"
KNOWN = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | {FILE}


@pytest.mark.parametrize("values", SETS)
def test_every_variable_is_a_setting(values: str) -> None:
    told = {name for pod in pods(*objects(values)) for container in pod.containers for name in environment(container)}
    assert {name for name in told if name.startswith(PREFIX)} <= KNOWN


def test_image_and_compose_name_settings_only() -> None:
    for file in ("Dockerfile", "compose.yaml"):
        assert set(re.findall(r"\bTEACHBACK_[A-Z_]+", (DEPLOY / file).read_text())) <= KNOWN


def test_the_schema_lets_settings_in_and_nothing_else() -> None:
    listed = set(SCHEMA["properties"]["settings"]["properties"])
    assert listed <= set(Settings.model_fields)
    given_by_the_chart = {"host", "grpc_port", "rest_port", "data_dir", "database_url", "token", "token_file"}
    assert not listed & given_by_the_chart


def test_values_and_schema_name_the_same() -> None:
    """A value without a rule would go unchecked, a rule without a value would be unknown to who reads values.yaml."""

    def compare(values: dict[str, Any], rules: dict[str, Any], path: str) -> None:
        assert set(values) == set(rules), path
        for name, value in values.items():
            if isinstance(value, dict) and "properties" in rules[name] and name != "settings":
                compare(value, rules[name]["properties"], f"{path}.{name}")

    rules = {name: rule for name, rule in SCHEMA["properties"].items() if name != "global"}
    compare(yaml.safe_load((CHART / "values.yaml").read_text()), rules, "values")


@pytest.mark.parametrize("values", SETS)
def test_the_service_reads_what_the_pod_is_told(values: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    everything = objects(values)
    file = of_kind("ConfigMap", *everything)[0]["data"]["service.yaml"]
    (tmp_path / "service.yaml").write_text(file)
    (tmp_path / "token").write_text("a-token\n")
    told = environment(service_pod(*everything).containers[0])
    for name, value in told.items():
        if name.startswith(PREFIX) and isinstance(value, str):
            monkeypatch.setenv(name, value)
    monkeypatch.setenv(FILE, str(tmp_path / "service.yaml"))
    monkeypatch.setenv("TEACHBACK_TOKEN_FILE", str(tmp_path / "token"))
    settings = Settings()
    assert (settings.host, settings.grpc_port, settings.rest_port) == ("0.0.0.0", 50051, 8080)  # noqa: S104 - the pod's
    assert settings.bearer() == "a-token"
    for name, value in json.loads(file).items():
        read = getattr(settings, name)
        assert read == value or name == "models", name
    given = yaml.safe_load((CHART / f"ci/{values}.yaml").read_text()).get("settings", {})
    for name, value in given.items():
        assert getattr(settings, name) == value or name == "models"


def test_large_numbers_stay_whole() -> None:
    models = json.loads(of_kind("ConfigMap", *objects("trial"))[0]["data"]["service.yaml"])["models"]
    assert models["openai/gpt-4o*"]["tpm"] == 1_000_000
    team = json.loads(of_kind("ConfigMap", *objects("team"))[0]["data"]["service.yaml"])
    assert team["max_upload_bytes"] == 17_179_869_184


def test_the_model_server_is_the_student_unless_another_is_named() -> None:
    def file(*sets: str) -> dict[str, Any]:
        read: dict[str, Any] = json.loads(of_kind("ConfigMap", *objects("gpu", *sets))[0]["data"]["service.yaml"])
        return read

    everything = objects("gpu")
    server = next(one for one in of_kind("Service", *everything) if "model-server" in one["metadata"]["name"])
    port = server["spec"]["ports"][0]["port"]
    assert file()["local_api_base"] == f"http://{server['metadata']['name']}:{port}/v1"
    assert file()["student"] == "local/qwen3-4b"
    assert file("settings.student=openai/gpt-4o-mini")["student"] == "openai/gpt-4o-mini"
    pod = next(pod for pod in pods(*everything) if pod.component == "model-server")
    assert "--served-model-name=qwen3-4b" in pod.containers[0]["args"]


@pytest.mark.parametrize(("cpu", "threads"), [("2", 2), ("8", 4), ("1500m", 1), ("250m", 1), ("3.5", 3)])
def test_threads_are_no_more_than_the_limit_of_cores(cpu: str, threads: int) -> None:
    file = of_kind("ConfigMap", *objects("laptop", f"resources.limits.cpu={cpu}"))[0]["data"]["service.yaml"]
    assert json.loads(file)["embedded_threads"] == threads


def test_ray_s_workers_have_what_work_needs_and_no_token_of_the_service() -> None:
    for pod in pods(*objects("gpu")):
        told = environment(pod.containers[0])
        if pod.component == "ray-worker":
            assert {FILE, "TEACHBACK_DATABASE_URL", "OPENAI_API_KEY"} <= set(told)
            assert "TEACHBACK_TOKEN_FILE" not in told
        elif pod.component == "ray-head":
            assert set(told) == {"HOME"}, "it does no work"
