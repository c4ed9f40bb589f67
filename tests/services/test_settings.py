"""The settings: where each came from, what is shown of it, and names that nobody reads."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from services.configuration import masking, names
from services.configuration.show import show
from services.settings import Settings, explained
from tests.support.service import ROOT

CANARIES = ("token-canary-1", "url-canary-2", "query-canary-3", "base-canary-4", "sk-canary-5")
FILE = """
grpc_port: 1234
token: token-canary-1
models:
  openai/ours-*: {api_base: "https://user:base-canary-4@models.example/v1", timeout: 30}
  mistral/*: {api_key_env: sk-canary-5}
"""
URL = "postgresql+psycopg://teachback:url-canary-2@db.example:5432/t?sslmode=require&sslpassword=query-canary-3"


@pytest.fixture(autouse=True)
def _nothing_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of the settings of whoever runs the tests."""
    for name in [name for name in os.environ if name.upper().startswith(names.PREFIX)]:
        monkeypatch.delenv(name)


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of settings, and some in the environment."""
    path = tmp_path / "teachback.yaml"
    path.write_text(FILE)
    monkeypatch.setenv("TEACHBACK_CONFIG", str(path))
    monkeypatch.setenv("TEACHBACK_DATABASE_URL", URL)
    monkeypatch.setenv("TEACHBACK_MODELS", '{"openai/ours-*": {"rpm": 7}}')
    monkeypatch.setenv("TEACHBACK_GRPC_PORT", "")  # set to nothing: not set
    return path


# ---------------------------------------------------------------- showing
def test_every_setting_is_shown_with_its_source(told: Path) -> None:
    table = show({"rest_port": 0, "host": None}, "table")
    rows = {line.split()[0]: line for line in table.splitlines()[1:]}
    assert {name.partition(".")[0] for name in rows} == set(Settings.model_fields)
    for name, value, source in (
        ("grpc_port", "1234", f"file {told}"),
        ("rest_port", "0", "flag --rest-port"),
        ("host", "127.0.0.1", "default"),
        ("token", "***", f"file {told}"),
        ("database_url", URL.replace("url-canary-2", "***").replace("query-canary-3", "***"),
         "environment TEACHBACK_DATABASE_URL"),
        ("models.openai/ours-*.rpm", "7", "environment TEACHBACK_MODELS"),
        ("models.openai/ours-*.timeout", "30.0", f"file {told}"),
        ("models.openai/ours-*.max_concurrency", "100", "default"),
        ("training_memory_limit", "(nine tenths of the machine's memory)", "default"),
    ):  # fmt: skip
        assert re.fullmatch(rf"{re.escape(name)} +{re.escape(value)} +{re.escape(source)}", rows[name]), rows[name]


def test_the_data_folders_variable_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TEACHBACK_HOME", str(tmp_path))
    (line,) = [line for line in show({}, "table").splitlines() if line.startswith("data_dir")]
    assert line.split() == ["data_dir", str(tmp_path), "environment", "TEACHBACK_HOME"]


def test_no_secret_is_shown_in_any_form(told: Path) -> None:
    for shown in (show({}, "table"), show({}, "json"), show({}, "yaml")):
        assert [canary for canary in CANARIES if canary in shown] == []


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_what_is_shown_can_be_the_file(told: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, form: str) -> None:
    told.write_text(
        "student: openai/gpt-4o\nmax_running_jobs: 9\nmodels: {'z/*': {rpm: 1}, 'a/*': {input_price: 0.5}}\n"
    )
    monkeypatch.setenv("TEACHBACK_DATABASE_URL", "sqlite:////data/it.db")
    monkeypatch.setenv("TEACHBACK_TOKEN", "a-secret-that-stays-in-the-environment")
    before = Settings(rest_port=0)
    again = tmp_path / "again"
    again.write_text(show({"rest_port": 0}, form))  # type: ignore[arg-type]  # one of two
    assert set(yaml.safe_load(again.read_text())) == set(Settings.model_fields)
    monkeypatch.setenv("TEACHBACK_CONFIG", str(again))
    for name in ("TEACHBACK_DATABASE_URL", "TEACHBACK_MODELS"):
        monkeypatch.delenv(name)
    assert Settings() == before
    assert list(Settings().models) == list(before.models)  # the first pattern that matches wins
    monkeypatch.delenv("TEACHBACK_TOKEN")
    with pytest.raises(ValidationError) as raised:
        Settings()
    assert explained(raised.value).startswith("setting token holds the mask ***")


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("database_url: postgresql://teachback:***@db.example/t", "database_url"),
        ("database_url: postgresql://db.example/t?password=***", "database_url"),
        ("local_api_base: https://***@models.example/v1", "local_api_base"),
        ("models: {'a/*': {api_key_env: '***'}}", "models.a/*.api_key_env"),
    ],
)
def test_no_mask_is_taken_for_a_secret(told: Path, monkeypatch: pytest.MonkeyPatch, line: str, name: str) -> None:
    monkeypatch.delenv("TEACHBACK_DATABASE_URL")
    told.write_text(line)
    with pytest.raises(ValidationError) as raised:
        Settings()
    assert f"setting {name} holds the mask" in explained(raised.value)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("sqlite:////data/teachback.db", "sqlite:////data/teachback.db"),
        ("postgresql://me@db/t", "postgresql://me@db/t"),
        ("postgresql://me:p@ss/w:rd@db/t", "postgresql://me:***@db/t"),
        ("https://sk-abc@models.example/v1", "https://***@models.example/v1"),
        (
            "https://models.example/v1?api-version=3&api-key=abc#x",
            "https://models.example/v1?api-version=3&api-key=***#x",
        ),
        ("postgresql://db/t?sslkey=/etc/key.pem&password=abc", "postgresql://db/t?sslkey=/etc/key.pem&password=***"),
        ("host=db password = abc user=me", "host=db password = *** user=me"),
        ("openai/gpt-4o", "openai/gpt-4o"),
    ],
)
def test_addresses_are_shown_without_what_is_secret(address: str, shown: str) -> None:
    assert masking.address(address) == shown


# ---------------------------------------------------------------- names
@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("TEACHBACK_TOKN", "TEACHBACK_TOKEN"),
        ("TEACHBACK_TOKENS", "TEACHBACK_TOKEN"),
        ("TEACHBACK_DATABSE_URL", "TEACHBACK_DATABASE_URL"),
        ("TEACHBACK_GRCP_PORT", "TEACHBACK_GRPC_PORT"),
        ("TEACHBACK_SERVR", "TEACHBACK_SERVER"),
        ("TEACHBACK_TLS_CERTFILE", "TEACHBACK_TLS_CERT_FILE"),
        ("teachback_modles", "TEACHBACK_MODELS"),
    ],
)
def test_a_slip_in_the_environment_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, meant: str) -> None:
    monkeypatch.setenv(name, "secret-canary")
    with pytest.raises(ValueError, match=f"sets {name}, which is no setting; did you mean {meant}\\?") as raised:
        Settings()
    assert "secret-canary" not in str(raised.value)


def test_another_name_is_told_and_bears_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEACHBACK_MAX_JOBS", "3")
    monkeypatch.setenv("TEACHBACK_Q", "3")
    assert Settings().max_running_jobs == 4
    assert names.ignored(os.environ, Settings.model_fields) == [
        "TEACHBACK_MAX_JOBS is set in the environment and is no setting; the nearest one is TEACHBACK_MAX_RUNNING_JOBS",
        "TEACHBACK_Q is set in the environment and is no setting",
    ]


def test_what_kubernetes_sets_for_a_service_of_our_name_is_passed_over() -> None:
    links = {
        "TEACHBACK_SERVICE_HOST": "10.0.0.7",
        "TEACHBACK_SERVICE_PORT": "50051",
        "TEACHBACK_SERVICE_PORT_GRPC": "50051",
        "TEACHBACK_PORT": "tcp://10.0.0.7:50051",
        "TEACHBACK_PORT_50051_TCP": "tcp://10.0.0.7:50051",
        "TEACHBACK_PORT_50051_TCP_PROTO": "tcp",
        "TEACHBACK_PORT_50051_TCP_PORT": "50051",
        "TEACHBACK_PORT_50051_TCP_ADDR": "10.0.0.7",
        "TEACHBACK_API_SERVICE_HOST": "10.0.0.7",
    }
    assert names.strange(links, Settings.model_fields) == {}


def test_every_name_that_the_code_reads_is_known() -> None:
    known = {name.upper() for name in names.OTHERS} | {names.variable(field) for field in Settings.model_fields}
    found: dict[str, set[str]] = {}
    for folder in ("agents", "clients", "graphs", "services", "training"):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and path.suffix in (".py", ""):
                for name in re.findall(r"TEACHBACK_[A-Z][A-Z_]*[A-Z]\b", path.read_text("utf-8", "replace")):
                    found.setdefault(name, set()).add(path.name)
    assert {name: files for name, files in found.items() if name not in known} == {}
    assert len(found) > 15


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("grcp_port: 1", "grcp_port is no setting; the nearest one is grpc_port"),
        ("TEACHBACK_GRPC_PORT: 1", "TEACHBACK_GRPC_PORT is no setting; the nearest one is grpc_port"),
        ("max-running-jobs: 1", "max-running-jobs is no setting; the nearest one is max_running_jobs"),
        ("7: 1", "7 is no setting"),
        ("- token", "settings stand there as `name: value`"),
        ("secret-canary", "settings stand there as `name: value`"),
        ("host: x\n\ttoken: secret-canary", ":2: no YAML: found character"),
        ("token: *secret-canary", "no YAML: it can't be read"),
        ("token: !secret-canary x", "no YAML: it can't be read"),
        ("models: {'a/*': {api_bse: x}}", "models.a/*.api_bse: there is no such setting; the nearest one is api_base"),
        ("models: {'a/*': {api_key: secret-canary}}", "there is no such setting; the nearest one is api_key_env"),
        ("grpc_port: secret-canary", "grpc_port: Input should be a valid integer"),
        ("artifacts_url: s3://secret-canary@models", "artifacts_url: write s3://BUCKET/PREFIX"),
        ("artifacts_url: https://secret-canary/models", "artifacts_url: write s3://BUCKET/PREFIX"),
        ("artifacts_url: file://secret-canary", "artifacts_url: write s3://BUCKET/PREFIX"),
    ],
)
def test_a_file_that_can_not_be_read_is_told_without_what_it_holds(told: Path, text: str, why: str) -> None:
    told.write_text(text)
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - what it says is looked at below
        Settings()
    assert why in explained(raised.value)
    assert "secret-canary" not in explained(raised.value)


def test_an_empty_file_says_nothing(told: Path) -> None:
    told.write_text("# nothing yet\n")
    assert Settings().student == "embedded/smollm2-135m"
    assert json.loads(show({}, "json"))["token"] is None
