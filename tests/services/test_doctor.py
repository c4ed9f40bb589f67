"""`teachback doctor`: what it says of a machine that is well, and of each thing that is not."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import SimpleNamespace

import pytest
from alembic.script import ScriptDirectory

from services.access.caller import Scope
from services.access.tokens import TokenStore
from services.configuration import names
from services.doctor import gpu, parts
from services.doctor.examine import examine
from services.doctor.findings import Finding
from services.store.engine import MIGRATIONS, migrate, open_engine
from services.training.running import _NEEDED
from tests.support.certificates import DAY, Authority
from tests.support.loopback import serving
from tests.support.service import ROOT, Service, environment
from training import convert

Looks = Callable[..., dict[str, Finding]]


@pytest.fixture
def looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Looks:
    """Examines with flags, offline models and a data folder of the test's own; findings by check."""
    for name in [name for name in os.environ if name.upper().startswith(names.PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TEACHBACK_STUDENT", "offline/student")

    def look(**flags: object) -> dict[str, Finding]:
        free = {"grpc_port": 0, "rest_port": 0, "data_dir": tmp_path / "data"}
        return {finding.check: finding for finding in examine(free | flags)}

    return look


def told(finding: Finding) -> tuple[str, str]:
    """Status, and everything that is said."""
    return finding.status, f"{finding.found} -> {finding.advice}"


def test_a_store_of_artifacts_is_written_and_read(looks: Looks, tmp_path: Path) -> None:
    assert "artifacts" not in looks()
    good = looks(artifacts_url=f"file://{tmp_path / 'store'}")["artifacts"]
    assert told(good) == ("ok", f"file://{tmp_path / 'store'} can be written and read -> ")
    assert list((tmp_path / "store").iterdir()) == []
    (tmp_path / "file").touch()
    status, text = told(looks(artifacts_url=f"file://{tmp_path / 'file'}/store")["artifacts"])
    assert status == "problem"
    assert "look at the address" in text


# ---------------------------------------------------------------- as a user runs it
def run(folder: Path, *arguments: str, **env: str) -> tuple[subprocess.CompletedProcess[str], float]:
    """The command and its seconds of processor."""
    before = os.times()
    command = [sys.executable, "-m", "teachback.cli", "doctor", "--data-dir", str(folder / "data"), *arguments]
    told = environment(folder, TEACHBACK_STUDENT="offline/student", **env)
    ended = subprocess.run(command, cwd=ROOT, env=told, capture_output=True, text=True, check=False, timeout=60)
    after = os.times()
    return ended, after.children_user - before.children_user + after.children_system - before.children_system


def test_a_machine_that_is_well(tmp_path: Path) -> None:
    run(tmp_path)  # the first run of a checkout writes bytecode
    ended, seconds = run(tmp_path, "--grpc-port", "0", "--rest-port", "0")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "problem" not in ended.stdout
    for line in ("ok       database: SQLite; ", "ok       ray: ", "ok       clock: "):
        assert line in ended.stdout
    assert "offline/student: offline: always there" in ended.stdout
    assert not (tmp_path / "data").exists()  # it looks, and leaves nothing behind
    assert seconds < 3


def test_what_is_wrong_is_told_with_what_to_do_and_no_secret(tmp_path: Path) -> None:
    secret = "canary-of-a-password"
    ended, _ = run(
        tmp_path,
        "--json",
        TEACHBACK_DATABASE_URL=f"postgresql+nosuchdriver://me:{secret}@127.0.0.1:9/t",
        TEACHBACK_TOKEN=f"token-{secret}",
        TEACHBACK_MODELS=json.dumps({"openai/*": {"api_base": f"http://me:{secret}@127.0.0.1:9/v1"}}),
        OPENAI_API_KEY=f"sk-{secret}",
        TEACHBACK_TEACHER="openai/gpt-4o",
    )
    assert ended.returncode == 1
    report = json.loads(ended.stdout)
    assert report["ok"] is False
    problems = {one["check"]: one for one in report["findings"] if one["status"] == "problem"}
    assert set(problems) == {"database", "teacher and evaluator openai/gpt-4o"}
    assert all(one["advice"] for one in problems.values())
    assert "nobody answers at http://me:***@127.0.0.1:9/v1" in problems["teacher and evaluator openai/gpt-4o"]["found"]
    assert secret not in ended.stdout + ended.stderr


def test_settings_that_can_not_be_are_one_finding(looks: Looks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEACHBACK_TOKN", "x")
    found = looks()
    assert told(found["settings"])[0] == "problem"
    assert "did you mean TEACHBACK_TOKEN?" in found["settings"].found
    assert {"memory", "gpu", "ray"} < found.keys()  # these hang on no setting
    assert "database" not in found


def test_a_variable_that_nobody_reads_is_a_warning(looks: Looks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEACHBACK_MAX_JOBS", "2")
    statuses = [f.status for f in examine({"grpc_port": 0, "rest_port": 0}) if f.check == "settings"]
    assert statuses == ["ok", "warning"]


# ---------------------------------------------------------------- the door
def test_ports(looks: Looks, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, said = told(looks(rest_port=port)["rest port"])
    assert status == "problem"
    assert f"127.0.0.1:{port}" in said
    assert "TEACHBACK_REST_PORT" in said
    assert looks(rest_port=port)["rest port"].status == "ok"
    assert told(looks(host="192.0.2.1", rest_port=port)["rest port"])[0] == "problem"


def test_ports_that_the_service_itself_has(looks: Looks, tmp_path: Path) -> None:
    with Service(tmp_path / "data") as service:
        port = int(service.rest.rpartition(":")[2])
        found = looks(rest_port=port)
        assert told(found["rest port"])[0] == "ok"
        assert "while a service works in" in found["rest port"].found
        assert found["database"].status == "ok"
        assert list(service.client.jobs()) == []


def test_the_token(looks: Looks, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert looks()["token"].status == "ok"
    status, said = told(looks(host="0.0.0.0")["token"])  # noqa: S104 - what is warned of
    assert status == "problem"
    assert "set TEACHBACK_TOKEN or --token-file" in said
    monkeypatch.setenv("TEACHBACK_TOKEN", "short")
    assert looks()["token"].status == "warning"
    file = tmp_path / "token"
    assert told(looks(token_file=file)["token"])[0] == "problem"
    file.write_text("a-token-that-is-long-enough\n")
    file.chmod(0o644)
    assert "chmod 600" in told(looks(token_file=file)["token"])[1]
    file.chmod(0o600)
    assert looks(token_file=file)["token"].status == "ok"


def test_tls(looks: Looks, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TEACHBACK_TOKEN", "a-token-that-is-long-enough")
    beyond = {"host": "0.0.0.0"}  # noqa: S104 - what is warned of
    assert told(looks(**beyond)["tls"])[0] == "warning"
    ours = Authority(tmp_path)
    for name, ends, status, says in (
        ("good", 90 * DAY, "ok", "is valid until "),
        ("ending", 5 * DAY, "warning", "renew it"),
        ("past", -DAY / 2, "problem", "has expired on "),
    ):
        files = ours.issue(name, server=True, ends=ends)
        files.key.chmod(0o600)
        found = looks(tls_cert_file=files.cert, tls_key_file=files.key, **beyond)["tls"]
        assert (found.status, says in told(found)[1]) == (status, True), found
    files.key.chmod(0o644)
    good = ours.issue("open", server=True)
    good.key.chmod(0o644)
    assert "may read" in looks(tls_cert_file=good.cert, tls_key_file=good.key)["tls"].found


# ---------------------------------------------------------------- data
def test_the_data_folder(looks: Looks, tmp_path: Path) -> None:
    assert "which the first start makes" in looks()["disk"].found
    (tmp_path / "file").write_text("")
    assert told(looks(data_dir=tmp_path / "file" / "data")["disk"])[0] == "problem"
    assert told(looks(data_dir=tmp_path / "file" / "data")["database"])[0] == "problem"


def test_a_data_folder_that_nobody_can_make_or_write(looks: Looks, tmp_path: Path) -> None:
    """In /proc not even root can, whose rights say otherwise; its disk has no room, and none could be freed."""
    for folder, says in ((Path("/proc/x"), "can't be made in /proc: "), (Path("/proc"), "can't be written: ")):
        found = looks(data_dir=folder)
        for check in ("disk", "database"):
            status, said = told(found[check])
            assert (status, says in said) == ("problem", True), said
            assert "TEACHBACK_DATA_DIR" in said
            assert "free some" not in said
    status, said = told(looks(database_url="sqlite:////proc/x/t.db")["database"])
    assert (status, "can't be made in /proc: " in said) == ("problem", True), said
    data = tmp_path / "data"
    data.mkdir()
    assert looks()["disk"].status == "ok"
    assert list(data.iterdir()) == [], "what was tried is taken away again"


def test_a_full_disk(looks: Looks, monkeypatch: pytest.MonkeyPatch) -> None:
    for free, status in ((50 << 20, "problem"), (500 << 20, "warning"), (5 << 30, "ok")):
        monkeypatch.setattr("shutil.disk_usage", lambda _, free=free: SimpleNamespace(free=free))
        assert looks()["disk"].status == status


def test_the_database(looks: Looks, tmp_path: Path) -> None:
    file = tmp_path / "data" / "teachback.db"
    file.parent.mkdir()
    assert f"SQLite; {file} is made at the first start" in looks()["database"].found
    engine = open_engine(f"sqlite:///{file}")
    migrate(engine)
    engine.dispose()
    head = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    found = looks()["database"]
    assert found.status == "ok"
    assert f"at migration {head}, the newest, and can be written" in found.found
    for at, status, says in (
        ("0001", "ok", f"the next start brings it to {head}"),
        ("9999", "problem", "install that version again"),
    ):
        with sqlite3.connect(file) as connection:
            connection.execute("UPDATE alembic_version SET version_num = ?", (at,))
        connection.close()
        found = looks()["database"]
        assert (found.status, says in told(found)[1]) == (status, True), found


NOBODY_YET = "1 project, 0 tokens that are good, 0 of them operators'"


def test_who_may_call(looks: Looks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "data" / "teachback.db"
    file.parent.mkdir()
    engine = open_engine(f"sqlite:///{file}")
    migrate(engine)
    found = looks()
    assert (found["access"].status, found["access"].found) == ("ok", NOBODY_YET)
    assert found["limits"].found == "a project without its own: none"
    tokens = TokenStore(engine)
    issued = [tokens.create("default", Scope.READ, "", 0), tokens.create(None, Scope.ADMIN, "", 0)]
    assert looks()["access"].status == "warning", "without a token of the settings they keep nobody out"
    monkeypatch.setenv("TEACHBACK_TOKEN", "a long one that nobody guesses")
    monkeypatch.setenv("TEACHBACK_PROJECT_MAX_JOBS", "3")
    monkeypatch.setenv("TEACHBACK_PROJECT_MAX_SPEND", "12.5")
    found = looks()
    assert found["access"].found == "1 project, 2 tokens that are good, 1 of them operators'"
    assert found["limits"].found == "a project without its own: 3 jobs, $12.5 a month"
    soon = tokens.create("default", Scope.READ, "", 3600).token.name
    assert f"1 end within a week: {soon}" in looks()["access"].found
    assert not any(one.secret in str(looks()) for one in issued)
    engine.dispose()


def test_databases_that_are_none_of_ours(looks: Looks, tmp_path: Path) -> None:
    strange, text = tmp_path / "strange.db", tmp_path / "text.db"
    connection = sqlite3.connect(strange)
    connection.execute("CREATE TABLE cats (name)")
    connection.commit()
    connection.close()
    text.write_text("no database at all, but a text of some length\n" * 100)
    for url, status, says in (
        (f"sqlite:///{strange}", "warning", "holds tables that are not ours (cats"),
        (f"sqlite:///{text}", "problem", "no SQLite file"),
        ("nonsense", "problem", "is no SQLAlchemy URL"),
        ("nosuch://db.example/t", "problem", "SQLAlchemy knows no nosuch"),
        ("mysql+pymysql://db.example/t", "problem", "pip install pymysql"),
    ):
        found = looks(database_url=url)["database"]
        assert (found.status, says in told(found)[1]) == (status, True), found


def test_a_write_of_somebody_elses_is_no_problem(looks: Looks, tmp_path: Path) -> None:
    file = tmp_path / "busy.db"
    engine = open_engine(f"sqlite:///{file}")
    migrate(engine)
    engine.dispose()
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    found = looks(database_url=f"sqlite:///{file}")
    connection.close()
    assert (found["database"].status, found["disk of the database"].status) == ("ok", "ok"), found
    assert str(tmp_path) in found["disk of the database"].found
    assert time.monotonic() - began < 10


# ---------------------------------------------------------------- models
KEY = "sk-canary-of-this-test"


class Lists(BaseHTTPRequestHandler):
    """A server that tells its models to who shows the key."""

    def do_GET(self) -> None:
        """GET /v1/models."""
        shown = self.headers["Authorization"] == f"Bearer {KEY}"
        self.send_response(200 if shown else 401)
        self.end_headers()
        self.wfile.write(b'{"data": [{"id": "gpt-4o"}, {"id": "of-no-price"}]}' if shown else b"{}")

    def do_POST(self) -> None:
        """A call, which costs."""
        raise AssertionError("a model was called")

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def lists() -> Iterator[str]:
    """Its address."""
    with serving(Lists) as port:
        yield f"http://127.0.0.1:{port}/v1"


def test_models_of_a_server_that_answers(looks: Looks, monkeypatch: pytest.MonkeyPatch, lists: str) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", lists)
    for model, key, status, says in (
        ("gpt-4o", KEY, "ok", "answers, and has the model"),
        ("gpt-4o-mini", KEY, "warning", "does not list gpt-4o-mini among its models (gpt-4o, of-no-price)"),
        ("of-no-price", KEY, "warning", "its price is not known -> set input_price and output_price"),
        ("gpt-4o", "sk-another-canary", "problem", "refuses the key (HTTP 401)"),
    ):
        monkeypatch.setenv("OPENAI_API_KEY", key)
        found = looks(teacher=f"openai/{model}")[f"teacher and evaluator openai/{model}"]
        assert (found.status, says in told(found)[1]) == (status, True), found
        assert "canary" not in told(found)[1]
    monkeypatch.setenv("TEACHBACK_LOCAL_API_BASE", lists)
    assert looks(teacher="local/of-no-price")["teacher and evaluator local/of-no-price"].status == "problem"  # no key
    monkeypatch.setenv("HOSTED_VLLM_API_KEY", KEY)
    assert looks(teacher="local/of-no-price")["teacher and evaluator local/of-no-price"].status == "ok"  # costs nothing


def test_models_that_can_not_be_called(looks: Looks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv(
        "TEACHBACK_MODELS", '{"mistral/*": {"api_key_env": "A_KEY_NOT_SET"}, "x/*": {"api_key_env": "sk-a"}}'
    )
    for teacher, says in (
        ("openai/gpt-4o", "set OPENAI_API_KEY"),
        ("nonsense", "write provider/model"),
        ("offline/nobody", "there is no model"),
    ):
        found = looks(teacher=teacher)
        status, said = told(
            found[f"teacher and evaluator {teacher}" if "offline" not in teacher else f"teacher {teacher}"]
        )
        assert status == "problem"
        assert says in said
    assert found["models mistral/*"].found == "A_KEY_NOT_SET is not set"
    assert "sk-a" not in found["models x/*"].found + found["models x/*"].advice


# ---------------------------------------------------------------- parts
def test_the_parts_are_looked_for_where_they_are_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert set(_NEEDED) - {"psutil"} <= set(parts.TRAINER)
    assert parts.converter().found == str(convert.converter().path)
    (tmp_path / "convert_hf_to_gguf.py").write_text("")
    monkeypatch.setenv("LLAMA_CPP_DIR", str(tmp_path))
    assert parts.converter().found == str(convert.converter().path) == str(tmp_path / "convert_hf_to_gguf.py")
    monkeypatch.setenv("LLAMA_CPP_DIR", "/no/such/folder")
    assert parts.converter().status == "problem"


@pytest.mark.parametrize(
    ("script", "status", "says"),
    [
        (
            'echo "NVIDIA H100 80GB HBM3, 81559 MiB, 81000 MiB, 550.54"',
            None,
            "NVIDIA H100 80GB HBM3, 81000 MiB of 81559",
        ),
        ('echo "No devices were found"; exit 6', "warning", "nvidia-smi says: No devices were found"),
        ("exit 9", "warning", "nvidia-smi says: nothing"),
    ],
)
def test_what_the_driver_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, status: str | None, says: str
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    found = gpu.gpu()
    cpu_only = (gpu.version("torch") or "").endswith("+cpu")
    assert found.status == (status or ("warning" if cpu_only else "ok"))
    assert says in found.found
