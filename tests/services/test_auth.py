"""The door: with a token every route and every RPC is shut to who does not show it, but for the probes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from teachback import Client
from teachback.errors import Refused
from teachback.v1 import access_pb2, dataset_pb2, example_pb2, job_pb2, trainer_pb2

from services.access.guards import OPEN_PATHS as OPEN
from services.rest.app import build
from tests.support.service import ROOT, Service, environment

WRONG: list[dict[str, str]] = [
    {},
    {"authorization": "Bearer wrong"},
    {"authorization": "Basic dTpw"},
    {"authorization": "bearer"},
]


def routes() -> Iterator[tuple[str, str]]:
    """Method and path of every route there is, documentation included."""
    app = build(None)  # type: ignore[arg-type]  # nothing is called, only listed
    for route in app.routes:
        for method in sorted(getattr(route, "methods", None) or {"GET"}):
            yield method, getattr(route, "path", "")


def methods() -> Iterator[tuple[str, Any]]:
    """Full name and descriptor of every RPC there is."""
    for file in (dataset_pb2, job_pb2, example_pb2, trainer_pb2, access_pb2):
        for service in file.DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                yield f"/{service.full_name}/{method.name}", method


def test_there_is_something_to_guard() -> None:
    paths = {path for _, path in routes()}
    assert {"/healthz", "/v1/jobs", "/v1/datasets", "/v1/jobs/{id}/export", "/openapi.json"} <= paths
    assert not {"/docs", "/redoc"} & paths, "they load scripts and fonts from elsewhere"
    assert {"/v1/sft", "/v1/training:estimate", "/v1/jobs/{id}/artifacts/{path:path}"} <= paths
    assert len(list(methods())) >= 25
    assert {"/healthz"} == OPEN


@pytest.mark.parametrize(("method", "path"), list(routes()))
def test_every_route_wants_the_token(shared: Service, method: str, path: str) -> None:
    filled = path.replace("{id}", "0f3c9a12").replace("{example}", "4be1-1").replace("{path:path}", "manifest.json")
    filled = filled.replace("{project}", "red")
    with httpx.Client(base_url=shared.rest) as http:
        for headers in WRONG:
            answer = http.request(method, filled, headers=headers)
            if path in OPEN:
                assert answer.status_code == 200
                continue
            assert answer.status_code == 401, (method, path, headers)
            assert answer.headers["www-authenticate"] == "Bearer"
            if method != "HEAD":
                assert answer.json()["type"] == "urn:teachback:unauthenticated"
        shown = http.request(method, filled, headers={"authorization": f"Bearer {shared.token}"})
        assert shown.status_code != 401


@pytest.mark.parametrize("path", ["/healthz/", "/healthz/../v1/jobs", "//healthz", "/v1/healthz", "/HEALTHZ"])
def test_no_spelling_of_the_probe_opens_anything_else(shared: Service, path: str) -> None:
    answer = httpx.get(shared.rest + path, follow_redirects=False)
    assert answer.status_code == 401


@pytest.mark.parametrize("name", [name for name, _ in methods()])
@pytest.mark.parametrize("metadata", [[*h.items()] for h in WRONG] + [[("authorization-bin", b"x")]])
def test_every_rpc_wants_the_token(shared: Service, name: str, metadata: list[tuple[str, Any]]) -> None:
    with grpc.insecure_channel(shared.grpc) as channel:
        raw: Any = channel.unary_unary(name)
        # No message at all is a message of every kind, and a stream of one is a stream.
        with pytest.raises(grpc.RpcError) as raised:
            raw(b"", metadata=metadata, timeout=10)
        assert raised.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_reflection_wants_it_too_and_health_does_not(shared: Service) -> None:
    with grpc.insecure_channel(shared.grpc) as channel:
        ask: Any = channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
        with pytest.raises(grpc.RpcError) as raised:
            list(ask(iter([b""]), timeout=10))
        assert raised.value.code() is grpc.StatusCode.UNAUTHENTICATED
        check: Any = channel.unary_unary("/grpc.health.v1.Health/Check")
        assert check(b"", timeout=10) == b"\x08\x01"


def test_the_client_says_so(shared: Service) -> None:
    with (
        Client(shared.grpc, "wrong") as stranger,
        pytest.raises(Refused, match="the token is not valid: send the service's"),
    ):
        list(stranger.jobs())


# ---------------------------------------------------------------- starting
def start(folder: Path, *flags: str, **env: str) -> subprocess.CompletedProcess[str]:
    """A start that is expected to fail."""
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "services.main",
            "--data-dir",
            str(folder),
            "--grpc-port",
            "0",
            "--rest-port",
            "0",
            *flags,
        ],
        cwd=ROOT,
        env=environment(folder, **env),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])  # noqa: S104 - what must be refused
def test_beyond_loopback_only_with_a_token(tmp_path: Path, host: str) -> None:
    ended = start(tmp_path / "data", "--host", host)
    assert ended.returncode == 1
    assert f"listening on {host} lets others in: set TEACHBACK_TOKEN or --token-file" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("env", "why"),
    [
        ({"TEACHBACK_REST_PORT": "99999", "TEACHBACK_GRPC_PORT": "x"}, "setting grpc_port"),
        ({"TEACHBACK_MODELS": '{"openai/*": {"colour": "red"}}'}, "setting models"),
        ({"TEACHBACK_MODELS": "{"}, "models"),
        ({"TEACHBACK_TOKEN_FILE": "/no/such/file"}, "/no/such/file"),
        ({"TEACHBACK_CONFIG": "/no/such/file"}, "/no/such/file"),
        ({"TEACHBACK_DATABASE_URL": "nonsense"}, "no address of a database"),
        ({"TEACHBACK_DATABASE_URL": "sqlite:////no/such/folder/db"}, "unable to open database file"),
    ],
)
def test_settings_that_can_not_be_are_told_in_one_line(tmp_path: Path, env: dict[str, str], why: str) -> None:
    command = [sys.executable, "-m", "services.main", "--data-dir", str(tmp_path / "data")]
    ended = subprocess.run(
        command, cwd=ROOT, env=environment(tmp_path, **env), capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 1
    assert why in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_data_folder_has_one_service(tmp_path: Path) -> None:
    with Service(tmp_path / "data"):
        ended = start(tmp_path / "data")
    assert ended.returncode == 1
    assert f"another service works in {tmp_path / 'data'}" in ended.stderr


@pytest.mark.parametrize("flag", ["--rest-port", "--grpc-port"])
def test_a_port_that_is_taken_is_told(tmp_path: Path, flag: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ended = start(tmp_path / "data", flag, port)
    assert ended.returncode == 1
    assert f"127.0.0.1:{port}: Address already in use; {flag} names another port" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "GRPC_VERBOSITY" not in ended.stderr
    assert "chttp2" not in ended.stderr, "what gRPC's core writes is for its own makers"


def test_a_data_folder_that_can_not_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ended = start(tmp_path / "file" / "data")
    assert ended.returncode == 1
    assert str(tmp_path / "file" / "data") in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_note_with_the_token_is_for_its_owner_alone(shared: Service) -> None:
    assert os.stat(shared.folder / "service.json").st_mode & 0o077 == 0
    assert shared.token not in shared.log()
