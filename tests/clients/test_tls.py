"""The official clients over TLS, and that none of them sends a token in the clear to another machine."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from teachback import AsyncClient, Client, StudentTeacherConfig, ThinkingEnhancer, Tls
from teachback.errors import BadInput
from teachback.tls import is_loopback, route

from tests.clients.conftest import OFFLINE, qa_row, read_rows, write_rows
from tests.support.certificates import Authority
from tests.support.served import Served
from tests.support.service import environment

SCRIPT = Path(__file__).resolve().parents[2] / "clients/shell/teachback"
TOKEN = "a-token-of-this-test"
ELSEWHERE = "192.0.2.1"
"""Set aside for examples: nobody is there."""


@pytest.fixture(scope="module")
def pems(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a caller's environment says: whom to trust, what to show."""
    ours = Authority(tmp_path_factory.mktemp("ours"))
    caller = ours.issue("caller")
    ours.issue("service", server=True)
    return {
        "TEACHBACK_TLS_CA_FILE": str(ours.file),
        "TEACHBACK_TLS_CERT_FILE": str(caller.cert),
        "TEACHBACK_TLS_KEY_FILE": str(caller.key),
    }


@pytest.fixture(scope="module")
def served(pems: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service that wants a certificate and a token."""
    folder, ca = Path(pems["TEACHBACK_TLS_CA_FILE"]).parent, pems["TEACHBACK_TLS_CA_FILE"]
    flags = ("--tls-cert-file", folder / "service.pem", "--tls-key-file", folder / "service.key")
    made = tmp_path_factory.mktemp("served")
    with Served(made, *flags, "--tls-client-ca-file", ca, TEACHBACK_TOKEN=TOKEN) as running:
        yield running


@pytest.fixture
def tls(pems: dict[str, str]) -> Tls:
    """The same for Python."""
    return Tls(*pems.values())


# ---------------------------------------------------------------- the clients
async def test_python_over_tls(served: Served, tls: Tls, tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "in.jsonl", [qa_row(2, 3), qa_row(4, 5)])
    parts = {"student": "offline/student", "teacher": "offline/teacher", "evaluator": "offline/evaluator"}
    with Client(served.grpc, TOKEN, tls=tls) as client:
        job = client.enhance(rows, **parts)  # type: ignore[arg-type]  # names of models
        job.wait()
        assert job.export(tmp_path / "out.jsonl")
    assert len(read_rows(tmp_path / "out.jsonl")) == 2
    async with AsyncClient(f"https://{served.grpc}", TOKEN, tls=tls) as asynchronous:
        assert (await asynchronous.job(job.name)).ended
    config = StudentTeacherConfig("offline/student", "offline/teacher", "offline/evaluator")
    enhancer = ThinkingEnhancer(config, served.grpc, TOKEN, tls)
    stats = await enhancer.enhance_dataset(rows, tmp_path / "enhanced.jsonl")
    assert stats["state"] == "succeeded"


def test_the_command_line_over_tls(served: Served, pems: dict[str, str], tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "in.jsonl", [qa_row(2, 3), qa_row(6, 7)])
    env = environment(tmp_path, TEACHBACK_SERVER=served.grpc, TEACHBACK_TOKEN=TOKEN)

    def run(*arguments: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "teachback.cli", *map(str, arguments)]
        return subprocess.run(
            command, cwd=tmp_path, env=env | more, capture_output=True, text=True, check=False, timeout=60
        )

    ended = run("enhance-thinking", rows, "out.jsonl", *OFFLINE, **pems)
    assert ended.returncode == 0, ended.stderr
    assert len(read_rows(tmp_path / "out.jsonl")) == 2
    files = zip(("--tls-ca-file", "--tls-cert-file", "--tls-key-file"), pems.values(), strict=True)
    told = run(*(word for pair in files for word in pair), "jobs", "list", "--json")
    assert told.returncode == 0, told.stderr
    assert '"succeeded"' in told.stdout
    bare = run("jobs", "list", TEACHBACK_TLS_CA_FILE=pems["TEACHBACK_TLS_CA_FILE"])
    assert bare.returncode == 3
    assert "--tls-cert-file" in bare.stderr
    assert TOKEN not in ended.stderr + told.stderr + bare.stderr


def shell(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """The shell client."""
    told = environment(Path("/nonexistent"), TEACHBACK_TOKEN=TOKEN, **env)
    return subprocess.run(
        ["bash", str(SCRIPT), *arguments], env=told, capture_output=True, text=True, check=False, timeout=60
    )


def test_the_shell_over_tls(served: Served, pems: dict[str, str], tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "in.jsonl", [qa_row(2, 3)])
    submitted = shell("submit", *OFFLINE, str(rows), TEACHBACK_URL=served.rest, **pems)
    assert submitted.returncode == 0, submitted.stderr
    job = submitted.stdout.strip()
    assert shell("watch", job, TEACHBACK_URL=served.rest, **pems).returncode == 0
    exported = shell("export", job, TEACHBACK_URL=served.rest, **pems)
    assert exported.stdout.count("\n") == 1
    untrusted = shell("jobs", TEACHBACK_URL=served.rest)
    assert untrusted.returncode == 3
    assert "TEACHBACK_TLS_CA_FILE names who vouches for it" in untrusted.stderr
    bare = shell("jobs", TEACHBACK_URL=served.rest, TEACHBACK_TLS_CA_FILE=pems["TEACHBACK_TLS_CA_FILE"])
    assert bare.returncode == 3
    assert "show a client certificate" in bare.stderr
    missing = shell("jobs", TEACHBACK_URL=served.rest, TEACHBACK_TLS_CA_FILE="/no/such/file")
    assert missing.returncode == 2
    assert "can't be used" in missing.stderr


# ---------------------------------------------------------------- never in the clear
NEAR = [
    "127.0.0.1:1",
    "127.8.9.1:1",
    "localhost:1",
    "[::1]:1",
    "unix:/run/teachback",
    "dns:///localhost:1",
    "ipv4:127.0.0.1:1",
]
FAR = ["192.0.2.1:1", "host.test:1", "127.0.0.1.test:1", "localhost.test:1", "[2001:db8::1]:1", "dns:///host.test:1",
       "ipv4:127.0.0.1:1,192.0.2.1:1", "0.0.0.0:1", "", ":1"]  # fmt: skip


@pytest.mark.parametrize("target", NEAR)
def test_on_this_machine_a_token_needs_no_tls(target: str) -> None:
    assert is_loopback(target)
    assert route(target, TOKEN).credentials is None


@pytest.mark.parametrize("target", FAR)
def test_to_another_machine_it_goes_in_the_clear_only_when_told(target: str, tls: Tls) -> None:
    assert not is_loopback(target)
    for client in (Client, AsyncClient):
        with pytest.raises(BadInput, match="in the clear") as raised:
            client(target, TOKEN)
        assert TOKEN not in str(raised.value)
    assert route(target, TOKEN, insecure=True).credentials is None
    assert route(target, None).credentials is None  # nothing secret
    assert route(target, TOKEN, tls).credentials is not None
    if target.endswith(":1") and len(target) > 2:
        secured = route(f"https://{target}", TOKEN)
        assert secured.credentials is not None
        assert secured.target == target
        with pytest.raises(BadInput, match="in the clear"):
            route(f"http://{target}", TOKEN)


def test_contradictions_and_bad_files_are_told(tls: Tls, pems: dict[str, str], tmp_path: Path) -> None:
    ca, cert, key = pems.values()
    (tmp_path / "text").write_text("no PEM")
    for target, given, why in (
        ("http://host.test:1", tls, "are settings for TLS"),
        ("https://host.test", None, "names no port"),
        ("host.test:1", Tls(tmp_path / "none"), "can't be read: No such file"),
        ("host.test:1", Tls(tmp_path / "text"), "is not PEM"),
        ("host.test:1", Tls(ca, cert), "name both files"),
        ("host.test:1", Tls(ca, key_file=key), "name both files"),
        ("host.test:1", Tls(ca, ca, key), "are no certificate with its key"),
        ("host.test:1", Tls(ca, tmp_path / "none", key), "can't be read"),
    ):
        with pytest.raises(BadInput, match=why):
            route(target, TOKEN, given)


def test_the_command_line_and_the_shell_keep_to_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "teachback.cli", "--server", f"{ELSEWHERE}:50051", "jobs", "list"]
    env = environment(tmp_path, TEACHBACK_TOKEN=TOKEN)
    ended = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 2
    assert f"in the clear: write https://{ELSEWHERE}:50051" in ended.stderr
    for url in (
        f"http://{ELSEWHERE}:8080",
        "http://127.0.0.1.test",
        "http://127.0.0.1@host.test/",
        "192.0.2.1",
        "ftp://[::1]",
    ):
        refused = shell("jobs", TEACHBACK_URL=url)
        assert refused.returncode == 2, url
        assert "in the clear" in refused.stderr
        assert TOKEN not in refused.stderr + ended.stderr


@contextmanager
def listener() -> Iterator[tuple[int, list[bytes]]]:
    """A port that answers nothing, and what was sent there."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    heard.append(connection.recv(4096))

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield server.getsockname()[1], heard
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_told_to_the_shell_sends_it_in_the_clear(tmp_path: Path) -> None:
    with listener() as (port, heard):
        # By way of a proxy, since no test may reach another machine.
        ended = shell(
            "jobs", TEACHBACK_URL="http://host.test", TEACHBACK_INSECURE="1", http_proxy=f"http://127.0.0.1:{port}"
        )
    assert ended.returncode == 3
    assert TOKEN.encode() in heard[0]


def test_a_proxy_hears_nothing_of_what_stays_on_this_machine(tmp_path: Path) -> None:
    with listener() as (port, heard), socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        here, proxy = f"127.0.0.1:{nobody.getsockname()[1]}", f"http://127.0.0.1:{port}"
        env = environment(tmp_path, TEACHBACK_TOKEN=TOKEN, http_proxy=proxy, https_proxy=proxy, grpc_proxy=proxy)
        command = [sys.executable, "-m", "teachback.cli", "--server", here, "jobs", "list"]
        ended = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=60)
        assert ended.returncode == 3
        assert shell("jobs", TEACHBACK_URL=f"http://{here}", http_proxy=proxy).returncode == 3
    assert heard == []
